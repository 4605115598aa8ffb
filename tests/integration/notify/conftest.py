"""A county with entrances that can write back: a mailbox with a mail server, a WeChat account, a Twilio number."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text

from channels.contract import Blob, RawIntake, form_intake
from channels.registry import channel, channels
from hub import clock, db, intake, notify
from hub.access import people, staff
from hub.models import Attempt, ClueReporter, Event, Notice, NoticeTask, Work
from hub.ports import add_source
from hub.settings import settings
from hub.terms import Role
from hub.worker import drain
from tests.channels.email.postoffice import PostOffice

UNIT = "430922"
OPENID = "oTest00000000000000000000001"
MAIL_FROM = "zhang.san@example.org"
PHONE = "13800138000"
APP = {"app_id": "wx0123456789abcdef", "token": "t", "aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
       "app_secret": "app-secret"}  # fmt: skip
ACCOUNT, TOKEN = "AC" + "0123456789abcdef" * 2, "8f742231b10e8888abcd99yyyzzz85a5"


@dataclass
class County:
    """What a test does and sees."""

    office: PostOffice
    wechat: Any
    twilio: Any
    moment: datetime = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # a Friday, 10:00 in China
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def add(self, code: str, name: str, given: dict[str, Any], secrets: dict[str, str] | None = None) -> str:
        source_id = f"{code}:{name}"
        checked = channel(code).settings(**given).model_dump(mode="json")
        with db.transaction() as session:
            add_source(session, source_id, code, UNIT, name, settings=checked, secrets=secrets or {})
        return source_id

    def mailbox(self, **more: Any) -> str:
        given = {"host": "127.0.0.1", "user": "clue@example.cn", "smtp_host": "127.0.0.1", "smtp_tls": "none",
                 "smtp_port": self.office.port, "smtp_sign_in": False, **more}  # fmt: skip
        return self.add("email", "t", given)

    def account(self, **more: Any) -> str:
        given = {"app_id": APP["app_id"], "api_base": self.wechat.api_base, **more}
        return self.add("wechat", "t", given, {name: APP[name] for name in ("token", "aes_key", "app_secret")})

    def line(self) -> str:
        given = {"kind": "twilio", "account_sid": ACCOUNT, "api_base": self.twilio.api_base,
                 "public_url": "http://127.0.0.1:1", "sms_from": "+8612336000", "assessment": "评估-1"}  # fmt: skip
        return self.add("phone", "t", given, {"auth_token": TOKEN})

    def take(self, code: str, blobs: list[Blob], meta: dict[str, Any], source_id: str = "") -> int:
        """A delivery through a channel's door; the id of its clue."""
        told = {"external_id": f"x{next(self.numbers)}", **meta}
        source_id = source_id or f"cli:{code}"
        (raw,) = channels()[code].from_files(blobs, told, source_id=source_id, now=self.moment)
        return self.accept(raw)

    def accept(self, raw: RawIntake) -> int:
        """Stored, read in this process (other tests prove the child) and registered; what is due is done."""
        accepted = intake.accept(raw, unit=UNIT)
        with db.transaction() as session:
            made = intake.register(session, accepted.intake_id, channel(raw.channel).normalize(raw))
            session.execute(delete(Work).where(Work.handler == "normalize"))
        drain("light")
        return made[0] if made else 0

    def mail(self, head: str = "", sender: str = MAIL_FROM, source_id: str = "email:t") -> int:
        number = next(self.numbers)
        data = (
            f"From: {sender}\r\nTo: clue@example.cn\r\nMessage-ID: <m{number}@example.org>\r\n{head}Subject: 举报\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n\r\n桃江县武潭镇红旗村占用耕地8亩建厂房。\r\n"
        )
        return self.take("email", [Blob("a.eml", "", data.encode())], {}, source_id)

    def message(self, openid: str = OPENID) -> int:
        return self.take("wechat", [Blob("a.txt", "text/plain", "红旗村占用耕地".encode())], {"openid": openid},
                         "wechat:t")  # fmt: skip

    def form(self, code: str, values: dict[str, str], sub_channel: str = "") -> int:
        if code in ("phone", "letter"):
            key = f"x{next(self.numbers)}"
            return self.accept(form_intake(code, channel(code).forms[0], values, [], key=key, at=self.moment))
        meta = {**values, **({"sub_channel": sub_channel} if sub_channel else {})}
        return self.take(code, [], meta)

    def ask(self, clue_id: int, kind: str = "accepted", once: str = "act:1", **slots: Any) -> list[int]:
        with db.transaction() as session:
            return [row.id for row in notify.ask(session, clue_id, kind, slots, once=once, told_clock="7")]

    def work(self, rounds: int = 1) -> None:
        """Does what is due; each further round first lets the waiting time pass."""
        drain("light")
        for _ in range(rounds - 1):
            with db.transaction() as session:
                session.execute(text("update work set run_at = now() where state = 'pending'"))
            drain("light")

    def notice(self, notice_id: int) -> Notice:
        with db.reading() as session:
            found = session.get_one(Notice, notice_id)
            session.expunge_all()  # a session for reads forgets its rows at the end
            return found

    def attempts(self, notice_id: int) -> list[tuple[str, str]]:
        with db.reading() as session:
            wanted = select(Attempt).where(Attempt.notice_id == notice_id).order_by(Attempt.id)
            return [(row.route, row.state) for row in session.scalars(wanted)]

    def details(self, notice_id: int) -> list[str]:
        with db.reading() as session:
            return list(
                session.scalars(select(Attempt.detail).where(Attempt.notice_id == notice_id).order_by(Attempt.id))
            )

    def kind_of(self, clue_id: int, kind: str) -> list[Notice]:
        with db.reading() as session:
            wanted = select(Notice).where(Notice.clue_id == clue_id, Notice.kind == kind).order_by(Notice.id)
            found = list(session.scalars(wanted))
            session.expunge_all()
            return found

    def tasks(self, state: str = "open") -> list[NoticeTask]:
        with db.reading() as session:
            wanted = select(NoticeTask).where(NoticeTask.state == state).order_by(NoticeTask.id)
            found = list(session.scalars(wanted))
            session.expunge_all()
            return found

    def reporter(self, clue_id: int) -> int:
        with db.reading() as session:
            return session.scalars(select(ClueReporter.reporter_id).where(ClueReporter.clue_id == clue_id)).one()

    def wish(self, clue_id: int, *routes: str, **more: Any) -> None:
        with db.transaction() as session:
            notify.record_wish(session, clue_id, self.reporter(clue_id), list(routes), **more)

    def acts(self, clue_id: int) -> list[str]:
        with db.reading() as session:
            wanted = select(Event.act).where(Event.object == f"clue:{clue_id}").order_by(Event.seq)
            return list(session.scalars(wanted))

    def left(self) -> list[tuple[str, str]]:
        """Work rows that are still there: handler and state."""
        with db.reading() as session:
            rows = session.execute(select(Work.handler, Work.state).where(Work.queue == "light").order_by(Work.id))
            return [tuple(row) for row in rows]

    def later(self, **more: float) -> None:
        self.moment += timedelta(**more)


@pytest.fixture
def county(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[County]:
    del hub
    monkeypatch.setenv("HUB_NOTICE_WAIT", "0")
    settings.cache_clear()
    made_wechat = channel("wechat").sandbox(**APP)
    made_wechat.start()
    made_twilio = channel("phone").sandbox(account_sid=ACCOUNT, auth_token=TOKEN)
    made_twilio.start()
    try:
        with PostOffice() as office:
            made = County(office, made_wechat, made_twilio)
            monkeypatch.setattr(clock, "now", lambda: made.moment)
            monkeypatch.setattr(clock, "real", lambda: made.moment)
            yield made
    finally:
        made_wechat.stop()
        made_twilio.stop()
        monkeypatch.undo()
        settings.cache_clear()


@pytest.fixture
def clerk(county: County) -> people.Actor:
    """Somebody of the unit who calls, posts and answers."""
    with db.transaction() as session:
        user = staff.add(session, "clerk", "张文员", "correct horse battery", UNIT, [Role.HANDLER])
        session.flush()
        who = people.actor(session, user.id)
    assert who is not None
    return who
