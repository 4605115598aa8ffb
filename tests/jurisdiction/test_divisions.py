"""The division table: levels, parents, paths, dates, old codes and names."""

from datetime import date

import pytest

from hub.jurisdiction.divisions import LEVELS, MUNICIPALITIES, short_code, table


def test_counts_are_those_of_the_source():
    levels = [row.level for row in table()]
    assert levels.count("province") == 34
    assert levels.count("county") == 2847
    assert levels.count("city") == 333
    assert levels.count("town") > 38_749  # plus the cities and counties the first source leaves without towns


def test_codes_are_unique_and_every_parent_exists_one_level_up():
    seen = set()
    order = {level: number for number, level in enumerate(LEVELS)}
    for row in table():
        assert row.code not in seen
        seen.add(row.code)
        assert len(row.code) == (9 if row.level == "town" else 6)
        if row.level == "province":
            assert row.parent == ""
        else:
            parent = table().parent(row.code)
            assert parent is not None
            assert parent.present
            assert order[parent.level] < order[row.level]


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("150802", "内蒙古自治区/巴彦淖尔市/临河区"),
        ("110105", "北京市//朝阳区"),
        ("500157", "重庆市//两江新区"),
        ("429004", "湖北省//仙桃市"),
        ("659001", "新疆维吾尔自治区//石河子市"),
        ("469030", "海南省//琼中黎族苗族自治县"),
        ("441900", "广东省/东莞市"),
        ("620200", "甘肃省/嘉峪关市"),
        ("430000", "湖南省"),
        ("999999", ""),
    ],
)
def test_path_leaves_levels_that_do_not_exist_empty(code, path):
    assert table().path(code) == path


def test_path_of_a_town_is_that_of_its_county():
    town = table().get("430922")
    inner = table().children(town.code)
    assert "武潭镇" in {t.name for t in inner}
    assert table().path(inner[0].code) == "湖南省/益阳市/桃江县"


def test_ancestors_are_existing_divisions_only():
    assert [r.code for r in table().ancestors("110105")] == ["110000"]
    assert [r.code for r in table().ancestors("429004")] == ["420000"]
    assert [r.code for r in table().ancestors("150802")] == ["150800", "150000"]
    assert [r.code for r in table().ancestors("441900003")] == ["441900", "440000"]
    assert table().ancestors("430000") == ()


@pytest.mark.parametrize("code", ["441900", "442000", "460400", "620200"])
def test_towns_of_cities_without_counties_are_filled_in(code):
    assert {t.level for t in table().children(code)} == {"town"}


def test_municipalities_have_no_city_level():
    for code in MUNICIPALITIES:
        assert {row.level for row in table().children(code)} == {"county"}


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ("152801", {"150802"}),  # 临河市
        ("500105", {"500157"}),  # 江北区 of 重庆, 2025
        ("330104", {"330102", "330114"}),  # 江干区 was divided
        ("371202", {"370116"}),  # 莱城区
        ("510124", {"510117"}),  # 郫县
        ("350427", {"350405"}),  # 沙县
        ("522423", {"520581"}),  # 黔西县, two steps
    ],
)
def test_old_codes_lead_to_their_successors(old, now):
    assert {row.code for row in table().current(old)} == now
    assert table().get(old).ends


def test_a_recoded_code_answers_with_the_present_division_and_keeps_its_history():
    assert table().get("420607").name == "襄州区"
    assert [row.name for row in table().history("420607")] == ["襄阳区", "襄州区"]


def test_current_of_a_present_and_of_an_unknown_code():
    assert [r.name for r in table().current("150802")] == ["临河区"]
    assert table().current("000000") == ()
    assert table().get("") is None
    assert table().parent("000000") is None


def test_on_a_day_old_divisions_stood():
    then = {row.name for row in table().on(date(2009, 6, 1)) if row.code[:4] == "4206"}
    assert "襄樊市" in then
    assert "襄州区" not in then
    now = {row.name for row in table().on(date(2026, 11, 1)) if row.code[:4] == "4206"}
    assert "襄阳市" in now
    assert "襄樊市" not in now


def test_within():
    assert table().within("150802", "150000")
    assert table().within("150802", "150802")
    assert not table().within("150802", "430000")


def test_twelve_digit_codes_are_cut():
    assert short_code("150802000000") == "150802"
    assert short_code("441900003000") == "441900003"
    assert table().get("150802000000").name == "临河区"


def test_every_successor_is_present():
    for row in table().past():
        assert row.successors
        assert all(table().get(code).present for code in row.successors)
