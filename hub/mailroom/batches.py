"""Batches as their pages show them: stacks with their pages, what is on its way, what is still to be said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access.people import Actor
from hub.access.sealing import fetch_keys
from hub.mailroom import register, uploads
from hub.models import Letter, ScanBatch, ScanFile, ScanPage, ScanStack, User
from hub.terms import Role

MOST = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A batch of the list: files and letters, how many of the letters are taken in."""

    id: int
    at: datetime
    by: str
    mine: bool
    files: int
    letters: int
    taken: int
    waits: int
    days: int = 0  # since it was begun: how long its pages have waited


@dataclass(frozen=True, slots=True)
class PageView:
    id: int
    name: str
    number: int
    rotation: int
    role: str
    width: int
    height: int


@dataclass
class StackView:
    """Pages that are one letter. state: open, taking, taken. `ready`: it can be taken in."""

    id: int
    no: str
    letter_id: int
    state: str
    late: bool
    pages: list[PageView] = field(default_factory=list)

    @property
    def kept(self) -> int:
        return sum(page.role not in ("cover", "left_out") for page in self.pages)


@dataclass(frozen=True, slots=True)
class FileView:
    """A file that needs a word: it comes in, waits, cannot be read, or is the same as an earlier one."""

    id: int
    name: str
    size: int
    have: int
    state: str
    reason: str
    twin: str
    twin_no: str


@dataclass
class BatchView:
    id: int
    version: int
    mark: str
    at: datetime
    mine: bool
    stacks: list[StackView] = field(default_factory=list)
    files: list[FileView] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    free: list[str] = field(default_factory=list)  # open lines of the register, for the boxes of the stacks

    @property
    def taken(self) -> int:
        return sum(stack.state == "taken" for stack in self.stacks)

    @property
    def letters(self) -> int:
        return sum(stack.state != "open" or stack.kept > 0 for stack in self.stacks)

    @property
    def ready(self) -> int:
        return sum(stack.state == "open" and bool(stack.letter_id) and bool(stack.kept) for stack in self.stacks)

    @property
    def live(self) -> bool:
        """Whether the machine is still at it: the page looks again."""
        busy = self.counts.get("stored", 0) > 0
        return busy or any(stack.state == "taking" for stack in self.stacks)

    @property
    def over(self) -> bool:
        """Whether nothing is left to be taken in."""
        rest = any(stack.state != "taken" and stack.kept for stack in self.stacks)
        return bool(self.counts) and not rest and not self.counts.get("sending") and not self.live


def listed(session: Session, who: Actor) -> list[Row]:
    """The newest batches of the unit; those of others only for the mailroom's own people."""
    query = select(ScanBatch, User.name).join(User, User.id == ScanBatch.by_user)
    query = query.where(ScanBatch.unit_id == who.unit_id)
    if Role.MAILROOM not in who.roles:
        query = query.where(ScanBatch.by_user == who.user_id)
    rows = session.execute(query.order_by(ScanBatch.id.desc()).limit(MOST)).all()
    ids = [row.id for row, _ in rows]
    files = _count(session, ScanFile.batch_id, ids)
    letters = _count(session, ScanStack.batch_id, ids)
    counted = (
        select(ScanStack.batch_id, func.count()).where(ScanStack.batch_id.in_(ids), ScanStack.intake_id.is_not(None))
        .group_by(ScanStack.batch_id)
    )  # fmt: skip
    taken = {row[0]: row[1] for row in session.execute(counted)}
    return [
        Row(row.id, row.at, by, row.by_user == who.user_id, files.get(row.id, 0), letters.get(row.id, 0),
            taken.get(row.id, 0), letters.get(row.id, 0) - taken.get(row.id, 0), (clock.now() - row.at).days)
        for row, by in rows
    ]  # fmt: skip


def _count(session: Session, column: object, ids: list[int]) -> dict[int, int]:
    query = select(column, func.count()).where(column.in_(ids)).group_by(column)  # type: ignore[call-overload,attr-defined]
    return {row[0]: row[1] for row in session.execute(query)}


def mark(session: Session, row: ScanBatch) -> str:
    """Changes with everything that a page of the batch shows: what people did, and how far the machine is."""
    stood = uploads.standing(session, row)
    taken = select(func.count(ScanStack.taking_at), func.count(ScanStack.intake_id)).where(ScanStack.batch_id == row.id)
    asked, done = session.execute(taken).one()
    return f"{row.version}.{asked}.{done}." + ".".join(f"{name[:2]}{stood[name]}" for name in sorted(stood))


def view(session: Session, who: Actor, row: ScanBatch) -> BatchView:
    """A batch with everything its page shows."""
    made = BatchView(row.id, row.version, mark(session, row), row.at, row.by_user == who.user_id)
    files = {one.id: one for one in session.scalars(select(ScanFile).where(ScanFile.batch_id == row.id))}
    fetch_keys(session, [one.key_id for one in files.values() if one.key_id is not None])
    names = {number: uploads.name_of(session, one)[1] for number, one in files.items()}
    made.counts = uploads.standing(session, row)
    made.files = _files(session, list(files.values()), names)
    made.stacks = _stacks(session, row, files, names)
    used = {stack.no for stack in made.stacks if stack.no}
    free = select(Letter).where(Letter.unit_id == row.unit_id, Letter.state == "open").order_by(Letter.id).limit(300)
    made.free = [no for one in session.scalars(free) if (no := register.number_of(one)) not in used]
    return made


def _files(session: Session, files: list[ScanFile], names: dict[int, str]) -> list[FileView]:
    twins = [one.twin_of for one in files if one.twin_of is not None]
    letters = {row.id: register.number_of(row) for row in session.scalars(select(Letter).where(Letter.id.in_(twins)))}
    return [
        FileView(one.id, names[one.id], one.size, one.have, one.state, one.reason, one.twin,
                 letters.get(one.twin_of or 0, ""))
        for one in sorted(files, key=lambda one: one.ord)
        if one.state in ("sending", "stored", "unreadable") or (one.twin and one.state == "read")
    ]  # fmt: skip


def _stacks(session: Session, row: ScanBatch, files: dict[int, ScanFile], names: dict[int, str]) -> list[StackView]:
    found = session.execute(
        select(ScanStack, Letter)
        .outerjoin(Letter, Letter.id == ScanStack.letter_id)
        .where(ScanStack.batch_id == row.id)
        .order_by(ScanStack.ord, ScanStack.id)
    ).all()
    made = {
        stack.id: StackView(
            stack.id, register.number_of(letter) if letter is not None else "", stack.letter_id or 0,
            "taken" if stack.intake_id else "taking" if stack.taking_at else "open", stack.late,
        )
        for stack, letter in found
    }  # fmt: skip
    pages = session.scalars(
        select(ScanPage).where(ScanPage.stack_id.in_(made)).order_by(ScanPage.ord, ScanPage.id)
    ).all()
    for page in pages:
        stack = made[page.stack_id]
        if files[page.file_id].state == "gone" and stack.state != "taken":
            continue  # a slip or a left-out page whose file is worked off
        stack.pages.append(
            PageView(page.id, names[page.file_id], page.number, page.rotation, page.role, page.width, page.height)
        )
    return [stack for stack in made.values() if stack.pages]
