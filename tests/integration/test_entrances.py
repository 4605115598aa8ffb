"""Entrances by an administrator: the form a channel declares, refusals at their box, secrets that never come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from channels.registry import channels
from hub import db, ports
from hub.access.sealing import open_key
from hub.app import create_app
from hub.models import Event, Source
from hub.supervision import entrances
from tests.integration import browsers
from tests.integration.browsers import Person as Admin

COUNTY, CITY = "430922", "430900"
MAIL = {
    "entrance": "mailbox", "unit": COUNTY, "host": "imap.example.cn", "port": "993", "tls": "tls",
    "user": "clue@example.cn", "folders": "INBOX\n举报", "poll_seconds": "60", "idle": "1", "key-password": "Geheim-1",
}  # fmt: skip


@pytest.fixture
def app(hub: Path) -> Flask:
    del hub
    browsers.join(
        {"admin": (COUNTY, "sysadmin"), "above": (CITY, "sysadmin"), "stranger": ("430981", "sysadmin"),
         "lead": (COUNTY, "lead")}
    )  # fmt: skip
    return create_app()


def stored(source_id: str) -> tuple[Source, dict[str, str]]:
    with db.reading() as session:
        row = session.get_one(Source, source_id)
        secrets = open_key(session, row.key_id).json(row.secrets, "source.secrets")
        session.expunge_all()
    return row, secrets


def test_a_mailbox_is_set_up_changed_and_closed(app: Flask) -> None:
    admin = Admin(app, "admin")
    assert "IMAP 服务器" in admin.get("/entrances/new/email").text
    answer = admin.post("/entrances/new/email", **MAIL)
    assert answer.status_code == 303, answer.text
    row, secrets = stored("email:mailbox")
    assert (row.settings["host"], row.settings["folders"], row.settings["idle"]) == (
        "imap.example.cn", ["INBOX", "举报"], True,
    )  # fmt: skip
    assert secrets == {"password": "Geheim-1"}
    page = admin.get("/entrances/email:mailbox").text
    assert "Geheim-1" not in page
    assert "已设置，不填则不变" in page
    changed = {**MAIL, "host": "imap2.example.cn", "idle": "", "key-password": "", "key-smtp_password": "Zwei"}
    assert admin.post("/entrances/email:mailbox", **changed).status_code == 303
    row, secrets = stored("email:mailbox")
    assert (row.settings["host"], row.settings["idle"]) == ("imap2.example.cn", False)
    assert secrets == {"password": "Geheim-1", "smtp_password": "Zwei"}, "an empty secret keeps the one that stands"
    assert admin.post("/entrances/email:mailbox/switch", on="").status_code == 303
    assert not stored("email:mailbox")[0].enabled
    assert admin.post("/entrances/email:mailbox", **{**changed, "poll_seconds": "90"}).status_code == 303
    assert not stored("email:mailbox")[0].enabled, "a change does not open it"
    assert admin.post("/entrances/email:mailbox", **changed, station=" 县局 受理台\0二号 ").status_code == 303
    assert stored("email:mailbox")[0].station == "县局 受理台二号"
    assert admin.post("/entrances/email:mailbox", **changed).status_code == 303
    assert stored("email:mailbox")[0].station == "县局 受理台二号", "a form without the box changes nothing"
    assert "县局 受理台二号" in admin.get("/entrances").text
    assert "更改：站点" in admin.get("/entrances/email:mailbox").text
    page = admin.get("/entrances/email:mailbox").text
    assert "人admin：停用" in page
    assert "IMAP 服务器" in page
    assert "轮询间隔" in page
    with db.reading() as session:
        told = str([row.data for row in session.scalars(select(Event).where(Event.object == "source:email:mailbox"))])
    assert "Geheim" not in told
    assert "imap2" not in told


@pytest.mark.parametrize(
    ("box", "value", "name"),
    [
        ("port", "99999", "port"), ("port", "neun", "port"), ("host", "", "host"),
        ("poll_seconds", "0", "poll_seconds"),
        ("tls", "vielleicht", "tls"), ("sender", "keine Adresse", "sender"), ("entrance", "Clue@Example", "name"),
        ("entrance", "", "name"), ("unit", "999999", "unit"), ("unit", "430981", "unit"), ("folders", "", "folders"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_at_its_box_and_nothing_is_kept(app: Flask, box: str, value: str, name: str) -> None:
    admin = Admin(app, "admin")
    answer = admin.post("/entrances/new/email", **{**MAIL, box: value})
    assert answer.status_code == 422, name
    assert 'role="alert"' in answer.text
    assert "Geheim-1" not in answer.text, "a secret is typed again"
    with db.reading() as session:
        assert session.get(Source, "email:mailbox") is None


def test_the_same_name_twice_is_refused(app: Flask) -> None:
    admin = Admin(app, "admin")
    assert admin.post("/entrances/new/email", **MAIL).status_code == 303
    answer = admin.post("/entrances/new/email", **{**MAIL, "host": "other.example.cn"})
    assert (answer.status_code, "已有同名的入口" in answer.text) == (422, True)
    assert stored("email:mailbox")[0].settings["host"] == "imap.example.cn"


def test_an_administrator_sees_the_own_area_only(app: Flask) -> None:
    assert Admin(app, "admin").post("/entrances/new/email", **MAIL).status_code == 303
    assert "email:mailbox" in Admin(app, "above").get("/entrances").text
    stranger, lead = Admin(app, "stranger"), Admin(app, "lead")
    assert "email:mailbox" not in stranger.get("/entrances").text
    for who in (stranger, lead):
        assert who.get("/entrances/email:mailbox").status_code == 404
        assert who.post("/entrances/email:mailbox", **MAIL).status_code == 404
        assert who.post("/entrances/email:mailbox/switch", on="").status_code == 404
    assert lead.get("/entrances").status_code == 404


def test_a_place_on_the_server_is_never_set_from_a_browser(app: Flask) -> None:
    with db.transaction() as session:
        ports.add_source(
            session, "phone:rec", "phone", COUNTY, "rec", settings={"kind": "folder", "folder": "/srv/rec"}, secrets={}
        )
    admin = Admin(app, "admin")
    assert admin.get("/entrances/new/letter").status_code == 404
    assert admin.get("/entrances/new/nothing").status_code == 404
    page = admin.get("/entrances/phone:rec").text
    assert "/srv/rec" in page
    assert 'name="folder"' not in page
    form = {"unit": COUNTY, "kind": "folder", "line": "12336", "folder": "/etc", "done_folder": "x"}
    answer = admin.post("/entrances/phone:rec", **form)
    assert answer.status_code == 303, re.findall(r'role="alert"[^>]*>(.*?)<', answer.text)
    settings = stored("phone:rec")[0].settings
    assert (settings["folder"], settings["done_folder"], settings["line"]) == ("/srv/rec", "", "12336")


def test_an_official_account_keeps_its_template_fields(app: Flask) -> None:
    admin = Admin(app, "admin")
    page = admin.get("/entrances/new/wechat").text
    assert "content={text}" in page
    form = {"entrance": "main", "unit": COUNTY, "app_id": "wx0123456789"}
    form["template_fields"] = "first={title}\nbody={text}"
    answer = admin.post("/entrances/new/wechat", **form, **{"key-token": "t", "key-unknown": "x"})
    assert answer.status_code == 303, re.findall(r'role="alert"[^>]*>(.*?)<', answer.text)
    row, secrets = stored("wechat:main")
    assert row.settings["template_fields"] == {"first": "{title}", "body": "{text}"}
    assert row.settings["reply"], "a box left empty takes the channel's own default"
    assert secrets == {"token": "t"}
    answer = admin.post("/entrances/wechat:main", **form, api_base="http://evil.example")
    assert (answer.status_code, "须为 https" in answer.text) == (422, True)


def test_every_setting_of_every_channel_has_a_box_with_words(app: Flask) -> None:
    del app
    for code, channel in channels().items():
        made = entrances.boxes(code, {}, new=False)
        assert {box.name for box in made} == set(channel.settings.model_fields)
        for box in made:
            assert re.search(r"[\u4e00-\u9fff]", box.label), f"{code}: {box.name} has no Chinese words"
