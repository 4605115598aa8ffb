"""The tables: one file an aggregate."""

from hub.models.base import Base
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
from hub.models.notice import Attempt, Notice
from hub.models.reporter import ClueReporter, Reporter, ReporterIndex
from hub.models.text import SearchRow, Segment, SuggestionRow, Transcript
from hub.models.units import Grant, SignIn, Unit, User
from hub.models.work import Beat, Work

__all__ = [
    "Attempt",
    "Base",
    "Beat",
    "Blob",
    "ChainHead",
    "Clock",
    "Clue",
    "ClueCounter",
    "ClueReporter",
    "ClueUnit",
    "Conversation",
    "Counter",
    "CounterDelta",
    "DataKey",
    "Event",
    "Grant",
    "Intake",
    "IntakeClue",
    "IntakeKey",
    "Notice",
    "Part",
    "Reporter",
    "ReporterIndex",
    "Seal",
    "SearchRow",
    "Segment",
    "SignIn",
    "Source",
    "SourceBeat",
    "SourceCursor",
    "SuggestionRow",
    "Transcript",
    "Unit",
    "User",
    "Value",
    "Work",
]
