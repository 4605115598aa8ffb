"""The poller against a real IMAP server (Dovecot) and the embedded one: nothing lost, nothing twice.

The ledger of each test is the list of mails put in; what `deliver` stored must be exactly that.
"""

from __future__ import annotations

import hashlib
import imaplib
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from imapclient.exceptions import IMAPClientError

from channels.contract import NormalizeError, Source
from channels.email import Sandbox, normalize, poll, poll_once
from channels.testing import FailpointError, MemoryPorts, StorageDownError
from tests.channels.email import dovecot
from tests.channels.email.proxy import CuttingProxy

needs_dovecot = pytest.mark.skipif(not dovecot.AVAILABLE, reason=dovecot.WHY_NOT)
SERVERS = ["sandbox", pytest.param("dovecot", marks=needs_dovecot)]


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox | dovecot.Dovecot]:
    if request.param == "sandbox":
        with Sandbox(tmp_path / "box", password="secret") as box:
            yield box
    else:
        with dovecot.start_dovecot() as real:
            yield real


def make_ports(**secrets: str) -> MemoryPorts:
    ports = MemoryPorts(clock=datetime.now(UTC) + timedelta(seconds=5))
    ports.secrets["email:1", "password"] = secrets.get("password", "secret")
    return ports


def make_source(port: int, **more: object) -> Source:
    given = {"host": "127.0.0.1", "port": port, "tls": "none", "user": "clue@example.cn", "chunk_bytes": 1_024}
    return Source("email:1", "email", "150821", given | {"timeout_seconds": 5, "poll_seconds": 1} | more)


def mails(count: int, seed: int = 7) -> list[bytes]:
    rng = random.Random(seed)
    made = []
    for number in range(count):
        body = "举报".encode("gbk") + b"x" * rng.randrange(10, 6_000) + b"\r\n"
        made.append(b"Message-ID: <m%d@example.cn>\r\nSubject: %d\r\n\r\n" % (number, number) + body)
    return made


def bodies(ports: MemoryPorts) -> list[bytes]:
    return [raw.blobs[0].data for raw in ports.delivered]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def polling(ports: MemoryPorts, source: Source) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=poll, args=(ports, source, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive(), "the poller did not stop"


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_each_mail_once_and_whole(server):
    sent = mails(30)
    for data in sent:
        server.append(data)
    ports, source = make_ports(), make_source(server.port)
    assert poll_once(ports, source) == 30
    assert bodies(ports) == sent
    assert poll_once(ports, source) == 0
    assert not ports.redelivered
    assert len({raw.key for raw in ports.delivered}) == 30
    assert ports.delivered[0].also == (f"mid:<m0@example.cn>:{hashlib.sha256(sent[0]).hexdigest()}",)
    assert not ports.leases


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_internaldate_is_the_base_of_clocks(server):
    at = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
    data = b"Date: Mon, 02 Mar 2020 00:00:00 +0000\r\n\r\nx\r\n"
    server.append(data, at) if isinstance(server, Sandbox) else server.append(data, at=at)
    ports = make_ports()
    poll_once(ports, make_source(server.port))
    assert ports.delivered[0].at == at


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_a_new_uidvalidity_and_reappended_mail_are_no_second_intake(server):
    sent = [*mails(5), b"Subject: without id\r\n\r\nx\r\n"]
    for data in sent:
        server.append(data)
    ports, source = make_ports(), make_source(server.port)
    assert poll_once(ports, source) == 6
    server.renumber()
    assert poll_once(ports, source) == 0
    assert len(ports.redelivered) == 6
    server.append(sent[2])
    assert poll_once(ports, source) == 0
    assert bodies(ports) == sent
    assert poll_once(ports, source) == 0
    assert len(ports.redelivered) == 7


@pytest.mark.parametrize("server", SERVERS, indirect=True)
@pytest.mark.parametrize("point", ["email.before_deliver", "email.after_deliver", "email.after_flag"])
def test_a_failure_at_each_point_loses_and_doubles_nothing(server, point):
    sent = mails(8)
    for data in sent:
        server.append(data)
    ports, source = make_ports(), make_source(server.port, done_folder="已收 邮件")
    for passages in (0, 1, 2):
        ports.arm(point, passages)
        with pytest.raises(FailpointError):
            poll_once(ports, source)
    ports.armed.clear()
    poll_once(ports, source)
    assert sorted(bodies(ports)) == sorted(sent)
    assert not ports.redelivered
    if isinstance(server, Sandbox):
        assert len(server.folder("INBOX").mails) == 0
        assert len(server.folder("已收 邮件").mails) == 8
    else:
        assert len(server.flags()) == 0
        assert len(server.flags("已收 邮件")) == 8


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_nothing_is_flagged_before_it_is_stored(server):
    server.append(mails(1)[0])
    ports, source = make_ports(), make_source(server.port)
    ports.broken = True
    with pytest.raises(StorageDownError):
        poll_once(ports, source)
    seen = server.flags(1) if isinstance(server, Sandbox) else {f.decode() for f in server.flags()[1]}
    assert "\\Seen" not in seen
    ports.broken = False
    assert poll_once(ports, source) == 1
    seen = server.flags(1) if isinstance(server, Sandbox) else {f.decode() for f in server.flags()[1]}
    assert "\\Seen" in seen


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_an_oversize_mail_reaches_the_manual_list(server):
    server.append(b"Message-ID: <big@x>\r\nSubject: big\r\n\r\n" + b"y" * 5_000)
    server.append(mails(1)[0][:900])
    ports, source = make_ports(), make_source(server.port, max_bytes=2_048, done_folder="done")
    assert poll_once(ports, source) == 2
    big = ports.delivered[0]
    assert big.blobs[0].data == b"Message-ID: <big@x>\r\nSubject: big\r\n\r\n"
    assert big.meta["oversize"] > 5_000
    with pytest.raises(NormalizeError):
        normalize(big)
    assert poll_once(ports, source) == 0
    flags = server.flags(1) if isinstance(server, Sandbox) else {f.decode() for f in server.flags()[1]}
    assert {"\\Flagged", "\\Seen"} <= flags


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_cut_connections_lose_nothing(server):
    sent = mails(40)
    for data in sent:
        server.append(data)
    proxy = CuttingProxy(server.port, cuts=25, low=100, high=15_000)
    ports, source = make_ports(), make_source(proxy.port)
    try:
        for _attempt in range(200):
            try:
                poll_once(ports, source)
            except (imaplib.IMAP4.error, OSError):
                continue
            if len(ports.delivered) == 40:
                break
    finally:
        proxy.close()
    assert proxy.cut >= 10
    assert sorted(bodies(ports)) == sorted(sent)
    assert not ports.redelivered


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_two_pollers_on_one_mailbox(server):
    sent = mails(20)
    ports, source = make_ports(), make_source(server.port)
    with polling(ports, source), polling(ports, source):
        for data in sent:
            server.append(data)
        until(lambda: len(ports.delivered) == 20)
    assert sorted(bodies(ports)) == sorted(sent)
    assert not ports.redelivered


def test_mails_that_cannot_be_stored_do_not_hold_up_the_others(tmp_path: Path):
    class Picky(MemoryPorts):
        def deliver(self, raw):
            if b"poison" in raw.blobs[0].data:
                raise StorageDownError(raw.source_id)
            return super().deliver(raw)

    ports = Picky(clock=datetime.now(UTC) + timedelta(seconds=5))
    ports.secrets["email:1", "password"] = "secret"
    with Sandbox(tmp_path, password="secret") as box:
        for number in range(5):
            box.append(b"Subject: poison %d\r\n\r\n" % number)
        for data in mails(4):
            box.append(data)
        with polling(ports, make_source(box.port)):
            until(lambda: len(ports.delivered) == 4)
        assert bodies(ports) == mails(4)
        assert any(not beat.ok for beat in ports.beats)
        assert "\\Seen" not in box.flags(1)


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_idle_brings_news_at_once(server):
    ports, source = make_ports(), make_source(server.port, poll_seconds=600)
    with polling(ports, source):
        until(lambda: bool(ports.beats))
        time.sleep(0.5)
        server.append(mails(1)[0])
        until(lambda: len(ports.delivered) == 1)  # far less than the ten minutes between two looks
    assert ports.beats[-1].ok


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_chinese_folders(server):
    server.append(b"Subject: a\r\n\r\na\r\n", folder="举报&信件")
    server.append(b"Subject: b\r\n\r\nb\r\n")
    ports = make_ports()
    assert poll_once(ports, make_source(server.port, folders=["举报&信件", "inbox", "没有"][:2])) == 2
    assert [raw.key.split("/")[0] for raw in ports.delivered] == ["举报&信件", "INBOX"]
    with pytest.raises(IMAPClientError):
        poll_once(ports, make_source(server.port, folders=["没有", "INBOX"]))


@needs_dovecot
def test_tls_and_starttls_check_the_certificate():
    with dovecot.start_dovecot() as real:
        real.append(mails(1)[0])
        for tls, port in (("tls", real.tls_port), ("starttls", real.port)):
            ports = make_ports()
            assert poll_once(ports, make_source(port, host="localhost", tls=tls, ca_pem=real.ca_pem)) == 1
            with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
                poll_once(ports, make_source(port, host="localhost", tls=tls))


@pytest.mark.parametrize("server", SERVERS, indirect=True)
def test_a_wrong_password_is_said_plainly(server):
    ports, source = make_ports(password="no"), make_source(server.port, timeout_seconds=20)
    with polling(ports, source):
        until(lambda: bool(ports.beats))
    assert not ports.beats[0].ok
    assert "密码" in ports.beats[0].detail
    ports.secrets.clear()
    ports.beats.clear()
    with polling(ports, source):
        until(lambda: bool(ports.beats))
    assert "尚未设置" in ports.beats[0].detail


def test_the_poller_comes_back_after_the_server_was_away(tmp_path: Path):
    box = Sandbox(tmp_path, password="secret")
    box.start()
    ports, source = make_ports(), make_source(box.port)
    with polling(ports, source):
        box.append(mails(1)[0])
        until(lambda: len(ports.delivered) == 1)
        box.stop()
        box.append(mails(2)[1])
        until(lambda: not ports.beats[-1].ok)
        box.start()
        until(lambda: len(ports.delivered) == 2)
    box.stop()


def test_the_sandbox_keeps_uids_over_a_restart(tmp_path: Path):
    ports = make_ports()
    sent = mails(3)
    with Sandbox(tmp_path, password="secret") as box:
        for data in sent:
            box.append(data)
        poll_once(ports, make_source(box.port))
    with Sandbox(tmp_path, password="secret") as box:
        assert poll_once(ports, make_source(box.port)) == 0
        assert box.append(b"new") == 4
    assert not ports.redelivered
    assert bodies(ports) == sent
