"""Lists of units and people: a dry run says what would happen, then all of it happens or nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from hub import db
from hub.access import certificates, people
from hub.jurisdiction import units
from hub.models import DirectoryImport, GrantChange, Unit, User
from hub.supervision import importing
from hub.supervision.importing import ListError
from hub.terms import Role
from tests.integration.casework.conftest import CITY, COUNTY, Desk

HEAD_UNITS = ("单位代码", "单位名称", "层级", "上级代码", "类别", "管辖地区")
HEAD_PEOPLE = ("登录名", "姓名", "单位代码", "角色", "执法证号", "有效期起", "有效期止", "备注")
TODAY = date(2026, 3, 2)


def asked() -> list[tuple[str, str, str]]:
    """(login, unit, role) of the proposals that wait for the second person."""
    rows = select(User.login, Unit.code, GrantChange.role).join(User, User.id == GrantChange.user_id)
    with db.reading() as session:
        found = session.execute(rows.join(Unit, Unit.id == GrantChange.unit_id).order_by(GrantChange.id))
        return [tuple(row) for row in found]


def plan(kind: str, *rows: tuple[str, ...]) -> importing.Plan:
    head = HEAD_UNITS if kind == "units" else HEAD_PEOPLE
    return importing.read(kind, list(enumerate([("2026 年名单",), head, *rows], 1)))


def run(desk: Desk, kind: str, *rows: tuple[str, ...], unit: str = CITY) -> tuple[importing.Plan, Any]:
    who = desk.who(unit, Role.SYSADMIN)
    made = plan(kind, *rows)
    with db.transaction() as session:
        taken = importing.take_over(session, who, made, TODAY)
    return made, taken


def test_a_new_county_unit_and_what_hangs_below(desk: Desk) -> None:
    rows = (
        ("430900-kfq2", "开发区二分局", "县", "430900-kfq", "", ""),
        ("430900-kfq", "高新区分局", "市", "430000", "", "430903"),
    )
    who = desk.who("430000", Role.SYSADMIN)
    made = plan("units", rows[1], ("430922", "桃江县自然资源局", "县", "430900", "", ""))
    with db.reading() as session:
        importing.check(session, who, made)
    assert [(line.number, line.status) for line in made.lines] == [(3, "new"), (4, "change")]
    assert "改名" in made.lines[1].message
    with db.reading() as session:
        assert units.by_code(session, "430900-kfq") is None, "a dry run changes nothing"
    _, taken = run(desk, "units", *rows, ("430922", "桃江县自然资源局", "县", "430900", "", ""), unit="430000")
    assert taken.changed == 3
    with db.reading() as session:
        county, zone = units.by_code(session, "430922"), units.by_code(session, "430900-kfq")
        assert county is not None
        assert zone is not None
        assert county.name == "桃江县自然资源局"
        assert session.scalars(select(Unit.parent_id).where(Unit.code == "430900-kfq2")).one() == zone.id
        assert session.scalars(select(DirectoryImport)).one().rows == 3


def test_one_wrong_line_and_nothing_is_taken(desk: Desk) -> None:
    with pytest.raises(ListError, match="1 行不能接收"):
        run(
            desk,
            "units",
            ("430922-a", "一分局", "县", "430900", "", ""),
            ("430922-b", "二分局", "县", "999999", "", ""),
        )
    with db.reading() as session:
        assert units.by_code(session, "430922-a") is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("430922-x", "甲", "乡", "430900", "", ""), "层级"),
        (("430922-x", "甲局", "县", "430900", "公司", ""), "类别"),
        (("430922-x", "甲局", "县", "110000", "", ""), "不在本单位辖区"),
        (("430922-x", "甲局", "县", "", "", ""), "没有上级单位"),
        (("43092", "甲局", "县", "430900", "", ""), "单位代码须为"),
        (("430922_X", "甲局", "县", "430900", "", ""), "单位代码须为"),
        (("430925", "甲局", "县", "430900", "其他部门", ""), "单位代码须为"),
        (("430922-x", "甲", "县", "430900", "", ""), "名称须为"),
        (("430922-x", "甲局", "省", "430900", "", ""), "层级须高于"),
        (("430922-x", "甲局", "县", "430900", "", "999999"), "不存在的行政区划"),
        (("430922", "甲局", "市", "430900", "", ""), "名单不能改变"),
        (("110000", "甲局", "省", "000000", "", ""), "本级辖区"),
        (("430922-x", "甲" * 201, "县", "430900", "", ""), "一格最多"),
    ],
)
def test_lines_of_units_that_cannot_be(desk: Desk, row: tuple[str, ...], words: str) -> None:
    made = plan("units", row)
    with db.reading() as session:
        importing.check(session, desk.who(CITY, Role.SYSADMIN), made)
    assert made.lines[0].status == "error"
    assert words in made.lines[0].message


def test_people_with_roles_that_another_confirms_and_certificates(desk: Desk) -> None:
    rows = (
        ("zhang.san", "张三", COUNTY, "承办人、接线员", "湘430922001", "2025/1/1", "2027年12月31日", "x"),
        ("li4", "李四", COUNTY, "handler", "", "", "", ""),
    )
    made, taken = run(desk, "people", *rows)
    assert made.ignored == ["备注"]
    assert asked() == [("zhang.san", COUNTY, Role.HANDLER), ("zhang.san", COUNTY, Role.OPERATOR),
                       ("li4", COUNTY, Role.HANDLER)]  # fmt: skip
    assert taken.passwords.keys() == {"zhang.san", "li4"}
    with db.reading() as session:
        row = certificates.known(session, "湘430922001")
        assert row is not None
        assert (row.valid_from, row.valid_until) == (date(2025, 1, 1), date(2027, 12, 31))
        person = session.scalars(select(User).where(User.login == "zhang.san")).one()
        assert row.user_id == person.id
        assert person.must_change
        assert taken.passwords["zhang.san"] not in person.password
        assert people.actor(session, person.id) is None, "no right before the second person confirms"
        assert importing.running_out(session, row.unit_id, date(2027, 12, 31)) == [row]
    taken_name = plan("people", ("li4", "李大", COUNTY, "承办人", "", "", "", ""))
    with db.reading() as session:
        importing.check(session, desk.who(CITY, Role.SYSADMIN), taken_name)
    assert "登录名已属于" in taken_name.lines[0].message


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("张三", "张三", COUNTY, "承办人", "", "", "", ""), "登录名"),
        (("z3", "", COUNTY, "承办人", "", "", "", ""), "姓名"),
        (("z3", "张三", "000001", "承办人", "", "", "", ""), "没有单位"),
        (("z3", "张三", "110101", "承办人", "", "", "", ""), "辖区"),
        (("z3", "张三", COUNTY, "局长", "", "", "", ""), "没有角色"),
        (("z3", "张三", COUNTY, "承办人", "湘1", "2026-01-01", "去年", ""), "不是日期"),
        (("z3", "张三", COUNTY, "承办人", "湘1", "2026-01-01", "2025-01-01", ""), "起不晚于止"),
    ],
)
def test_lines_of_people_that_cannot_be(desk: Desk, row: tuple[str, ...], words: str) -> None:
    made = plan("people", row)
    with db.reading() as session:
        importing.check(session, desk.who(CITY, Role.SYSADMIN), made)
    assert made.lines[0].status == "error"
    assert words in made.lines[0].message


def test_what_the_dry_run_calls_fit_is_taken(desk: Desk) -> None:
    """Every line that the dry run does not refuse goes through by itself."""
    rows = (
        ("430922-kfq", "开发区分局", "县", "430900", "", "430922"),
        ("430900-slj", "市水利局", "市", "430900", "其他部门", ""),
        ("430921", "南县局", "县", "430900", "", ""),
    )
    made, taken = run(desk, "units", *rows)
    assert (taken.changed, made.errors) == (3, [])
    again, taken = run(desk, "units", *rows)
    assert (taken.changed, again.count("same")) == (0, 3), "taking the same list twice changes nothing"
    moved, taken = run(desk, "units", ("430900-jz", "街镇分局", "县", "430900", "", ""),
                       ("430922-kfq", "开发区分局", "县", "430900-x", "", ""),
                       ("430900-x", "直属局", "市", "430000", "", ""), unit="430000")  # fmt: skip
    with db.reading() as session:
        zone = units.by_code(session, "430922-kfq")
        assert zone is not None
        assert taken.moved == [zone.id]
        assert moved.lines[1].message == "改隶：→ 直属局"


def test_people_taken_twice_and_those_who_cannot_be(desk: Desk) -> None:
    row = ("zhang.san", "张三", COUNTY, "承办人", "湘1", "2025-01-01", "2027-12-31", "")
    run(desk, "people", row)
    again, taken = run(desk, "people", row)
    assert (again.lines[0].status, taken.passwords) == ("same", {}), "a role already asked for is not asked for twice"
    more, taken = run(desk, "people", (*row[:3], "承办人、负责人", *row[4:]))
    assert (more.lines[0].message, taken.changed) == ("申请岗位：负责人", 1)
    own = desk.who(CITY, Role.SYSADMIN)
    wrong = plan("people", ("zhang.san", "张三", "430981", "承办人", "", "", "", ""),
                 ("wang5", "王五", COUNTY, "系统管理员、承办人", "", "", "", ""),
                 (own.login.lower(), own.name, CITY, "系统管理员", "", "", "", ""),
                 ("zhao6", "赵六", COUNTY, "承办人", "湘2", "2025-01-01", "2027-12-31", ""),
                 ("qian7", "赵六", COUNTY, "承办人", "湘2", "2025-01-01", "2027-12-31", ""))  # fmt: skip
    with db.reading() as session:
        importing.check(session, own, wrong)
    told = [line.message for line in wrong.lines]
    assert "一人只在一个单位" in told[0]
    assert "不得兼任" in told[1]
    assert wrong.lines[2].status == "same", "who has the role already asks for nothing"
    assert wrong.lines[3].status == "new"
    assert "与第 6 行重复" in told[4]


def test_a_list_goes_to_the_browser_and_back(desk: Desk) -> None:
    del desk
    made = plan("people", ("z3", "张三", COUNTY, "承办人", "", "", "", ""))
    back = importing.load("people", importing.dump(made))
    assert [(line.number, line.values) for line in back.lines] == [(line.number, line.values) for line in made.lines]
    line = '{"login":"z3","name":"张三","unit":"430922","roles":"承办人"%s}'
    for text in ("", "{", "[]", "{}", "[1]", "[[1]]", '[["1",{}]]', "[[true," + line % "" + "]]", "[" * 100_000,
                 "[[1," + line % ',"x":"y"' + "]]", "[[1," + line % ',"certificate":5' + "]]",
                 "[[1," + line % ',"certificate":"\\u0000"' + "]]", "[[1," + line % ',"certificate":"\\ud800"' + "]]",
                 "[[0," + line % "" + "]]", '[[1,{"login":"z3"}]]',
                 "[" + ",".join(["[1," + line % "" + "]"] * 301) + "]"):  # fmt: skip
        with pytest.raises(ListError, match="不完整"):
            importing.load("people", text)


def test_a_line_twice_and_lists_that_are_none(desk: Desk) -> None:
    made = plan("people", *[("z3", "张三", COUNTY, "承办人", "", "", "", "")] * 2)
    with db.reading() as session:
        importing.check(session, desk.who(CITY, Role.SYSADMIN), made)
    assert [line.status for line in made.lines] == ["new", "error"]
    for rows, words in (
        ([(1, ("a", "b"))], "表头"),
        ([(1, HEAD_PEOPLE)], "没有内容"),
        ([(1, HEAD_PEOPLE), *[(n, ("x",)) for n in range(2, 303)]], "一次最多"),
        ([], "表头"),
    ):
        with pytest.raises(ListError, match=words):
            importing.read("people", rows)
