"""The mailroom: register of letters as they come in, batches of scans, their pages, which pages are one letter.

What stands here of a letter is a working copy. Once the letter is taken in, its intake holds it: pages, files and the
sender on the envelope go from these tables then, and their keys with them; numbers, dates and hashes stay.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Stamp, Str


class LetterSeries(Base):
    """The last register number of a unit and year: no gap, none twice."""

    __tablename__ = "letter_series"
    __table_args__ = (CheckConstraint("last >= 0", name="last"),)
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class Letter(Base):
    """A line of the register of incoming letters. `name` is random: the key of the intake it becomes.

    state: open (waits for its scan), taken (its intake is in the queue), forwarded (it was for somebody else), returned
    (a notice of ours that came back), void (entered by mistake; its number is not used again).
    """

    __tablename__ = "letter"
    __table_args__ = (
        CheckConstraint("state in ('open','taken','forwarded','returned','void')", name="state"),
        CheckConstraint("number > 0 and year between 2000 and 2999", name="number"),
        CheckConstraint("(state = 'taken') = (intake_id is not null)", name="taken"),
        CheckConstraint("(state = 'forwarded') = (forwarded_on is not null)", name="forwarded"),
        CheckConstraint("(state = 'returned') = (task_id is not null)", name="returned"),
        CheckConstraint("released_at is null or intake_id is not null", name="released"),
        CheckConstraint("receipt_on is null or receipt", name="receipt"),
        CheckConstraint("signed_for_on is null or forwarded_on is not null", name="signed_for"),
        CheckConstraint("signers >= 0", name="signers"),
        UniqueConstraint("unit_id", "year", "number"),
        Index("ix_letter_day", "unit_id", "stamped"),
        Index("ix_letter_open", "unit_id", "id", postgresql_where=text("state = 'open'")),
        Index("ix_letter_postal", "postal", postgresql_where=text("postal is not null")),
        Index("ix_letter_intake", "intake_id", postgresql_where=text("intake_id is not null")),
    )
    id: Mapped[Id]
    name: Mapped[Str] = mapped_column(unique=True)
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    year: Mapped[int]
    number: Mapped[int]
    stamped: Mapped[date]  # the receipt stamp: base of the legal clocks
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    entry: Mapped[Sealed]  # JSON: what stands on the envelope and in it; without identity once taken in
    opened: Mapped[bool] = mapped_column(server_default=text("false"))
    receipt: Mapped[bool] = mapped_column(server_default=text("false"))  # the sender enclosed a return receipt
    receipt_on: Mapped[date | None]  # it was signed and sent back
    signers: Mapped[int] = mapped_column(server_default=text("0"))  # of a joint letter, beside the representative
    postal: Mapped[bytes | None]  # keyed hash of the postal item number: bars on the envelope find the line
    state: Mapped[Str] = mapped_column(server_default="open")
    version: Mapped[int] = mapped_column(server_default=text("1"))
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]
    intake_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("intake.id"))
    released_at: Mapped[Moment | None]  # the mailroom handed it over: its entry window is shut
    forwarded_on: Mapped[date | None]
    signed_for_on: Mapped[date | None]  # the right receiver signed for a forwarded letter
    task_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("notice_task.id"))


class ScanBatch(Base):
    """Scans dropped together. `version` rises with every change that a person makes: a stale page is refused."""

    __tablename__ = "scan_batch"
    __table_args__ = (Index("ix_scan_batch_unit", "unit_id", "id"),)
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    at: Mapped[Stamp]


class ScanFile(Base):
    """One file of a batch.

    state: sending (chunks come in), stored (safe, waits for its pages), read, unreadable (kept; a person looks), gone
    (its letters are taken in: key and bytes were destroyed, hash and size stay). twin: "" none, asked (the same bytes
    were stored before: a person says what it is), same (the same letter again), another (another letter all the same).
    """

    __tablename__ = "scan_file"
    __table_args__ = (
        CheckConstraint("state in ('sending','stored','read','unreadable','gone')", name="state"),
        CheckConstraint("twin in ('','asked','same','another')", name="twin"),
        CheckConstraint("size > 0 and have between 0 and size", name="size"),
        CheckConstraint("(state = 'gone') = (key_id is null)", name="gone"),
        CheckConstraint("state not in ('stored','read','unreadable') or address is not null", name="stored"),
        UniqueConstraint("batch_id", "token"),
        Index("ix_scan_file_sha256", "sha256"),
        Index("ix_scan_file_live", "at", postgresql_where=text("state <> 'gone'")),
    )
    id: Mapped[Id]
    batch_id: Mapped[Ref] = mapped_column(ForeignKey("scan_batch.id"))
    ord: Mapped[int]
    token: Mapped[Sealed]  # keyed hash of folder, name and content: the same file dropped again is this one
    sha256: Mapped[Str]  # of the plain bytes, as the browser said and the hub found
    size: Mapped[int] = mapped_column(BigInteger)
    have: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    state: Mapped[Str] = mapped_column(server_default="sending")
    key_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("data_key.id"))
    name: Mapped[Sealed]
    address: Mapped[str | None]  # in the evidence store
    reason: Mapped[Str] = mapped_column(server_default="")  # why it cannot be read
    twin: Mapped[Str] = mapped_column(server_default="")
    twin_of: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("letter.id"))  # where it is known
    at: Mapped[Stamp]


class ScanChunk(Base):
    """A piece of a file on its way, sealed under the file's key; gone when the file is stored whole."""

    __tablename__ = "scan_chunk"
    file_id: Mapped[Ref] = mapped_column(ForeignKey("scan_file.id"), primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    data: Mapped[Sealed]


class ScanStack(Base):
    """Pages that are one letter. `by_hand`: a person put it together; the machine leaves it alone then."""

    __tablename__ = "scan_stack"
    __table_args__ = (
        CheckConstraint("intake_id is null or (letter_id is not null and taking_at is not null)", name="taken"),
        Index("ix_scan_stack_batch", "batch_id", "ord"),
        Index("ix_scan_stack_letter", "letter_id"),
    )
    id: Mapped[Id]
    batch_id: Mapped[Ref] = mapped_column(ForeignKey("scan_batch.id"))
    ord: Mapped[float]
    letter_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("letter.id"))
    by_hand: Mapped[bool] = mapped_column(server_default=text("false"))
    late: Mapped[bool] = mapped_column(server_default=text("false"))  # further pages of a letter taken in before
    taking_at: Mapped[Moment | None]  # its pages are fixed: taking in began, and goes on until the intake is stored
    intake_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("intake.id"))


class ScanPage(Base):
    """One page. `image` (evidence store), `thumb` and `codes` are our own rendering, sealed under the file's key."""

    __tablename__ = "scan_page"
    __table_args__ = (
        CheckConstraint("rotation in (0,90,180,270)", name="rotation"),
        CheckConstraint("role in ('page','envelope','postmark','cover','left_out')", name="role"),
        UniqueConstraint("file_id", "number"),
        Index("ix_scan_page_stack", "stack_id", "ord"),
    )
    id: Mapped[Id]
    file_id: Mapped[Ref] = mapped_column(ForeignKey("scan_file.id"))
    stack_id: Mapped[Ref] = mapped_column(ForeignKey("scan_stack.id"))
    number: Mapped[int]  # in the file, from 0
    ord: Mapped[int]
    rotation: Mapped[int] = mapped_column(server_default=text("0"))
    role: Mapped[Str] = mapped_column(server_default="page")
    width: Mapped[int]
    height: Mapped[int]
    image: Mapped[str | None]
    thumb: Mapped[bytes | None]
    codes: Mapped[bytes | None]  # JSON: what its barcodes say
