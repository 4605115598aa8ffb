"""Scans on their way in: announced by name, size and hash, sent in pieces, stored whole, then acknowledged (A18).

Each piece is sealed in a row and committed before the browser hears of it; when the last one is there, the file goes
into the evidence store (synced) and its row says so. What the hub has of a file is found again by its hash, so that a
reload, a cut network or a second drop of the same folder sends nothing twice. The same bytes stored before are never
refused: the file asks whether it is the same letter or another one.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hub import clock, db, intake
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import Key, blind, new_key, open_key
from hub.mailroom import register
from hub.mailroom.errors import MailroomError
from hub.models import Blob, Intake, Letter, ScanBatch, ScanChunk, ScanFile, ScanPage, ScanStack
from hub.settings import settings
from hub.work import rows as work

if TYPE_CHECKING:
    from typing_extensions import Buffer

PIECE = 512 * 1024
"""Bytes of a piece: below what a plain request may hold."""
MOST = 500
"""Files of a batch."""
ENDINGS = (".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png", ".heic", ".heif", ".ofd", ".bmp", ".gif", ".webp")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Told:
    """What the browser says of a file."""

    name: str
    folder: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the hub has of a file: `have` bytes; `state` and `twin` as in its row."""

    id: int
    sha256: str
    have: int
    size: int
    state: str
    twin: str


def begin(session: Session, who: Actor) -> ScanBatch:
    """A new batch."""
    row = ScanBatch(unit_id=who.unit_id, by_user=who.user_id, version=1, at=clock.now())
    session.add(row)
    session.flush()
    audit.record(session, f"batch:{row.id}", "batch_begun", actor=who.label)
    return row


def batch(session: Session, who: Actor, number: int, *, lock: bool = False) -> ScanBatch:
    """A batch of the person's own unit. Raises MailroomError (404)."""
    query = select(ScanBatch).where(ScanBatch.id == number, ScanBatch.unit_id == who.unit_id)
    query = query.with_for_update().execution_options(populate_existing=True) if lock else query
    row = session.scalars(query).first() if number < 1 << 62 else None
    if row is None:
        raise MailroomError("没有这批扫描件", status=404)
    return row


def find(session: Session, who: Actor, number: int) -> ScanFile:
    """A file of the person's own unit, locked. Raises MailroomError (404)."""
    query = select(ScanFile).join(ScanBatch, ScanBatch.id == ScanFile.batch_id)
    query = query.where(ScanFile.id == number, ScanBatch.unit_id == who.unit_id).with_for_update(of=ScanFile)
    row = session.scalars(query).first() if number < 1 << 62 else None
    if row is None:
        raise MailroomError("没有这个文件", status=404)
    return row


def read_told(given: Any) -> list[Told]:
    """The list a browser sends. Raises MailroomError naming the file that cannot come."""
    if not isinstance(given, list) or not given:
        raise MailroomError("没有文件")
    return [_told(one) for one in given[: MOST + 1]]


def _told(given: Any) -> Told:
    if not isinstance(given, Mapping):
        raise MailroomError("文件清单无法读取")
    name, folder = (str(given.get(part) or "").replace("\0", "")[:300] for part in ("name", "folder"))
    size, sha256 = given.get("size"), str(given.get("sha256") or "")
    if not isinstance(size, int) or isinstance(size, bool) or not _HASH.fullmatch(sha256):
        raise MailroomError("文件清单无法读取")
    if size < 1:
        raise MailroomError(f"文件“{name}”是空的")
    if size > settings().max_upload:
        raise MailroomError(f"文件“{name}”超过 {settings().max_upload // 1024 // 1024} MB")
    if not name.lower().endswith(ENDINGS):
        raise MailroomError(f"“{name}”不是扫描件。可用：" + "、".join(end.lstrip(".").upper() for end in ENDINGS))
    return Told(name, folder, size, sha256)


def announce(session: Session, who: Actor, number: int, files: Sequence[Told]) -> list[Standing]:
    """What the hub has of each file, in their order; unknown ones are noted. Raises MailroomError."""
    row = batch(session, who, number, lock=True)
    tokens = [blind("scan", f"{row.id}\0{told.folder}\0{told.name}\0{told.sha256}\0{told.size}") for told in files]
    wanted = select(ScanFile).where(ScanFile.batch_id == row.id, ScanFile.token.in_(tokens))
    known = {file.token: file for file in session.scalars(wanted)}
    count = session.scalar(select(func.count()).where(ScanFile.batch_id == row.id)) or 0
    for told, token in zip(files, tokens, strict=True):
        if token not in known:
            if count >= MOST:
                raise MailroomError(f"一批最多 {MOST} 个文件，请分批上传")
            known[token] = _note(session, row, told, token, count)
            count += 1
        elif known[token].state == "gone":
            _revive(session, row, told, known[token])
    return [_standing(known[token]) for token in tokens]


def _revive(session: Session, row: ScanBatch, told: Told, file: ScanFile) -> None:
    """A file that was taken out of the batch comes once more; what was taken in as a letter does not."""
    if session.scalar(select(ScanPage.id).where(ScanPage.file_id == file.id).limit(1)) is not None:
        return
    key = new_key(session, row.unit_id)
    file.key_id, file.name = key.id, key.seal_json({"name": told.name, "folder": told.folder}, "scan_file.name")
    file.state, file.have, file.reason = "sending", 0, ""
    session.flush()


def _note(session: Session, row: ScanBatch, told: Told, token: bytes, place: int) -> ScanFile:
    key = new_key(session, row.unit_id)
    twin, twin_of = _twin(session, row, told.sha256)
    file = ScanFile(
        batch_id=row.id, ord=place, token=token, sha256=told.sha256, size=told.size, have=0, state="sending",
        key_id=key.id, name=key.seal_json({"name": told.name, "folder": told.folder}, "scan_file.name"),
        twin="asked" if twin else "", twin_of=twin_of, reason="", at=clock.now(),
    )  # fmt: skip
    session.add(file)
    session.flush()
    return file


def _twin(session: Session, row: ScanBatch, sha256: str) -> tuple[bool, int | None]:
    """Whether these bytes came before, and as which letter where that is known."""
    earlier = session.execute(
        select(ScanFile.id, ScanStack.letter_id)
        .join(ScanBatch, ScanBatch.id == ScanFile.batch_id)
        .outerjoin(ScanPage, ScanPage.file_id == ScanFile.id)
        .outerjoin(ScanStack, ScanStack.id == ScanPage.stack_id)
        .where(ScanFile.sha256 == sha256, ScanBatch.unit_id == row.unit_id, ScanFile.twin != "same")
        .order_by(ScanStack.letter_id.nulls_last(), ScanFile.id)
        .limit(1)
    ).first()
    if earlier is not None:
        return True, earlier.letter_id
    delivered = session.execute(
        select(Blob.id, Letter.id.label("letter_id"))
        .join(Intake, Intake.id == Blob.intake_id)
        .outerjoin(Letter, Letter.intake_id == Intake.id)
        .where(Blob.sha256 == sha256, Blob.origin == "raw", Intake.unit_id == row.unit_id, Intake.channel == "letter")
        .limit(1)
    ).first()
    return (True, delivered.letter_id) if delivered is not None else (False, None)


def _standing(file: ScanFile) -> Standing:
    return Standing(file.id, file.sha256, file.have, file.size, file.state, file.twin)


def take_piece(session: Session, who: Actor, number: int, start: int, data: bytes) -> Standing:
    """One piece of a file; committed by the caller before the browser hears of it.

    A piece that is already there, or that leaves a hole, changes nothing: the answer says where to go on. The last
    piece brings the file into the evidence store. Raises MailroomError where the bytes are not what was announced.
    """
    file = find(session, who, number)
    if file.state != "sending" or start != file.have or not data:
        return _standing(file)
    if start + len(data) > file.size or len(data) > PIECE:
        raise MailroomError("文件在上传途中被改动，请重新选择", status=409)
    assert file.key_id is not None
    key = open_key(session, file.key_id)
    session.add(ScanChunk(file_id=file.id, start=start, data=key.seal(data, f"scan_chunk:{start}")))
    file.have = start + len(data)
    session.flush()
    if file.have == file.size:
        _store(session, who, file)
    return _standing(file)


def _store(session: Session, who: Actor, file: ScanFile) -> None:
    """All pieces are there: the file goes into the evidence store, its pages are asked for."""
    assert file.key_id is not None
    key = open_key(session, file.key_id)
    stored = intake.store().put(io.BufferedReader(_Joined(session, file.id, key)), key.secret)
    if stored.sha256 != file.sha256:  # changed on disk while it was sent: it comes once more from its first byte
        intake.store().remove(stored.address)
        session.execute(delete(ScanChunk).where(ScanChunk.file_id == file.id))
        file.have = 0
        return
    file.address = stored.address
    session.execute(delete(ScanChunk).where(ScanChunk.file_id == file.id))
    file.state = "stored"
    session.flush()
    audit.record(
        session, f"batch:{file.batch_id}", "scan_stored", actor=who.label, data={"file": file.id, "sha256": file.sha256}
    )
    work.put(session, "scan_pages", {"file": file.id}, once=f"scan_pages:{file.id}", priority=3)


class _Joined(io.RawIOBase):
    """The pieces of a file, opened one after the other: the plain whole never lies anywhere."""

    def __init__(self, session: Session, number: int, key: Key) -> None:
        super().__init__()
        self._session, self._number, self._key = session, number, key
        self._at, self._left = 0, b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: Buffer) -> int:
        if not self._left:
            piece = select(ScanChunk.data).where(ScanChunk.file_id == self._number, ScanChunk.start == self._at)
            sealed = self._session.scalar(piece)
            if sealed is None:
                return 0
            self._left = self._key.open(sealed, f"scan_chunk:{self._at}")
            self._at += len(self._left)
        room = memoryview(into)
        count = min(len(room), len(self._left))
        room[:count], self._left = self._left[:count], self._left[count:]
        return count


def decide_twin(session: Session, who: Actor, number: int, *, same: bool) -> ScanFile:
    """A person says what identical bytes are: the same letter once more (its pages are left out), or another letter."""
    file = find(session, who, number)
    if file.twin == "":
        raise MailroomError("没有相同的扫描件")
    file.twin = "same" if same else "another"
    pages = session.scalars(select(ScanPage).where(ScanPage.file_id == file.id)).all()
    for page in pages:
        if same:
            page.role = "left_out"
        elif page.role == "left_out":
            page.role = "page"
    session.flush()
    data = {"file": file.id, "same": same}
    audit.record(session, f"batch:{file.batch_id}", "twin_decided", actor=who.label, data=data)
    return file


def original(session: Session, file: ScanFile) -> bytes:
    """The plain bytes of a stored file."""
    assert file.address is not None and file.key_id is not None  # noqa: PT018  held from stored to gone
    return b"".join(intake.store().read(file.address, open_key(session, file.key_id).secret))


def name_of(session: Session, file: ScanFile) -> tuple[str, str]:
    """(folder, name) of a file as its sender called it; empty once it is gone."""
    if file.key_id is None:
        return "", ""
    told = open_key(session, file.key_id).json(file.name, "scan_file.name")
    return told["folder"], told["name"]


def let_go(session: Session, file: ScanFile) -> None:
    """Destroys the working copy of a file: key, bytes, page images. Hash, size and what became of it stay.

    The files of the store go after the commit: until then a row may still point to them.
    """
    gone = [file.address] if file.address else []
    for page in session.scalars(select(ScanPage).where(ScanPage.file_id == file.id)):
        gone += [page.image] if page.image else []
        page.image = page.thumb = page.codes = None
    key_id, file.key_id, file.address, file.state = file.key_id, None, None, "gone"
    session.execute(delete(ScanChunk).where(ScanChunk.file_id == file.id))
    session.flush()
    if key_id is not None:
        register.destroy_key(session, key_id)
    db.after_commit(session, lambda: _remove(gone))


def _remove(addresses: Sequence[str]) -> None:
    for address in addresses:
        intake.store().remove(address)


def remove(session: Session, who: Actor, number: int) -> None:
    """Takes a file out of its batch (a wrong scan): the hub keeps that it came, with its hash. Raises MailroomError."""
    file = find(session, who, number)
    fixed = (
        select(ScanStack.id)
        .join(ScanPage, ScanPage.stack_id == ScanStack.id)
        .where(ScanPage.file_id == file.id, ScanStack.taking_at.is_not(None))
    )
    if session.scalar(fixed.limit(1)) is not None:
        raise MailroomError("这个文件的页面已经收件，不能移除")
    if file.state != "gone":
        let_go(session, file)
        data = {"file": file.id, "sha256": file.sha256}
        audit.record(session, f"batch:{file.batch_id}", "scan_removed", actor=who.label, data=data)


def standing(session: Session, row: ScanBatch) -> dict[str, int]:
    """How many files of a batch stand where."""
    query = select(ScanFile.state, func.count()).where(ScanFile.batch_id == row.id).group_by(ScanFile.state)
    return {row[0]: row[1] for row in session.execute(query)}
