"""A unit or officer beside an accusing word is accused; a mere mention is not (PRODUCT §5)."""

from __future__ import annotations

import pytest

from hub.access.accusing import Officer, UnitNames, accused

UNITS = [
    UnitNames(3, "county", "桃江县", "桃江县自然资源主管部门"),
    UnitNames(2, "city", "益阳市", "益阳市自然资源主管部门"),
    UnitNames(1, "province", "湖南省", "湖南省自然资源主管部门"),
]
OFFICERS = [Officer(9, 3, "刘建军")]

ACCUSED = [
    ("桃江县自然资源局收了老板的钱，包庇他们占地", {(3, None)}),
    ("桃江自然资源局包庇砂场", {(3, None)}),
    ("县国土局局长受贿", {(3, None)}),
    ("自然资源局和村干部勾结", {(3, None)}),
    ("国土所的人给矿老板通风报信", {(3, None)}),
    ("你们局的人走漏消息", {(3, None)}),
    ("村支书向国土局行贿", {(3, None)}),
    ("他们的保护伞就是县自然资源局", {(3, None)}),
    ("益阳市国土局违法批地给开发商", {(2, None)}),
    ("市自然资源局失职", {(2, None)}),
    ("湖南省自然资源厅违规审批采矿权", {(1, None)}),
    ("桃江县自然资源主管部门不作为", {(3, None)}),
    ("刘建军收钱不办事", {(3, 9)}),
    ("占了8亩地。后来才知道执法的刘建军入股了砂场！", {(3, 9)}),
    ("益阳市国土局违规批矿，桃江县国土局包庇", {(2, None), (3, None)}),
    (
        "刘建军来看过。自然资源厅违规审批采矿权",
        {(1, None)},
    ),  # a 厅 is the province's
]
MENTIONED = [
    "武潭镇红旗村鑫隆公司占耕地8亩建厂房",
    "我已经向县自然资源局举报过了，村长贪污",
    "请国土局查处村干部勾结开发商",
    "村干部贪污，已向国土局反映",
    "国土局来看过两次没有处理",
    "国土局查处后村长打击报复我",
    "湘潭县国土局受贿",
    "刘建军占地建房",
    "举报人说国土局没有包庇",
    "自然资源局管不管这件事",
    "村主任收了开发商的钱。自然资源局的电话打不通。",
    "希望市自然资源局严查官商勾结",
]


@pytest.mark.parametrize(("text", "wanted"), ACCUSED)
def test_accused(text: str, wanted: set[tuple[int, int | None]]) -> None:
    found = accused(text, UNITS, OFFICERS)
    assert {(hit.unit_id, hit.user_id) for hit in found} == wanted
    assert all(hit.words and hit.words in text for hit in found)


@pytest.mark.parametrize("text", MENTIONED)
def test_mentioned(text: str) -> None:
    assert accused(text, UNITS, OFFICERS) == []


def test_hostile_text_takes_no_time() -> None:
    assert accused("国土局" * 60_000, UNITS, OFFICERS) == []
    assert len(accused("国土局受贿" * 2_000, UNITS, OFFICERS)) == 1
    assert accused("", [], []) == []
