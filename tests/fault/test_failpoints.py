"""F03: kill -9, an exception and a hang at every named failpoint; afterwards the same delivery comes again."""

from __future__ import annotations

import ast
import contextlib
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

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
CLAIMED = tuple(f"work.{handler}.claimed" for handler in rows.QUEUES if handler != "normalize")
ELSEWHERE = (
    "notify.before_send", "notify.after_send",  # tests/integration/notify, with the providers
    "keys.after_file", "keys.before_commit", "keys.before_replace", "keys.before_retire",  # test_keys_and_backup.py
    "restore.before_database", "restore.after_file", "restore.before_end",
)  # fmt: skip
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
    assert expanded == {*MAIL, *WORK, *CLAIMED, *WECHAT, *PHONE, *LETTER, *ELSEWHERE}


def strike(start: Callable[[str], Child], point: str, action: str) -> Child:
    """Starts a process with the failpoint armed and waits until it fired; one that hangs is then killed."""
    print(f"{point}={action}")
    marker = settings().folder("run/failpoints") / point
    marker.unlink(missing_ok=True)
    child = start(f"{point}={action}")
    until(lambda: marker.exists() or not child.alive(), what=f"{point} is reached")
    assert marker.exists(), f"{point} was never passed, see {child.out.with_suffix('.log')}"
    if action == "hang":
        time.sleep(0.1)
        assert child.alive(), "it should hang"
        child.killed()
    with contextlib.suppress(ChildError):
        child.wait()
    return child


@pytest.mark.parametrize("point", MAIL)
def test_f03_mail_intake(
    forked: Zygote, mailserver: Mailserver, ledger: Ledger, rng: random.Random, point: str
) -> None:
    source = mailserver.entrance()
    for action in ACTIONS:
        mails = [mail(rng, f"{action}{n}", size) for n, size in enumerate((500, 120_000, 700))]
        mailserver.append_all([ledger.note(f"{action}{n}", data) for n, data in enumerate(mails)])
        strike(lambda armed: forked.run("poll_once", failpoints=armed, channel="email", source=source), point, action)
        acknowledged = mailserver.seen()
        assert acknowledged <= count(), "a mail was acknowledged before it was stored"
        forked.run("poll_once", channel="email", source=source).wait()
        assert mailserver.seen() == len(ledger.sent) == count()
    forked.run("drain", queue="light").wait()
    ledger.check()


def _accept(ledger: Ledger, rng: random.Random, name: str, number: int) -> None:
    for n in range(number):
        data = ledger.note(f"{name}{n}", mail(rng, f"{name}{n}", 300))
        blob = Blob("a.eml", "message/rfc822", data)
        made = channels()["email"].from_files([blob], {}, source_id="cli:email", now=datetime.now(UTC))
        intake.accept(made[0], unit=UNIT)


@pytest.mark.parametrize("point", WORK)
def test_f03_normalize_worker(forked: Zygote, ledger: Ledger, rng: random.Random, point: str) -> None:
    for action in ACTIONS:
        _accept(ledger, rng, action, 2)
        quick = {"queue": "light", "lease": 0.5, "back_off": 0.1}
        strike(lambda armed, quick=quick: forked.run("drain", failpoints=armed, **quick), point, action)
        until(lambda: forked.run("drain", queue="light", lease=5).wait() + 1 and not waiting("normalize"))
    ledger.check()


@pytest.mark.parametrize("point", CLAIMED)
def test_f03_other_workers(forked: Zygote, point: str) -> None:
    handler = point.split(".")[1]
    options = {"queue": rows.QUEUES[handler], "marked": True}
    for number, action in enumerate(ACTIONS):
        with db.transaction() as session:
            for n in range(2):
                rows.put(session, handler, {"n": 2 * number + n})
        strike(lambda armed: forked.run("drain", failpoints=armed, lease=0.5, **options), point, action)
        until(lambda: forked.run("drain", lease=5, **options).wait() + 1 and not waiting())
    with db.reading() as session:
        effects = session.execute(select(Event.object).where(Event.act == "effect").order_by(Event.object)).all()
    assert [obj for (obj,) in effects] == [f"test:{n}" for n in range(2 * len(ACTIONS))]


def provider(forked: Zygote, ledger: Ledger, point: str, requests: dict[str, Callable[[], dict[str, object]]]) -> None:
    """A provider posts until it is answered 2xx, the first time into the failpoint."""
    for before, (action, request) in enumerate(requests.items()):
        child = strike(lambda armed, request=request: forked.run("post", failpoints=armed, **request()), point, action)
        try:
            status = child.wait()
        except ChildError:
            status = 0
        assert not 200 <= status < 300, "what failed was acknowledged"
        assert count() == before + (1 if "after" in point else 0)
        assert 200 <= forked.run("post", **request()).wait() < 300
        assert count() == before + 1
    forked.run("drain", queue="light").wait()
    ledger.check()


@pytest.mark.parametrize("point", WECHAT)
def test_f03_wechat_webhook(forked: Zygote, ledger: Ledger, point: str) -> None:
    secrets = {"token": "tok", "aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "app_secret": "s"}
    entrance("wechat:1", "wechat", {"app_id": "wx0123456789abcdef"}, secrets)
    server = WeChat("wx0123456789abcdef", secrets["token"], secrets["aes_key"], secrets["app_secret"])

    def request(xml: bytes) -> dict[str, object]:
        query, body = server.sealed(xml, "o" * 28)
        return {"path": "/hooks/wechat/wechat:1", "query": query, "body": body.decode("latin-1"),
                "content_type": "text/xml", "headers": {}}  # fmt: skip

    try:
        requests = {}
        for n, action in enumerate(ACTIONS):
            xml = server._xml("o" * 28, "text", {"Content": f"红旗村占用耕地{n}亩", "MsgId": str(n)})
            requests[action] = partial(request, ledger.note(action, xml))
        provider(forked, ledger, point, requests)
    finally:
        server.stop()


@pytest.mark.parametrize("point", PHONE)
def test_f03_twilio_webhook(forked: Zygote, ledger: Ledger, point: str) -> None:
    account, token, public = "AC" + "0123456789abcdef" * 2, "token", "https://12336.example.cn"
    facts = {"kind": "twilio", "account_sid": account, "public_url": public}
    entrance("twilio:1", "phone", facts, {"auth_token": token})
    path = "/hooks/phone/twilio:1/voice"

    def request(form: dict[str, str]) -> dict[str, object]:
        return {"path": path, "query": {}, "body": urlencode(form), "content_type": "application/x-www-form-urlencoded",
                "headers": {"X-Twilio-Signature": signature(token, public + path, form)}}  # fmt: skip

    requests = {}
    for n, action in enumerate(ACTIONS):
        form = {"AccountSid": account, "CallSid": f"CA{n}{'1' * 31}", "CallStatus": "ringing", "Direction": "inbound",
                "From": "+8613800000000", "To": "+8612336", "ApiVersion": "2010-04-01"}  # fmt: skip
        ledger.note(action, urlencode(form).encode())
        requests[action] = partial(request, form)
    provider(forked, ledger, point, requests)


@pytest.mark.parametrize(("channel", "point"), [("phone", p) for p in PHONE] + [("letter", p) for p in LETTER])
def test_f03_folder_pollers(
    forked: Zygote, ledger: Ledger, rng: random.Random, tmp_path: Path, channel: str, point: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    facts = {"folder": str(folder), "settle_seconds": 0.1, "done_folder": "done"}
    entrance(f"{channel}:1", channel, facts | ({"sidecar_seconds": 0.1} if channel == "phone" else {}))
    options = {"channel": channel, "source": f"{channel}:1", "linger": 0.8}
    head, ending = (b"RIFF\x00\x00\x00\x00WAVEfmt ", "wav") if channel == "phone" else (b"%PDF-1.4\n", "pdf")
    for before, action in enumerate(ACTIONS):
        name = f"{action}.{ending}"
        (folder / name).write_bytes(ledger.note(name, head + rng.randbytes(100_000)))
        strike(lambda armed: forked.run("poll_once", failpoints=armed, **options), point, action)
        assert not (folder / "done" / name).exists() or count() == before + 1, "moved away before it was stored"
        forked.run("poll_once", **options).wait()
        assert (folder / "done" / name).exists()
        assert count() == before + 1
    ledger.check(settled=False)
