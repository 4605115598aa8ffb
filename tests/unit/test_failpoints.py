import subprocess
import sys

import pytest

from hub import failpoints


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoints.arm("")


def test_nothing_armed_nothing_happens() -> None:
    failpoints.arm("")
    failpoints.hit("intake.before_commit")


def test_raises_at_the_nth_passage_and_only_then() -> None:
    failpoints.arm("a=raise@3; b=raise")
    failpoints.hit("a")
    failpoints.hit("a")
    with pytest.raises(failpoints.FailpointError, match=r"^a$"):
        failpoints.hit("a")
    failpoints.hit("a")
    with pytest.raises(failpoints.FailpointError):
        failpoints.hit("b")


def test_fires_once_across_restarts(tmp_path) -> None:
    for expected in (True, False):
        failpoints.arm("x/y=raise", tmp_path)  # as a new process would
        if expected:
            with pytest.raises(failpoints.FailpointError):
                failpoints.hit("x/y")
        else:
            failpoints.hit("x/y")


def test_kill_is_a_kill() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from hub import failpoints as f\nf.arm('a=kill')\nf.hit('a')"], check=False
    )
    assert done.returncode == -9
