"""IMAP servers that lie, fall silent, flood or greet oddly: no memory is taken, nothing quoted, every poll ends."""

from __future__ import annotations

import imaplib
import time
from collections.abc import Callable

import pytest
from imapclient.exceptions import IMAPClientError
from pydantic import ValidationError

from channels.email import EmailSettings, imap, poll_once
from channels.email.receive import TransferError
from tests.channels.email.proxy import scripted
from tests.channels.email.test_mail_receive import make_ports, make_source


def test_no_error_quotes_what_the_server_said():
    def answer(tag: str, command: str) -> bytes | None:
        if "BODY.PEEK[]" in command:
            return b"* 1 FETCH zhang@example.cn"
        if "SEARCH" in command:
            return f"{tag} NO zhang@example.cn\r\n".encode()
        return _sign_in(tag, command) or f"{tag} OK x\r\n".encode()

    with scripted(answer) as port, pytest.raises(IMAPClientError) as caught:
        poll_once(make_ports(), make_source(port, timeout_seconds=1))
    assert "zhang" not in str(caught.value)

    with scripted(_lying(b"{5}\r\n01234) zhang@example.cn\n")) as port, pytest.raises(imaplib.IMAP4.error) as caught:
        poll_once(make_ports(), make_source(port, timeout_seconds=1))
    assert "zhang" not in str(caught.value)


def _sign_in(tag: str, command: str) -> bytes | None:
    verb = command.split(" ", maxsplit=1)[0].upper()
    if verb == "CAPABILITY":
        return f"* CAPABILITY IMAP4rev1\r\n{tag} OK x\r\n".encode()
    if verb == "LOGIN":
        return f"{tag} OK x\r\n".encode()
    if verb == "SELECT":
        return f"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 2] x\r\n{tag} OK x\r\n".encode()
    if "SEARCH" in command:
        return f"* SEARCH 1\r\n{tag} OK x\r\n".encode()
    if "RFC822.SIZE" in command:
        return f'* 1 FETCH (UID 1 RFC822.SIZE 100 INTERNALDATE "01-Mar-2026 00:00:00 +0000")\r\n{tag} OK x\r\n'.encode()
    return None


def _lying(body: bytes) -> Callable[[str, str], bytes | None]:
    def answer(tag: str, command: str) -> bytes | None:
        if "BODY.PEEK[]" in command:
            return b"* 1 FETCH (UID 1 BODY[]<0> " + body + b")\r\n" + tag.encode() + b" OK x\r\n"
        return _sign_in(tag, command) or f"{tag} OK x\r\n".encode()

    return answer


def test_a_huge_literal_is_refused_before_memory_is_taken():
    with scripted(_lying(b"{99999999999}\r\n")) as port, pytest.raises(imaplib.IMAP4.abort):
        poll_once(make_ports(), make_source(port))


def test_a_short_mail_is_not_taken_for_whole():
    ports = make_ports()
    with scripted(_lying(b"{10}\r\n0123456789")) as port, pytest.raises(TransferError):
        poll_once(ports, make_source(port))
    assert not ports.delivered


def test_a_server_that_misstates_the_size_a_little_is_believed():
    ports = make_ports()
    with scripted(_lying(b"{90}\r\n" + b"x" * 90)) as port:
        assert poll_once(ports, make_source(port)) == 1


def test_a_silent_server_times_out():
    started = time.monotonic()
    with scripted(lambda tag, command: None) as port, pytest.raises((OSError, imaplib.IMAP4.error)):
        poll_once(make_ports(), make_source(port, timeout_seconds=1))
    assert time.monotonic() - started < 25, "it would be silent for ever"


def test_a_flood_and_a_drip_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(imap, "COMMAND_SECONDS", 1.0)
    flood = b"* OK " + b"x" * 900_000 + b"\r\n"
    with scripted(lambda tag, command: flood * 100) as port, pytest.raises((OSError, imaplib.IMAP4.error)):
        poll_once(make_ports(), make_source(port))
    monkeypatch.setattr(imap._Bounded, "_budget", 1 << 20)

    def drip(tag: str, command: str) -> bytes | None:
        if "SELECT" in command:
            time.sleep(0.4)
            return b"* OK x\r\n"
        return _sign_in(tag, command)

    started = time.monotonic()
    with scripted(drip) as port, pytest.raises((OSError, imaplib.IMAP4.error)):
        poll_once(make_ports(), make_source(port, timeout_seconds=3))
    assert time.monotonic() - started < 25, "it would drip for ever"


@pytest.mark.parametrize("greeting", [b"", b"* BYE go away\r\n", b"HTTP/1.1 400\r\n\r\n", b"\xff" * 5_000 + b"\r\n"])
def test_odd_greetings(greeting: bytes):
    with scripted(lambda tag, command: b"* BAD\r\n", greeting) as port, pytest.raises((OSError, imaplib.IMAP4.error)):
        poll_once(make_ports(), make_source(port, timeout_seconds=1))


def test_settings_are_checked():
    with pytest.raises(ValidationError):
        EmailSettings.model_validate({"host": "", "user": "x"})
    found = EmailSettings.model_validate({"host": "h", "user": "u", "folders": ["inbox", "INBOX", "a"]})
    assert found.folders == ("INBOX", "a")
