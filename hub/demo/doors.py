"""How each demo input enters: always through the door a real one would take.

Every way is repeatable: names, message ids, call ids and form keys follow from the input's name (and `tag`), so a
delivery that was interrupted before it could be noted down is simply made again and adds nothing.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import httpx

from hub.demo.county import PASSWORD
from hub.demo.inputs import Input, dated
from hub.demo.providers import Providers, call_ids, hook, web_url

_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_MESSAGE_ID = re.compile(rb"(?im)^message-id:[^\r\n]*")
_SIDECARS = (".json", ".csv")


class SendError(RuntimeError):
    """A door did not take an input. The message names the input and the answer, never its content."""


class Doors:
    """Sends inputs; keeps the signed-in sessions of the demo's staff."""

    def __init__(self, providers: Providers) -> None:
        self.providers = providers
        self.state = providers.state
        self._signed_in: dict[str, httpx.Client] = {}
        self._ways: dict[str, Callable[[Input, str], None]] = {
            "imap": self._imap,
            "recordings": self._recordings,
            "scanner": self._scanner,
            "wechat": self._wechat,
            "twilio": self._twilio,
            "form": self._form,
        }

    def send(self, entry: Input, tag: str = "") -> None:
        """One input through its door. `tag` makes it another one of the same content. Raises SendError, OSError."""
        try:
            self._ways[entry.door](entry, tag)
        except httpx.HTTPError as error:
            raise SendError(f"{entry.name}: {type(error).__name__}") from None

    def _imap(self, entry: Input, tag: str) -> None:
        for file in entry.files:
            mail = file.read_bytes()
            if tag:
                mail = _MESSAGE_ID.sub(f"Message-ID: <{tag}.{entry.name}@demo.example>".encode(), mail, count=1)
            self.providers.mail.append(mail)

    def _recordings(self, entry: Input, tag: str) -> None:
        """Side-cars first, then the sound; each under a temporary name until it is complete."""
        folder = self.state.outside / "recordings"
        for file in sorted(entry.files, key=lambda file: file.suffix not in _SIDECARS):
            data = file.read_bytes()
            if file.suffix in _SIDECARS:
                text = dated(data.decode("utf-8"), self.state.day).replace("{tag}", tag)  # another call has another id
                for sound in entry.files:  # a row names its recording
                    text = text.replace(sound.name, f"{tag}{sound.name}")
                data = text.encode()
            _place(folder / f"{tag}{file.name}", data)

    def _scanner(self, entry: Input, tag: str) -> None:
        """Pages named alike are one letter; they come page by page, as from a scanner."""
        for file in entry.files:
            _place(self.state.outside / "scanner" / f"{tag}{file.name}", file.read_bytes())

    def _wechat(self, entry: Input, tag: str) -> None:
        wechat, sender = self.providers.wechat, f"{entry.sender}{tag}"
        for number, message in enumerate(entry.messages):
            digest = hashlib.sha256(f"{entry.name}:{tag}:{number}".encode()).digest()
            facts: dict[str, Any] = {"msg_id": int.from_bytes(digest[:7], "big")}
            match message["kind"]:
                case "text":
                    made = wechat.send_text(sender, message["text"], **facts)
                case "image":
                    made = wechat.send_image(sender, message["file"].read_bytes(), **facts)
                case "voice":
                    made = wechat.send_voice(sender, message["file"].read_bytes(), **facts)
                case "location":
                    made = wechat.send_location(sender, message["lat"], message["lon"], message["label"], **facts)
                case kind:
                    raise SendError(f"{entry.name}: no such message: {kind}")
            if not made.acknowledged:
                raise SendError(f"{entry.name}: WeChat message {number + 1} was answered {made.statuses}")

    def _twilio(self, entry: Input, tag: str) -> None:
        call, recording = call_ids(entry.name + tag)
        made = self.providers.twilio.call(
            entry.sender, entry.files[0].read_bytes(), hook("twilio"), out_of_order=entry.out_of_order, call_sid=call,
            recording_sid=recording,
        )  # fmt: skip
        if not made.accepted():
            raise SendError(f"{entry.name}: webhooks were answered {dict(made.statuses)}")

    def _form(self, entry: Input, tag: str) -> None:
        """Opens the form as its person would, takes the page's token and posts it with a key of our own."""
        client = self._person(entry.user)
        page = client.get(f"/new/{entry.form}")
        token = _CSRF.search(page.text)
        if page.status_code != 200 or token is None:
            raise SendError(f"{entry.name}: the form {entry.form} was answered {page.status_code}")
        values = {name: dated(value, self.state.day) for name, value in entry.values.items()}
        values |= {"csrf_token": unescape(token[1]), "key": f"demo:{tag}{entry.name}"[:64]}
        files = [("files", (f.name, f.read_bytes(), mimetypes.guess_type(f.name)[0] or "application/octet-stream"))
                 for f in entry.files]  # fmt: skip
        answer = client.post(f"/new/{entry.form}", data=values, files=files or None)
        if answer.status_code not in (200, 303):  # 303: the page that says 收到
            raise SendError(f"{entry.name}: posting {entry.form} was answered {answer.status_code}")

    def _person(self, login: str) -> httpx.Client:
        known = self._signed_in.get(login)
        if known is not None and known.get("/new").status_code == 200:
            return known
        client = httpx.Client(base_url=web_url(), timeout=60, trust_env=False)
        answer = client.post("/sign-in", data={"login": login, "password": PASSWORD, "next": "/new"})
        if answer.status_code != 302:
            raise SendError(f"{login} could not sign in: {answer.status_code}")
        for cookie in client.cookies.jar:
            cookie.secure = False  # with HUB_HTTPS the browser side is a proxy; this is the loopback behind it
        self._signed_in[login] = client
        return client


def _place(path: Path, data: bytes) -> None:
    """A whole file at once: written beside its place and renamed, as good recorders and scanners do."""
    new = path.with_name(f".{path.name}.part")
    new.write_bytes(data)
    new.replace(path)
