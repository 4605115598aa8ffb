"""F03: kill -9, an exception and a hang at every named failpoint; afterwards the same delivery comes again."""

from __future__ import annotations

import ast
import contextlib
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from channels.contract import Blob
from channels.phone.sandbox import signature
from channels.registry import channels
from channels.wechat.sandbox import Sandbox as WeChat
from hub import db, intake
from hub.models import Event
from hub.settings import settings
from hub.work import rows
from tests.fault.conftest import Mailserver
from tests.fault.kit import ROOT, UNIT, Child, ChildError, Ledger, Zygote, count, entrance, mail, until, waiting

pytestmark = pytest.mark.fault

MAIL = (
    "intake.before_blobs", "intake.before_commit", "intake.after_commit", "evidence.before_fsync",
    "evidence.before_fsync_folder", "db.before_commit", "db.after_commit",
    "email.before_deliver", "email.after_deliver", "email.after_flag",
)  # fmt: skip
WORK = ("normalize.before_register", "work.normalize.claimed", "drain.after_last_claim")
CLAIMED = ("work.fetch.claimed", "work.enrich.claimed", "work.transcribe.claimed", "work.read_scan.claimed")
WECHAT = ("wechat.before_deliver", "wechat.after_deliver")
PHONE = ("phone.before_deliver", "phone.after_deliver")
LETTER = ("letter.before_deliver", "letter.after_deliver")
ACTIONS = ("kill", "raise", "hang")


def named() -> set[str]:
    """Every name passed to failpoints.hit or ports.fail in the product."""
    found: set[str] = set()
    for top in ("hub", "channels", "transcription"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or len(node.args) != 1:
                    continue
                owner = ast.unparse(node.func.value)
                if (owner, node.func.attr) == ("failpoints", "hit") or (
                    owner.endswith("ports") and node.func.attr == "fail"
                ):
                    found.add(_text(node.args[0]))
    return found - {"{}"}


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return "{}"  # HubPorts.fail passes on the name it is given


def test_every_failpoint_of_the_product_is_exercised_here() -> None:
    names = named()
    assert "work.{}.claimed" in names
    expanded = (names - {"work.{}.claimed"}) | {f"work.{handler}.claimed" for handler in rows.QUEUES}
    assert expanded == {*MAIL, *WORK, *CLAIMED, *WECHAT, *PHONE, *LETTER}


def strike(child: Child, point: str, action: str) -> None:
    """Waits until the failpoint fired; a hanging process is then killed."""
    marker = settings().folder("run/failpoints") / point
    until(lambda: marker.exists() or not child.alive(), 30, f"{point} is reached")
    assert marker.exists(), f"{point} was never passed, see {child.out.with_suffix('.log')}"
    if action == "hang":
        time.sleep(0.1)
        assert child.alive(), "it should hang"
        child.killed()
    with contextlib.suppress(ChildError):
        child.wait(30)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("point", MAIL)
def test_f03_mail_intake(
    forked: Zygote, mailserver: Mailserver, ledger: Ledger, rng: random.Random, point: str, action: str
) -> None:
    mails = [ledger.note(f"m{n}", mail(rng, f"m{n}", size)) for n, size in enumerate((500, 120_000, 700))]
    mailserver.append_all(mails)
    source = mailserver.entrance()
    child = forked.run("poll_once", failpoints=f"{point}={action}", channel="email", source=source)
    strike(child, point, action)
    acknowledged = mailserver.seen()
    assert acknowledged <= count(), "a mail was acknowledged before it was stored"
    forked.run("poll_once", channel="email", source=source).wait()
    assert mailserver.seen() == 3
    forked.run("drain", queue="light").wait()
    ledger.check()


def _accept(ledger: Ledger, rng: random.Random, number: int) -> None:
    for n in range(number):
        blob = Blob("a.eml", "message/rfc822", ledger.note(f"m{n}", mail(rng, f"m{n}", 300)))
        made = channels()["email"].from_files([blob], {}, source_id="cli:email", now=datetime.now(UTC))
        intake.accept(made[0], unit=UNIT)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("point", WORK)
def test_f03_normalize_worker(forked: Zygote, ledger: Ledger, rng: random.Random, point: str, action: str) -> None:
    _accept(ledger, rng, 3)
    strike(forked.run("drain", failpoints=f"{point}={action}", queue="light", lease=0.5, back_off=0.1), point, action)
    until(lambda: forked.run("drain", queue="light", lease=5).wait() + 1 and not waiting("normalize"), 20)
    ledger.check()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("point", CLAIMED)
def test_f03_other_workers(forked: Zygote, point: str, action: str) -> None:
    handler = point.split(".")[1]
    with db.transaction() as session:
        for n in range(3):
            rows.put(session, handler, {"n": n})
    options = {"queue": rows.QUEUES[handler], "marked": True}
    strike(forked.run("drain", failpoints=f"{point}={action}", lease=0.5, **options), point, action)
    until(lambda: forked.run("drain", lease=5, **options).wait() + 1 and not waiting(), 20)
    with db.reading() as session:
        effects = session.execute(select(Event.object).where(Event.act == "effect").order_by(Event.object)).all()
    assert [obj for (obj,) in effects] == ["test:0", "test:1", "test:2"]


def provider(forked: Zygote, ledger: Ledger, point: str, action: str, request: Callable[[], dict[str, object]]) -> None:
    """A provider posts until it is answered 2xx, the first time into the failpoint."""
    child = forked.run("post", failpoints=f"{point}={action}", **request())
    strike(child, point, action)
    try:
        status = child.wait()
    except ChildError:
        status = 0
    assert not 200 <= status < 300, "what failed was acknowledged"
    stored = count()
    assert stored == (1 if "after" in point else 0)
    assert 200 <= forked.run("post", **request()).wait() < 300
    assert count() == 1
    forked.run("drain", queue="light").wait()
    ledger.check()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("point", WECHAT)
def test_f03_wechat_webhook(forked: Zygote, ledger: Ledger, point: str, action: str) -> None:
    secrets = {"token": "tok", "aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "app_secret": "s"}
    entrance("wechat:1", "wechat", {"app_id": "wx0123456789abcdef"}, secrets)
    server = WeChat("wx0123456789abcdef", secrets["token"], secrets["aes_key"], secrets["app_secret"])
    try:
        xml = server._xml("o" * 28, "text", {"Content": "红旗村占用耕地", "MsgId": "77"})
        ledger.note("77", xml)

        def request() -> dict[str, object]:
            query, body = server.sealed(xml, "o" * 28)
            return {"path": "/hooks/wechat/wechat:1", "query": query, "body": body.decode("latin-1"),
                    "content_type": "text/xml", "headers": {}}  # fmt: skip

        provider(forked, ledger, point, action, request)
    finally:
        server.stop()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("point", PHONE)
def test_f03_twilio_webhook(forked: Zygote, ledger: Ledger, point: str, action: str) -> None:
    account, token, public = "AC" + "0123456789abcdef" * 2, "token", "https://12336.example.cn"
    facts = {"kind": "twilio", "account_sid": account, "public_url": public}
    entrance("twilio:1", "phone", facts, {"auth_token": token})
    body = (
        f"AccountSid={account}&CallSid=CA{'1' * 32}&CallStatus=ringing&Direction=inbound&From=%2B8613800000000"
        "&To=%2B8612336&ApiVersion=2010-04-01"
    )
    ledger.note("call", body.encode())
    form = {"AccountSid": account, "CallSid": f"CA{'1' * 32}", "CallStatus": "ringing", "Direction": "inbound",
            "From": "+8613800000000", "To": "+8612336", "ApiVersion": "2010-04-01"}  # fmt: skip
    path = "/hooks/phone/twilio:1/voice"

    def request() -> dict[str, object]:
        return {"path": path, "query": {}, "body": body, "content_type": "application/x-www-form-urlencoded",
                "headers": {"X-Twilio-Signature": signature(token, public + path, form)}}  # fmt: skip

    provider(forked, ledger, point, action, request)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("channel", "point"), [("phone", p) for p in PHONE] + [("letter", p) for p in LETTER])
def test_f03_folder_pollers(
    forked: Zygote, ledger: Ledger, rng: random.Random, tmp_path: Path, channel: str, point: str, action: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    name = "a.wav" if channel == "phone" else "a.pdf"
    head = b"RIFF\x00\x00\x00\x00WAVEfmt " if channel == "phone" else b"%PDF-1.4\n"
    (folder / name).write_bytes(ledger.note(name, head + rng.randbytes(100_000)))
    facts = {"folder": str(folder), "settle_seconds": 0.1, "done_folder": "done"}
    entrance(f"{channel}:1", channel, facts | ({"sidecar_seconds": 0.1} if channel == "phone" else {}))
    options = {"channel": channel, "source": f"{channel}:1", "linger": 1.0}
    strike(forked.run("poll_once", failpoints=f"{point}={action}", **options), point, action)
    moved = (folder / "done" / name).exists()
    assert not moved or count() == 1, "moved away before it was stored"
    forked.run("poll_once", **options).wait()
    assert (folder / "done" / name).exists()
    ledger.check(settled=False)
