"""Stories of being told: joint letters, bounces, nobody reached, each channel's words, post."""
# ruff: noqa: F401, F811  fixtures are imported from where they stand

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from channels.contract import Blob
from hub.cli import main
from hub.law import notices as wordings
from tests.integration.notify.conftest import UNIT, County, county
from tests.integration.notify.test_notice_mail import bounce
from tests.integration.story_cast import MEDIA, Cast, cast, number, of_kind, phone_report


def test_a_joint_letter_is_closed_when_every_signer_was_told(county: County, cast: Cast) -> None:
    county.mailbox()
    first = {"reporter_name": "张三", "reporter_email": "first@example.org", "facts": "占用耕地建厂房",
             "place": "桃江县武潭镇", "received": "2026-03-01"}  # fmt: skip
    no = number(county.form("letter", first))
    mailroom, handler = cast["mailroom"], cast["handler"]
    for place in (2, 3):
        body = {"name": f"李{place}", "email": f"signer{place}@example.org"}
        assert mailroom.done(f"clues/{no}/reporters", body)["reporters"] == place
    assert mailroom.done(f"clues/{no}/reporters", {"name": "李3", "email": "signer3@example.org"})["reporters"] == 3
    sent = len(county.office.post.taken)
    handler.act(no, "determine.P3", ground="N3", department="桃江县人民法院")
    county.work()
    clue = handler.clue(no)
    told = [row for row in clue["notices"] if row["kind"] == "out_of_scope"]
    assert sorted(row["party"] for row in told) == ["举报人 1", "举报人 2", "举报人 3"]
    assert {row["state"] for row in told} == {"told"}
    assert len(county.office.post.taken) == sent + 3, "each in a mail of its own"
    assert clue["state"] == "closed"
    assert "signer3" not in str(clue)


def test_a_referral_is_answered_in_writing_and_the_citizen_told_beside_it(county: County, cast: Cast) -> None:
    county.mailbox()
    values = {"leader": "王某", "instruction": "请核查", "facts": "占用耕地建厂房", "place": "桃江县",
              "received": "2026-03-02", "reporter_name": "张三", "reporter_email": "zhang@example.org"}  # fmt: skip
    no = number(county.form("referral", values))
    handler, mailroom = cast["handler"], cast["mailroom"]
    handler.act(no, "determine.P1", place=UNIT, **{"class": "T2"})
    county.work()
    clue = handler.clue(no)
    parties = {row["party"]: row["state"] for row in clue["notices"] if row["kind"] == "accepted"}
    assert parties == {"批示领导": "queued", "举报人": "told"}
    assert of_kind(clue["clocks"], "determination")["running"], "told is told to every party"
    (task,) = mailroom.get("tasks?kind=reply")["tasks"]
    assert mailroom.post(f"tasks/{task['id']}/sent", {"reference": " "}).json["kind"] == "state"
    assert mailroom.done(f"tasks/{task['id']}/sent", {"reference": "桃自然资函〔2026〕3号"})["state"] == "done"
    county.work()
    assert of_kind(handler.clue(no)["clocks"], "determination")["ended"] == "已告知"


def test_a_bounce_after_told_opens_the_clue_again_with_its_old_day(county: County, cast: Cast) -> None:
    county.mailbox()
    clue_id = county.mail()
    no = number(clue_id)
    county.wish(clue_id, "email")
    handler = cast["handler"]
    county.later(days=1)
    handler.act(no, "determine.P3", ground="N3")
    county.work()
    closed = handler.clue(no)
    due = of_kind(closed["clocks"], "determination")["due"]
    assert closed["state"] == "closed"
    sent = county.office.post.taken[-1].mail["Message-ID"]
    county.later(hours=3)
    county.take("email", [Blob("b.eml", "", bounce(sent))], {}, "email:t")
    county.work(2)
    clue = handler.clue(no)
    attempts = of_kind(clue["notices"], "out_of_scope")["attempts"]
    assert [(row["route"], row["state"], row["permanent"]) for row in attempts] == [("email", "failed", True)]
    assert "送达失败" in [row["label"] for row in clue["history"]], "open again"
    clock_ = of_kind(clue["clocks"], "determination")
    assert (clock_["due"], clock_["ended"]) == (due, "各途径均未送达"), "the old day; every consented route was tried"
    assert (clue["state"], clue["close_reason"]) == ("closed", "out_of_scope")


def test_a_caller_nobody_reaches_is_exhausted_after_three_calls_on_two_days(county: County, cast: Cast) -> None:
    no = phone_report(county, "占用耕地8亩", "0737-8222221")
    handler, operator = cast["handler"], cast["operator"]
    handler.act(no, "determine.P3", ground="N5")
    county.work()
    (task,) = operator.get("tasks")["tasks"]
    for hours in (1, 1, 24):
        assert handler.clue(no)["state"] == "to_tell"
        county.later(hours=hours)
        operator.done(f"tasks/{task['id']}/outcome", {"outcome": "no_answer"})
        county.work()
    clue = handler.clue(no)
    assert of_kind(clue["clocks"], "determination")["ended"] == "各途径均未送达"
    assert (clue["state"], of_kind(clue["notices"], "out_of_scope")["state"]) == ("closed", "undelivered")


CHANNELS = {
    "phone": {"caller": "0737-8222229", "name": "张三"}, "letter": {"reporter_phone": "13800000001"},
    "referral": {"leader": "王某", "instruction": "请核查"}, "subordinate": {"from_unit": "武潭镇所"}, "media": MEDIA,
    "other": {}, "email": {}, "wechat": {},
}  # fmt: skip


SLOTS: dict[str, dict[str, Any]] = {
    "receipt": {"query_code": "ABCD-EFGH-JKMN"}, "duplicate": {"earlier_date": "2026-01-05"},
    "supplement": {"elements": ["place"]}, "correction": {"date": "2026-03-02", "corrected": "accepted"},
}  # fmt: skip


@pytest.fixture
def every_channel(county: County, cast: Cast) -> dict[str, str]:
    """A clue of each channel."""
    county.mailbox(), county.account(), county.line()
    found = {}
    for code, values in CHANNELS.items():
        if code == "email":
            clue_id = county.mail()
        elif code == "wechat":
            clue_id = county.message()
        else:
            common = {"place": "桃江县武潭镇", "facts": "占用耕地建厂房", "received": "2026-03-02"}
            clue_id = county.form(code, common | values, "0802" if code == "other" else "")
        found[code] = number(clue_id)
    return found


def test_the_notices_render_for_every_channel(every_channel: dict[str, str], cast: Cast) -> None:
    assert len(wordings.KINDS) == 8, "seven statutory and the correction"
    handler = cast["handler"]
    for code, no in every_channel.items():
        assert handler.clue(no)["channel"] == code
        for kind in wordings.KINDS:
            body = {"kind": kind, "slots": SLOTS.get(kind, {})}
            words = handler.done(f"clues/{no}/notices/preview", body)["text"]
            assert len(words) > 15, (code, kind)
            assert not re.search(r"[{}\[\]]|占用|武潭|张三", words), (code, kind)
            phrase = wordings.PHRASES.get(kind, "").replace("{label}", "")
            assert phrase.replace("不存在", "") in words, (code, kind)
    bad = handler.post(f"clues/{no}/notices/preview", {"kind": "accepted", "slots": {"text": "举报张三占地"}})
    assert (bad.status_code, bad.json["kind"], bad.json["name"]) == (422, "value", "text")


HOLIDAYS = "关于2027年安排的通知\n一、元旦：2027年1月1日（周五）至3日（周日）放假，共3天。"


def test_the_notice_of_a_provisional_year_recomputes_open_clocks_and_logs_it(county: County, cast: Cast) -> None:
    county.moment = datetime(2026, 12, 28, 1, 0, tzinfo=UTC)
    no = phone_report(county, "占用耕地8亩", "0737-8222221")
    lead, sysadmin, handler = cast["lead"], cast["sysadmin"], cast["handler"]
    before = of_kind(handler.clue(no)["clocks"], "determination")
    assert (before["due"], before["provisional"]) == ("2027-01-06", True)
    read = lead.done("calendars/preview", {"text": HOLIDAYS})
    assert (read["off"], read["warnings"]) == (["2027-01-01", "2027-01-02", "2027-01-03"], [])
    doubtful = lead.post("calendars", {"text": HOLIDAYS.replace("周五", "周四")})
    assert (doubtful.status_code, doubtful.json["kind"]) == (422, "value")
    proposal = lead.done("calendars", {"text": HOLIDAYS, "issued": "2026-11-20"})
    assert lead.post(f"calendars/{proposal['id']}/confirm", {}).json["detail"] == "须由第二人确认"
    assert sysadmin.done(f"calendars/{proposal['id']}/confirm", {})["changed"] == 1
    clue = handler.clue(no)
    after = of_kind(clue["clocks"], "determination")
    assert (after["due"], after["provisional"]) == ("2027-01-07", False)
    assert "元旦" in next(step["why"] for step in after["steps"] if step["day"] == "2027-01-01")
    assert clue["history"][-1]["label"] == "时限重算"


def test_due_explains_the_spring_festival() -> None:
    answer = CliRunner().invoke(main, ["try", "due", "2026-02-12", "7"])
    told = json.loads(answer.stdout)
    assert (told["due"], told["provisional"]) == ("2026-02-28", False)
    assert [day["date"] for day in told["days"] if day["counts"]] == [
        "2026-02-13", "2026-02-14", "2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27", "2026-02-28",
    ]  # fmt: skip
    assert all(day["why"] for day in told["days"])
    later = json.loads(CliRunner().invoke(main, ["try", "due", "2031-01-02", "7"]).stdout)
    assert later["provisional"], "nobody has published that year"


def test_a_letter_is_told_when_posted_and_open_again_when_it_comes_back(county: County, cast: Cast) -> None:
    values = {
        "reporter_name": "张三", "reporter_phone": "13800138000", "place": "桃江县武潭镇", "facts": "占用耕地建厂房",
        "reporter_address": "湖南省益阳市桃江县武潭镇红旗村一组7号", "received": "2026-03-01",
    }  # fmt: skip
    no = number(county.form("letter", values))
    handler, mailroom = cast["handler"], cast["mailroom"]
    (wish,) = handler.clue(no)["wishes"]
    handler.done(f"clues/{no}/wishes", {"reporter": wish["reporter"], "routes": ["letter", "call"]})
    handler.act(no, "determine.P3", ground="N3", department="桃江县人民法院")
    county.work()
    (task,) = [row for row in mailroom.get("tasks?kind=letter")["tasks"] if row["notice"] == "不予受理告知"]
    due = of_kind(handler.clue(no)["clocks"], "determination")["due"]
    assert mailroom.post(f"tasks/{task['id']}/outcome", {"outcome": "told"}).status_code == 422, (
        "a letter is not called"
    )
    posted = mailroom.done(f"tasks/{task['id']}/sent", {"reference": "XA12345678943"})
    assert (posted["state"], posted["reference"]) == ("done", "XA12345678943")
    county.work()
    assert handler.clue(no)["state"] == "closed"
    county.later(days=5)
    assert mailroom.done(f"tasks/{task['id']}/returned", {})["state"] == "failed"
    county.work()
    clue = handler.clue(no)
    clock_ = of_kind(clue["clocks"], "determination")
    assert (clue["state"], clock_["running"], clock_["due"]) == ("to_tell", True, due), "open again, the old day"
    attempts = of_kind(clue["notices"], "out_of_scope")["attempts"]
    assert [(row["route"], row["state"]) for row in attempts] == [("letter", "failed"), ("call", "queued")]
    (call,) = cast["operator"].get("tasks?kind=call")["tasks"]
    assert call["clue_no"] == no
