"""What the demo remembers between starts: ports, secrets, what was sent, which clues came of it."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from datetime import date, timedelta
from pathlib import Path

from hub import clock

NAME = "state.json"


def outside(var: Path) -> Path:
    """The folder that plays the outside world for a demo in the data folder `var`."""
    return var.with_name(f"{var.name}-outside")


@dataclass
class State:
    """Kept as JSON in `demo/state.json` (0600), replaced as a whole."""

    begun: str  # the day all relative dates of the inputs count from, ISO
    ports: dict[str, int] = field(default_factory=dict)  # imap, smtp, wechat, twilio
    secrets: dict[str, str] = field(default_factory=dict)
    fresh: bool = True  # the data folder held no clue before the demo came: it may be removed as a whole
    sent: list[str] = field(default_factory=list)
    clues: list[int] = field(default_factory=list)  # ids, once all demo clues had their suggestions
    folder: Path = Path()

    @classmethod
    def load(cls, folder: Path) -> State:
        """The remembered state, else a new one with fresh secrets (not yet saved)."""
        file = folder / NAME
        if file.exists():
            told = json.loads(file.read_text("utf-8"))
            names = {f.name for f in fields(cls)} - {"folder"}
            return cls(**{name: value for name, value in told.items() if name in names}, folder=folder)
        made = {
            "imap_password": secrets.token_urlsafe(12),
            "wechat_token": secrets.token_hex(16),
            "wechat_aes_key": base64.b64encode(secrets.token_bytes(32)).decode().rstrip("="),
            "wechat_app_secret": secrets.token_hex(16),
            "twilio_auth_token": secrets.token_hex(16),
        }
        return cls(begun=clock.now().astimezone(clock.CHINA).date().isoformat(), secrets=made, folder=folder)

    @property
    def outside(self) -> Path:
        """The world outside the hub: mailbox, recordings and scanner folders. Beside the data folder, not in it,
        because nothing there is sealed.
        """
        return outside(self.folder.parent)

    def save(self) -> None:
        told = {name: value for name, value in asdict(self).items() if name != "folder"}
        new = self.folder / f"{NAME}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(told, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.folder / NAME)

    def day(self, back: int) -> str:
        """The ISO date `back` days before the demo began."""
        return (date.fromisoformat(self.begun) - timedelta(days=back)).isoformat()
