"""The Messages resource of the simulated Twilio: takes text messages and lists them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

_E164 = re.compile(r"\+[1-9][0-9]{7,14}")


@dataclass
class Message:
    """A text message Twilio has taken."""

    sid: str
    to: str
    body: str
    callback: str
    created: datetime
    status: str = "queued"

    def json(self) -> dict[str, Any]:
        made = format_datetime(self.created)
        return {"sid": self.sid, "to": self.to, "body": self.body, "status": self.status, "date_created": made}


class Messages:
    """`errors`: (HTTP status, Twilio code) the next requests get. `lose_answers`: take so many messages and hang up."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.errors: list[tuple[int, int]] = []
        self.lose_answers = 0
        self._lock = Lock()

    def take(self, form: Mapping[str, str]) -> tuple[int, bytes] | None:
        """Status and body for a POST; None where the connection is to be cut after taking it."""
        with self._lock:
            if self.errors:
                return _error(*self.errors.pop(0))
            if not _E164.fullmatch(form.get("To", "")):
                return _error(400, 21211)
            if not form.get("Body") or not (form.get("From") or form.get("MessagingServiceSid")):
                return _error(400, 21602)
            made = Message(
                f"SM{secrets.token_hex(16)}",
                form["To"],
                form["Body"],
                form.get("StatusCallback", ""),
                datetime.now(UTC),
            )
            self.sent.append(made)
            if self.lose_answers:
                self.lose_answers -= 1
                return None
            return 201, json.dumps(made.json()).encode()

    def listed(self, query: str) -> tuple[int, bytes]:
        """The messages to a number, newest first."""
        asked = {name: values[-1] for name, values in parse_qs(query).items()}
        with self._lock:
            rows = [made.json() for made in reversed(self.sent) if made.to == asked.get("To", made.to)]
        return 200, json.dumps({"messages": rows[: int(asked.get("PageSize", "50"))]}).encode()


def _error(status: int, code: int) -> tuple[int, bytes]:
    return status, json.dumps({"code": code, "message": "simulated", "status": status}).encode()
