"""Working days and notice wordings on screen: preview, refusal with its sentence, the second person, what changed."""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from hub import clock, db
from hub.app import create_app
from hub.law import notices
from hub.models import CalendarProposal, Clue, NoticeTemplate
from hub.notify import words
from tests.integration import browsers
from tests.integration.browsers import Person
from tests.integration.casework.conftest import CITY, COUNTY, Desk, desk

CAST = {
    "lead": (COUNTY, "lead"), "second": (COUNTY, "lead"), "sysadmin": (COUNTY, "sysadmin"),
    "supervisor": (CITY, "supervisor"), "stranger": ("110105", "lead"), "handler": (COUNTY, "handler"),
    "auditor": (COUNTY, "auditor"), "secadmin": (COUNTY, "secadmin"),
}  # fmt: skip
NOTICE = (
    "国务院办公厅关于2027年元旦放假安排的通知\n一、元旦：2027年1月1日（周五）至3日（周日）放假，共3天。"  # invented
)
CHANGE = "关于调整2026年放假安排的通知\n抗战胜利纪念日：2026年3月9日（周一）放假1天，3月14日（周六）上班。"


@pytest.fixture
def app(desk: Desk) -> Flask:
    del desk
    browsers.join(CAST)
    return create_app()


def number_of(session: Any) -> int:
    return session.scalars(select(CalendarProposal.id).order_by(CalendarProposal.id.desc())).first() or 0


def proposed(person: Person, text: str = NOTICE, **more: Any) -> str:
    answer = person.post("/calendar/import", text=text, step="propose", **more)
    assert answer.status_code == 303, answer.text
    return answer.location


def test_a_notice_is_shown_proposed_confirmed_and_its_clocks_are_listed(app: Flask, desk: Desk) -> None:
    desk.go("2026-12-29T09:00")
    clue_id = desk.clue()
    no = desk.read(clue_id).no
    lead, second = Person(app, "lead"), Person(app, "second")
    shown = lead.post("/calendar/import", text=NOTICE, step="preview").text
    assert "2027 年 1 月" in shown
    assert "放假 3 天" in shown
    assert "off new" in shown
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(CalendarProposal)) == 0, "a preview stores nothing"
    path = proposed(lead)
    page = lead.get(path).text
    assert "须由另一人确认" in page
    refused = lead.post(f"{path}/confirm")
    assert (refused.status_code, "须由第二人确认" in refused.text) == (422, True)
    assert desk.clock(clue_id, "determination").provisional
    assert second.post(f"{path}/confirm").status_code == 303
    page = second.get(path).text
    assert no in page
    assert "2027-01-07" in page
    assert "2027-01-08" in page
    assert "已生效" in page
    assert second.post(f"{path}/confirm").status_code == 422, "once"
    assert no not in Person(app, "stranger").get(path).text, "only clues of one's own scope"
    admin = Person(app, "sysadmin").get(path).text
    assert no not in admin, "administrators see no clue"
    assert "1 项" in admin
    assert "人second" in lead.get("/calendar?year=2027").text


DOUBTFUL = [
    ("关于2027年元旦放假安排的通知\n元旦：2027年1月1日（周六）至3日（周日）放假，共3天。", "周六"),
    ("关于2027年元旦放假安排的通知\n元旦：2027年1月1日（周五）至3日（周日）放假，共4天。", "4 天"),
    ("明天\0放假", "没有读到"),
    ("<script>alert(1)</script>", "没有读到"),
    ("元旦" * 15_000, "不能超过"),
]


def test_a_doubtful_notice_is_refused_with_the_sentence(app: Flask) -> None:
    lead = Person(app, "lead")
    for text, why in DOUBTFUL:
        for step in ("preview", "propose"):
            answer = lead.post("/calendar/import", text=text, step=step)
            assert (answer.status_code, why in answer.text) == (422, True), text[:40]
            assert "<script>alert" not in answer.text
    with db.reading() as session:
        assert number_of(session) == 0


def test_what_else_is_refused(app: Flask, desk: Desk) -> None:
    lead = Person(app, "lead")
    path = proposed(lead)
    assert "已经导入或正在等待确认" in lead.post("/calendar/import", text=NOTICE, step="propose").text
    for more in ({"issued": "morgen"}, {"issued": "2030-01-01"}, {"area": "110105"}, {"area": "999999"}):
        answer = lead.post("/calendar/import", text=CHANGE, step="propose", **more)
        assert answer.status_code == 422, more
    for number in (999, 10**30):
        assert lead.get(f"/calendar/proposals/{number}").status_code == 404
        assert lead.post(f"/calendar/proposals/{number}/confirm").status_code == 404
    for login in ("handler", "auditor", "secadmin"):
        person = Person(app, login)
        for page in ("/calendar", "/calendar/import", path):
            assert person.get(page).status_code == 404, login
        assert person.post("/calendar/import", text=CHANGE, step="propose").status_code == 404
        assert person.post(f"{path}/confirm").status_code == 404
    assert lead.client.post(f"{path}/confirm").status_code == 400, "without the page's token"


def test_a_local_layer_is_for_its_area_and_unseen_elsewhere(app: Flask, desk: Desk) -> None:
    clue_id = desk.clue()
    path = proposed(Person(app, "lead"), CHANGE, area=COUNTY, issued="2026-03-01")
    assert Person(app, "stranger").get(path).status_code == 404
    assert Person(app, "stranger").post(f"{path}/confirm").status_code == 404
    assert Person(app, "supervisor").post(f"{path}/confirm").status_code == 303, "the superior is a second person too"
    assert desk.clock(clue_id, "determination").due.isoformat() == "2026-03-12"
    assert "抗战胜利纪念日放假" in Person(app, "lead").get("/calendar?year=2026").text
    assert "抗战胜利纪念日放假" not in Person(app, "stranger").get("/calendar?year=2026").text


def test_the_year_shows_working_days_and_marks_a_provisional_one(app: Flask) -> None:
    lead = Person(app, "lead")
    page = lead.get("/calendar?year=2026").text
    expected = sum(int(n) for n in re.findall(r"<small>工作日 (\d+) 天</small>", page))
    assert f"工作日 {expected} 天</span>" in page
    assert expected == 248
    assert "暂定" not in page
    assert "暂按周末推算" in lead.get("/calendar?year=2027").text
    assert lead.get("/calendar?year=1").status_code == 404
    assert lead.get("/calendar?year=99999").status_code == 404
    assert lead.get("/calendar?year=x").status_code == 200


# ---- wordings

WORDING = {
    "id": "accepted-2026", "kind": "accepted", "title": "受理通知", "article": "第十二条第（一）项",
    "since": "2026-03-05",
    "text": "您好，您{date}反映的情况已由{unit}受理。",
}  # fmt: skip


def test_an_administrator_installs_a_wording_after_looking_at_it(app: Flask, desk: Desk) -> None:
    admin = Person(app, "sysadmin")
    shown = admin.post("/wordings/new", **WORDING, step="preview").text
    assert "您好，您2026年3月2日反映的情况已由县自然资源局受理。" in shown
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(NoticeTemplate)) == 0
    assert admin.post("/wordings/new", **WORDING, step="install").status_code == 303
    page = admin.get("/wordings").text
    assert "尚未生效" in page
    assert "人sysadmin" in page
    again = admin.post("/wordings/new", **WORDING, step="install")
    assert (again.status_code, 'name="id"' in again.text, "已有文本" in again.text) == (422, True, True)
    desk.go("2026-03-05T09:00")
    with db.reading() as session:
        assert words.in_force(session, "accepted", clock.today()).id == "accepted-2026"


BAD = {
    "an unknown slot": ("text", {"text": "您{date}反映的{subject}由{unit}受理"}, "没有这个栏位：subject"),
    "a slot of another kind": ("text", {"text": "您{earlier_date}反映的由{unit}受理"}, "没有这个栏位：earlier_date"),
    "brackets": ("text", {"text": "您{date反映的由{unit}受理"}, "括号不成对"),
    "open brackets": ("text", {"text": "您{date}反映的由{unit}受理[[谢谢"}, "括号"),
    "nothing": ("text", {"text": ""}, "须在 1 至"),
    "too long": ("text", {"text": "您" * 501}, "须在 1 至"),
    "result without its phrase": (
        "text", {"kind": "no_violation", "text": "您{date}反映的问题没有查实。{unit}"},
        "缺少法定用语：不存在国土资源违法行为"),
    "violation without its phrase": (
        "text", {"kind": "violation", "text": "您{date}反映的问题已经查实。{unit}"},
        "缺少法定用语：将依法依规予以处理"),
    "receipt without its code": ("text", {"kind": "receipt", "text": "收到。{unit}"}, "必须写入：{query_code}"),
    "duplicate without its date": ("text", {"kind": "duplicate", "text": "重复。{unit}"}, "必须写入：{earlier_date}"),
    "optional slot outside": (
        "text", {"kind": "out_of_scope", "text": "不受理，请向{department}反映"}, "可选栏位须写在"),
    "kind": ("kind", {"kind": "gossip"}, "请选择告知种类"),
    "id": ("id", {"id": "受理 2026"}, "编号用小写字母"),
    "shipped id": ("id", {"id": "accepted-2017"}, "已有文本"),
    "title": ("title", {"title": "\0"}, "须填写"),
    "article": ("article", {"article": "x" * 61}, "不超过"),
    "no day": ("since", {"since": "soon"}, "请填写生效日期"),
    "a past day": ("since", {"since": "2026-03-01"}, "不能早于今天"),
}  # fmt: skip


def test_a_wrong_wording_is_refused_at_its_box(app: Flask) -> None:
    admin = Person(app, "sysadmin")
    for name, (box, change, why) in BAD.items():
        for step in ("preview", "install"):
            answer = admin.post("/wordings/new", **(WORDING | change), step=step)
            assert answer.status_code == 422, name
            assert why in answer.text, name
            assert re.search(rf'name="{box}"[^>]*aria-invalid="true"', answer.text), name
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(NoticeTemplate)) == 0


def test_every_kind_can_be_installed_as_shipped(app: Flask) -> None:
    admin = Person(app, "sysadmin")
    for kind in notices.KINDS:
        page = admin.get(f"/wordings/new?kind={kind}").text
        text = re.search(r"<textarea[^>]*>([^<]+)</textarea>", page)
        assert text, kind
        made = WORDING | {"id": f"{kind}-2026".replace("_", "-"), "kind": kind, "text": text[1]}
        assert admin.post("/wordings/new", **made, step="install").status_code == 303, kind
    page = admin.get("/wordings").text
    assert page.count("系统自带") == page.count("本地录入") == len(notices.KINDS)


def test_who_reads_and_who_installs(app: Flask) -> None:
    for login in ("lead", "supervisor"):
        person = Person(app, login)
        assert person.get("/wordings").status_code == 200
        assert person.get("/wordings/new").status_code == 404
        assert person.post("/wordings/new", **WORDING, step="install").status_code == 404
    for login in ("handler", "auditor", "secadmin"):
        assert Person(app, login).get("/wordings").status_code == 404
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Clue)) == 0
