"""The short dated lists of the law package: signs of importance (B9), periods of keeping (J7), topics (B8)."""

from __future__ import annotations

import contextlib
import io
import runpy
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from hub.law import importance, retention, topics, workflow
from hub.law.calendar import parse_notice
from hub.law.importance import Known, signs

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (Known(), []),
        (Known(land_kind="permanent_basic_farmland"), [("farmland", "important")]),
        (Known(land_kind="permanent_basic_farmland", area_m2=3333.4),
         [("farmland", "major"), ("farmland", "important")]),
        (Known(land_kind="permanent_basic_farmland", area_m2=3300), [("farmland", "important")]),
        (Known(land_kind="other_arable", area_m2=3333.4), []),
        (Known(land_kind="other_arable", area_m2=6666.7), [("farmland", "major")]),
        (Known(class_code="T1"), [("approval", "major")]),
        (Known(class_code="K3"), [("approval", "major")]),
        (Known(class_code="T2"), []),
        (Known(urgent=True), [("danger", "important")]),
        (Known(channel="media", class_code="T1"), [("approval", "major"), ("media", "important")]),
        (Known(channel="referral", urgent=True), [("danger", "important"), ("leader", "important")]),
    ],
)  # fmt: skip
def test_signs_of_importance_strongest_first(known: Known, wanted: list[tuple[str, str]]) -> None:
    """B9 (internal rules): 5 亩 of permanent basic farmland or 10 亩 of other arable land make a clue major."""
    found = signs(known, DAY)
    assert [(sign.criterion, sign.level) for sign in found] == wanted
    assert all(sign.reason for sign in found)


def test_a_rule_of_importance_counts_from_its_day() -> None:
    assert signs(Known(urgent=True), date(2009, 6, 25))
    assert signs(Known(urgent=True), date(2009, 6, 24)) == []


@pytest.mark.parametrize(
    ("reason", "years"),
    [("violation", 30), ("not_a_clue", 3), ("no_violation", 10), ("duplicate", 10), ("out_of_scope", 10), ("", 10)],
)
def test_a_clue_is_kept_for_as_long_as_its_end_asks(reason: str, years: int) -> None:
    """J7 (internal periods): from the day of closing, the first row that holds."""
    assert retention.period(reason).years == years
    assert retention.ends(date(2026, 3, 2), reason) == date(2026 + years, 3, 2)
    assert retention.ends(date(2026, 3, 2), reason, 1) == date(2027, 3, 2), "the years of the unit's own archive rules"


def test_a_clue_closed_on_a_leap_day_is_kept_to_the_first_of_march() -> None:
    assert retention.ends(date(2024, 2, 29), "not_a_clue") == date(2027, 3, 1)
    assert retention.ends(date(2024, 2, 29), "not_a_clue", 4) == date(2028, 2, 29)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Puts a data file of other contents in the place of the shipped one."""
    (tmp_path / "data").mkdir()

    def write(name: str, text: str) -> None:
        (tmp_path / "data" / name).write_text(text, encoding="utf-8")
        for module in (importance, topics):
            monkeypatch.setattr(module, "files", lambda _: tmp_path)
        for cached in (importance._rules, topics.rows, topics.labels):
            cached.cache_clear()

    yield write
    monkeypatch.undo()
    for cached in (importance._rules, topics.rows, topics.labels):
        cached.cache_clear()


@pytest.mark.parametrize(
    "row",
    [
        'criterion = "rumour"\nlevel = "major"\nurgent = true',
        'criterion = "danger"\nlevel = "grave"\nurgent = true',
        'criterion = "danger"\nlevel = "major"',  # no condition: it would hold for every clue
    ],
)
def test_a_rule_of_importance_that_names_nothing_is_not_loaded(written: Callable[[str, str], None], row: str) -> None:
    written("importance.toml", f'[[rule]]\nreason = "理由"\nsince = 2009-06-25\n{row}\n')
    with pytest.raises(ValueError, match="without criterion, level or condition"):
        signs(Known(), DAY)


TOPIC = '[[topic]]\ncode = "{}"\nlabel = "{}"\nsince = 2009-06-25\nwords = [{}]\n'


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("sand", "河道采砂", '"河砂"'), ("sand", "采砂", '"江砂"')], "two labels"),
        ([("sand", "", '"河砂"')], "without words"),
        ([("sand", "采砂", "")], "without words"),
        ([("sand", "采砂", '""')], "without words"),
    ],
)
def test_topics_that_could_not_be_counted_by_are_not_loaded(
    written: Callable[[str, str], None], rows: list[tuple[str, str, str]], told: str
) -> None:
    """B8: a topic is counted by its code and shown by its one name; an empty word would be found in every text."""
    written("topics.toml", "".join(TOPIC.format(*row) for row in rows))
    with pytest.raises(ValueError, match=told):
        topics.labels()


def test_a_topic_may_be_named_in_several_ways() -> None:
    assert len(topics.rows()) > len(topics.labels())
    assert topics.named(["basic_farmland"]) == [{"code": "basic_farmland", "name": "永久基本农田"}]
    with pytest.raises(KeyError):
        topics.named(["none"])


def test_a_weekday_that_fits_no_year_is_told_to_the_person() -> None:
    """W1, calendar: 31 December of a notice for 2023 is a Saturday of 2022 or a Sunday of 2023, never a Tuesday."""
    told = "关于2023年安排的通知\n元旦：12月31日（周{}）放假。"
    assert parse_notice(told.format("六"))["off"] == ["2022-12-31"]
    read = parse_notice(told.format("二"))
    assert read["off"] == ["2023-12-31"]
    assert "2023-12-31 是周日，通知写的是周二" in read["warnings"]


def test_the_rule_table_prints_its_diagram() -> None:
    """docs/workflow.md: `python -m hub.law.workflow`."""
    with contextlib.redirect_stdout(io.StringIO()) as out, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the module is loaded already
        runpy.run_module("hub.law.workflow", run_name="__main__")
    assert out.getvalue() == workflow.docs()
    assert out.getvalue().startswith("stateDiagram-v2")
