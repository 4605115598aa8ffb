"""The folders of the sandbox server on disk."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(slots=True)
class Stored:
    """One mail of a folder."""

    uid: int
    date: datetime
    flags: set[str]
    file: Path


@dataclass(slots=True)
class Folder:
    """A folder on disk: mails as files, the rest in index.json, replaced as a whole."""

    path: Path
    uidvalidity: int = 0
    uidnext: int = 1
    mails: list[Stored] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path) -> Folder:
        path.mkdir(parents=True, exist_ok=True)
        index = path / "index.json"
        if not index.exists():
            folder = cls(path, uidvalidity=secrets.randbelow(1 << 30) + 1)
            folder.save()
            return folder
        data = json.loads(index.read_text())
        mails = [
            Stored(m["uid"], datetime.fromisoformat(m["date"]), set(m["flags"]), path / f"{m['uid']}.eml")
            for m in data["mails"]
        ]
        return cls(path, data["uidvalidity"], data["uidnext"], mails)

    def save(self) -> None:
        data = {
            "uidvalidity": self.uidvalidity,
            "uidnext": self.uidnext,
            "mails": [{"uid": m.uid, "date": m.date.isoformat(), "flags": sorted(m.flags)} for m in self.mails],
        }
        new = self.path / "index.new"
        new.write_text(json.dumps(data))
        new.replace(self.path / "index.json")

    def add(self, data: bytes, date: datetime, flags: set[str]) -> int:
        mail = Stored(self.uidnext, date, flags, self.path / f"{self.uidnext}.eml")
        with mail.file.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self.uidnext += 1
        self.mails.append(mail)
        self.save()
        return mail.uid

    def drop(self, uids: set[int]) -> list[int]:
        """Remove; the sequence numbers in the order EXPUNGE reports them."""
        gone = []
        for number in range(len(self.mails), 0, -1):
            if self.mails[number - 1].uid in uids:
                self.mails.pop(number - 1).file.unlink(missing_ok=True)
                gone.append(number)
        self.save()
        return gone
