"""The enrich worker: reads a clue's text, stores suggestions with their evidence, never overwrites a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from channels.contract import PartKind
from hub import casework, clock, db
from hub.access import audit, walls
from hub.access.masking import mask, named
from hub.access.sealing import Key, open_key
from hub.casework.naming import known_words
from hub.enrich import duplicates, learned, passages, produce
from hub.enrich.likeness import Sketch
from hub.jurisdiction import scopes
from hub.models import Clue, Intake, IntakeClue, Part, SuggestionRow, Transcript, Unit, Work
from hub.terms import SITE_PHOTOS, IntakeKind, Suggestion
from hub.work.rows import Job

IDENTITY = ("phone", "id_number", "reporter_name", "email")
SUMMARY = 120


def enrich(job: Job) -> None:
    """Handler: args {"clue": id}."""
    with db.reading() as session:
        clue = session.get_one(Clue, job.args["clue"])
        if walls.quarantined(session, clue.id):
            _leave(job)
            return
        sources = passages.of_clue(session, clue)
        receiver = session.get_one(Unit, clue.received_unit_id)
        prior, matters = receiver.code, scopes.local_matters(session, receiver, clue.at)
        has_evidence = _has_evidence(session, clue.id)
        at, keys, channel = clue.at, duplicates.reporter_keys(session, clue.id), clue.channel
        pins, day = passages.pins(session, clue, sources), clock.china(at).date()
        lessons = learned.adopted(session)
    read = [source.passage for source in sources]
    found = produce.produce(read, prior=prior, has_evidence=has_evidence, pins=pins, channel=channel, day=day)
    made = produce.widened(learned.widened(found, read, lessons), read, matters)
    sketch = duplicates.read(duplicates.text_of([source.passage for source in sources]), at, keys=keys, prior=prior)
    with db.transaction() as session:
        clue = session.scalars(select(Clue).where(Clue.id == job.args["clue"]).with_for_update()).one()
        if walls.quarantined(session, clue.id):
            duplicates.forget(session, clue.id)
            job.done(session)
            return
        changed = store(session, clue, sources, [*made, *_earlier(session, clue, sketch, made)])
        head = produce.headline(made) | {"summary": summary(sources, made, known_words(session, clue))}
        casework.apply_suggestions(session, clue, head, complete=not _unread(session, clue.id))
        _suggest_kind(session, clue, made)
        texts = [source.passage.text for source in sources if source.passage.speaker != "operator"]
        casework.look_for_walls(session, clue, texts, _respondents(made))
        if changed:
            versions = {s.producer: s.version for s in made}
            audit.record(session, f"clue:{clue.id}", "suggest", data={"producers": versions})
        job.done(session)


def _leave(job: Job) -> None:
    """N4: no model reads it (J6)."""
    with db.transaction() as session:
        job.done(session)


def _respondents(made: Sequence[Suggestion]) -> list[str]:
    values = [item.value for item in made if item.field == "respondent"]
    return [str(value.get("name", "") if isinstance(value, dict) else value) for value in values]


def _earlier(session: Session, clue: Clue, sketch: Sketch, made: Sequence[Suggestion]) -> list[Suggestion]:
    """Keeps what the clue is compared by and says which earlier clues are like it; nothing for N2 and N4.

    A suggested N2 alone hides nothing: walls do, when candidates are asked for.
    """
    if clue.refused_ground in duplicates.WALLED:
        duplicates.forget(session, clue.id)
        return []
    duplicates.remember(session, clue, sketch)
    return duplicates.suggest(session, clue, sketch, made)


def store(session: Session, clue: Clue, sources: Sequence[passages.Source], made: Sequence[Suggestion]) -> bool:
    """Stores a run beside earlier ones. A proposal equal to the current one stays; returns whether anything changed.

    Duplicate candidates do not count as a change: an event would tell of clues that its reader may not see.
    """
    key = open_key(session, clue.key_id)
    fresh = [(s, _body(s, sources)) for s in made]
    rows = session.scalars(select(SuggestionRow).where(SuggestionRow.clue_id == clue.id, SuggestionRow.current)).all()
    known = {(row.field, row.producer, row.version, repr(key.json(row.value, "suggestion.value"))): row for row in rows}
    kept = set()
    changed = False
    for suggestion, body in fresh:
        name = (suggestion.field, suggestion.producer, suggestion.version, repr(_plain(key, body)))
        if name in known:
            kept.add(known[name].id)
            continue
        changed = changed or suggestion.field != duplicates.FIELD
        session.add(
            SuggestionRow(
                received_at=clue.recorded_at, clue_id=clue.id, field=suggestion.field, producer=suggestion.producer,
                version=suggestion.version, confidence=min(1.0, max(0.0, suggestion.confidence)),
                value=key.seal_json(body, "suggestion.value"),
            )
        )  # fmt: skip
    old = [row.id for row in rows if row.id not in kept]
    if old:
        changed = changed or any(row.id in old and row.field != duplicates.FIELD for row in rows)
        session.execute(
            update(SuggestionRow)
            .where(SuggestionRow.clue_id == clue.id, SuggestionRow.id.in_(old))
            .values(current=False)
        )
    return changed


def _plain(key: Key, body: dict[str, Any]) -> Any:
    """`body` as it would come back from storage (tuples as lists)."""
    return key.json(key.seal_json(body, "compare"), "compare")


def _body(suggestion: Suggestion, sources: Sequence[passages.Source]) -> dict[str, Any]:
    return {
        "value": suggestion.value,
        "reason": suggestion.reason,
        "extra": suggestion.extra,
        "spans": [passages.evidence(sources, span) for span in suggestion.spans],
    }


def summary(sources: Sequence[passages.Source], made: Sequence[Suggestion], known: Sequence[str] = ()) -> str:
    """The first words of the report with everything that names its sender masked, wherever it stands.

    Of a form the facts come first: place and respondent have columns of their own beside the summary.
    `known`: words that name a reporter as the channel gave them.
    """
    told = [item.value for item in made if item.field == "reporter_name"]
    names = [str(value.get("name", "") if isinstance(value, dict) else value).strip() for value in told]
    names = [*known, *(name for name in names if len(name) > 1)]
    out = ""
    for index, source in enumerate(sources):
        if source.passage.speaker == "operator":
            continue
        spans = [(s.start, s.end) for item in made if item.field in IDENTITY for s in item.spans if s.passage == index]
        text = source.passage.text
        out += _facts_first(mask(text, [*spans, *named(text, names)])).replace("\n", " ") + " "
        if len(out) >= SUMMARY:
            break
    return out.strip()[:SUMMARY]


_FACTS = re.compile(r"^主要违法事实[:：] ?", re.MULTILINE)


def _facts_first(text: str) -> str:
    found = _FACTS.search(text)
    return f"{text[found.end() :].rstrip()}\n{text[: found.start()]}" if found else text


def _suggest_kind(session: Session, clue: Clue, made: Sequence[Suggestion]) -> None:
    """What kind of intake the words speak for; a person sets the kind, the clocks run until then (PRODUCT §4)."""
    kind = next((str(item.value) for item in made if item.field == "kind" and item.value in list(IntakeKind)), None)
    if kind is None:
        return
    intakes = session.scalars(
        select(Intake).join(IntakeClue, IntakeClue.intake_id == Intake.id).where(IntakeClue.clue_id == clue.id)
    )
    for row in intakes:
        if row.kind is None and row.kind_suggested == IntakeKind.CLUE:
            row.kind_suggested = kind


def _has_evidence(session: Session, clue_id: int) -> bool:
    """Whether the report came with any; photos of a visit are ours."""
    kinds = (PartKind.SCAN, PartKind.VIDEO, PartKind.FILE)
    ours = select(Intake.id).where(Intake.id == Part.intake_id, Intake.source_id == SITE_PHOTOS)
    sent = select(Part.id).where(Part.clue_id == clue_id, Part.kind.in_(kinds), Part.blob_id.is_not(None))
    return bool(session.scalar(select(sent.where(~ours.exists()).exists())))


def _unread(session: Session, clue_id: int) -> bool:
    """Whether audio or scans of the clue are still being read; parked ones no longer count."""
    waiting = select(Part.id).where(
        Part.clue_id == clue_id,
        Part.kind.in_((PartKind.AUDIO, PartKind.SCAN)),
        Part.blob_id.is_not(None),
        ~exists().where(Transcript.part_id == Part.id),
    )
    ids = list(session.scalars(waiting))
    if not ids:
        return False
    live = select(Work.id).where(
        Work.handler.in_(("transcribe", "read_scan")),
        Work.state != "dead",
        Work.args["part"].as_integer().in_(ids),
    )
    return session.scalar(select(live.exists())) or False
