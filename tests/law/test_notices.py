"""Notices: eight kinds render, nothing of subject, place or accusation can enter, wrong templates are not installed."""

from dataclasses import replace
from datetime import date

import pytest

from hub.law import notices
from hub.law.notices import KINDS, Template, TemplateError, check, fill, read_templates, render, shipped, template_of

UNIT = "五原县自然资源局"
GOOD = {
    "receipt": {"date": "2026-03-02", "unit": UNIT, "query_code": "K7QM-29XA"},
    "accepted": {"date": "2026-03-02", "unit": UNIT},
    "out_of_scope": {"date": "2026-03-02", "unit": UNIT, "department": "五原县信访局"},
    "duplicate": {"earlier_date": "2026-01-15", "unit": UNIT},
    "supplement": {"date": "2026-03-02", "elements": ["place", "facts"], "unit": UNIT},
    "no_violation": {"date": "2026-03-02", "unit": UNIT},
    "violation": {"date": "2026-03-02", "unit": UNIT},
    "correction": {"date": "2026-03-02", "corrected": "accepted", "unit": UNIT},
}
TEMPLATE = template_of("accepted")
assert TEMPLATE is not None


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_renders(kind):
    told = render({"kind": kind, "slots": GOOD[kind]})
    assert set(told) == {"text"}
    assert "{" not in told["text"]
    assert "[" not in told["text"]
    assert UNIT in told["text"]
    assert len(told["text"]) < 200


def test_the_words_of_the_law():
    assert "不存在国土资源违法行为" in render({"kind": "no_violation", "slots": GOOD["no_violation"]})["text"]
    assert "将依法依规予以处理" in render({"kind": "violation", "slots": GOOD["violation"]})["text"]
    other = render({"kind": "no_violation", "slots": {**GOOD["no_violation"], "label": "自然资源"}})["text"]
    assert "不存在自然资源违法行为" in other


def test_which_date_is_told():
    assert "2026年1月15日" in render({"kind": "duplicate", "slots": GOOD["duplicate"]})["text"]
    assert "2026年3月2日" in render({"kind": "supplement", "slots": GOOD["supplement"]})["text"]
    assert "违法行为发生地和主要违法事实" in render({"kind": "supplement", "slots": GOOD["supplement"]})["text"]


def test_optional_sentences_come_and_go():
    with_code = render({"kind": "receipt", "slots": GOOD["receipt"]})["text"]
    without = render({"kind": "receipt", "slots": {"date": "2026年3月2日", "unit": UNIT}})["text"]
    assert "K7QM-29XA" in with_code
    assert "查询码" not in without
    assert "信访局" in render({"kind": "P3", "slots": GOOD["out_of_scope"]})["text"]
    assert "反映。" not in render({"kind": "P3", "slots": {"date": "2026-03-02", "unit": UNIT}})["text"]


@pytest.mark.parametrize(
    ("asked", "slot"),
    [
        ({"kind": "accepted", "slots": {"unit": UNIT}}, "date"),
        ({"kind": "accepted", "slots": {"date": "2026-03-02"}}, "unit"),
        ({"kind": "accepted", "slots": {**GOOD["accepted"], "place": "隆兴昌镇"}}, "place"),
        ({"kind": "accepted", "slots": {**GOOD["accepted"], "facts": "占地"}}, "facts"),
        ({"kind": "accepted", "slots": {**GOOD["accepted"], "respondent": "张三"}}, "respondent"),
        ({"kind": "accepted", "slots": {**GOOD["accepted"], "label": "自然资源"}}, "label"),
        ({"kind": "accepted", "slots": {"date": "昨天", "unit": UNIT}}, "date"),
        ({"kind": "accepted", "slots": {"date": "2026-02-30", "unit": UNIT}}, "date"),
        ({"kind": "accepted", "slots": {"date": "2026-03-02", "unit": "张三在隆兴昌镇占地"}}, "unit"),
        ({"kind": "accepted", "slots": {"date": "2026-03-02", "unit": "查实张三违法占地的县局"}}, "unit"),
        ({"kind": "accepted", "slots": {"date": "2026-03-02", "unit": "县局<b>"}}, "unit"),
        ({"kind": "accepted", "slots": {"date": 20260302, "unit": UNIT}}, "date"),
        ({"kind": "out_of_scope", "slots": {**GOOD["out_of_scope"], "department": "去问村里老王"}}, "department"),
        ({"kind": "receipt", "slots": {**GOOD["receipt"], "query_code": "查询 隆兴昌"}}, "query_code"),
        ({"kind": "supplement", "slots": {**GOOD["supplement"], "elements": ["respondent"]}}, "elements"),
        ({"kind": "supplement", "slots": {**GOOD["supplement"], "elements": ["place", "place"]}}, "elements"),
        ({"kind": "supplement", "slots": {**GOOD["supplement"], "elements": [["place"]]}}, "elements"),
        ({"kind": "supplement", "slots": {**GOOD["supplement"], "elements": {}}}, "elements"),
        ({"kind": "correction", "slots": {**GOOD["correction"], "corrected": "something"}}, "corrected"),
        ({"kind": "no_violation", "slots": {**GOOD["no_violation"], "label": "隆兴昌镇"}}, "label"),
        ({"kind": "anything", "slots": {}}, "kind"),
        ({"kind": 7}, "kind"),
        ({"slots": {}}, "kind"),
        ({"kind": "accepted", "slots": [1]}, "slots"),
        ([], ""),
        (None, ""),
    ],
)
def test_wrong_slots_are_refused_by_name(asked, slot):
    told = render(asked)
    assert set(told) == {"error", "slot"}
    assert told["slot"] == slot
    assert told["error"]


def test_no_slot_type_takes_free_text():
    for read, _hint in notices.TYPES.values():
        for told in ("隆兴昌镇义丰村三社张三违法占地十二亩", "张三", "某砂石厂", "", "a b", "{unit}", "\u202e局"):
            assert read(told) is None, told


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "advert"}, "没有这种告知"),
        ({"text": ""}, "字之间"),
        ({"text": "x" * 501}, "字之间"),
        ({"text": "{date}{unit}{place}"}, "不一致：place"),
        ({"text": "{unit}"}, "不一致：date"),
        ({"slots": {"date": "date", "unit": "text"}}, "类型不允许：unit"),
        ({"optional": frozenset({"nobody"})}, "未声明"),
        ({"optional": frozenset({"date"})}, "须写在"),
        ({"text": "{date}{unit}}"}, "不成对"),
        ({"text": "[[{date}{unit}"}, "不成对"),
        ({"kind": "no_violation"}, "缺少法定用语：不存在国土资源违法行为"),
        ({"kind": "violation"}, "缺少法定用语：将依法依规予以处理"),
    ],
)
def test_a_template_renders_or_is_not_installed(change, why):
    with pytest.raises(TemplateError, match=why):
        check(replace(TEMPLATE, **change))


def test_an_administrator_installs_other_wording_from_a_day_on():
    newer = Template(
        "local-1", "no_violation", "告知", "您{date}反映的事项，经核查不存在自然资源违法行为。{unit}",
        {"date": "date", "unit": "unit"}, date(2026, 7, 1),
    )  # fmt: skip
    check(newer)
    among = [*shipped(), newer]
    assert template_of("no_violation", date(2026, 6, 30), among).id == "no_violation-2017"
    assert template_of("no_violation", date(2026, 7, 1), among) is newer
    assert template_of("no_violation", None, among) is newer
    assert template_of("no_violation", date(2016, 1, 1), among) is None
    assert fill(newer, {"date": "2026-07-02", "unit": UNIT})["text"].startswith("您2026年7月2日反映")


def test_a_bad_data_file_is_refused():
    with pytest.raises(TemplateError):
        read_templates(
            '[[template]]\nid="x"\nkind="receipt"\ntitle="t"\nsince=2026-01-01\narticle="a"\n'
            'text="{place}"\nslots={place="text"}\n'
        )


def test_shipped_templates_cover_every_kind_once():
    assert sorted(template.kind for template in shipped()) == sorted(KINDS)
