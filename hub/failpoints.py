"""Named places where fault tests may kill, raise or hang. In production nothing is armed and a call costs a look-up.

Arm with HUB_FAILPOINTS="intake.before_commit=kill;email.after_deliver=raise@3" (@n: at the n-th passage; default
first). A failpoint fires once per marker file in the folder HUB_VAR/run/failpoints, so that a restart goes on.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

_armed: dict[str, tuple[str, int]] = {}
_passed: dict[str, int] = {}
_once: Path | None = None


class FailpointError(RuntimeError):
    """Raised by a failpoint armed with `raise`."""


def arm(spec: str, once: Path | None = None) -> None:
    """Arms failpoints from "name=action[@n];…"; `once` is a folder for markers of those that already fired."""
    global _once  # noqa: PLW0603  armed once a process
    _armed.clear()
    _passed.clear()
    _once = once
    for item in filter(None, spec.split(";")):
        name, _, action = item.partition("=")
        kind, _, nth = action.partition("@")
        _armed[name.strip()] = (kind.strip(), int(nth or 1))


def hit(name: str) -> None:
    """Passes the failpoint `name`."""
    if not _armed or name not in _armed:
        return
    kind, nth = _armed[name]
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] != nth or not _first(name):
        return
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "hang":
        time.sleep(3600)
    else:
        raise FailpointError(name)


def _first(name: str) -> bool:
    if _once is None:
        return True
    try:
        (_once / name.replace("/", "_")).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
