"""A notice by mail: what the server answers is what the hub may claim."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from channels.contract import NotifyError, Outgoing, Sender, Source
from channels.email import CHANNEL
from channels.email.automatic import auto_reply_allowed
from channels.email.notify import compose, fits, ready, send
from channels.email.reading import read
from channels.email.sandbox_post import PostOffice as SandboxPost
from channels.email.settings import EmailSettings
from channels.testing import MemoryPorts
from tests.channels.email.postoffice import PostOffice

TO = "zhang.san@example.org"
NOTICE = Outgoing(
    key="0123456789abcdef" * 2,
    title="12336举报办理告知",
    text="您好！\n.您反映的问题经审核属于受理范围。",
    to=Sender(name="张三", email=TO),
    at=datetime(2026, 3, 2, 1, 0, tzinfo=UTC),
    thread=("<a1@example.org>",),
)
SETTINGS = {
    "host": "127.0.0.1", "user": "clue@example.cn", "smtp_host": "127.0.0.1", "smtp_tls": "none",
    "smtp_sign_in": False, "sender_name": "",
}  # fmt: skip


@pytest.fixture
def office():
    with PostOffice() as made:
        yield made


@pytest.fixture
def source(office) -> Source:
    return Source("email:t", "email", "150821", {**SETTINGS, "smtp_port": office.port})


def refused(source: Source, notice: Outgoing = NOTICE) -> NotifyError:
    with pytest.raises(NotifyError) as error:
        send(MemoryPorts(), source, notice)
    assert "example.org" not in str(error.value)
    assert error.value.__cause__ is None
    return error.value


def test_the_mail_is_threaded_loop_safe_and_the_same_at_every_try(office, source) -> None:
    handed = send(MemoryPorts(), source, NOTICE)
    assert handed.evidence == "250 2.0.0"
    assert handed.keys == ("<0123456789abcdef0123456789abcdef@example.cn>",)
    send(MemoryPorts(), source, replace(NOTICE, again=True))
    first, second = office.post.taken
    assert first.data == second.data
    assert (first.sender, first.to) == ("clue@example.cn", TO)
    mail = first.mail
    assert mail["In-Reply-To"] == mail["References"] == "<a1@example.org>"
    assert mail["Message-ID"] == handed.keys[0]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOTICE.at
    assert mail["Subject"] == NOTICE.title
    assert first.text.replace("\r\n", "\n") == NOTICE.text
    assert not auto_reply_allowed(read(first.data)), "another hub would answer it"


def test_an_answer_to_what_just_came_in_says_so(office, source) -> None:
    send(MemoryPorts(), source, replace(NOTICE, answering=True, thread=()))
    mail = office.post.taken[0].mail
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["In-Reply-To"] is None


@pytest.mark.parametrize(
    ("reply", "permanent"),
    [("550 5.1.1 <zhang.san@example.org> unknown", True), ("552 5.2.2 full", True), ("450 4.2.1 greylisted", False),
     ("421 4.3.2 closing", False), ("drop", False)],
)  # fmt: skip
def test_a_refused_recipient(office, source, reply, permanent) -> None:
    office.post.answers[TO] = [reply]
    error = refused(source)
    assert (error.permanent, error.unknown) == (permanent, False)
    assert not office.post.taken


@pytest.mark.parametrize(("reply", "permanent"), [("554 5.7.1 no", True), ("451 4.7.1 later", False)])
def test_a_refused_text(office, source, reply, permanent) -> None:
    office.post.texts = [reply]
    error = refused(source)
    assert (error.permanent, error.unknown) == (permanent, False)
    assert not office.post.taken


def test_a_connection_cut_after_the_text_is_unknown(office, source) -> None:
    office.post.texts = ["drop"]
    error = refused(source)
    assert error.unknown
    assert len(office.post.taken) == 1


def test_a_refused_sender_says_nothing_about_the_recipient(office, source) -> None:
    office.post.senders = ["553 5.1.8 sender"]
    assert not refused(source).permanent


def test_no_server_passes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = refused(Source("email:t", "email", "150821", {**SETTINGS, "smtp_port": port}))
    assert (error.permanent, error.unknown) == (False, False)


def test_a_server_that_talks_rubbish_passes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"\xff\xfe" * 9000 + b"\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        error = refused(Source("email:t", "email", "150821", {**SETTINGS, "smtp_port": server.getsockname()[1]}))
        thread.join()
    assert (error.permanent, error.unknown) == (False, False)


def test_signing_in_needs_a_password(office, source) -> None:
    settings = {**source.settings, "smtp_sign_in": True}
    assert "密码" in str(refused(replace(source, settings=settings)))
    ports = MemoryPorts(secrets={("email:t", "password"): "s3cret"})
    with pytest.raises(NotifyError) as error:  # the test server offers no AUTH
        send(ports, replace(source, settings=settings), NOTICE)
    assert "s3cret" not in repr(error.value)


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "a@b\r\nBcc: x@y", "a@b> RCPT TO:<c@d", "no-reply@example.org", "MAILER-DAEMON@example.org",
     "donotreply@example.org", "a b@example.org", "bounces+1@example.org", "x@" + "a" * 300],
)  # fmt: skip
def test_addresses_nobody_reads_are_no_route(office, source, email) -> None:
    assert not fits(Sender(email=email))
    assert refused(source, replace(NOTICE, to=Sender(email=email))).permanent
    assert not office.post.taken


def test_never_to_ourselves_and_in_letters_the_mail_system_knows(office, source) -> None:
    assert refused(source, replace(NOTICE, to=Sender(email="Clue@Example.cn"))).permanent
    send(MemoryPorts(), source, replace(NOTICE, to=Sender(email="li@例子.中国")))
    assert office.post.taken[0].to == "li@xn--fsqu00a.xn--fiqs8s"
    assert refused(source, replace(NOTICE, to=Sender(email="李@example.org"))).permanent


def test_foreign_thread_names_cannot_add_headers() -> None:
    settings = EmailSettings(**SETTINGS)
    mail = compose(settings, replace(NOTICE, thread=("<a\r\nBcc: x@y>", "no brackets", "<ok@x>")), TO)
    assert mail["References"] == "<ok@x>"
    assert mail["Bcc"] is None


def test_ready_only_with_a_server_and_an_address() -> None:
    made = Source("email:t", "email", "150821", SETTINGS)
    assert ready(made)
    assert not ready(replace(made, settings={**SETTINGS, "smtp_host": ""}))
    assert not ready(replace(made, settings={**SETTINGS, "user": "clue"}))
    assert ready(replace(made, settings={**SETTINGS, "user": "clue", "sender": "clue@example.cn"}))
    assert not ready(replace(made, settings={"nonsense": 1}))
    assert [route.name for route in CHANNEL.notify or ()] == ["email"]


def test_the_sandbox_takes_what_the_hub_writes() -> None:
    with SandboxPost() as post:
        source = Source("email:t", "email", "150821", {**SETTINGS, "smtp_port": post.port})
        assert send(MemoryPorts(), source, NOTICE).evidence == "250 2.0.0"
        assert [(one.to, one.text.replace("\r\n", "\n")) for one in post.taken] == [((TO,), NOTICE.text)]


@pytest.mark.parametrize("line", [b"DATA\r\n", b"RCPT TO:<a@b>\r\nDATA\r\nno end", b"\xff\xfe\r\n", b"x" * 2_000_000])
def test_the_sandbox_lets_nonsense_go(line) -> None:
    with SandboxPost() as post:
        with socket.create_connection(("127.0.0.1", post.port), timeout=5) as client, suppress(OSError):
            client.sendall(line)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                pass
        assert post.taken == []
