"""Corners of the law package that no ordinary case walks through: cut-offs, odd notices, competence of departments."""

from dataclasses import replace
from datetime import date, time

import pytest

from hub.law import competence, guards
from hub.law.calendar import national, parse_notice
from hub.law.competence import Entry, fitting
from hub.law.deadlines import due
from hub.law.notices import TemplateError, proof, template_of


def test_a_cut_off_is_told_with_the_last_day_and_moves_none() -> None:
    plain, cut = due(date(2026, 3, 2), 7, national()), due(date(2026, 3, 2), 7, national(), time(17, 30))
    assert (cut.due, cut.provisional) == (plain.due, plain.provisional)
    assert [day.date for day in cut.days] == [day.date for day in plain.days]
    assert cut.days[-1].why == f"{plain.days[-1].why}，17:30截止"
    assert cut.days[:-1] == plain.days[:-1]


def test_days_that_follow_each_other_with_the_month_told_once() -> None:
    read = parse_notice("关于2025年安排的通知\n元旦：12月31日、1月1日放假，共2天。")
    assert read["off"] == ["2025-01-01", "2025-12-31"], "each in the year of the notice: the gap is for a person"
    assert read["warnings"]
    read = parse_notice("关于2025年安排的通知\n劳动节：5月1日、2日、3日放假。共3天。")
    assert read["off"] == ["2025-05-01", "2025-05-02", "2025-05-03"]


def test_a_count_of_days_apart_from_its_days_is_checked_too() -> None:
    told = "关于2025年安排的通知\n劳动节：5月1日至5日放假调休，{}。"
    right, wrong = parse_notice(told.format("共5天")), parse_notice(told.format("一共4天"))
    assert right["off"] == wrong["off"]
    assert not [line for line in right["warnings"] if "通知写的是" in line]
    apart = parse_notice("关于2025年安排的通知\n劳动节：5月1日至5日放假调休（共4天）。")
    assert [line for line in apart["warnings"] if "是 5 天，通知写的是 4 天" in line]


def test_a_name_beside_a_date_opens_no_paragraph() -> None:
    read = parse_notice("关于2025年安排的通知\n国庆节：10月1日（国庆节）、10月6日中秋节放假。")
    assert read["off"] == ["2025-10-01", "2025-10-06"]


def test_a_closed_unit_of_another_department_receives_nothing() -> None:
    closed = {"unit_closed": "该单位已撤并", "department_unit": True}
    assert guards.department_unit(closed) == "该单位已撤并"
    assert guards.department_unit({"department_unit": False}) == "该单位不是平台内的其他部门"
    assert guards.department_unit({"department_unit": True}) is None


def test_a_wording_that_says_nothing_without_its_optional_slot_cannot_be_installed() -> None:
    good = template_of("accepted")
    assert good is not None
    bare = replace(good, text="[[{unit}]]", slots={"unit": "unit"}, optional=frozenset({"unit"}))
    with pytest.raises(TemplateError, match="无法生成"):
        proof(bare)


ROWS = [
    Entry("市场监管", "mining", "", "a", date(2020, 1, 1)),
    Entry("水利", "mining", "K4", "b", date(2020, 1, 1), division="430900"),
    Entry("农业农村", "mining", "K4", "c", date(2020, 1, 1), until=date(2021, 1, 1), division="430922"),
    Entry("林业", "transport", "K4", "d", date(2020, 1, 1), division="430922"),
    Entry("应急", "mining", "T1", "e", date(2020, 1, 1), division="430922"),
]


@pytest.mark.parametrize(
    ("areas", "matter", "day", "wanted"),
    [
        (["430922", "430900", "430000"], "K4", date(2020, 6, 1), ["c", "b", "a"]),
        (["430922", "430900", "430000"], "K4", date(2021, 1, 1), ["b", "a"]),
        (["430922", "430900", "430000"], "K4", date(2019, 12, 31), []),
        (["430922", "430900", "430000"], "", date(2022, 1, 1), ["e", "b", "a"]),
        (["430100", "430000"], "K4", date(2020, 6, 1), ["a"]),
    ],
)
def test_whose_matter_it_is_goes_by_place_day_class_and_stage(
    areas: list[str], matter: str, day: date, wanted: list[str]
) -> None:
    assert [row.source for row in fitting(ROWS, areas, matter, "mining", day)] == wanted


def test_the_shipped_table_names_its_sources() -> None:
    rows = competence.shipped()
    assert rows
    assert all(row.department and row.stage and row.source for row in rows)
    assert all(row.on(row.since) for row in rows)
