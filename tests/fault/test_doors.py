"""F21, F23, F25: the real web server under impatient providers and cut uploads."""

from __future__ import annotations

import contextlib
import random
import re
import secrets
import socket
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from sqlalchemy import select

from channels.phone.sandbox import Sandbox as Twilio
from channels.wechat.sandbox import Sandbox as WeChat
from hub import db, intake
from hub.access import staff
from hub.models import Blob, Clue, Intake, Work
from hub.settings import settings
from tests.fault.kit import UNIT, Ledger, Zygote, count, entrance, many, until, waiting
from tests.fault.tasks import wait_port

pytestmark = pytest.mark.fault

WX = "wx0123456789abcdef"
KEYS = {"token": "tok", "aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "app_secret": "app-secret"}
ACCOUNT, TOKEN = "AC" + "0123456789abcdef" * 2, "8f742231b10e8888abcd99yyyzzz85a5"


@pytest.fixture
def served(forked: Zygote) -> Iterator[str]:
    """The real gunicorn; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = forked.run("web", port=port)
    wait_port(port)
    yield f"http://127.0.0.1:{port}"
    server.kill(15)
    until(lambda: not server.alive(), what="the web server stops")


def test_f21_wechat_delivers_three_times_within_five_seconds(
    served: str, forked: Zygote, ledger: Ledger, rng: random.Random
) -> None:
    entrance("wechat:1", "wechat", {"app_id": WX}, KEYS)
    with WeChat(
        WX, KEYS["token"], KEYS["aes_key"], KEYS["app_secret"], webhook=f"{served}/hooks/wechat/wechat:1"
    ) as box:
        real = box._xml

        def noted(openid: str, kind: str, fields: dict[str, str]) -> bytes:
            return ledger.note(fields["MsgId"], real(openid, kind, fields))

        box._xml = noted  # type: ignore[method-assign]
        for n in range(many(20, 200)):
            began = time.monotonic()
            answers = box.deliver_thrice(f"o{n:027d}", f"红旗村有人占用耕地{rng.randint(1, 99)}亩建厂房")
            assert [a.statuses for a in answers] == [(200,)] * 3
            assert all(a.acknowledged for a in answers)
            assert time.monotonic() - began < 15, "three answers, each in the five seconds that the sandbox waits"
    forked.run("drain", queue="light").wait()
    ledger.check()
    assert count(Clue) == len(ledger.sent)


def wav(rng: random.Random) -> bytes:
    from tests.channels.phone.conftest import tone

    return tone(0.4, rng.randint(1, 10_000))


def test_f23_twilio_out_of_order_and_the_recording_is_not_there_yet(
    served: str, forked: Zygote, ledger: Ledger, rng: random.Random
) -> None:
    calls = many(4, 40)
    with Twilio(ACCOUNT, TOKEN, not_found_first=2) as box:
        facts = {"kind": "twilio", "account_sid": ACCOUNT, "public_url": served, "api_base": box.api_base}
        entrance("twilio:1", "phone", facts, {"auth_token": TOKEN})
        for n in range(calls):
            sound = ledger.note(f"call {n}", wav(rng) + bytes([n]))
            call = box.call(f"+861380000{n:04d}", sound, f"{served}/hooks/phone/twilio:1", out_of_order=n % 2 == 0)
            assert call.accepted(), call.statuses
            again = box.post(
                f"{served}/hooks/phone/twilio:1/voice", box._call_form(f"+861380000{n:04d}", call.call_sid, "ringing")
            )
            assert again.status_code == 200
        asked = lambda: [status for r in box.recordings.values() for status in r.requests]  # noqa: E731

        def over() -> bool:
            forked.run("drain", queue="light", back_off=0.2).wait()
            return not waiting("normalize", "fetch")

        until(over, what="the recordings are fetched")
        assert asked().count(404) == 2 * calls
        assert asked().count(200) == calls
    ledger.check(origin="fetched")
    assert count(Clue) == calls, "all events of a call are one clue"
    with db.reading() as session:
        assert not session.scalars(select(Work).where(Work.state == "dead")).all()
        assert len(session.scalars(select(Work).where(Work.handler == "transcribe")).all()) == calls


def test_f25_web_process_killed_inside_an_upload(forked: Zygote, ledger: Ledger, rng: random.Random) -> None:
    """The plain copy it had spooled is gone with the next start, and the retry is the one letter."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = forked.run("web", env={"HUB_FAILPOINTS": "intake.before_blobs=hang"}, port=port)
    wait_port(port)
    served = f"http://127.0.0.1:{port}"
    headers, csrf = signed_in(served)
    data = ledger.note("letter", b"%PDF-1.4\n" + rng.randbytes(300_000) + b"\n%%EOF\n")
    whole = request_bytes(served, headers, csrf, secrets.token_hex(16), data)
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(whole)
        fired = settings().folder("run/failpoints") / "intake.before_blobs"
        until(fired.exists, what="the upload is in work")
        workers = psutil.Process(server.pid).children(recursive=True)
        server.killed()  # the master first: it would start a new worker, which would hold the port of the next start
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
        psutil.wait_procs(workers, 10)
    assert count() == 0
    server = forked.run("web", port=port)
    wait_port(port)
    assert not list(settings().folder("tmp").rglob("*")), "an upload lies there in plain"
    assert send(served, whole, 1, listen=True) in (200, 303)
    server.kill(15)
    ledger.check(settled=False)


def signed_in(served: str) -> tuple[dict[str, str], str]:
    """Cookie header and CSRF token of an operator."""
    with db.transaction() as session:
        staff.add(session, "operator", "受理员", "long-enough-1", UNIT, ["operator", "mailroom"])
    with httpx.Client(trust_env=False, timeout=30) as client:
        client.post(f"{served}/sign-in", data={"login": "operator", "password": "long-enough-1"})
        page = client.get(f"{served}/upload/letter").text
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert csrf is not None
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}, csrf[1]


def request_bytes(served: str, headers: dict[str, str], csrf: str, key: str, data: bytes) -> bytes:
    """The whole HTTP request of an upload, as a browser sends it."""
    made = httpx.Request(
        "POST", f"{served}/upload/letter", headers=headers, data={"csrf_token": csrf, "key": key},
        files={"files": ("来信.pdf", data, "application/pdf")},
    )  # fmt: skip
    body = made.read()
    head = f"POST {made.url.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in made.headers.items())
    return head.encode() + b"\r\n" + body


def send(served: str, data: bytes, part: float, *, listen: bool) -> int:
    """Sends that part of the request and hangs up; with `listen` waits for the status."""
    port = int(served.rpartition(":")[2])
    head = data.index(b"\r\n\r\n") + 4
    cut = head + int((len(data) - head) * part)
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(data[:cut])
        if not listen:
            return 0
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        return int(sock.recv(200).split()[1])


def test_f25_upload_cut_and_retried(served: str, forked: Zygote, ledger: Ledger, rng: random.Random) -> None:
    """Cut on the way nothing is stored; cut before the answer it may be. Again with the same key it is one letter."""
    headers, csrf = signed_in(served)
    for n, part in enumerate((0, 0.01, 0.5, 0.999, 1.0) * many(1, 10)):
        key = secrets.token_hex(16)
        data = ledger.note(f"{n}: {part}", b"%PDF-1.4\n" + rng.randbytes(700_000) + b"\n%%EOF\n")
        whole = request_bytes(served, headers, csrf, key, data)
        before = count()
        send(served, whole, part, listen=False)
        time.sleep(0.3)
        if part < 1:
            assert count() == before, "half an upload became an intake"
        assert send(served, whole, 1, listen=True) in (200, 303)
        assert send(served, whole, 1, listen=True) in (200, 303), "the same again"
        assert count() == before + 1
    until(lambda: not list(settings().folder("tmp").iterdir()), what="nothing of cut uploads is left behind in plain")
    ledger.check(settled=False)
    with db.reading() as session:
        for row in session.scalars(select(Intake)):
            blob = session.scalars(select(Blob).where(Blob.intake_id == row.id, Blob.role != "form")).one()
            assert b"".join(intake.read_blob(session, blob, 0, 8)) == b"%PDF-1.4"
