"""Duplicate candidates on PostgreSQL are those of `hub try duplicates`, and respect who may see what."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from channels.contract import Blob
from channels.registry import channels
from hub import clock, db, intake
from hub.access import people, sealing, staff
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.enrich import duplicates, earlier, likeness
from hub.jurisdiction.places import resolver
from hub.models import Clue, IntakeClue, Likeness, LikenessKey, SuggestionRow, Unit, Wall
from hub.supervision import relatives
from hub.terms import Role
from hub.worker import drain

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from clues import clues

MINISTRY, COUNTY, SIBLING = "000000", "430922", "430981"
AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
SAND = "桃江县武潭镇红旗村，顺发砂石厂没有采矿证在河道里采沙，挖了十几亩"


def send(body: str, sender: str = "a", number: int = 0, at: datetime = AT, unit: str = COUNTY) -> int:
    """A mail in the queue; the id of its intake."""
    mail = EmailMessage()
    mail["From"], mail["To"] = f"{sender}@example.org", "clue@example.cn"
    mail["Message-ID"], mail["Subject"] = f"<{number}-{sender}@example.org>", ""
    mail.set_content(body, cte="base64")
    blob = Blob(f"{number}.eml", "", mail.as_bytes())
    (raw,) = channels()["email"].from_files([blob], {}, source_id="cli:email", now=at)
    return intake.accept(raw, unit=unit).intake_id


def work() -> None:
    while drain("light") + drain("text"):
        pass


def clue_of(session: Any, intake_id: int) -> Clue:
    return session.scalars(select(Clue).join(IntakeClue).where(IntakeClue.intake_id == intake_id)).one()


def person(unit: str = COUNTY, login: str = "clerk") -> Actor:
    with db.transaction() as session:
        user = staff.add(session, login, "某甲", "long-enough-1", unit, [Role.HANDLER])
        session.flush()
        who = people.actor(session, user.id)
        assert who is not None
        return who


def shown(session: Any, clue: Clue, field: str = "duplicate") -> list[dict[str, Any]]:
    key = open_key(session, clue.key_id)
    rows = session.scalars(
        select(SuggestionRow)
        .where(SuggestionRow.clue_id == clue.id, SuggestionRow.field == field, SuggestionRow.current)
        .order_by(SuggestionRow.id)
    )
    return [key.json(row.value, "suggestion.value") for row in rows]


@pytest.fixture
def texts() -> list[dict[str, Any]]:
    """Synthetic clues, many repeats among them, alternating between two banks of wording."""
    rows = list(clues("test", 150, 11)) + list(clues("train", 60, 12, dense=True))
    return sorted(rows, key=lambda row: row["received_at"])


@pytest.mark.timeout(900)  # some 25 s of CPU, more where many share it
def test_two_hundred_mails_get_the_candidates_of_hub_try(hub: Path, texts: list[dict[str, Any]]) -> None:
    sent: dict[str, int] = {}
    rows = []
    for number, row in enumerate(texts):
        sender = row["reporter_key"].replace(".", "") or f"n{number}"
        at = datetime.fromisoformat(row["received_at"]).replace(tzinfo=clock.CHINA)
        sent[row["id"]] = send(row["text"], sender, number, at, MINISTRY)
        work()  # one after the other: numbers and sketches in the order of the rows
        rows.append(row | {"reporter_key": sender})
    assert len(sent) >= 200
    who = person(MINISTRY)
    found = 0
    with db.reading() as session:
        names = {clue_of(session, number).no: name for name, number in sent.items()}
        for row, answer in zip(rows, earlier.candidates(rows, resolver().resolve), strict=True):
            clue = clue_of(session, sent[row["id"]])
            at = datetime.fromisoformat(row["received_at"]).replace(tzinfo=clock.CHINA)
            assert clue.at == at
            mine = duplicates.candidates(session, who, clue)
            seen = [{"id": names[c.no], "score": c.score, "kind": c.kind, "reasons": c.reasons} for c in mine]
            assert seen == answer["candidates"], row["text"]
            stored = shown(session, clue)
            assert [one["value"] for one in stored] == [
                {"clue": c.clue_id, "score": c.score, "kind": c.kind, "reasons": c.reasons} for c in mine
            ]
            found += len(mine)
    assert found > 40


def test_same_reporter_is_a_duplicate_another_is_a_merge(hub: Path) -> None:
    first = send(SAND, "a", 1)
    work()
    second, third = send(SAND + "，快来管管", "a", 2), send("武潭镇红旗村的顺发砂石厂在桃江县偷采河沙", "b", 3)
    work()
    who = person()
    with db.reading() as session:
        one = clue_of(session, first)
        assert duplicates.candidates(session, who, one) == []
        (found,) = duplicates.candidates(session, who, clue_of(session, second))
        assert (found.no, found.kind) == (one.no, "duplicate")
        assert {c.kind for c in duplicates.candidates(session, who, clue_of(session, third))} == {"merge"}
        assert found.reasons["place"] == found.reasons["facts"] == found.reasons["respondent"] == "agree"
        assert found.words == "地点一致；时间一致；违法主体一致；违法事实一致"
        (stored,) = shown(session, clue_of(session, second))
        assert stored["spans"], "the words behind the reasons"


def test_words_that_are_not_saved_yet(hub: Path) -> None:
    first = send(SAND, "a", 1)
    work()
    who = person()
    with db.reading() as session:
        one = clue_of(session, first)
        said = "红旗村顺发砂石厂又在河里采沙了，武潭镇"
        (found,) = duplicates.candidates_for_text(session, who, said, COUNTY, at=AT)
        assert (found.no, found.kind) == (one.no, "merge")
        (keys,) = duplicates.caller_keys(session, [one.id]).values()
        (found,) = duplicates.candidates_for_text(session, who, said, COUNTY, at=AT, keys=keys)
        assert found.kind == "duplicate"
        assert duplicates.candidates_for_text(session, who, "", COUNTY, at=AT) == []


def test_only_what_a_person_may_see(hub: Path) -> None:
    send(SAND, "a", 1)
    work()
    with db.reading() as session:
        for unit, login, count in ((COUNTY, "own", 1), (SIBLING, "sibling", 0), ("430000", "above", 1)):
            found = duplicates.candidates_for_text(session, person(unit, login), SAND, COUNTY, at=AT)
            assert len(found) == count, unit


@pytest.mark.parametrize("reason", ["N2", "N4"])
def test_behind_a_wall_no_candidate(hub: Path, reason: str) -> None:
    first = send(SAND, "a", 1)
    work()
    who = person(MINISTRY)
    with db.transaction() as session:
        unit = session.scalars(select(Unit.id).where(Unit.code == SIBLING)).one() if reason == "N2" else None
        session.add(Wall(clue_id=clue_of(session, first).id, unit_id=unit, reason=reason, state="held", since=AT))
    second = send(SAND, "b", 2)
    work()
    with db.reading() as session:
        assert duplicates.candidates(session, who, clue_of(session, second)) == []
        assert shown(session, clue_of(session, second)) == []


def test_state_secrets_are_not_compared(hub: Path) -> None:
    first = send("桃江县武潭镇红旗村的军事基地涉及国家秘密的文件被泄露，内容属于绝密", "a", 1)
    work()
    with db.reading() as session:
        clue = clue_of(session, first)
        assert clue.class_code == "N4"
        assert session.get(Likeness, clue.id) is None
        assert session.scalar(select(func.count()).select_from(LikenessKey)) == 0


def test_a_changed_text_is_compared_anew(hub: Path) -> None:
    first = send(SAND, "a", 1)
    work()
    with db.transaction() as session:
        clue = clue_of(session, first)
        row = duplicates.read("南县的另一件事，明山头镇东风村有人占地建房", AT)
        duplicates.remember(session, clue, row)
        keys = set(session.scalars(select(LikenessKey.key).where(LikenessKey.clue_id == clue.id)))
        assert keys == {key for key, _ in row.blocks} == set(session.get_one(Likeness, clue.id).keys)
        duplicates.forget(session, clue.id)
        assert not session.scalars(select(LikenessKey.key)).all()


def test_nothing_stored_tells_a_word(hub: Path, tmp_path: Path) -> None:
    send(SAND, "a", 1)
    work()
    with db.reading() as session:
        row = session.scalars(select(Likeness)).one()
        assert "红旗".encode() not in row.sketch
        words = likeness.read(SAND, resolver().resolve)
        plain = {key for key, _ in likeness.of_words(words, AT.replace(tzinfo=None)).blocks}
        assert not plain & set(row.keys), "keys are made with the master key"
        with pytest.raises(ValueError, match="sketch"):
            likeness.unpack(row.sketch[:20])


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    duplicates.keyed.cache_clear()
    sealing.forget_keys()


def test_the_clue_page_names_earlier_ones_with_reasons(hub: Path) -> None:
    first, second, third = send(SAND, "a", 1), send(SAND + "，夜里有船。", "b", 2), send(SAND, "a", 3)
    work()
    who = person()
    with db.reading() as session:
        before, other, same = (clue_of(session, number) for number in (first, second, third))
        (found,) = relatives.candidates(session, who, other)
        assert (found.clue.id, found.relation) == (before.id, "疑似同一行为")
        assert "地点一致" in found.why
        kinds = {row.clue.id: row.relation for row in relatives.candidates(session, who, same)}
        assert kinds[before.id] == "疑似同一举报人重复"
