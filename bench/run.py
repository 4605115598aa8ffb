"""Prints every figure: `make bench`. Each part runs alone, so that memory and caches do not help one another."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
PARTS = ("place", "text", "normalise", "search", "speech", "scan", "intake", "start", "casework", "access", "pages")


def main() -> int:
    wanted = sys.argv[1:] or PARTS
    worst = 0
    for name in wanted:
        print(f"== {name}", flush=True)
        begun = time.monotonic()
        done = subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False, cwd=HERE.parent)
        print(f"-- {name}: exit {done.returncode}, {time.monotonic() - begun:.0f} s", flush=True)
        worst = max(worst, done.returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
