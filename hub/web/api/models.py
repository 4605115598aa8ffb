"""What the API answers about clues: the facts as the screens show them, masked where the caller may not read more."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import Field

from hub.web.api.base import Answer


class ClueRow(Answer):
    """A clue as lists show it: masked, nothing of a reporter."""

    no: str
    channel: str
    state: str
    place: str | None
    division: str | None = Field(description="GB/T 2260 code of the place, six digits")
    class_: str | None = Field(alias="class", description="T1–T5, K1–K5, N1–N5")
    missing: list[str] = Field(description="Missing elements: place, respondent, facts, evidence")
    at: str = Field(description="When it was received, ISO 8601")
    due: str | None = Field(description="Last day of the running clock")
    summary: str


class CluePage(Answer):
    """Up to 50 clues, newest first."""

    clues: list[ClueRow]
    after: str = Field(description='Give it back as "after" for the next page; empty at the end')


class UnitName(Answer):
    """A department: division code, 000000 for the ministry."""

    code: str
    name: str
    level: str = Field(description="ministry, province, city, county")


class UnitList(Answer):
    """Units found, at most 20, in the order of their codes."""

    units: list[UnitName]


class Line(Answer):
    """A turn of a recording or a line of a page; times in seconds."""

    ord: int
    text: str
    confidence: float
    speaker: str
    start: float
    stop: float
    page: int


class Original(Answer):
    """A file as it arrived. `href` downloads it (an audited read)."""

    id: int
    media_type: str
    size: int
    sha256: str
    href: str


class Part(Answer):
    """A readable piece of what arrived."""

    id: int
    kind: str
    title: str
    text: str
    at: datetime
    lines: list[Line]
    original: Original | None


class Proposal(Answer):
    """What a machine proposes for a field; a person confirms it by its id."""

    id: int
    field: str
    value: Any
    shown: str = Field(description="The value in the words of the screen")
    confidence: float
    producer: str
    reason: str
    confirmable: bool


class Decided(Answer):
    """What a person decided about a field; `current`: what counts."""

    field: str
    shown: str
    by: str
    at: datetime
    current: bool
    suggestion: int | None


class Step(Answer):
    """A day of a clock. `number`: which working day it is, 0 where it does not count."""

    day: date
    counts: bool
    why: str
    number: int


class Held(Answer):
    """Working days a unit held the clue while the clock ran."""

    unit: str
    days: int


class ClockFacts(Answer):
    """A clock with its explanation day by day. `left`: working days to its end, negative where it is over."""

    kind: str
    label: str
    number: int
    article: str
    base: date
    base_words: str
    days: int
    limit: str = Field(description="The same in words: working days, days of the calendar, a date of a document")
    due: date
    provisional: bool = Field(description="A day on the way lies in a year whose notice is not known yet")
    running: bool
    stopped: datetime | None
    ended: str
    late: bool
    left: int
    unit: str
    steps: list[Step]
    held: list[Held]


class AttemptFacts(Answer):
    """One try by one route: codes and numbers, no identity."""

    route: str
    label: str
    state: str
    state_label: str
    permanent: bool
    detail: str
    evidence: str
    at: datetime


class TaskFacts(Answer):
    """What people do to tell a party."""

    id: int
    kind: str
    label: str
    state: str
    unit: str
    reference: str
    done: datetime | None


class NoticeFacts(Answer):
    """A notice to one party with every attempt. Its text carries no content of the report."""

    id: int
    kind: str
    title: str
    party: str
    state: str
    state_label: str
    asked_at: datetime
    told_at: datetime | None
    evidence: str
    text: str
    recallable: bool
    next_at: datetime | None
    following: str = Field(description="The route that is tried when the present one fails")
    attempts: list[AttemptFacts]
    tasks: list[TaskFacts]


class Choice(Answer):
    """A route that could reach a reporter, and whether they wish it."""

    route: str
    label: str
    wished: bool


class WishFacts(Answer):
    """How a reporter may be told. Masked: a first character, the last digits."""

    reporter: int
    label: str
    masked: list[str]
    choices: list[Choice]
    hour_from: int | None
    hour_to: int | None
    neutral: bool
    recorded: datetime | None


class Related(Answer):
    """A clue beside this one, as far as the caller may see it. `told`: whether each kind of notice was told."""

    no: str
    state: str
    relation: str
    unit: str
    told: dict[str, bool]
    why: str


class GroupFacts(Answer):
    """Clues handled together (Art. 13)."""

    main: str
    members: list[Related]


class OfficerFacts(Answer):
    """An officer with the certificate of that day."""

    name: str
    certificate: str
    valid_until: date


class VisitFacts(Answer):
    """One site record; `found` and photos only for who may read the original."""

    visited: date
    by: str
    crs: str
    area_unit: str
    land_kind: str
    elements: dict[str, str]
    found: dict[str, Any]
    photos: list[int]


class RunFacts(Answer):
    """One verification of the clue."""

    number: int
    started: date
    ended: date | None
    result: str | None
    officers: list[OfficerFacts]
    visits: list[VisitFacts]


class Change(Answer):
    """What an event did to a clock."""

    label: str
    effect: str
    due: str
    late: bool


class Opinion(Answer):
    """Words a person wrote with an act."""

    name: str
    text: str


class EventFacts(Answer):
    """One event. `recorded` stands where it was entered later than it happened; `hash`: its link in the chain."""

    seq: int
    at: datetime
    recorded: datetime | None
    label: str
    actor: str
    article: str
    late: bool
    change: str
    details: list[str]
    clocks: list[Change]
    opinions: list[Opinion]
    hash: str


class FollowUpFacts(Answer):
    """A later contact of a proven reporter."""

    kind: str
    proof: str
    at: datetime
    intake: int | None


class ClueFacts(Answer):
    """A clue as its page shows it."""

    no: str
    version: int = Field(description="Give it back with an act; a stale one is refused (409)")
    channel: str
    sub_channel: str
    state: str
    state_label: str
    at: datetime = Field(description="When it was received: base of its clocks")
    recorded_at: datetime
    unit: UnitName
    received_unit: UnitName
    handler: str
    title: str
    report_mode: str
    place: str
    division: str | None
    place_confirmed: bool
    class_: str | None = Field(alias="class")
    class_confirmed: bool
    missing: list[str]
    urgent: bool
    importance: str
    determination: str | None
    ground: str | None
    result: str | None
    close_reason: str | None
    original: bool = Field(description="Whether text is shown as it arrived (an audited read) or masked")
    parts: list[Part]
    proposals: list[Proposal]
    decided: list[Decided]
    clocks: list[ClockFacts]
    notices: list[NoticeFacts]
    wishes: list[WishFacts]
    group: GroupFacts | None
    linked: list[Related]
    candidates: list[Related]
    verifications: list[RunFacts]
    follow_ups: list[FollowUpFacts]
    history: list[EventFacts]


class FieldFacts(Answer):
    """A datum of an act. `options`: [value, words]; `value`: what is known already."""

    name: str
    label: str
    kind: str
    options: list[tuple[str, str]]
    required: bool
    hint: str
    value: str


class OfferFacts(Answer):
    """An act open to the caller now, with the data it takes and what follows from it."""

    id: str
    label: str
    article: str
    targets: list[str] = Field(description="States it may lead to; empty: the state stays")
    fields: list[FieldFacts]
    refusal: str | None = Field(description="Why it would be refused now whatever the data")
    clocks: list[str]
    notice: str
    approval: bool = Field(description="The caller's unit wants it proposed, not done")


class Offers(Answer):
    """The acts open to the caller on a clue, in the order of the rule table."""

    version: int
    acts: list[OfferFacts]


class Done(Answer):
    """The act as its event keeps it: the same for the same Idempotency-Key."""

    act: str
    article: str
    from_: str = Field(alias="from")
    to: str
    at: datetime
    recorded_at: datetime
    made: str | None = Field(description="Number of a clue that the act opened")
    event: str = Field(description="Its link in the clue's chain")


class ActAnswer(Answer):
    """What was done, and the clue as it now is."""

    done: Done
    clue: ClueFacts | None = Field(description="None where the caller no longer sees it")
