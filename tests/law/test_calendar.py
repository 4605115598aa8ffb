"""The national calendar equals its source day by day; layers apply in order; the State Council's notices are read."""

from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import pytest

from hub.law.calendar import Calendar, Layer, layer_of, national, parse_notice, read_notice
from hub.law.workdays import span

GAZETTE = Path(__file__).parent / "data" / "gazette"
YEARS = range(2019, 2027)
YEAR_NOTICES = Calendar(tuple(layer for layer in national().layers if layer.issued is None))


def days(first, last):
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def text(name):
    return (GAZETTE / f"{name}.txt").read_text(encoding="utf-8")


def test_every_day_of_2023_to_2026_is_right():
    walked = days(date(2023, 1, 1), date(2026, 12, 31))
    assert len(walked) == 1461
    assert [day for day in walked if national().counts(day) != chinese_calendar.is_workday(day)] == []


def test_every_day_since_2004_is_right():
    walked = days(date(2004, 1, 1), date(2026, 12, 31))
    assert [day for day in walked if national().counts(day) != chinese_calendar.is_workday(day)] == []


def test_the_golden_year_has_250_working_days():
    assert national().between(date(2009, 6, 25), date(2010, 6, 24)) == 250


def test_years_without_a_notice_are_provisional():
    assert national().years == frozenset(range(2004, 2027))
    assert not national().provisional(date(2026, 12, 31))
    assert national().provisional(date(2027, 1, 1))
    assert national().provisional(date(2003, 12, 31))
    assert national().counts(date(2027, 1, 1)), "a Friday: only the week decides"
    assert "未公布" in national().why(date(2027, 1, 1))


def test_every_day_has_its_reason():
    why = national().why
    assert why(date(2026, 2, 14)) == "周六，春节调休上班"
    assert why(date(2026, 10, 3)) == "周六，国庆节放假"
    assert why(date(2026, 3, 2)) == "周一，工作日"
    assert why(date(2026, 3, 1)) == "周日，休息日"


def test_changes_inside_a_year_hold_from_their_issue():
    may_2, february_1 = date(2019, 5, 2), date(2020, 2, 1)
    assert not national().counts(may_2)
    assert national().as_of(date(2019, 3, 21)).counts(may_2)
    assert not national().as_of(date(2019, 3, 22)).counts(may_2)
    assert national().as_of(date(2020, 1, 25)).counts(february_1), "a make-up Saturday before the holiday was prolonged"
    assert not national().counts(february_1)


def test_local_layers_win_and_make_no_year_known():
    regional = Layer("xinjiang-2027", off={date(2027, 3, 10): "肉孜节"}, year=2027, local=True)
    local = national().with_layers([regional])
    assert not local.counts(date(2027, 3, 10))
    assert local.why(date(2027, 3, 10)) == "周三，肉孜节放假"
    assert local.provisional(date(2027, 3, 10))
    late = Layer("national-2026-1", work={date(2026, 5, 2): "劳动节"}, issued=date(2026, 4, 1))
    both = national().with_layers([Layer("town", off={date(2026, 5, 2): "那达慕"}, local=True), late])
    assert not both.counts(date(2026, 5, 2))
    assert both.with_layers([Layer("town", local=True)]).counts(date(2026, 5, 2)), "the same id replaces"


def test_working_days_around_a_day():
    assert national().next(date(2026, 2, 14)) == date(2026, 2, 24)
    assert national().on_or_before(date(2026, 2, 23)) == date(2026, 2, 14)
    assert national().on_or_before(date(2026, 2, 24)) == date(2026, 2, 24)


@pytest.mark.parametrize("wrong", ["2026-13-01", "", "2026-01-03/2026-01-01", "2026-01-01/2026-12-31"])
def test_spans_that_are_none(wrong):
    with pytest.raises(ValueError):
        span(wrong)


# ---- notices


@pytest.mark.parametrize("year", YEARS)
def test_a_published_notice_is_read_exactly(year):
    read = parse_notice(text(year))
    assert read["warnings"] == []
    assert read["year"] == year
    notice = read_notice(text(year), national())
    before = Calendar(tuple(x for x in YEAR_NOTICES.layers if x.year != year))
    imported = before.with_layers([layer_of(notice, f"national-{year}")])
    walked = days(date(year - 1, 12, 15), date(year, 12, 15))
    assert [day for day in walked if imported.counts(day) != YEAR_NOTICES.counts(day)] == []
    assert not imported.provisional(date(year, 6, 1))


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("change", ["half", "one-line", "wrapped", "spaced"])
def test_the_way_it_was_pasted_does_not_matter(year, change):
    original = text(year)
    changed = {
        "half": original.translate(str.maketrans("（）：，", "():,")),
        "one-line": original.replace("\n", ""),
        "wrapped": "\n".join(original[n : n + 17] for n in range(0, len(original), 17)),
        "spaced": original.replace("月", " 月 ").replace("日", " 日").replace("\n", "\r\n\r\n"),
    }[change]
    assert parse_notice(changed) == parse_notice(original)


def test_full_width_digits():
    wide = text(2026).translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert parse_notice(wide) == parse_notice(text(2026))


def test_changes_inside_a_year_are_read():
    may = parse_notice(text("2019-1"))
    assert may["warnings"] == []
    assert may["off"] == [f"2019-05-0{n}" for n in range(1, 5)]
    assert may["work"] == ["2019-04-28", "2019-05-05"]
    spring = parse_notice(text("2020-1"))
    assert (spring["off"], spring["work"]) == (["2020-01-31", "2020-02-01", "2020-02-02"], [])
    assert spring["warnings"] == []
    imported = YEAR_NOTICES.with_layers(
        layer_of(read_notice(text(name), national()), name, issued) for name, issued in
        [("2019-1", date(2019, 3, 22)), ("2020-1", date(2020, 1, 26))]
    )  # fmt: skip
    walked = days(date(2019, 1, 1), date(2020, 12, 31))
    assert [day for day in walked if imported.counts(day) != national().counts(day)] == []


def test_a_short_paste_of_two_paragraphs():
    read = parse_notice(
        "一、元旦：2025年1月1日(周三)放假1天，不调休。二、春节：1月28日(农历除夕、周二)至2月4日(农历正月初七、周二)放假调休，"
        "共8天。1月26日(周日)、2月8日(周六)上班。"
    )
    assert read["off"] == ["2025-01-01", *(day.isoformat() for day in days(date(2025, 1, 28), date(2025, 2, 4)))]
    assert read["work"] == ["2025-01-26", "2025-02-08"]
    assert read["warnings"] == []


def test_new_year_over_the_turn_of_the_year():
    for told in (
        "关于2019年安排的通知\n一、元旦：12月30日至1月1日放假调休，共3天。12月29日（星期六）上班。",
        "一、元旦：2018年12月30日至次年1月1日放假，共3天。2018年12月29日（周六）上班。",
        "关于2019年安排的通知\n元旦：12月30日（周日）至1月1日（周二）放假，共3天，12月29日（周六）上班。",
    ):
        read = parse_notice(told)
        assert read["off"] == ["2018-12-30", "2018-12-31", "2019-01-01"], told
        assert read["work"] == ["2018-12-29"]
        assert (read["warnings"], read["year"]) == ([], 2019)


def test_advice_to_take_leave_is_no_day_off():
    assert "2024-02-09" not in parse_notice(text(2024))["off"]


@pytest.mark.parametrize(
    ("old", "new", "doubt"),
    [
        ("1月4日（周日）上班", "1月4日（周六）上班", "2026-01-04 是周日，通知写的是周六"),
        ("共9天", "共8天", "是 9 天，通知写的是 8 天"),
        ("2月28日（周六）上班", "2月27日（周五）上班", "2026-02-27 是周五，不应是调休上班日"),
        ("2月14日（周六）、2月28日（周六）上班", "2月28日（周六）上班", "减去调休上班天数是 14，应为 13"),
        ("4月4日（周六）至6日（周一）", "4月4日（周六）至31日（周五）", "“4月4日(周六)至31日(周五)”|不是有效日期|31日"),
        ("5月1日（周五）至5日（周二）", "5月1日（周五）至6月5日（周五）", "不是合理的放假区间"),
        ("5月9日（周六）上班", "5月9日（周六）", "没有说明是放假还是上班"),
        ("　　三、清明节：4月4日（周六）至6日（周一）放假，共3天。\n", "", "没有读到：清明节"),
        ("9月20日（周日）", "10月4日（周日）", "2026-10-04 既是放假又是上班"),
        ("2月15日（农历腊月二十八、周日）至23日", "2月15日（农历腊月二十八、周日）至33日", "不是有效日期"),
    ],
)
def test_what_is_doubtful_is_told_and_never_imported(old, new, doubt):
    import re

    assert old in text(2026)
    changed = text(2026).replace(old, new)
    warnings = parse_notice(changed)["warnings"]
    assert re.search(doubt.replace("(", r"\(").replace(")", r"\)"), "\n".join(warnings)), warnings
    with pytest.raises(ValueError, match="doubtful"):
        layer_of(read_notice(changed, national()), "x")


@pytest.mark.parametrize("letters", ["4天", "周二"])
def test_each_single_slip_of_the_pen_is_noticed(letters):
    """Every weekday and every number of days of 2025 and 2026, changed one at a time."""
    import re

    for year in (2025, 2026):
        body = text(year)
        pattern = r"(?<=共)\d(?=天)" if letters == "4天" else r"(?<=周)[一二三四五六日](?=）)"
        for found in re.finditer(pattern, body):
            other = "4" if letters == "4天" else "二"
            wrong = other if found[0] != other else "五"
            changed = body[: found.start()] + wrong + body[found.end() :]
            if letters == "4天" and wrong == "五":
                continue
            assert parse_notice(changed)["warnings"], (year, found.start())


def test_text_that_is_no_notice():
    for told in (
        "",
        "今天天气不错",
        "1月1日放假",
        "请于10日内答复。",
        "x" * 30_000,
        "放假" * 5_000,
        "\ud800",
        "1" * 20_000,
    ):
        read = parse_notice(told)
        assert read["warnings"], told[:20]
        assert read["off"] == []


def test_a_holiday_nobody_knows_cannot_be_prolonged():
    read = parse_notice("关于延长2031年春节假期的通知。延长2031年春节假期至2月2日，2月3日起正常上班。")
    assert any("不知道原来的假期" in warning for warning in read["warnings"])


def test_gaps_and_foreign_years_are_doubtful():
    gap = parse_notice("关于2026年安排的通知。五、端午节：6月19日放假。6月22日放假。")
    assert any("不连续" in warning for warning in gap["warnings"])
    other = parse_notice("关于2026年安排的通知。五、端午节：2030年6月19日放假。")
    assert any("年份不符" in warning for warning in other["warnings"])


@pytest.mark.parametrize(
    "evil",
    ["日" * 20_000, "1月1日、" * 3_000, "\n" * 20_000, "一、\n" * 6_000, "延长" * 9_000, "(周" * 9_000,
     "1月1日至" * 2_800,
     "春" * 19_000, "1" * 20_000, "纪念" * 9_000, "1月1日(" * 3_000, "2026年" * 3_000 + "1月1日放假"],
    ids=range(12),
)  # fmt: skip
def test_evil_text_is_read_in_a_moment(evil):
    from time import process_time

    started = process_time()
    parse_notice(evil)
    assert process_time() - started < 0.5
