"""What is stored as a suggestion is what the producers say of the same words; newer runs add, people stay.

Two hundred texts go through the e-mail channel, the limited child and the workers.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from channels.contract import Blob
from channels.registry import channels
from hub import casework, db, intake
from hub.access import people, staff
from hub.access.sealing import open_key
from hub.enrich import classify, elements, extract, passages, produce
from hub.jurisdiction import places
from hub.models import Clue, Event, Intake, IntakeClue, Part, SuggestionRow, Value
from hub.supervision.originals import correct_part
from hub.terms import Role
from hub.worker import drain

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
UNIT = "430922"
HERE = Path(__file__).parent.parent
COUNT = 200
REPORT = (
    "我叫王秀兰，电话13947812345。湖南省益阳市桃江县武潭镇红旗村，鑫隆建材有限公司未经批准占用耕地8亩建厂房，已经盖好。"
)


def texts() -> list[str]:
    """Two hundred different texts of the place, class and extraction tests."""
    found: dict[str, None] = {}
    files = ("enrich/data/extraction.jsonl", "enrich/data/classes.tsv", "jurisdiction/data/places_dev.tsv",
             "jurisdiction/data/places_heldout.tsv")  # fmt: skip
    for name in files:
        for line in (HERE / name).read_text("utf-8").splitlines():
            if line and not line.startswith("#"):
                found[json.loads(line)["text"] if name.endswith(".jsonl") else line.split("\t")[1]] = None
    return list(found)[:COUNT]


def send(body: str, number: int = 0) -> int:
    """A mail, accepted; the intake's id."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@example.org", "clue@example.cn"
    mail["Message-ID"], mail["Subject"] = f"<{number}@example.org>", ""
    mail.set_content(body, cte="base64")
    blob = Blob(f"{number}.eml", "", mail.as_bytes())
    (raw,) = channels()["email"].from_files([blob], {}, source_id="cli:email", now=AT)
    return intake.accept(raw, unit=UNIT).intake_id


def work() -> None:
    """Runs everything that is due."""
    while drain("light") + drain("text"):
        pass


Said = tuple[str, str, str, float, str, str, tuple[tuple[int, int, str], ...]]


def stored(session: Session, clue: Clue, *, current: bool = True) -> list[Said]:
    key = open_key(session, clue.key_id)
    query = select(SuggestionRow).where(SuggestionRow.clue_id == clue.id, SuggestionRow.current == current)
    found = []
    for row in session.scalars(query.where(SuggestionRow.field != "duplicate").order_by(SuggestionRow.id)):
        body = key.json(row.value, "suggestion.value")
        spans = tuple((span["start"], span["end"], span["text"]) for span in body["spans"])
        found.append(
            (row.field, row.producer, row.version, row.confidence, plain(body["value"]), body["reason"], spans)
        )
    return found


def said(body: str) -> list[Said]:
    """What the producers make of the text alone."""
    return [
        (s.field, s.producer, s.version, s.confidence, plain(s.value), s.reason,
         tuple((span.start, span.end, span.text) for span in s.spans))
        for s in produce.produce([passages.Passage(body)], prior=UNIT, channel="email", day=AT.date())
    ]  # fmt: skip


def plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def by_order(rows: list[Said]) -> list[Said]:
    return sorted(rows, key=repr)


def one(session: Session) -> tuple[Clue, Part]:
    clue = session.scalars(select(Clue)).one()
    return clue, session.scalars(select(Part).where(Part.clue_id == clue.id, Part.kind == "text")).one()


def clerk(session: Session) -> people.Actor:
    user = staff.add(session, "clerk", "某甲", "long-enough-1", UNIT, [Role.HANDLER])
    session.flush()
    who = people.actor(session, user.id)
    assert who is not None
    return who


def test_two_hundred_mails_keep_what_the_producers_say(hub: Path) -> None:
    sent = {send(body, number): body for number, body in enumerate(texts())}
    assert len(sent) == COUNT
    work()
    resolve = places.resolver().resolve
    fields: set[str] = set()
    with db.reading() as session:
        clues = {row.intake_id: row.clue_id for row in session.scalars(select(IntakeClue))}
        assert set(clues) == set(sent)
        for intake_id, body in sent.items():
            clue = session.get_one(Clue, clues[intake_id])
            (source,) = passages.of_clue(session, clue)
            assert source.passage.text.strip() == body.strip()
            kept = stored(session, clue)
            assert by_order(kept) == by_order(said(source.passage.text)), body
            for _, _, version, _, _, _, spans in kept:
                assert version
                assert all(source.passage.text[start:end] == words for start, end, words in spans)
            values = {name: json.loads(value) for name, _, _, _, value, _, _ in kept}
            assert values.get("place", {}).get("code") == resolve(source.passage.text, UNIT).code
            assert clue.class_code == (classify.classify(source.passage.text).code or clue.class_code)
            phones = [json.loads(value) for name, _, _, _, value, _, _ in kept if name == "phone"]
            assert phones == [phone.value for phone in extract.extract(source.passage.text).phones]
            assert not stored(session, clue, current=False)
            fields |= values.keys()
    wanted = {"place", "class", "respondent", "area", "phone", "reporter_name", "missing", "topics", "importance"}
    assert wanted <= fields


def test_a_corrected_text_changes_the_suggestions_and_keeps_the_old_rows(hub: Path) -> None:
    send(REPORT)
    work()
    with db.transaction() as session:
        clue, part = one(session)
        before = stored(session, clue)
        correct_part(session, clerk(session), clue, part, REPORT.replace("8亩", "18亩").replace("桃江县", "安化县"))
    work()
    with db.reading() as session:
        clue, part = one(session)
        now, old = stored(session, clue), stored(session, clue, current=False)
        assert by_order(now) == by_order(said(open_text(session, part)))
        assert any(name == "area" and "12000" in value for name, _, _, _, value, _, _ in now)
        assert any(name == "area" and "5333" in value for name, _, _, _, value, _, _ in old)
        kept = [row for row in before if row in now]
        assert by_order([*old, *kept]) == by_order(before)  # each earlier row is still there, once
        assert kept, "an unchanged suggestion is not stored again"
        assert clue.division == "430923"


def open_text(session: Session, part: Part) -> str:
    key = open_key(session, session.get_one(Intake, part.intake_id).key_id)
    return key.text(part.text, "part.text")


def test_running_again_adds_nothing(hub: Path) -> None:
    send(REPORT)
    work()

    def count() -> tuple[Any, ...]:
        with db.reading() as session:
            rows = session.execute(select(func.count(), func.max(SuggestionRow.id)).select_from(SuggestionRow)).one()
            events = session.scalar(select(func.count()).select_from(Event).where(Event.act == "suggest"))
            return *rows, events, by_order(stored(session, one(session)[0]))

    first = count()
    for _ in range(3):
        with db.transaction() as session:
            casework.reenrich(session, one(session)[0])
        work()
        assert count() == first


@pytest.mark.parametrize("module", [places, classify, extract, elements])
def test_a_newer_producer_adds_rows_and_leaves_people_alone(
    hub: Path, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(REPORT)
    work()
    with db.transaction() as session:
        clue, _ = one(session)
        before = stored(session, clue)
        who = clerk(session)
        casework.confirm(session, who, clue, "class", "T4")
        casework.confirm(session, who, clue, "place", {"code": "430921", "name": "湖南省/益阳市/南县"})
        decided = [(row.id, row.value, row.at) for row in session.scalars(select(Value).order_by(Value.id))]
    old, newer = module.VERSION, f"{module.VERSION}.1"
    monkeypatch.setattr(module, "VERSION", newer)
    with db.transaction() as session:
        casework.reenrich(session, one(session)[0])
    work()
    with db.reading() as session:
        clue, part = one(session)
        now, earlier = stored(session, clue), stored(session, clue, current=False)
        renewed = [row for row in before if row[2] == old]
        assert renewed
        assert by_order(earlier) == by_order(renewed)
        assert by_order(now) == by_order([(*row[:2], newer, *row[3:]) if row in renewed else row for row in before])
        assert by_order(now) == by_order(said(open_text(session, part)))
        assert [(row.id, row.value, row.at) for row in session.scalars(select(Value).order_by(Value.id))] == decided
        assert (clue.class_code, clue.class_confirmed) == ("T4", True)
        assert (clue.division, clue.division_confirmed) == ("430921", True)
