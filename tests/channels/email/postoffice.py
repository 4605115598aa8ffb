"""A mail server on loopback that answers as it is told and keeps what it took."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Self

from aiosmtpd.controller import Controller


@dataclass
class Taken:
    sender: str
    to: str
    data: bytes

    @property
    def mail(self) -> Message:
        return message_from_bytes(self.data, policy=default)

    @property
    def text(self) -> str:
        return self.mail.get_content().strip()


@dataclass
class Post:
    """`answers`: recipient → replies to RCPT in turn (then 250); `texts`: replies to the text in turn.

    A reply "drop" hangs up: for a text after it was taken.
    """

    taken: list[Taken] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.senders:
            return self.senders.pop(0)
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        replies = self.answers.get(address, [])
        reply = replies.pop(0) if replies else "250 2.1.5 ok"
        if reply == "drop":
            server.transport.abort()
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server, session, envelope):
        reply = self.texts.pop(0) if self.texts else "250 2.0.0 queued as 7F3A"
        if reply in ("drop", "250") or reply.startswith("250"):
            self.taken.append(Taken(envelope.mail_from, envelope.rcpt_tos[0], bytes(envelope.content)))
        if reply == "drop":
            server.transport.abort()
        return reply


class PostOffice:
    """`with PostOffice() as post: …` — `post.port`, `post.post`."""

    def __init__(self) -> None:
        self.post = Post()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = int(server.getsockname()[1])  # the controller itself cannot take any free one
        self._controller = Controller(self.post, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
