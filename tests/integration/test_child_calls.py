"""The decoding process reaches no network, starts no program and touches no other process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub.work import syscalls
from hub.work.child import LimitedChild

pytestmark = pytest.mark.skipif(
    not syscalls._ARCHITECTURES.get(os.uname().machine), reason="no filter for this architecture"
)


def _internet() -> None:
    socket.socket().connect(("127.0.0.1", 9))


def _by_name() -> None:
    socket.getaddrinfo(b"example.org", 80)


def _local() -> None:
    socket.socket(socket.AF_UNIX).connect("/run/x.sock")


def _datagram() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))


def _netlink() -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)


def _program() -> None:
    os.execv(sys.executable, [sys.executable, "-c", "0"])


def _child_program() -> None:
    subprocess.run([sys.executable, "-c", "0"], check=True)


def _parent() -> None:
    os.kill(os.getppid(), 0)


def _works() -> None:
    left, right = socket.socketpair()
    left.sendall(b"x")
    assert right.recv(1) == b"x"
    assert sum(range(100)) == 4950


WAYS: dict[str, Callable[[], None]] = {
    way.__name__.lstrip("_"): way
    for way in (_internet, _by_name, _local, _datagram, _netlink, _program, _child_program, _parent, _works)
}


def _try(args: Any, _blobs: list[bytes]) -> tuple[Any, list[bytes]]:
    try:
        WAYS[args]()
    except OSError as error:
        return type(error).__name__, []
    except subprocess.SubprocessError as error:
        return str(error), []
    return "done", []


@pytest.fixture(scope="module")
def child() -> Iterator[LimitedChild]:
    made = LimitedChild({"try": _try}, memory=256 * 1024 * 1024, cpu_seconds=10)
    yield made
    made.close()


@pytest.mark.parametrize("way", [name for name in WAYS if name != "works"])
def test_what_it_may_not_do_fails_as_without_the_right(child: LimitedChild, way: str) -> None:
    answer, _ = child.run("try", way, [])
    assert answer in ("PermissionError", "gaierror"), answer


def test_what_it_needs_it_has(child: LimitedChild) -> None:
    assert child.run("try", "works", [])[0] == "done"


def test_the_process_that_made_it_keeps_its_rights(child: LimitedChild) -> None:
    child.run("try", "works", [])
    socket.socket().close()
    assert subprocess.run([sys.executable, "-c", "0"], check=False).returncode == 0
