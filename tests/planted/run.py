"""Plants known bugs, one at a time, in a copy of the tree: each must turn its named test red (`make test-planted`).

A bug is a file bugs-*.toml beside this program: a list of [[bug]] with `name`, `file`, `search` (occurs exactly once),
`replace` and `test` (one pytest node id). First all named tests run on the untouched copy and must be green, so that a
red one means the bug. Prints a table, ends with the number caught, exit status 1 unless that is all of them.
`run.py NAME…` plants only those. As many bugs at once as there are processors, each in a copy of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
COPIED = ("hub", "channels", "transcription", "migrations", "tests", "bench", "docs", "pyproject.toml", "wsgi.py")
PASSED, FAILED = 0, 1  # pytest's exit codes; any other is no verdict
SECONDS = 900  # for one test: far more than any needs, a busy machine is no bug


@dataclass(frozen=True)
class Bug:
    """One planted bug."""

    name: str
    file: str
    search: str
    replace: str
    test: str

    def plant(self, root: Path) -> str:
        """Applies the bug below `root`; returns the text as it was. ValueError when it no longer fits."""
        path = root / self.file
        text = path.read_text()
        if text.count(self.search) != 1:
            raise ValueError(f"{self.name}: the text occurs {text.count(self.search)} times in {self.file}")
        path.write_text(text.replace(self.search, self.replace))
        return text


def bugs() -> list[Bug]:
    """All bugs of all files, in order."""
    return [
        Bug(**entry) for path in sorted(HERE.glob("*.toml")) for entry in tomllib.loads(path.read_text())["bug"]
    ]  # fmt: skip


def copy(target: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        elif source.exists():
            shutil.copy2(source, target / name)


def pytest(root: Path, tests: list[str]) -> tuple[int, str]:
    """Runs the tests in the copy: its modules stand before those of the installed project."""
    env = os.environ | {"PYTHONPATH": str(root), "HUB_TEST_SEED": os.environ.get("HUB_TEST_SEED", "12336"),
                        "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--reruns", "0", "--timeout",
               str(SECONDS), *tests]  # fmt: skip
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout[-3000:] + done.stderr[-1000:]


@dataclass(frozen=True)
class Copies:
    """Copies of the tree, handed out one at a time."""

    free: SimpleQueue[Path]

    @contextmanager
    def one(self) -> Iterator[Path]:
        root = self.free.get()
        try:
            yield root
        finally:
            self.free.put(root)


def show(copies: Copies, bug: Bug) -> tuple[bool, str]:
    """Plants the bug in a free copy and runs its test: whether that turned red, and the line of the table."""
    with copies.one() as root:
        began = time.monotonic()
        before = bug.plant(root)
        try:
            code, said = pytest(root, [bug.test])
        finally:
            (root / bug.file).write_text(before)
    verdict = {FAILED: "caught", PASSED: "MISSED"}.get(code, f"no verdict (pytest {code})")
    line = f"{verdict:8} {bug.name:32} {bug.test.rpartition('::')[2]:60} {time.monotonic() - began:5.1f} s"
    return code == FAILED, line if code in (PASSED, FAILED) else f"{line}\n{said}"


def main(names: list[str]) -> int:
    chosen = [bug for bug in bugs() if not names or bug.name in names]
    if not chosen:
        print(f"no such bug: {', '.join(names)}")
        return 1
    caught, workers = 0, min(len(chosen), os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="planted-") as folder, ThreadPoolExecutor(workers) as pool:
        copies = Copies(SimpleQueue())
        for number in range(workers):
            root = Path(folder) / f"tree{number}"
            root.mkdir()
            copy(root)
            copies.free.put(root)
        with copies.one() as root:
            code, said = pytest(root, sorted({bug.test for bug in chosen}))
        if code != PASSED:
            print(said)
            print("the named tests are not green without a bug: nothing can be shown")
            return 1
        for done in as_completed([pool.submit(show, copies, bug) for bug in chosen]):
            red, line = done.result()
            caught += red
            print(line, flush=True)
    print(f"{caught} of {len(chosen)}")
    return 0 if caught == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
