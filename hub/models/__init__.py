"""The tables: one file an aggregate."""

from hub.models.base import Base
from hub.models.calendar import CalendarProposal
from hub.models.case import (
    Asked,
    ClockWarning,
    FollowUp,
    Hold,
    Hop,
    KindProposal,
    Membership,
    Opinion,
    QueryLimit,
    SharedContact,
)
from hub.models.clue import Clock, Clue, ClueCounter, ClueUnit, Counter, CounterDelta, Value
from hub.models.event import ChainHead, Event, Seal
from hub.models.intake import (
    Blob,
    Conversation,
    Intake,
    IntakeClue,
    IntakeKey,
    Part,
    Source,
    SourceBeat,
    SourceCursor,
)
from hub.models.keys import DataKey
from hub.models.notice import (
    Attempt,
    AttemptKey,
    CallTry,
    EarlyReport,
    Notice,
    NoticeTask,
    NoticeTemplate,
    QueryCode,
    Wish,
)
from hub.models.reporter import ClueReporter, Reporter, ReporterIndex
from hub.models.text import SearchRow, Segment, SuggestionRow, Transcript
from hub.models.units import Grant, SignIn, Unit, User
from hub.models.verification import Officer, SiteRecord, Verification
from hub.models.work import Beat, Work

__all__ = [
    "Asked",
    "Attempt",
    "AttemptKey",
    "Base",
    "Beat",
    "Blob",
    "CalendarProposal",
    "CallTry",
    "ChainHead",
    "Clock",
    "ClockWarning",
    "Clue",
    "ClueCounter",
    "ClueReporter",
    "ClueUnit",
    "Conversation",
    "Counter",
    "CounterDelta",
    "DataKey",
    "EarlyReport",
    "Event",
    "FollowUp",
    "Grant",
    "Hold",
    "Hop",
    "Intake",
    "IntakeClue",
    "IntakeKey",
    "KindProposal",
    "Membership",
    "Notice",
    "NoticeTask",
    "NoticeTemplate",
    "Officer",
    "Opinion",
    "Part",
    "QueryCode",
    "QueryLimit",
    "Reporter",
    "ReporterIndex",
    "Seal",
    "SearchRow",
    "Segment",
    "SharedContact",
    "SignIn",
    "SiteRecord",
    "Source",
    "SourceBeat",
    "SourceCursor",
    "SuggestionRow",
    "Transcript",
    "Unit",
    "User",
    "Value",
    "Verification",
    "Wish",
    "Work",
]
