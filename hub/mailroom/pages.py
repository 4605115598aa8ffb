"""Pages of a stored scan: rendered in the limited child, kept as our own pictures, read for bars, put in stacks."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from channels.registry import channels
from hub import clock, db, intake
from hub.access import audit
from hub.access.sealing import Key, open_key
from hub.enrich import decoding
from hub.enrich.transcribe import renewing
from hub.mailroom import register, uploads
from hub.models import Letter, ScanBatch, ScanFile, ScanPage, ScanStack, Unit
from hub.work.rows import Job
from transcription import registry
from transcription.contract import PageImage

THUMB = 320
"""Pixels of the longer side of a small picture."""
LETTER = "letter"


def render(job: Job) -> None:
    """Handler: args {"file": id}. The pages of a stored file, with what their bars say."""
    with db.reading() as session:
        file = session.get(ScanFile, job.args["file"])
        waits = file is not None and file.state == "stored"
        data, name = (
            (uploads.original(session, file), uploads.name_of(session, file)[1]) if waits and file else (b"", "")
        )
    if not waits:
        with db.transaction() as session:
            job.done(session)
        return
    with renewing(job):
        pages, warnings = decoding.pages(data, name)
        read = [(page, registry.small(page.jpeg, THUMB), registry.codes(page.jpeg)) for page in pages]
    with db.transaction() as session:
        _keep(session, job.args["file"], read, warnings)
        job.done(session)


def unreadable(session: Session, args: dict[str, Any], reason: str) -> None:
    """A scan that shows no page: it is kept; the batch says so, and a person looks at the paper."""
    file = session.scalars(select(ScanFile).where(ScanFile.id == args["file"]).with_for_update()).one()
    if file.state != "stored":
        return
    file.state, file.reason = "unreadable", reason[:300]
    audit.record(session, f"batch:{file.batch_id}", "scan_unreadable", data={"file": file.id})


def _keep(
    session: Session, number: int, read: Sequence[tuple[PageImage, bytes, list[str]]], warnings: Sequence[str]
) -> None:
    file = session.scalars(select(ScanFile).where(ScanFile.id == number).with_for_update()).one()
    if file.state != "stored" or file.key_id is None:  # taken out meanwhile
        return
    row = session.get_one(ScanBatch, file.batch_id, with_for_update=True)
    key = open_key(session, file.key_id)
    stack = _new_stack(session, row)
    for place, (page, thumb, codes) in enumerate(read):
        session.add(_page(file, stack, place, page, thumb, codes, key))
    file.state, file.reason = "read", "；".join(warnings)[:300]
    session.flush()
    stack_up(session, row)
    audit.record(session, f"batch:{file.batch_id}", "scan_read", data={"file": file.id, "pages": len(read)})


def _page(
    file: ScanFile, stack: ScanStack, place: int, page: PageImage, thumb: bytes, codes: list[str], key: Key
) -> ScanPage:
    image = intake.store().put(io.BytesIO(page.jpeg), key.secret)
    return ScanPage(
        file_id=file.id, stack_id=stack.id, number=place, ord=place, rotation=0,
        role="left_out" if file.twin == "same" else "page", width=page.width, height=page.height, image=image.address,
        thumb=key.seal(thumb, "scan_page.thumb"), codes=key.seal_json(codes, "scan_page.codes") if codes else None,
    )  # fmt: skip


def _new_stack(session: Session, row: ScanBatch, place: float = 0.0, letter_id: int | None = None) -> ScanStack:
    stack = ScanStack(batch_id=row.id, ord=place, letter_id=letter_id, by_hand=False)
    session.add(stack)
    session.flush()
    return stack


# ---- which pages are one letter, as far as a machine can tell


def stack_up(session: Session, row: ScanBatch) -> None:
    """Puts together what no person has touched: in the order of the files, whichever was read first.

    A cover slip begins the letter of its register number, up to the next slip. Without slips a file is a letter; files
    told apart only by a page number (`0012-1.jpg`, `0012-2.jpg`) are one. Bars of a registered letter's envelope name
    its line. A stack keeps its number with its first page, so that people can work on it meanwhile.
    """
    found = session.execute(
        select(ScanPage, ScanFile)
        .join(ScanFile, ScanFile.id == ScanPage.file_id)
        .join(ScanStack, ScanStack.id == ScanPage.stack_id)
        .where(ScanFile.batch_id == row.id, ScanFile.key_id.is_not(None), ~ScanStack.by_hand,
               ScanStack.taking_at.is_(None))
        .order_by(ScanFile.ord, ScanPage.number)
    ).all()  # fmt: skip
    unit = session.get_one(Unit, row.unit_id).code
    used: set[int] = set()
    stack: ScanStack | None = None
    slip, base, last = False, "", 0
    order = itertools.count()
    names: dict[int, str] = {}
    for page, file in found:
        letter = _letter(session, row.unit_id, unit, page, file)
        if file.id not in names:
            names[file.id] = _base(session, file)
        fresh = file.id != last
        cover = letter is not None and letter[1]
        if stack is None or cover or (fresh and not slip and (not base or names[file.id] != base)):
            stack = _stack(session, row, page, used, file.ord + page.number / 10_000)
            slip = cover
        base, last = names[file.id], file.id
        page.stack_id, page.ord = stack.id, next(order)
        if letter is not None and stack.letter_id is None:
            stack.letter_id = letter[0]
        if page.role != "left_out":
            page.role = "cover" if cover else "envelope" if letter is not None else page.role
    session.flush()
    drop_empty(session, row)


def _stack(session: Session, row: ScanBatch, first: ScanPage, used: set[int], place: float) -> ScanStack:
    """The stack that begins with this page: the one it stands in, unless another page has begun that."""
    known = first.stack_id not in used
    stack = session.get_one(ScanStack, first.stack_id) if known else _new_stack(session, row)
    used.add(stack.id)
    stack.ord, stack.letter_id = place, None
    return stack


def _base(session: Session, file: ScanFile) -> str:
    """What the names of the pages of one letter share, with their folder; "" where a name says nothing of pages."""
    folder, name = uploads.name_of(session, file)
    reader = channels()[LETTER].page_name
    base, page = reader(name) if reader is not None else ("", 0)
    return f"{folder}/{base}" if page else ""


def _letter(session: Session, unit_id: int, unit: str, page: ScanPage, file: ScanFile) -> tuple[int, bool] | None:
    """(line of the register, whether a cover slip says so) that the bars of a page name."""
    if page.codes is None or file.key_id is None:
        return None
    for code in open_key(session, file.key_id).json(page.codes, "scan_page.codes"):
        if code.startswith("L"):
            read = register.read_number(code, unit, clock.today())
            query = select(Letter.id).where(Letter.unit_id == unit_id, Letter.year == (read or (0, 0))[0],
                                            Letter.number == (read or (0, 0))[1])  # fmt: skip
            found = session.scalar(query) if read is not None else None
            if found is not None:
                return found, True
        token = register.postal_token(code)
        query = select(Letter.id).where(Letter.unit_id == unit_id, Letter.postal == token, Letter.state == "open")
        found = session.scalar(query.order_by(Letter.id.desc()).limit(1)) if token is not None else None
        if found is not None:
            return found, False
    return None


def drop_empty(session: Session, row: ScanBatch) -> None:
    """Takes away stacks without a page."""
    empty = (
        select(ScanStack)
        .outerjoin(ScanPage, ScanPage.stack_id == ScanStack.id)
        .where(ScanStack.batch_id == row.id, ScanStack.taking_at.is_(None))
        .group_by(ScanStack.id)
        .having(func.count(ScanPage.id) == 0)
    )
    for stack in session.scalars(empty).all():
        session.delete(stack)
    session.flush()
