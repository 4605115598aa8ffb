"""The vocabulary of the hub. Imports nothing but the standard library; everything may import it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as default
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Life of a clue (PRODUCT §5)."""

    RECEIVED = "received"
    TO_DETERMINE = "to_determine"
    ESCALATED = "escalated"
    DESIGNATED = "designated"
    VERIFYING = "verifying"
    TO_TELL = "to_tell"
    CLOSED = "closed"
    MERGED = "merged"
    TRANSFERRED = "transferred"


STATE_LABELS = {
    State.RECEIVED: "已接收",
    State.TO_DETERMINE: "待判定",
    State.ESCALATED: "提请管辖中",
    State.DESIGNATED: "已指定",
    State.VERIFYING: "核查中",
    State.TO_TELL: "待告知",
    State.CLOSED: "办结",
    State.MERGED: "已并案",
    State.TRANSFERRED: "已转交",
}
OPEN_STATES = tuple(state for state in State if state not in (State.CLOSED, State.MERGED, State.TRANSFERRED))


class IntakeKind(StrEnum):
    """What an intake is; a machine only suggests, a person sets it (PRODUCT §4)."""

    CLUE = "clue"
    CONSULTATION = "consultation"
    FOLLOW_UP = "follow_up"
    SUGGESTION = "suggestion"
    INVALID = "invalid"
    OTHER = "other"


INTAKE_KIND_LABELS = {
    IntakeKind.CLUE: "线索",
    IntakeKind.CONSULTATION: "咨询",
    IntakeKind.FOLLOW_UP: "跟进",
    IntakeKind.SUGGESTION: "建议",
    IntakeKind.INVALID: "无效",
    IntakeKind.OTHER: "其他",
}


SITE_PHOTOS = "desk:photos"
"""Source of photos taken at a site visit: evidence that the desk adds, no delivery of a channel, counted nowhere."""


class IntakeState(StrEnum):
    """Where an intake stands on its way into the queue."""

    STORED = "stored"  # original safe, not read yet
    REGISTERED = "registered"  # belongs to a clue, or recorded as a non-clue
    MANUAL = "manual"  # cannot be read by machine: a person must


class Role(StrEnum):
    OPERATOR = "operator"
    MAILROOM = "mailroom"
    HANDLER = "handler"
    LEAD = "lead"
    SUPERVISOR = "supervisor"
    STATISTICIAN = "statistician"
    OTHER_DEPARTMENT = "other_department"
    AUDITOR = "auditor"
    SYSADMIN = "sysadmin"
    SECADMIN = "secadmin"


ROLE_LABELS = {
    Role.OPERATOR: "接线员",
    Role.MAILROOM: "收发员",
    Role.HANDLER: "承办人",
    Role.LEAD: "负责人",
    Role.SUPERVISOR: "督办人",
    Role.STATISTICIAN: "统计员",
    Role.OTHER_DEPARTMENT: "其他部门",
    Role.AUDITOR: "审计员",
    Role.SYSADMIN: "系统管理员",
    Role.SECADMIN: "安全管理员",
}

CLASS_LABELS = {
    "T1": "违法批地",
    "T2": "违法占地",
    "T3": "违法转让土地使用权",
    "T4": "破坏耕地",
    "T5": "其他土地违法",
    "K1": "违法勘查",
    "K2": "违法开采",
    "K3": "违法批准探矿权采矿权",
    "K4": "违法转让矿业权",
    "K5": "其他矿产违法",
    "N1": "属复议、诉讼、仲裁事项",
    "N2": "反映系统工作人员违纪",
    "N3": "权属争议、补偿纠纷",
    "N4": "涉及国家安全或秘密",
    "N5": "不属主管部门职责",
}

ELEMENTS = {"place": "违法行为发生地", "respondent": "违法主体", "facts": "主要违法事实", "evidence": "证据材料"}
"""The four elements of a clue (B1), in the order they are asked for."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text to be enriched. `ref` is opaque to enrichers: it names the segment, page line or mail part.

    `speaker`: caller, operator or "" (unknown). Offsets of spans count characters of `text`.
    """

    text: str
    ref: str = ""
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Evidence: characters [start, end) of the passage at index `passage`."""

    passage: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a machine proposes for one field of a clue, with the words that made it think so.

    `field`: place, class, scope, respondent, mineral, count, area, phone, reporter_name, id_number, organisation,
    occurred, urgency, importance, topics, land_kind, kind, missing, location. `value` is plain JSON data. A person
    confirms; nothing is overwritten.
    """

    field: str
    value: Any
    producer: str
    version: str
    confidence: float
    spans: tuple[Span, ...] = ()
    reason: str = ""
    extra: dict[str, Any] = default(default_factory=dict)
