"""Due dates: the gold vectors of PRODUCT §6, explained day by day."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.law import deadlines
from hub.law.calendar import layer_of, national, read_notice
from hub.law.deadlines import BEIJING, base_day, closes_at, due, in_time, monthly_return, penalty_publication

GOLD = """
2026-02-12 2026-02-14 2026-02-26 2026-02-28
2026-02-13 2026-02-24 2026-02-27 2026-03-02
2026-09-29 2026-10-08 2026-10-12 2026-10-14
2026-04-30 2026-05-07 2026-05-11 2026-05-13
2026-02-14 2026-02-25 2026-02-28 2026-03-03
2026-10-03 2026-10-09 2026-10-13 2026-10-15
2026-09-17 2026-09-20 2026-09-23 2026-09-28
2026-02-28 2026-03-03 2026-03-06 2026-03-10
"""
DAY = date.fromisoformat


@pytest.mark.parametrize("line", GOLD.split("\n")[1:-1])
def test_gold_vectors(line):
    base, two, five, seven = map(DAY, line.split())
    found = [due(base, days, national()).due for days in (2, 5, 7)]
    assert found == [two, five, seven]


def test_the_json_explains_every_day():
    told = due(DAY("2026-02-12"), 2, national()).json()
    assert told == {
        "due": "2026-02-14",
        "provisional": False,
        "days": [
            {"date": "2026-02-12", "counts": False, "why": "起算日，不计入"},
            {"date": "2026-02-13", "counts": True, "why": "周五，工作日，第1个工作日"},
            {"date": "2026-02-14", "counts": True, "why": "周六，春节调休上班，第2个工作日"},
        ],
    }
    long = due(DAY("2026-02-13"), 2, national())
    assert [day.why for day in long.days if day.date == DAY("2026-02-17")] == ["周二，春节放假"]


def test_zero_days_end_on_the_base():
    assert due(DAY("2026-10-03"), 0, national()).due == DAY("2026-10-03")


@pytest.mark.parametrize(("base", "days"), [("2026-01-01", -1), ("2026-01-01", 2501), ("9999-12-30", 7)])
def test_limits_that_are_none(base, days):
    with pytest.raises(ValueError):
        due(DAY(base), days, national())


def test_a_year_without_notice_is_provisional_until_it_is_imported():
    assert not due(DAY("2026-12-18"), 7, national()).provisional
    before = due(DAY("2026-12-29"), 7, national())
    assert (before.due, before.provisional) == (DAY("2027-01-07"), True)
    # An invented notice for 2027 with the usual New Year; nobody knows the real one here.
    notice = read_notice("关于2027年安排的通知\n一、元旦：2027年1月1日（周五）至3日（周日）放假，共3天。", national())
    after = due(DAY("2026-12-29"), 7, national().with_layers([layer_of(notice, "national-2027")]))
    assert (after.due, after.provisional) == (DAY("2027-01-08"), False)


def test_a_base_in_an_unknown_year_alone_is_not_provisional():
    assert not due(DAY("2003-12-31"), 2, national()).provisional


def test_the_day_of_an_event_is_a_day_of_china():
    assert base_day(datetime(2026, 3, 2, 15, 59, tzinfo=UTC)) == DAY("2026-03-02")
    assert base_day(datetime(2026, 3, 2, 16, 0, tzinfo=UTC)) == DAY("2026-03-03")
    with pytest.raises(ValueError, match="zone"):
        base_day(datetime(2026, 3, 2, 16, 0))  # noqa: DTZ001


def test_a_limit_ends_at_24_or_at_the_switch_of_the_unit():
    last = DAY("2026-03-10")
    assert closes_at(last) == datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
    assert in_time(datetime(2026, 3, 10, 23, 59, 59, tzinfo=BEIJING), last)
    assert not in_time(datetime(2026, 3, 11, 0, 0, tzinfo=BEIJING), last)
    assert in_time(datetime(2026, 3, 10, 17, 29, tzinfo=BEIJING), last, time(17, 30))
    assert not in_time(datetime(2026, 3, 10, 17, 30, tzinfo=BEIJING), last, time(17, 30))


def test_the_monthly_return_is_due_on_the_20th_or_the_working_day_before():
    assert monthly_return(2026, 1, national()) == DAY("2026-02-14"), "20 February is in the Spring Festival"
    assert monthly_return(2026, 2, national()) == DAY("2026-03-20")
    assert monthly_return(2026, 5, national()) == DAY("2026-06-18"), "19-21 June: Dragon Boat Festival"
    assert monthly_return(2025, 12, national()) == DAY("2026-01-20")
    assert monthly_return(2026, 8, national()) == DAY("2026-09-20"), "a Sunday worked"


def test_penalty_decisions_count_calendar_days():
    assert penalty_publication(DAY("2026-02-10")) == DAY("2026-03-02")


@given(st.dates(date(2004, 1, 1), date(2026, 10, 1)), st.integers(1, 30))
def test_what_holds_for_every_limit(base, days):
    found = due(base, days, national())
    assert sum(day.counts for day in found.days) == days
    assert national().counts(found.due)
    assert found.days[-1].date == found.due
    assert [day.date for day in found.days] == [base + timedelta(days=n) for n in range((found.due - base).days + 1)]
    assert national().between(base + timedelta(days=1), found.due) == days
    assert due(base, days + 1, national()).due == national().next(found.due)


def test_the_limits_of_the_measures():
    assert (deadlines.DETERMINATION, deadlines.ESCALATION, deadlines.RESULT) == (7, 2, 5)
