"""Imports the hub once and forks a fresh process for each request: so that one can be killed every 200 ms.

One JSON request a line on standard input: {"call": name in tests.fault.tasks, "args": {…}, "env": {…}, "out": file,
"failpoints": spec, "once": folder}; answers with the pid of the child. The child writes {"value": …} or {"error": …} to
`out` as its last act; a killed one writes nothing.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    import hub.app
    import hub.runtime.processes
    import hub.worker  # noqa: F401  registers the handlers
    from channels.registry import channels
    from tests.fault import tasks

    channels()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _child(request, tasks)
        print(pid, flush=True)


def _child(request: dict[str, Any], tasks: Any) -> None:
    from hub import db, failpoints
    from hub.access import sealing
    from hub.settings import export

    code = 1
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        out = Path(request["out"])
        log = os.open(out.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(request["env"])
        export()
        sealing.forget_keys()
        db.forget()
        if request["failpoints"]:
            failpoints.arm(request["failpoints"], Path(request["once"]))
        try:
            answer: dict[str, Any] = {"value": getattr(tasks, request["call"])(**request["args"])}
            code = 0
        except BaseException as error:
            traceback.print_exc()
            answer = {"error": type(error).__name__}
        part = out.with_suffix(".part")
        part.write_text(json.dumps(answer))
        part.replace(out)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
