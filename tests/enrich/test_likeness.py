"""What reports are compared by, and the reasons in words: agree, conflict or unknown for each element."""

from __future__ import annotations

from datetime import datetime

import pytest

from hub.enrich import earlier, likeness
from hub.enrich.likeness_firms import split
from hub.enrich.likeness_words import heard, read
from hub.jurisdiction.places import PlaceResult, resolver

AT = "2026-03-01T09:00:00"


def resolve(text: str, prior: str | None = None) -> PlaceResult:
    return PlaceResult("150821", "内蒙古自治区/巴彦淖尔市/五原县")


def why(first: str, second: str, at: str = "2026-03-09T09:00:00") -> dict[str, str]:
    index = earlier.Index()
    index.add("a", earlier.read({"id": "a", "text": first, "received_at": AT}, resolve))
    row = earlier.read({"id": "b", "text": second, "received_at": at}, resolve)
    (found,) = index.candidates(row, least=0.0)
    reasons: dict[str, str] = found["reasons"]
    return reasons


BASE = "五原县荣义村，王有财在耕地里挖鱼塘，占了二十亩"


@pytest.mark.parametrize(
    ("other", "element", "expected"),
    [
        ("五原县荣义村有人挖鱼塘", "place", "agree"),
        ("五原县荣艺村有人挖鱼塘", "place", "agree"),  # by sound
        ("五原县联丰村，王有财挖鱼塘", "place", "conflict"),
        ("五原县，王有财挖鱼塘", "place", "agree"),  # the county is all that is said
        ("五原县荣义村，王友才挖了个鱼塘", "respondent", "agree"),  # by sound
        ("五原县荣义村，姓王的在挖鱼塘", "respondent", "agree"),
        ("五原县荣义村，刘二小在挖鱼塘", "respondent", "conflict"),
        ("五原县荣义村有人挖鱼塘", "respondent", "unknown"),
        ("五原县荣义村，兴旺水产有限公司挖鱼塘", "respondent", "unknown"),  # may be his
        ("五原县荣义村，王有财毁了农田养虾", "facts", "agree"),
        ("五原县荣义村，王有财偷采河沙", "facts", "conflict"),
        ("五原县荣义村，王有财的事", "facts", "unknown"),
        ("五原县荣义村，王有财挖鱼塘", "time", "agree"),
    ],
)
def test_reasons(other: str, element: str, expected: str) -> None:
    assert why(BASE, other)[element] == expected


@pytest.mark.parametrize(
    ("first", "second", "later", "expected"),
    [
        ("，三月份开始的", "，春节刚过就挖了", "2026-09-09T09:00:00", "agree"),
        ("，三月份开始的", "，八月份开始的", "2026-03-09T09:00:00", "conflict"),
        ("，三月份开始的", "，没人管", "2026-09-09T09:00:00", "unknown"),
        ("", "", "2026-04-09T09:00:00", "agree"),
        ("", "", "2026-09-09T09:00:00", "unknown"),
    ],
)
def test_the_time_of_the_deed_before_that_of_the_report(first: str, second: str, later: str, expected: str) -> None:
    assert why(BASE + first, BASE + second, later)["time"] == expected


@pytest.mark.parametrize(
    ("text", "element", "expected"),
    [
        ("隆兴昌镇新红旗行政村那边", "village", ["新红旗"]),
        ("塔尔湖镇李家庄有人盖房", "village", ["李家庄"]),
        ("我们村的村民都知道", "village", []),
        ("村里老油坊旁边和小学后面", "landmark", ["油坊", "小学"]),
        ("在村那边的地里", "landmark", []),
        ("污水厂对过有人倒渣土", "company_head", []),  # a landmark, not the accused
        ("荣义村那边发现龙腾水产合作社在挖塘", "company_head", ["龙腾"]),  # the trade is no part of the name
        ("五原县荣义村四组锦通市政工程公司倒渣土", "company_head", ["锦通"]),
        ("湖南华鑫石材厂在采石", "company_head", ["华鑫"]),
        ("荣义村卢经理在挖沙", "head", []),  # a title, no given name
        ("荣义村卢经理在挖沙", "surname", ["卢"]),
        ("违法主体：弶然；违法事实：挖沙", "head", ["江然"]),  # no surname, heard wrong
        ("荣义村刘四毛家建房超面积", "head", ["刘四"]),
        ("没有开会就把村西头的地卖了", "village", []),
        ("兴旺砖厂偷挖黏土", "company_head", ["兴旺"]),
        ("鑫源物流有限公司占地", "company_head", ["鑫源"]),
        ("巴市鑫达建筑公司取土", "company_head", ["鑫达"]),
        ("镇上另一家砂场鑫源砂石无证洗砂", "company_head", ["鑫源"]),
        ("鑫源洗砂的那伙人又来了", "company_head", ["鑫源"]),
        ("无证洗砂的又来了", "company_head", []),
        ("有沙场老板姓郭，在河边挖沙", "head", []),
        ("离村子不到一百米", "village", []),
        ("让村民魏然给占了", "head", ["魏然"]),
        ("我路过看到李卫东正在挖沙", "head", ["李卫"]),
        ("马老板雇人挖沙", "surname", ["马"]),
        ("姓周的和老吴家在挖", "surname", ["周", "吴"]),
        ("三月份动的工，国庆前又挖", "month", ["3", "10"]),
        ("在三个月里", "month", []),
    ],
)
def test_elements(text: str, element: str, expected: list[str]) -> None:
    sounding = element in ("landmark", "company_head", "head", "surname")
    wanted = [heard(word) for word in expected] if sounding else expected
    found = read(text)[element]
    assert found == wanted or (element == "surname" and set(wanted) <= set(found))


@pytest.mark.parametrize(
    ("text", "county", "town"),
    [
        ("欧江岔牛角仑的郭老板采砂", "430903", "欧江岔"),
        ("我们灰山港的石膏矿越界了", "430922", "灰山港"),
        ("湖北省孝感市云梦县下辛店那边，欧江岔的人来挖沙", "420923", "下辛店"),  # where a place is named it stands
        ("走过三欧江岔口上", "", ""),  # 岔口: no part of the text begins with the name
        ("新河口那边有人挖沙", "", ""),  # several towns are called so
    ],
)
def test_a_town_by_its_bare_name_where_nothing_else_is_named(text: str, county: str, town: str) -> None:
    found = read(text, resolver().resolve)
    assert "".join(found["county"]) == county
    assert found["town"] == ([heard(town)[:2]] if town else [])


def test_who_reports_is_not_who_is_accused() -> None:
    found = read("我叫陈国强，电话13900001111，举报五原县荣义村李卫东占地建房")
    assert heard("陈国") not in found["head"]
    assert heard("李卫") in found["head"]


@pytest.mark.parametrize(
    ("name", "own", "trade"),
    [
        ("鑫源煤场", "鑫源", "煤"),
        ("鑫盛沙石码头", "鑫盛", "沙石码头"),
        ("中兴能源有限公司", "中兴", "能源"),
        ("鑫民水产专业合作社", "鑫民", "水产"),
        ("五原县隆兴昌镇兴旺砖厂", "兴旺", "砖"),
        ("金利厂", "金利", ""),
        ("砖厂", "", ""),
    ],
)
def test_a_firm_is_its_own_word_and_its_trade(name: str, own: str, trade: str) -> None:
    assert split(name) == (own, trade)


def test_a_name_that_ends_otherwise_is_not_the_same_person() -> None:
    """卢花桂 and 卢华翠 share surname and sound of the next character: no agreement, and no conflict either."""
    first, second = "五原县荣义村村民卢花桂挖鱼塘", "五原县荣义村村民卢华翠挖鱼塘"
    assert why(first, second)["respondent"] == "unknown"
    assert why(first, first)["respondent"] == "agree"


def test_two_trades_of_one_name_score_lower() -> None:
    def score(other: str) -> float:
        rows = [{"id": "a", "text": f"五原县荣义村鑫源煤场占耕地二十亩{HEAP}", "received_at": AT},
                {"id": "b", "text": f"五原县荣义村{other}占了二十亩耕地{HEAP}", "received_at": AT}]  # fmt: skip
        index = earlier.Index()
        index.add("a", earlier.read(rows[0], resolve))
        return float(index.candidates(earlier.read(rows[1], resolve), least=0.0)[0]["score"])

    assert score("鑫源驾校") < score("鑫源煤场")


HEAP = "，没有批文，老百姓意见很大"


@pytest.mark.parametrize(
    ("one", "other", "exact", "near"),
    [
        ("占了20亩", "占了二十亩地", True, True),
        ("占了72亩", "约48000平方米", True, True),
        ("占了20亩", "占了22亩", False, True),
        ("占了十几亩", "占了15亩左右", False, True),
        ("占了20亩", "占了60亩", False, False),
    ],
)
def test_sizes_as_the_same_number_and_as_told_by_two_people(one: str, other: str, exact: bool, near: bool) -> None:
    a, b = read(one), read(other)
    assert bool(set(a["size"]) & set(b["size"])) is exact
    assert bool(set(a["area"]) & set(b["area"])) is near


def test_a_sketch_comes_back_from_its_bytes() -> None:
    made = likeness.of_words(read(BASE, resolve), datetime(2026, 3, 1))  # noqa: DTZ001
    assert likeness.unpack(likeness.pack(made.elements)) == made.elements
