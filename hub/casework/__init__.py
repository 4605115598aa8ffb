"""The acts on clues: change → event → work row in one transaction. The only writer of Clue.state."""

from hub.casework.changes import announce, is_open, key_of
from hub.casework.counters import fold_counters
from hub.casework.errors import RefusedError, StaleError
from hub.casework.kinds import set_intake_kind
from hub.casework.opening import Opening, open_clue, serial
from hub.casework.reporters import add_reporter
from hub.casework.values import CONFIRMABLE, apply_suggestions, confirm, note_read, reenrich

__all__ = [
    "CONFIRMABLE",
    "Opening",
    "RefusedError",
    "StaleError",
    "add_reporter",
    "announce",
    "apply_suggestions",
    "confirm",
    "fold_counters",
    "is_open",
    "key_of",
    "note_read",
    "open_clue",
    "reenrich",
    "serial",
    "set_intake_kind",
]
