"""Search against plain substring search, on real PostgreSQL: same texts, same characters, newest first, by page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from channels.contract import Blob
from channels.registry import channels
from hub import casework, db, intake, search
from hub.access import people, sealing, staff
from hub.enrich import transcribe
from hub.jurisdiction import units
from hub.models import Clue, ClueUnit, Intake, Part, SearchRow, Unit
from hub.search import finding, spans
from hub.settings import export
from hub.terms import Role
from hub.worker import drain
from transcription import contract as text_contract

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
COUNTY, OTHER = "430922", "150802"
# Few characters, so that queries repeat and straddle; among them what folds to nothing, to two, and to another.
LETTERS = "耕地挖沙，。 \n\tＡaBｂ１㎡é\u200be\u0301㍿２砂𠀀'\\:&|!<>()%_"


def mail(name: str, body: str) -> bytes:
    head = f"From: a@example.org\r\nMessage-ID: <{name}@example.org>\r\nSubject: s\r\n"
    return (head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").encode() + (
        body.encode()
    )


def take(name: str, body: str, unit: str = COUNTY) -> int:
    """A mail in the queue; the id of its part."""
    (raw,) = channels()["email"].from_files([Blob(f"{name}.eml", "", mail(name, body))], {}, source_id="cli:e", now=AT)
    intake.accept(raw, unit=unit)
    drain("light")
    with db.reading() as session:
        return session.scalars(select(Part.id).where(Part.kind == "text").order_by(Part.id.desc())).first() or 0


def unit_id(code: str = COUNTY) -> int:
    with db.reading() as session:
        return session.scalars(select(Unit.id).where(Unit.code == code)).one()


def found(query: str, code: str = COUNTY, **given: object) -> list[search.Hit]:
    with db.reading() as session:
        return search.find(session, session.scalars(select(Unit.id).where(Unit.code == code)).one(), query, **given)


def put(part: int, body: str) -> None:
    """The text of a part as a correction leaves it."""
    with db.transaction() as session:
        row = session.get_one(Part, part)
        clue = session.get_one(Clue, row.clue_id)
        key = transcribe.open_key(session, session.get_one(Intake, row.intake_id).key_id)
        row.text = key.seal(body, "part.text")
        chain = [unit.id for unit in units.chain(session, clue.received_unit_id)]
        search.replace(session, clue.id, clue.recorded_at, f"part:{part}", body, chain)


def test_text_is_folded() -> None:
    assert search.fold("Ａ Ｂ\n１２　耕地") == "ab12耕地"


def test_tokens_are_keyed_and_tell_nothing(tmp_path: Path) -> None:
    seen = set()
    for name in ("one", "other"):
        sealing.make_key_file(tmp_path / name)
        export(HUB_KEY_FILE=str(tmp_path / name))
        sealing.forget_keys()
        search.token.cache_clear()
        one = search.token("耕地")
        assert re.fullmatch(r"[a-z2-7]{8}", one)
        assert one == search.token("耕地") != search.token("耕")
        made = search.vector("耕地" * 100, [1, 2])
        assert not set(made) & set("耕地")
        assert made.endswith(f"'{search.unit_token(1)}' '{search.unit_token(2)}'")
        seen.add(one)
    assert len(seen) == 2
    sealing.forget_keys()
    search.token.cache_clear()


def test_a_stretch_fits_what_postgresql_keeps(hub: Path) -> None:
    places = [item.partition(":")[2].split(",") for item in search.vector("地" * search.LENGTH, []).split()]
    assert all(len(at) <= 256 and int(at[-1]) <= 16383 for at in places)


@given(st.text(LETTERS, max_size=40), st.text(LETTERS, max_size=40))
def test_folding_is_made_character_by_character(one: str, two: str) -> None:
    assert search.fold(one + two) == search.fold(one) + search.fold(two)
    assert search.Folded(one).text == search.fold(one)


@given(st.text(max_size=60), st.data())
def test_any_piece_of_any_text_is_found_where_it_stands(body: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(body)))
    piece = body[start : start + data.draw(st.integers(0, 8))]
    spans = list(search.Folded(body).spans(piece))
    if search.fold(piece):
        assert spans
        for first, last in spans:
            assert search.fold(piece) in search.fold(body[first:last])
            assert search.fold(piece) not in search.fold(body[first + 1 : last])
            assert search.fold(piece) not in search.fold(body[first : last - 1])
    else:
        assert not spans


@given(st.integers(0, 900), st.integers(1, search.tokens.PHRASE))
def test_every_phrase_lies_whole_in_a_stretch(length: int, size: int) -> None:
    body = "".join(chr(0x4E00 + number) for number in range(length))
    made = list(search.tokens.stretches(body))
    assert all(len(one) <= search.LENGTH for one in made)
    for start in range(length - size + 1):
        assert any(body[start : start + size] in one for one in made)


@given(st.text("甲乙丙", min_size=1, max_size=200))
def test_windows_cover_a_query(query: str) -> None:
    made = search.tokens.windows(query)
    assert all(window in query and len(window) <= search.tokens.PHRASE for window in made)
    covered = {at for window in made for at in range(query.find(window), query.find(window) + len(window))}
    assert query.startswith(made[0])
    assert query.endswith(made[-1])
    if len(set(query)) == len(query):
        assert covered == set(range(len(query)))


def test_hits_are_those_of_substring_search(hub: Path) -> None:
    part, unit = take("one", "占用耕地"), unit_id()

    @examples(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.integers(0, 3).flatmap(lambda n: st.text(LETTERS, min_size=n * 180, max_size=n * 180 + 60)),
        st.lists(st.tuples(st.floats(0, 1), st.integers(1, 60)), min_size=3, max_size=6),
        st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=4),
    )
    def check(body: str, pieces: list[tuple[float, int]], others: list[str]) -> None:
        put(part, body)
        cut = [body[int(at * len(body)) :][:size] for at, size in pieces]
        for query in [*cut, *others]:
            hits = found(query)
            expected = list(search.Folded(body).spans(query))
            assert [(hit.ref, hit.start, hit.end) for hit in hits] == [(f"part:{part}", *one) for one in expected[:1]]
            with db.reading() as session:
                listed = session.scalars(select(SearchRow.clue_id).where(search.matching(query, unit))).first()
            assert (listed is not None) == bool(expected), query

    check()


def test_each_phrase_over_every_border_of_a_long_text(hub: Path) -> None:
    body = "".join(chr(0x4E00 + number) for number in range(1000))
    part = take("long", "x")
    put(part, body)
    for border in (180, 181, 199, 200, 361, 362, 381, 542, 999):
        for size in (1, 2, 3, 4, 5, 20, 21, 60, 199):
            start = max(0, border - size // 2)
            (hit,) = found(body[start : start + size])
            assert (hit.start, hit.end) == (start, min(len(body), start + size))
        assert not found(body[border - 1] + body[border + 1 if border < 999 else 0])


def test_a_megabyte(hub: Path) -> None:
    body = ("举报耕地。" * 104_000) + "挖沙" + ("举报耕地。" * 104_000)
    part = take("first", "占地")
    put(part, body)
    (hit,) = found("挖沙")
    assert body[hit.start : hit.end] == "挖沙"
    assert [hit.start for hit in found("耕地", limit=5)] == [2]
    with db.reading() as session:
        count = session.scalar(select(func.count()).select_from(SearchRow))
    assert count == pytest.approx(len(body) * 0.8 / 181, rel=0.3)


def test_newest_first_by_page_whichever_way_is_taken(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        take(f"p{number}", f"第{number}封 " + "挖沙" * (150 if number % 3 else 1))
    with db.transaction() as session:
        clues = session.scalars(select(Clue.id).order_by(Clue.recorded_at.desc())).all()
        session.execute(text("analyze search_row"))
    for few, first in ((spans.FEW, 150), (0, 1), (0, 5), (0, 1 << 20)):
        monkeypatch.setattr(spans, "FEW", few)
        monkeypatch.setattr(spans, "FIRST", first)
        assert [hit.clue_id for hit in found("挖沙")] == list(clues)
        for size in (1, 5, 12):
            seen, after = [], None
            while page := found("挖沙", limit=size, after=after):
                assert len(page) <= size
                seen += page
                after = page[-1].after
            assert [hit.clue_id for hit in seen] == list(clues), (few, first, size)
    for after in ("nonsense", "2026-11-20~1", f"2026-11-20T00:00:00+00:00~{1 << 70}"):
        assert found("挖沙", after=after)[0].clue_id == clues[0]


def test_texts_of_one_clue_share_its_time_and_none_is_lost_between_pages(hub: Path) -> None:
    part = take("one", "x")
    made = text_contract.Transcript(
        kind="scan", engine="test", model="test", settings={},
        segments=tuple(line(number, "挖沙" * (200 if number == 2 else 1)) for number in range(5)), pages=(),
    )  # fmt: skip
    with db.transaction() as session:
        transcribe.store(session, part, made)
    refs, after = [], None
    while page := found("挖沙", limit=2, after=after):
        refs += [hit.ref for hit in page]
        after = page[-1].after
    assert sorted(refs) == [f"part:{part}:{number}" for number in range(5)]


def line(number: int, words: str, page: int = 0) -> text_contract.Segment:
    return text_contract.Segment(text=words, confidence=0.9, page=page, order=number, box=(0, number, 9, number + 1))


def test_lines_of_a_page_are_one_text_and_a_new_version_takes_the_place_of_the_old(hub: Path) -> None:
    part = take("scan", "x")
    lines = ("在临河区干召", "庙镇挖沙毁坏", "耕地", "两亩", "次页")
    pages = (0, 0, 0, 0, 1)
    made = text_contract.Transcript(
        kind="scan", engine="test", model="test", settings={},
        segments=tuple(line(number, words, pages[number]) for number, words in enumerate(lines)), pages=(),
    )  # fmt: skip
    with db.transaction() as session:
        transcribe.store(session, part, made)
    whole = "".join(lines[:4])
    for start in range(len(whole)):
        for size in range(1, len(whole) - start + 1):
            hits = found(whole[start : start + size])
            number = max(n for n in range(4) if len("".join(lines[:n])) <= start)
            inside = start - len("".join(lines[:number]))
            cut = min(len(lines[number]), inside + size)
            assert (f"part:{part}:{number}", inside, cut) in [(hit.ref, hit.start, hit.end) for hit in hits]
    assert not found("亩次")
    assert not found("召镇")
    changed = text_contract.Transcript(
        kind="scan", engine="person", model="", settings={}, segments=(line(0, "在五原县挖沙"),), pages=()
    )
    with db.transaction() as session:
        transcribe.store(session, part, changed)
    assert not found("临河")
    assert [(hit.ref, hit.start) for hit in found("挖沙")] == [(f"part:{part}:0", 4)]
    assert found("x")[0].ref == f"part:{part}"


def test_units_outside_the_chain_find_nothing_until_they_see_the_clue(hub: Path) -> None:
    take("one", "挖沙")
    assert found("挖沙")
    assert found("挖沙", "430000")
    assert found("挖沙", "000000")
    assert not found("挖沙", OTHER)
    with db.transaction() as session:
        clue, other = session.scalars(select(Clue)).one(), session.scalars(select(Unit).where(Unit.code == OTHER)).one()
        search.add_units(session, clue.id, [other.id])
    assert not found("挖沙", OTHER)  # tokens alone open nothing
    with db.transaction() as session:
        row = session.scalars(select(ClueUnit)).first()
        assert row is not None
        session.add(
            ClueUnit(
                unit_id=other.id, clue_id=clue.id, role="receiver", state=row.state, open=True, channel=row.channel,
                division=None, sort_at=AT + timedelta(days=1),
            )
        )  # fmt: skip
    assert found("挖沙", OTHER)
    with db.reading() as session:
        walled = select(ClueUnit).where(ClueUnit.unit_id == other.id, ClueUnit.clue_id != clue.id)
        assert not search.find(session, other.id, "挖沙", seen=walled)


@pytest.mark.parametrize("query", ["", " ", "\u200b\n", "挖" * 5000, "'", "\\", "a' | 'b", ":*", "\udc80", "!", "<2>"])
def test_strange_queries_do_no_harm(hub: Path, query: str) -> None:
    take("one", "挖沙 a'b:c\\d")
    hits = found(query)
    expected = list(search.Folded("挖沙 a'b:c\\d").spans(query[:200]))
    assert [(hit.start, hit.end) for hit in hits] == expected[:1]
    with db.reading() as session:
        session.scalars(select(SearchRow.id).where(search.matching(query, unit_id()))).all()


def listed(query: str, code: str = COUNTY, **given: object) -> list[int]:
    """The clues of a unit's list that hold the query."""
    with db.reading() as session:
        unit = session.scalars(select(Unit.id).where(Unit.code == code)).one()
        rows = select(ClueUnit).where(ClueUnit.unit_id == unit)
        return [row.clue_id for row in search.clues(session, rows, unit, query, **given)]


def test_lists_are_narrowed_page_by_page(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same clues whether the list is walked or the index asked, in the order of the list."""
    for number in range(7):
        take(f"m{number}", "采砂船" if number % 2 else f"耕地{number}")
    with db.reading() as session:
        everything = list(session.scalars(select(Clue.id).order_by(Clue.id.desc())))
        odd = everything[1::2]
        last = session.scalars(select(ClueUnit.sort_at).where(ClueUnit.clue_id == odd[0])).all()[0], odd[0]
    for look in (1, 2, 500):
        monkeypatch.setattr(finding, "LOOK", look)
        for cost in (0.0, 1e9):
            monkeypatch.setattr(finding, "INDEXED_COST", cost)
            assert listed("采砂") == odd
            assert listed("采砂", limit=2) == odd[:2]
            assert listed("耕地3") == []
            assert listed("6") == everything[:1]
            assert listed("采砂", before=last) == odd[1:]
    assert listed("采砂", OTHER) == []
    assert listed("") == []


def test_titles_and_what_people_wrote_are_found(hub: Path) -> None:
    raw = mail("t", "正文").replace(b"Subject: s", b"Subject: =?utf-8?b?6YeH55+z5Zy65Li+5oql?=")  # 采石场举报
    (one,) = channels()["email"].from_files([Blob("t.eml", "", raw)], {}, source_id="cli:e", now=AT)
    intake.accept(one, unit=COUNTY)
    drain("light")
    (hit,) = found("采石场")
    assert hit.ref == f"subject:{hit.clue_id}"
    assert (hit.start, hit.end) == (0, 3)
    with db.transaction() as session:
        user = staff.add(session, "clerk", "某甲", "long-enough-1", COUNTY, [Role.HANDLER])
        session.flush()
        who = people.actor(session, user.id)
        assert who is not None
        clue = session.get_one(Clue, hit.clue_id)
        row = casework.confirm(session, who, clue, "respondent", {"name": "顺发砂石厂", "kind": "legal_person"})
        casework.confirm(session, who, clue, "reporter_name", "欧阳某")
        number = row.id
    assert [(h.ref, h.start, h.end) for h in found("砂石厂")] == [(f"value:{number}", 2, 5)]
    assert found("欧阳") == []
    assert found("legal") == []
