"""Missing elements, urgency and kind."""

from __future__ import annotations

import pytest

from hub.enrich import classify, elements, extract
from hub.terms import Passage, Suggestion


def read(text: str, *, place: str | None = None, evidence: bool = False) -> dict[str, Suggestion]:
    passages = [Passage(text)]
    found = classify.suggest(passages) + extract.suggest(passages)
    if place is not None:
        found.append(Suggestion("place", {"code": place}, "place", "test", 0.9))
    return {item.field: item for item in elements.suggest(found, passages, evidence)}


def test_a_full_report_misses_nothing():
    assert "missing" not in read("兴旺砖厂在耕地里挖土烧砖", place="150821", evidence=True)


def test_what_is_missing_is_named_in_the_order_it_is_asked_for():
    found = read("我要举报，你们快来")["missing"]
    assert found.value == ["place", "respondent", "facts", "evidence"]
    assert found.reason == "缺少：违法行为发生地、违法主体、主要违法事实、证据材料"


def test_somebody_is_no_respondent_but_a_village_head_is():
    assert "respondent" in read("有人在耕地里挖鱼塘", place="150821")["missing"].value
    assert "respondent" not in read("村主任在耕地里挖鱼塘", place="150821")["missing"].value


def test_what_the_operator_says_is_no_element():
    passages = [Passage("是村主任挖的吗？现在正在挖吗？", "", "operator"), Passage("不清楚", "", "caller")]
    assert "respondent" in elements.missing([], passages, has_evidence=False)
    assert [item.field for item in elements.suggest([], passages, has_evidence=False)] == ["missing"]


@pytest.mark.parametrize(
    ("text", "value", "now"),
    [
        ("现在就在挖，机器正在响，你们快点派人来看看。", "特急", True),
        ("他们正在往外拉稀土", "特急", True),
        ("今晚又要施工挖山", "特急", True),
        ("矿洞塌方了，有人受伤", "特急", False),
        ("每天晚上偷挖河沙", "急", False),
        ("去年占了五亩耕地建厂", None, False),
        ("现在还没有复垦", None, False),
    ],
)
def test_urgency_by_words(text, value, now):
    found = read(text).get("urgency")
    assert (found.value if found else None) == value
    if found:
        assert found.extra["happening_now"] is now
        assert all(text[span.start : span.end] == span.text for span in found.spans)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("我想咨询一下，自己家的承包地能不能挖鱼塘养鱼？", "consultation"),
        ("我上个星期举报过占地建仓库的事情，想问问处理得怎么样了。", "follow_up"),
        ("请问有人违法占地怎么办", None),
        ("有人在耕地里挖沙", None),
    ],
)
def test_kind_is_only_suggested_where_the_words_say_so(text, kind):
    found = read(text).get("kind")
    assert (found.value if found else None) == kind
