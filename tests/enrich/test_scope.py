"""The lists of what 12336 takes in and refuses."""

from __future__ import annotations

from datetime import date

import pytest

from hub.law.scope import Behaviour, LocalChange, ScopeError, scope, versions
from hub.terms import CLASS_LABELS

TODAY = date(2026, 3, 1)


def test_ten_classes_forty_behaviours_five_grounds():
    found = scope(TODAY)
    assert [c.code for c in found.classes] == ["T1", "T2", "T3", "T4", "T5", "K1", "K2", "K3", "K4", "K5"]
    assert [g.code for g in found.refused] == ["N1", "N2", "N3", "N4", "N5"]
    assert {entry.code: entry.name for entry in (*found.classes, *found.refused)} == CLASS_LABELS
    ids = [b.id for c in found.classes for b in c.behaviours]
    assert len(ids) == len(set(ids)) == 40
    assert all(b.id.startswith(c.code + ".") and b.text for c in found.classes for b in c.behaviours)
    assert all(entry.article for entry in (*found.classes, *found.refused))


def test_in_scope():
    found = scope(TODAY)
    assert found.in_scope("K2")
    assert not found.in_scope("N3")
    with pytest.raises(ScopeError):
        found.in_scope("X1")


def test_a_day_before_the_first_version_gets_the_first():
    assert scope(date(2009, 6, 25)) == versions()[0]


def change(**other) -> LocalChange:
    values = {"id": "L1", "division": "430900", "valid_from": date(2026, 1, 1), "class_code": "T5"}
    return LocalChange(**{**values, "add": Behaviour("T5.430900.1", "擅自移动界桩"), **other})


def test_a_city_changes_the_list_and_its_counties_inherit():
    found = scope(TODAY, "430922", [change()])
    assert found.rule_version == "scope-2017+L1"
    assert found.violation_class("T5").behaviours[-1].origin == "local"
    assert scope(TODAY, "430900", [change()]).local == ("L1",)
    for division in ("431000", "430000", None):
        assert scope(TODAY, division, [change()]) == versions()[0]


def test_a_change_governs_from_its_filing_to_its_end():
    row = change(valid_to=date(2026, 2, 1))
    assert scope(date(2025, 12, 31), "430922", [row]).local == ()
    assert scope(date(2026, 1, 1), "430922", [row]).local == ("L1",)
    assert scope(date(2026, 2, 1), "430922", [row]).local == ()


def test_a_behaviour_can_be_taken_out():
    found = scope(TODAY, "430922", [change(add=None, remove="T5.5")])
    assert "T5.5" not in [b.id for b in found.violation_class("T5").behaviours]


@pytest.mark.parametrize(
    "wrong",
    [{"division": "430922"}, {"division": "430000"}, {"division": "43"}, {"class_code": "T9"}, {"remove": "T5.99"}],
)
def test_only_cities_change_and_only_what_is_listed(wrong):
    with pytest.raises(ScopeError):
        scope(TODAY, "430922", [change(**wrong)])


@pytest.mark.parametrize("code", ["", "43", "４３０９２２", "430922x"])
def test_a_malformed_division_is_refused(code):
    with pytest.raises(ScopeError):
        scope(TODAY, code)
