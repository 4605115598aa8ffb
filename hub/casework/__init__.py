"""The acts on clues: change → event → work row in one transaction. The only writer of Clue.state.

`apply` does an act as its row of the rule table (hub.law.workflow) says; the modules beside it hold what each act
changes. `open_clue` begins a clue's life.
"""

from hub.casework import (  # noqa: F401  register their acts
    assisting,
    determination,
    following,
    jurisdiction,
    linking,
    major,
    merging,
    orders,
    quarantine,
    transfers,
    verification,
    walls,
)
from hub.casework.acts import Done, apply
from hub.casework.approvals import decide, open_proposals, proposals_of, propose, withdraw
from hub.casework.approvals import sheet as approval_sheet
from hub.casework.calendars import confirm_calendar, preview_calendar, propose_calendar
from hub.casework.chains import Step, end_absence, in_force, set_absence, set_chain
from hub.casework.changes import announce, is_open, seen_by
from hub.casework.clocks import calendar_of, calendars_of
from hub.casework.competence import NewEntry, add_entry, directory, end_entry
from hub.casework.counters import fold_counters
from hub.casework.errors import RefusedError, StaleError
from hub.casework.identity import mark_shared, may_try_code, note_wrong_code
from hub.casework.kinds import kind_counts, object_to_kind, quality_sample, set_intake_kind
from hub.casework.major import reported_to, signs
from hub.casework.notes import add_note, note_seen
from hub.casework.notices import note_told, note_undelivered
from hub.casework.opening import Opening, open_clue, serial, takes_material
from hub.casework.orders import directives, supervised
from hub.casework.quarantine import find_quarantined, quarantined
from hub.casework.quarantine import sheet as hand_over_sheet
from hub.casework.reorganising import close_unit, follow_clues, move_unit, rename_unit, reseat, set_up_unit
from hub.casework.reporters import add_reporter, join_reporter
from hub.casework.scopes import end_scope_change, file_scope_change
from hub.casework.sweeping import Alert, Warned, alerts, close_waiting, sweep
from hub.casework.switches import CHOICES, confirm_switch, propose_switch
from hub.casework.values import CONFIRMABLE, apply_suggestions, confirm, note_read, reenrich, suggested, typed
from hub.casework.walls import behind as walls_of
from hub.casework.walls import look as look_for_walls
from hub.casework.walls import reasons_of as reasons_of_walls

__all__ = [
    "CHOICES",
    "CONFIRMABLE",
    "Alert",
    "Done",
    "NewEntry",
    "Opening",
    "RefusedError",
    "StaleError",
    "Step",
    "Warned",
    "add_entry",
    "add_note",
    "add_reporter",
    "alerts",
    "announce",
    "apply",
    "apply_suggestions",
    "approval_sheet",
    "calendar_of",
    "calendars_of",
    "close_unit",
    "close_waiting",
    "confirm",
    "confirm_calendar",
    "confirm_switch",
    "decide",
    "directives",
    "directory",
    "end_absence",
    "end_entry",
    "end_scope_change",
    "file_scope_change",
    "find_quarantined",
    "fold_counters",
    "follow_clues",
    "hand_over_sheet",
    "in_force",
    "is_open",
    "join_reporter",
    "kind_counts",
    "look_for_walls",
    "mark_shared",
    "may_try_code",
    "move_unit",
    "note_read",
    "note_seen",
    "note_told",
    "note_undelivered",
    "note_wrong_code",
    "object_to_kind",
    "open_clue",
    "open_proposals",
    "preview_calendar",
    "proposals_of",
    "propose",
    "propose_calendar",
    "propose_switch",
    "quality_sample",
    "quarantined",
    "reasons_of_walls",
    "reenrich",
    "rename_unit",
    "reported_to",
    "reseat",
    "seen_by",
    "serial",
    "set_absence",
    "set_chain",
    "set_intake_kind",
    "set_up_unit",
    "signs",
    "suggested",
    "supervised",
    "sweep",
    "takes_material",
    "typed",
    "walls_of",
    "withdraw",
]
