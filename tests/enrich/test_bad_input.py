"""Bad input to every producer: bounded time and memory, sensible empty answers, spans inside the text."""

from __future__ import annotations

import time

import pytest

from hub.enrich import classify, earlier, extract, learned, likeness, produce, topics
from hub.jurisdiction.divisions import table
from hub.jurisdiction.places import resolver
from hub.terms import Passage

COUNTIES = [row.name for row in table() if row.level == "county"]
BIDI = "\u202e\u200b\u2066\ufeff\u200d"
EMPTY = ["", " ", "\n\n\t", "\u3000" * 50, BIDI, "。，！？；：、…—", "!!!???...", "\x00\x01\x7f", "\ud800"]
FOREIGN = [
    "hello, someone is digging sand by the river", "Кто-то копает песок", "1234567890" * 3, "٣٤٥", "😀😀😀", "<b>x</b>",
    "'; drop table clue; --", "${7*7}{{7*7}}%s%n", "..\\..\\etc\\passwd",
]  # fmt: skip
HOSTILE = [
    "(" * 5000, "[" * 5000, "a" * 5000 + "!", "我" * 5000, "一" * 5000, "占" * 5000 + "地", "1 " * 5000, "，" * 5000,
    "举报人：" * 1000, "我叫" * 2000, "亩" * 5000, "二十" * 3000, "138" * 2000, "的" * 5000, "有限公司" * 1500,
    "年月日" * 1500, "在耕地" * 1500, "\u200b".join("占用耕地" * 500), "x@" * 2500, "( )" * 2000, "叶 春 " * 1500,
    "区号零五三九，号码" * 500, "幺三八然后" * 1000, "我，田桂兰，" * 800, "隔壁村的季昌明、" * 600,
    "来电人女，姓" * 800,
]  # fmt: skip
SECONDS = 3.0  # of CPU, for 5,000 characters on a busy machine; most take milliseconds


def checked(text: str, seconds: float = SECONDS) -> list[str]:
    """The fields that all producers make of a text, after looking at time, spans and confidence."""
    begun = time.process_time()
    made = produce.produce([Passage(text)])
    assert time.process_time() - begun < seconds
    for item in made:
        assert 0 <= item.confidence <= 1
        assert item.version
        for span in item.spans:
            assert span.passage == 0
            assert text[span.start : span.end] == span.text
            assert span.text
    return [item.field for item in made]


@pytest.mark.parametrize("text", EMPTY, ids=range(len(EMPTY)))
def test_nothing_said_gives_nothing_but_what_is_missing(text: str) -> None:
    assert set(checked(text)) <= {"missing"}
    assert resolver().resolve(text).code is None
    assert classify.classify(text).needs_more
    assert topics.find(text) == []
    assert not extract.extract(text).reporters


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_no_chinese_names_no_place_and_no_class(text: str) -> None:
    assert not {"place", "class", "respondent", "reporter_name", "area", "topics", "importance"} & set(checked(text))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_strings_end_soon(text: str) -> None:
    checked(text)
    begun = time.process_time()
    likeness.read(text, resolver().resolve)
    assert time.process_time() - begun < SECONDS


def test_invisible_signs_change_nothing_that_is_read() -> None:
    plain = "湖南省益阳市桃江县武潭镇红旗村有人占用耕地盖厂房"
    hidden = "\u200b".join(plain[:7]) + plain[7:] + "\u202e"
    assert resolver().resolve(hidden).code == resolver().resolve(plain).code == "430922"
    assert "place" in checked(hidden)
    assert classify.classify(hidden).code == classify.classify(plain).code == "T2"
    for item in classify.classify(hidden).evidence:
        assert hidden[item.start : item.end] == item.words
    (phone,) = extract.extract("电话139\u200b4781\u202c2345，").phones
    assert (phone.value, phone.start, phone.end) == ("13947812345", 2, 15)


def test_a_list_of_two_hundred_places_is_flagged_and_bounded() -> None:
    text = "、".join(dict.fromkeys(COUNTIES[::14]))[:4000]
    assert len(text.split("、")) >= 200
    checked(text, 20)
    found = resolver().resolve(text)
    assert found.ambiguous
    assert 1 < len(found.candidates) <= 12


@pytest.mark.parametrize(
    "piece", ["有人在耕地里偷挖沙子，电话13947812345，老板李海龙占了八分。", "一", "1", "，", "武潭镇", "叶 春 梅 "],
)  # fmt: skip
def test_a_megabyte_is_bounded(piece: str) -> None:
    checked((piece * (1_000_000 // len(piece) + 1))[:1_000_000], 30)


def test_many_passages_are_bounded() -> None:
    begun = time.process_time()
    made = produce.produce([Passage("有人占地", speaker="caller" if n % 2 else "operator") for n in range(3000)])
    assert time.process_time() - begun < 20
    assert made


def test_empty_rows_have_no_candidates() -> None:
    rows = [{"id": n, "text": text, "received_at": f"2026-01-{n + 1:02d}"} for n, text in enumerate(EMPTY)]
    assert all(not row["candidates"] for row in earlier.candidates(rows, resolver().resolve))


def test_joined_spans() -> None:
    assert learned.joined([(5, 7), (0, 2), (2, 4), (6, 9)]) == [(0, 4), (5, 9)]
    assert learned.joined([]) == []
