"""A clue as its page shows it: originals beside text, suggestions with evidence, clocks, people told, history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, clock
from hub.access import hearing, people
from hub.access.masking import mask
from hub.access.people import Actor
from hub.access.sealing import Key, open_key
from hub.casework import chains
from hub.casework.notes import Colleague, colleagues
from hub.law import workflow
from hub.models import ChainHead, Clue, Event, Intake, IntakeClue, SuggestionRow, Unit, User, Value
from hub.supervision import clocks, notes, notices, originals, papers, redacting, relatives, timeline, visits
from hub.supervision.clocks import ClockView
from hub.supervision.listing import named, reporter_names
from hub.supervision.notes import NoteView
from hub.supervision.notices import NoticeView, WishView
from hub.supervision.originals import PartView
from hub.supervision.papers import Papers
from hub.supervision.relatives import Group, Relative
from hub.supervision.shown import shown
from hub.supervision.timeline import Entry
from hub.supervision.visits import Certified, Run

CONFIRMABLE = ("place", "class", "respondent", "area", "occurred", "organisation", "urgency", "topics", "location",
               "land_kind")  # fmt: skip


@dataclass
class Proposal:
    id: int
    field: str
    value: Any
    shown: str
    confidence: float
    producer: str
    reason: str
    spans: list[dict[str, Any]]

    @property
    def confirmable(self) -> bool:
        """Whether a person may take it over as it stands: never a place that is not unique or none."""
        if self.field == "place":
            return bool(self.value.get("code")) and not self.value.get("ambiguous")
        if self.field == "class":
            return bool(self.value.get("class") if isinstance(self.value, dict) else self.value)
        return self.field in CONFIRMABLE


@dataclass
class CaseView:
    """Everything the page of a clue shows to one person. `original`: unmasked; `works`: may act for the unit;
    `claimable`: nobody handles it yet and this person may; `seen`: the clue's last event, so that a stale act can be
    told what came after it.
    """

    clue: Clue
    title: str
    unit: str
    handler: str
    original: bool
    works: bool
    claimable: bool
    seen: int
    parts: list[PartView]
    proposals: list[Proposal]
    decided: list[dict[str, Any]]
    clocks: list[ClockView]
    history: list[Entry]
    notices: list[NoticeView]
    wishes: list[WishView]
    group: Group | None
    linked: list[Relative]
    candidates: list[Relative]
    papers: Papers
    runs: list[Run]
    officers: list[Certified]
    notes: list[NoteView]
    colleagues: list[Colleague]


def note_read_once(session: Session, who: Actor, clue: Clue, sign_in: str, act: str = "read_original") -> None:
    """One audited read per clue and sign-in (PRODUCT §10). `act`: read_original, or read_redacted of masked text."""
    known = session.scalars(
        select(Event.id).where(
            Event.object == f"clue:{clue.id}", Event.act == act, Event.actor == who.label,
            Event.data["sign_in"].astext == sign_in,
        )
    ).first()  # fmt: skip
    if known is None:
        casework.note_read(session, who, clue, sign_in, act)


def view(session: Session, who: Actor, clue: Clue, *, original: bool) -> CaseView:
    """Everything the page shows; without `original`, text is masked and originals are left out."""
    key = open_key(session, clue.key_id)
    intakes = intakes_of(session, clue)
    handler = session.get(User, clue.handler_id) if clue.handler_id is not None else None
    works = people.reads_original(who, clue)
    parts = originals.parts(session, clue, intakes, original=original)
    if not original:
        redacting.attach(session, clue, parts)
    return CaseView(
        clue=clue,
        title=title_of(session, clue, original=original),
        unit=session.get_one(Unit, clue.owner_unit_id).name,
        handler=handler.name if handler is not None else "",
        original=original,
        works=works,
        claimable=_claimable(session, who, clue),
        seen=last_event(session, clue),
        parts=parts,
        proposals=_proposals(session, clue, key, original=original),
        decided=decided(session, clue, key),
        clocks=clocks.explained(session, clue),
        history=_history(session, clue, intakes, works=works, original=original),
        notices=notices.shown(session, clue),
        wishes=notices.wishes(session, clue) if works else [],
        group=relatives.group(session, who, clue),
        linked=relatives.linked(session, who, clue),
        candidates=relatives.candidates(session, who, clue) if works else [],
        papers=papers.of_clue(session, who, clue),
        runs=visits.runs(session, clue, original=works),
        officers=visits.known_officers(session, clue) if works else [],
        notes=notes.of_clue(session, who, clue, original=original),
        colleagues=colleagues(session, who, clue) if works else [],
    )


def _claimable(session: Session, who: Actor, clue: Clue) -> bool:
    """Whether one click makes this person the handler: nobody is yet, or they stand in for who is and is away; and the
    rule table lets them assign.
    """
    rule = workflow.rule("assign")
    free = clue.handler_id is None or clue.handler_id in chains.stands_in_for(session, who.user_id, who.unit_id)
    return (
        free and clue.owner_unit_id == who.unit_id and clue.state in rule.sources
        and who.has(hearing.CLAIMERS)
    )  # fmt: skip


def _history(
    session: Session, clue: Clue, intakes: Sequence[Intake], *, works: bool, original: bool
) -> list[Entry]:  # fmt: skip
    """The events; words that colleagues wrote are for the unit, masked for who may not read the original."""
    found = timeline.entries(session, clue, [intake.id for intake in intakes], original=works)
    if works and not original:
        names = reporter_names(session, clue)
        for entry in found:
            entry.opinions = [(name, mask(text, named(text, names))) for name, text in entry.opinions]
    return found


def last_event(session: Session, clue: Clue) -> int:
    """The number of the clue's last event: what comes after it, the page did not show."""
    return session.scalar(select(ChainHead.seq).where(ChainHead.object == f"clue:{clue.id}")) or 0


def intakes_of(session: Session, clue: Clue) -> Sequence[Intake]:
    """The deliveries the clue was made of, oldest first."""
    return session.scalars(
        select(Intake)
        .join(IntakeClue, IntakeClue.intake_id == Intake.id)
        .where(IntakeClue.clue_id == clue.id)
        .order_by(Intake.at, Intake.id)
    ).all()


def title_of(session: Session, clue: Clue, *, original: bool) -> str:
    """The subject as sent; masked whole until the names in it are found."""
    title = open_key(session, clue.key_id).text(clue.title, "clue.title")
    if original:
        return title
    names = reporter_names(session, clue)
    return mask(title, named(title, names) if clue.enriched else [(0, len(title))])


def _proposals(session: Session, clue: Clue, key: Key, *, original: bool) -> list[Proposal]:
    query = (
        select(SuggestionRow)
        .where(SuggestionRow.clue_id == clue.id, SuggestionRow.current, SuggestionRow.field != "duplicate")
        .order_by(SuggestionRow.id)
    )  # candidates name other clues: `relatives` shows those that may be seen
    out = []
    for row in session.scalars(query):
        body = key.json(row.value, "suggestion.value")
        if not original and row.field in ("phone", "id_number", "reporter_name", "email"):
            continue
        out.append(
            Proposal(
                row.id, row.field, body["value"], shown(row.field, body["value"]), row.confidence, row.producer,
                body.get("reason", ""), body["spans"],
            )
        )  # fmt: skip
    return out


def decided(session: Session, clue: Clue, key: Key) -> list[dict[str, Any]]:
    """What people decided about each field, the newest first; `current` marks what counts."""
    rows = session.execute(
        select(Value, User.name)
        .join(User, User.id == Value.by_user)
        .where(Value.clue_id == clue.id)
        .order_by(Value.id.desc())
    ).all()
    seen: set[str] = set()
    out = []
    for row, name in rows:
        value = key.json(row.value, "clue.value")
        out.append({"field": row.field, "shown": shown(row.field, value), "by": name, "at": clock.china(row.at),
                    "current": row.field not in seen, "suggestion": row.suggestion_id})  # fmt: skip
        seen.add(row.field)
    return out
