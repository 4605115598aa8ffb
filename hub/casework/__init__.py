"""The acts on clues: change → event → work row in one transaction. The only writer of Clue.state.

`apply` does an act as its row of the rule table (hub.law.workflow) says; the modules beside it hold what each act
changes. `open_clue` begins a clue's life.
"""

from hub.casework import determination, jurisdiction, linking, merging, verification  # noqa: F401  register their acts
from hub.casework.acts import Done, apply
from hub.casework.approvals import decide, open_proposals, proposals_of, propose, sheet, withdraw
from hub.casework.calendars import confirm_calendar, preview_calendar, propose_calendar
from hub.casework.chains import Step, end_absence, in_force, set_absence, set_chain
from hub.casework.changes import announce, is_open, key_of, seen_by
from hub.casework.clocks import calendar_of
from hub.casework.counters import fold_counters
from hub.casework.errors import RefusedError, StaleError
from hub.casework.identity import mark_shared, may_try_code, note_wrong_code
from hub.casework.kinds import set_intake_kind
from hub.casework.notices import note_told, note_undelivered
from hub.casework.opening import Opening, open_clue, serial, takes_material
from hub.casework.reporters import add_reporter
from hub.casework.sweeping import Warned, close_waiting, sweep
from hub.casework.values import CONFIRMABLE, apply_suggestions, confirm, note_read, reenrich, suggested, typed

__all__ = [
    "CONFIRMABLE",
    "Done",
    "Opening",
    "RefusedError",
    "StaleError",
    "Step",
    "Warned",
    "add_reporter",
    "announce",
    "apply",
    "apply_suggestions",
    "calendar_of",
    "close_waiting",
    "confirm",
    "confirm_calendar",
    "decide",
    "end_absence",
    "fold_counters",
    "in_force",
    "is_open",
    "key_of",
    "mark_shared",
    "may_try_code",
    "note_read",
    "note_told",
    "note_undelivered",
    "note_wrong_code",
    "open_clue",
    "open_proposals",
    "preview_calendar",
    "proposals_of",
    "propose",
    "propose_calendar",
    "reenrich",
    "seen_by",
    "serial",
    "set_absence",
    "set_chain",
    "set_intake_kind",
    "sheet",
    "suggested",
    "sweep",
    "takes_material",
    "typed",
    "withdraw",
]
