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


def test_a_city_withdraws_a_refused_ground_and_gives_it_back():
    """Art. 7–9, B11: what is refused is a list too; a city narrows it from the day of filing, for its counties only."""
    row = change(class_code="N3", add=None, remove="N3", valid_to=date(2026, 6, 1))
    narrower = scope(TODAY, "430922", [row])
    assert [ground.code for ground in narrower.refused] == ["N1", "N2", "N4", "N5"]
    assert narrower.rule_version == "scope-2017+L1"
    with pytest.raises(ScopeError, match="N3"):
        narrower.in_scope("N3")  # no longer refused, and no class of annex 1
    assert scope(date(2026, 6, 1), "430922", [row]).in_scope("N3") is False
    assert "N3" in scope(TODAY, "431000", [row]).texts()


def test_a_city_widens_a_refused_ground_by_a_named_matter():
    """Art. 8–9: the ground keeps its code, name and article; the further matter is told after its text."""
    row = change(class_code="N5", add=Behaviour("N5.430900.1", "河道采砂由水利部门管理"))
    known = next(ground for ground in versions()[0].refused if ground.code == "N5")
    wider = next(ground for ground in scope(TODAY, "430922", [row]).refused if ground.code == "N5")
    assert wider.text == f"{known.text}；河道采砂由水利部门管理"
    assert (wider.code, wider.name, wider.article) == (known.code, known.name, known.article)
    assert scope(TODAY, "430922", [row]).texts() == versions()[0].texts()


def test_changes_take_effect_in_the_order_they_were_filed():
    """B11: a behaviour that the city added may be taken out by its later filing, whatever order the rows come in."""
    later = change(id="L0", valid_from=date(2026, 2, 1), add=None, remove="T5.430900.1")
    found = scope(TODAY, "430922", [later, change()])
    assert found.local == ("L1", "L0")
    assert "T5.430900.1" not in found.texts()


@pytest.mark.parametrize("wrong", [{"class_code": "N9"}, {"class_code": "N3", "remove": "N4"}])
def test_only_a_ground_that_is_listed_can_be_changed(wrong):
    with pytest.raises(ScopeError, match="not listed"):
        scope(TODAY, "430922", [change(add=None, **wrong)])
