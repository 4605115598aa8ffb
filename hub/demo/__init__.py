"""The demo county: provider simulators on loopback and invented reports that enter through the real doors.

`hub up --demo` adds one child process. It serves a mailbox, a WeChat and a Twilio, makes the demo's entrances and
accounts on its first start, sends every input of `data/manifest.toml` and says when all of them have suggestions.
What it remembers lies in `demo/` of the data folder; mailbox, recordings and scanner folders play the outside world
and lie beside the data folder (`<HUB_VAR>-outside`), because nothing there is sealed.
"""

from __future__ import annotations

from pathlib import Path

from hub.runtime.supervisor import Child
from hub.settings import settings


def marker() -> Path:
    """The file the demo process writes once every demo clue has its suggestions."""
    return settings().folder("demo") / "loaded"


def children() -> list[Child]:
    """The demo's process. What an earlier run said about being loaded no longer counts."""
    from hub.demo.serve import serve  # noqa: PLC0415  imports the process module, which imports the supervisor

    marker().unlink(missing_ok=True)
    return [Child("demo", serve)]


def loaded() -> bool:
    """Whether every demo clue has its suggestions. Opens no connection: the supervisor asks four times a second."""
    return marker().exists()
