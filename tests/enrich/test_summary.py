"""The summary of a list row: facts first, and nothing that names the sender."""

from __future__ import annotations

from hub.enrich.passages import Source
from hub.enrich.run import SUMMARY, summary
from hub.terms import Passage, Span, Suggestion

FORM = (
    "违法行为发生地：桃江县武潭镇红旗村\n违法主体：鑫隆建材有限公司\n"
    "主要违法事实：占用耕地八亩建厂房，罗廷贵去问过。\n证据材料：照片"
)


def told(text: str) -> str:
    at = text.find("罗廷贵")
    name = Suggestion("reporter_name", "罗廷贵", "extract", "1", 0.9, (Span(0, at, at + 3, "罗廷贵"),))
    return summary([Source(Passage(text), 1, "text")], [name] if at >= 0 else [])


def test_of_a_form_the_facts_come_first() -> None:
    words = told(FORM)
    assert words.startswith("占用耕地八亩建厂房")
    assert words.index("照片") < words.index("违法行为发生地：桃江县武潭镇红旗村") < words.index("鑫隆建材有限公司")
    assert "罗廷贵" not in words


def test_any_other_text_stays_as_it_was_told() -> None:
    letter = "桃江县武潭镇红旗村，鑫隆公司的主要违法事实：占地。\n请查处。"
    assert told(letter) == letter.replace("\n", " ")
    assert len(told("占用耕地。" * 100)) == SUMMARY
