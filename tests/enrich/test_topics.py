"""Topics, importance and points: what is found, with which words, and when nothing is."""

from __future__ import annotations

import time
from datetime import date

import pytest

from hub.enrich import locations, produce, topics, weighing
from hub.enrich.locations import Pin
from hub.jurisdiction.place_coordinates import CGCS2000, GCJ02, WGS84, to_gcj
from hub.law import topics as rows
from hub.terms import Passage, Suggestion


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("有人在基本农田里挖塘养鱼", {"basic_farmland", "fish_pond"}),
        ("村口挖了个鱼塘", set()),  # no farmland is named: a pond is no topic of its own
        ("晚上有船在河道里抽砂", {"river_sand"}),
        ("砂場的人在江边挖沙", {"river_sand"}),  # traditional and variant characters
        ("沙场老板打人", set()),
        ("工地把渣土倒在麦田里", {"waste"}),
        ("请问宅基地证怎么办", {"rural_house"}),
        ("山上用药水注液弄稀土，水都变了", {"rare_earth"}),
        ("征地补偿款一直没发", {"requisition"}),
        ("", set()),
        ("。，！？", set()),
        ("hello world 12336", set()),
    ],
)
def test_topics_of_a_text(text: str, codes: set[str]) -> None:
    assert {one.code for one in topics.find(text)} == codes


def test_words_stand_in_the_same_sentence() -> None:
    assert {one.code for one in topics.find("路边种树。前面是耕地")} == set()
    assert {one.code for one in topics.find("耕地上种树")} == {"greening"}


def test_the_spans_are_the_words_and_the_operator_does_not_count() -> None:
    passages = [Passage("您是说基本农田吗", speaker="operator"), Passage("对，有人挖黑土，晚上卖土", speaker="caller")]
    (made,) = topics.suggest(passages)
    assert made.value == [{"code": "topsoil", "name": "盗挖耕作层"}]
    assert [(s.passage, s.text) for s in made.spans] == [(1, "黑土"), (1, "卖土")]
    assert all(passages[s.passage].text[s.start : s.end] == s.text for s in made.spans)


def test_a_topic_counts_from_its_day() -> None:
    text = "把农田改成大棚房出租"
    assert [one.code for one in topics.find(text, date(2018, 8, 1))] == ["greenhouse"]
    assert topics.find(text, date(2018, 7, 31)) == []
    assert topics.find(text) != []


def test_at_most_five_topics_and_a_megabyte_in_bounded_time() -> None:
    text = "".join(row.words[0] + "耕地。" for row in rows.rows())
    assert len(topics.find(text)) == topics.MAX_TOPICS
    begun = time.process_time()
    topics.find(text * (1_000_000 // len(text)))
    assert time.process_time() - begun < 2


def test_the_shipped_rows_are_sound() -> None:
    assert len(rows.labels()) >= 25
    assert len(set(rows.labels().values())) == len(rows.labels())
    with pytest.raises(KeyError):
        rows.named(["none"])


def weighed(text: str, channel: str = "phone", day: date | None = None) -> list[Suggestion]:
    return [s for s in produce.produce([Passage(text)], channel=channel, day=day) if s.field == weighing.FIELD]


@pytest.mark.parametrize(
    ("text", "channel", "level"),
    [
        ("占了基本农田8亩盖厂房", "phone", "major"),
        ("占了基本农田2亩盖厂房", "phone", "important"),
        ("占了耕地12亩盖厂房", "phone", "major"),
        ("占了耕地3亩盖厂房", "phone", None),
        ("占了荒地30亩盖厂房", "phone", None),
        ("占了耕地3亩盖厂房", "referral", "important"),
        ("现在正在挖，山体塌方了，砸到人", "phone", "important"),
        ("县政府越权批地，没有省里批文就把地批给开发商", "letter", "major"),
    ],
)
def test_importance_by_the_dated_rules(text: str, channel: str, level: str | None) -> None:
    assert [s.value for s in weighed(text, channel)] == ([level] if level else [])


def test_importance_says_why_and_with_which_words() -> None:
    (made,) = weighed("湖南省益阳市桃江县武潭镇，占了基本农田8亩盖厂房")
    assert made.reason == "涉及永久基本农田5亩以上"
    assert "8亩" in {span.text for span in made.spans}
    assert weighed("占了基本农田8亩盖厂房", day=date(2009, 6, 24)) == []


def test_a_wechat_point_becomes_cgcs2000_with_what_was_sent_beside_it() -> None:
    there = 28.5180, 112.1550
    sent = to_gcj(*there)
    passages = [Passage("桃江县武潭镇红旗村")]
    (made,) = locations.suggest([Pin(*sent, GCJ02, "桃江县武潭镇红旗村", 0)], passages)
    assert (made.value["lat"], made.value["lon"]) == pytest.approx(there, abs=1e-5)
    assert made.value["system"] == CGCS2000
    assert made.value["given"] == {"lat": sent[0], "lon": sent[1], "system": GCJ02}
    assert made.reason == "微信位置，已由 GCJ-02 换算"
    assert [span.text for span in made.spans] == ["桃江县武潭镇红旗村"]


def test_points_that_are_none_give_nothing() -> None:
    bad = [Pin(91, 0, WGS84), Pin(float("nan"), 1, GCJ02), Pin(1, 1, "BD09"), Pin("x", 1, WGS84)]  # type: ignore[arg-type]
    assert locations.suggest(bad) == []
    (made,) = locations.suggest([Pin(28.5, 112.1, WGS84)] * 3)
    assert made.value["lat"] == 28.5
    assert made.spans == ()


def test_a_point_stands_for_the_place() -> None:
    without = produce.produce([Passage("有人偷挖河沙")])
    pinned = produce.produce([Passage("有人偷挖河沙")], pins=[Pin(28.5, 112.1, WGS84)])
    missing = [next(s.value for s in made if s.field == "missing") for made in (without, pinned)]
    assert "place" in missing[0]
    assert "place" not in missing[1]
