"""Start and memory of a whole hub on an empty data folder: seconds to /healthz (first, second), PSS a process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

SETTLE = 8.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(var: Path, port: int) -> tuple[subprocess.Popen[bytes], float]:
    begun = time.monotonic()
    env = os.environ | {"HUB_VAR": str(var), "PORT": str(port)}
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "hub"), "up", "--no-demo"], env=env, stdout=subprocess.DEVNULL
    )
    while time.monotonic() - begun < 120:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1, trust_env=False).status_code == 200:
                return process, time.monotonic() - begun
        except httpx.HTTPError:
            time.sleep(0.05)
    process.kill()
    raise SystemExit("no /healthz in 120 s")


def group(process: psutil.Process) -> str:
    title = " ".join(process.cmdline())
    for word, name in (
        ("worker:light", "light"),
        ("worker:text", "text"),
        ("worker:speech", "speech"),
        ("worker:scan", "scan"),
        ("hub: web", "web"),
        ("hub: beat", "beat"),
        ("postgres", "postgres"),
        ("valkey", "valkey"),
    ):
        if word in title:
            return name
    return "supervisor"


def main() -> None:
    var, port = Path(tempfile.mkdtemp(prefix="hub-bench-")), free_port()
    try:
        process, first = start(var, port)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process, second = start(var, port)
        time.sleep(SETTLE)
        sums: dict[str, float] = {}
        for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
            sums[group(one)] = sums.get(group(one), 0) + one.memory_full_info().pss / 1e6
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        process.wait(30)
        print(f"start to /healthz: first {first:.1f} s, second {second:.1f} s; stop {time.monotonic() - begun:.1f} s")
        print("PSS, MB: " + ", ".join(f"{name} {size:.0f}" for name, size in sorted(sums.items())))
        print(f"web + light: {sums.get('web', 0) + sums.get('light', 0):.0f} MB (target < 300); text (target < 400)")
    finally:
        shutil.rmtree(var, ignore_errors=True)


if __name__ == "__main__":
    main()
