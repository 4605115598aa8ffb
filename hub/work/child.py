"""The limited child: foreign bytes are decoded in a process that owns nothing and may not grow (decision 4).

Forked with its imports done; RLIMIT_AS, no core files, no new privileges, an unprivileged uid when we are root, no way
to the network, to other programs or processes (hub.work.syscalls), CPU seconds per job, replaced after 200 jobs or any
breach. Requests and answers are frames: 4 bytes length
+ JSON, then byte strings. The answer is data only; nothing the child sends is ever executed or unpickled.
"""

from __future__ import annotations

import ctypes
import encodings
import importlib
import json
import os
import pkgutil
import pwd
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from hub.work import syscalls

Task = Callable[[Any, list[bytes]], tuple[Any, list[bytes]]]

JOBS = 200
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_MAX_ANSWER = 1024 * 1024 * 1024


class ChildDiedError(RuntimeError):
    """The child broke a limit (memory, CPU, time) or crashed on this input. Another try may be given, not many."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.permanent = False


class RefusedError(RuntimeError):
    """The task itself said that the input cannot be read."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


def _send(sock: socket.socket, head: Any, blobs: list[bytes]) -> None:
    body = json.dumps([head, [len(blob) for blob in blobs]], ensure_ascii=True).encode()
    sock.sendall(struct.pack(">I", len(body)) + body)
    for blob in blobs:
        sock.sendall(blob)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = sock.recv(min(size - len(data), 1 << 20))
        if not more:
            raise EOFError
        data += more
    return bytes(data)


def _receive(sock: socket.socket) -> tuple[Any, list[bytes]]:
    (size,) = struct.unpack(">I", _exactly(sock, 4))
    head, sizes = json.loads(_exactly(sock, size))
    if sum(sizes) > _MAX_ANSWER:
        raise ValueError("answer too large")
    return head, [_exactly(sock, length) for length in sizes]


def preload_codecs() -> None:
    """Loads every text codec: after the fork the child may not be able to read the library any more."""
    for module in pkgutil.iter_modules(encodings.__path__):
        if module.name not in ("mbcs", "oem"):  # Windows only
            importlib.import_module(f"encodings.{module.name}")


class _NoMoreImports:
    """After the fork nothing new is loaded: the uid may not read the library; so it fails everywhere alike."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        self.asked.append(name)
        raise ModuleNotFoundError(f"{name} was not loaded before the fork", name=name)


class LimitedChild:
    """A reusable child for a set of tasks. Not thread-safe: one per worker thread."""

    def __init__(self, tasks: Mapping[str, Task], *, memory: int, cpu_seconds: int, wall_seconds: float = 120) -> None:
        self.tasks, self.memory, self.cpu, self.wall = tasks, memory, cpu_seconds, wall_seconds
        self._pid = 0
        self._sock: socket.socket | None = None
        self._jobs = 0

    def run(self, task: str, args: Any, blobs: list[bytes]) -> tuple[Any, list[bytes]]:
        """The task's answer. Raises RefusedError as the task said, ChildDiedError when a limit was broken."""
        if self._jobs >= JOBS:
            self.close()
        if self._sock is None:
            self._start()
        assert self._sock is not None
        self._jobs += 1
        try:
            self._sock.settimeout(self.wall)
            _send(self._sock, [task, args], blobs)
            (status, answer), back = _receive(self._sock)
        except TimeoutError:
            self.close()
            raise ChildDiedError("解析超过时间上限") from None
        except (OSError, EOFError, ValueError, TypeError):
            self.close()
            raise ChildDiedError("解析进程超出限制而中止") from None
        if status == "ok":
            return answer, back
        if status == "memory":
            self.close()
            raise ChildDiedError("解析超过内存上限")
        raise RefusedError(str(answer["message"])[:300], permanent=bool(answer["permanent"]))

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            self._pid = 0
        self._jobs = 0

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            _serve(theirs, self.tasks, self.memory, self.cpu)
            os._exit(0)
        theirs.close()
        self._pid, self._sock, self._jobs = pid, ours, 0


def _confine(memory: int, keep: int) -> None:
    libc = ctypes.CDLL(None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    os.closerange(3, keep)
    os.closerange(keep + 1, min(65536, os.sysconf("SC_OPEN_MAX")))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with open("/proc/self/statm") as file:  # noqa: PTH123  a proc file
        inherited = int(file.read().split()[0]) * resource.getpagesize()
    limit = inherited + memory  # the parent's libraries are mapped already: the job may grow by `memory`
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if os.getuid() == 0:
        user = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of uid, which clears it
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    syscalls.forbid()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _allow_cpu(seconds: int) -> None:
    """RLIMIT_CPU counts the whole life of the process: each job gets its own allowance on top of what is spent.

    Set by the child for itself: another uid's limits cannot be set without CAP_SYS_RESOURCE, which containers drop. The
    parent's wall clock is the second guard.
    """
    spent = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(spent.ru_utime + spent.ru_stime) + 1 + seconds, resource.RLIM_INFINITY)
    )


def _serve(sock: socket.socket, tasks: Mapping[str, Task], memory: int, cpu: int) -> None:
    imports = _NoMoreImports()
    try:
        _confine(memory, sock.fileno())
        sys.meta_path.insert(0, imports)
        while True:
            imports.asked.clear()
            (task, args), blobs = _receive(sock)
            _allow_cpu(cpu)
            try:
                answer, back = tasks[task](args, blobs)
                _send(sock, ["ok", answer], back)
            except MemoryError:
                _send(sock, ["memory", None], [])
            except Exception as error:  # noqa: BLE001  anything foreign bytes provoke is an answer, not a crash
                if imports.asked:  # a module that should have been loaded before the fork: our fault, not the input's
                    message = f"解析程序缺少模块 {imports.asked[0]}"
                    _send(sock, ["error", {"message": message, "permanent": False}], [])
                    continue
                known = hasattr(error, "permanent")
                message = str(error) if known else f"无法读取（{type(error).__name__}）"
                _send(sock, ["error", {"message": message, "permanent": bool(getattr(error, "permanent", True))}], [])
    except BaseException:  # noqa: BLE001  pipe closed or limits hit outside a task: the parent sees the end
        os._exit(1)
