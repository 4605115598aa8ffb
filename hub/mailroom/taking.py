"""Taking a letter in: its line and its pages go through the letter channel, exactly once (Z1).

Asking fixes the pages of a stack and puts a work row; the worker builds the delivery, `intake.accept` stores it under
the line's own key, and a second transaction notes it. Whatever is killed in between, the row comes again and the key
finds what is stored. Then the working copies go: a letter lies in one place, under its clue's rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.contract import Blob, RawIntake, form_intake
from channels.registry import channel
from hub import clock, db, intake
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import blind, open_key
from hub.enrich import decoding
from hub.mailroom import register, uploads
from hub.mailroom.errors import MailroomError, StaleError
from hub.mailroom.pages import LETTER
from hub.models import Intake, IntakeKey, Letter, ScanBatch, ScanFile, ScanPage, ScanStack, Unit
from hub.terms import IntakeState
from hub.work import rows as work
from hub.work.child import ChildDiedError, RefusedError
from hub.work.rows import Job
from transcription import registry

SKIPPED = ("cover", "left_out")
WORDS = {"page": "信件", "envelope": "信封", "postmark": "邮戳"}


@dataclass(frozen=True, slots=True)
class Asked:
    """How many letters are on their way in, and why the others are not: (stack, reason)."""

    taken: int
    left: list[tuple[int, str]]


def ask(session: Session, who: Actor, number: int, version: int, stacks: Sequence[int] = ()) -> Asked:
    """Takes these stacks in, or all that are ready; their pages are fixed from now on. Raises StaleError."""
    row = uploads.batch(session, who, number, lock=True)
    if row.version != version:
        raise StaleError
    query = select(ScanStack).where(ScanStack.batch_id == row.id, ScanStack.taking_at.is_(None))
    query = query.where(ScanStack.id.in_(stacks)) if stacks else query
    left, count = [], 0
    for stack in session.scalars(query.order_by(ScanStack.ord, ScanStack.id)).all():
        why = _why_not(session, who, stack)
        if why:
            left.append((stack.id, why))
            continue
        stack.taking_at = clock.now()
        count += 1
        work.put(session, "take_letter", {"stack": stack.id, "by": who.user_id}, once=f"take:{stack.id}")
    if count:
        row.version += 1
        session.flush()
        audit.record(session, f"batch:{row.id}", "letters_asked", actor=who.label, data={"letters": count})
    return Asked(count, left)


def _why_not(session: Session, who: Actor, stack: ScanStack) -> str:
    """Why a stack cannot be taken in yet; "" where it can. Says also whether it brings further pages of a letter."""
    pages = _pages(session, stack)
    if not pages:
        return "没有要收的页面"
    if any(file.twin == "asked" for _, file in pages):
        return "与以前的扫描件完全相同，请先说明是同一封信还是另一封信"
    if stack.letter_id is None:
        return "还没有登记号"
    letter = register.find(session, who, stack.letter_id, lock=True)
    if letter.state == "taken":
        first = session.get(Intake, letter.intake_id)
        if first is None or first.state == IntakeState.STORED:
            return "同一登记号的前一份正在收件，请稍后再收"
        stack.late = True
        return ""
    if letter.state != "open":
        return f"登记号已是“{register.STATES[letter.state]}”"
    busy = select(ScanStack.id).where(
        ScanStack.letter_id == letter.id, ScanStack.id != stack.id, ScanStack.taking_at.is_not(None)
    )
    return "同一登记号的前一份正在收件，请稍后再收" if session.scalar(busy.limit(1)) is not None else ""


def _pages(session: Session, stack: ScanStack) -> list[tuple[ScanPage, ScanFile]]:
    """The pages of a stack that belong to the letter, in order."""
    rows = session.execute(
        select(ScanPage, ScanFile)
        .join(ScanFile, ScanFile.id == ScanPage.file_id)
        .where(ScanPage.stack_id == stack.id, ScanPage.role.not_in(SKIPPED))
        .order_by(ScanPage.ord, ScanPage.id)
    ).all()
    return [(page, file) for page, file in rows]


# ---- the worker's part


def run(job: Job) -> None:
    """Handler: args {"stack": id, "by": staff id}."""
    with db.reading() as session:
        stack = session.get(ScanStack, job.args["stack"])
        raw, unit = _delivery(session, stack) if stack is not None and _waits(stack) else (None, "")
    if raw is None:
        with db.transaction() as session:
            job.done(session)
        return
    taken = intake.accept(raw, unit=unit, actor=f"user:{job.args['by']}")
    with db.transaction() as session:
        note_taken(session, job.args["stack"], taken.intake_id, f"user:{job.args['by']}")
        job.done(session)


def _waits(stack: ScanStack) -> bool:
    return stack.taking_at is not None and stack.intake_id is None


def _key(stack: ScanStack, letter: Letter) -> str:
    return f"mailroom:{letter.name}:{stack.id}" if stack.late else f"mailroom:{letter.name}"


def _delivery(session: Session, stack: ScanStack) -> tuple[RawIntake, str]:
    """The letter as its channel takes it, and the code of the unit that receives it."""
    letter = session.get_one(Letter, stack.letter_id)
    unit = session.get_one(Unit, letter.unit_id).code
    blobs = tuple(_blobs(session, _pages(session, stack)))
    at = datetime.combine(letter.stamped, time(0), clock.CHINA)
    source = f"form:{LETTER}:{unit}"
    together = {"batch": f"register:{letter.name}"}
    if stack.late:
        meta = together | {"event": "page"}
        return RawIntake(LETTER, source, _key(stack, letter), at, blobs, meta), unit
    spec = next(form for form in channel(LETTER).forms if form.id == LETTER)
    raw = form_intake(
        LETTER, spec, form_values(session, letter), blobs, key=_key(stack, letter), at=at, source_id=source
    )
    return RawIntake(LETTER, source, raw.key, at, raw.blobs, dict(raw.meta) | together), unit


def form_values(session: Session, letter: Letter) -> dict[str, str]:
    """The line of the register as the boxes of the letter channel's form."""
    told = register.opened(session, letter)
    values = {name: told[name] for name in (*register.IDENTITY, *register.PLAIN) if told.get(name)}
    values.pop("postal_no", None)  # it names the item, and by that the sender; the bars stand on the envelope's scan
    ticks = {name: "是" for name in register.TICKS if getattr(letter, name)}
    return values | ticks | {"register_no": register.number_of(letter), "received": letter.stamped.isoformat()}


def _blobs(session: Session, pages: Sequence[tuple[ScanPage, ScanFile]]) -> Iterator[Blob]:
    """Whole files as they came; pages of a file that was split or turned cut out without loss where that can be done,
    else as our own pictures.
    """
    number = 0
    for (_, role), run_of in groupby(pages, key=lambda pair: (pair[1].id, pair[0].role)):
        found = list(run_of)
        file = found[0][1]
        for data, ending in _pieces(session, file, [page for page, _ in found]):
            number += 1
            yield Blob(f"{WORDS[role]}-{number}{ending}", _TYPES.get(ending, "application/octet-stream"), data, role)


_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".pdf": "application/pdf",
          ".tif": "image/tiff", ".tiff": "image/tiff"}  # fmt: skip


def _pieces(session: Session, file: ScanFile, pages: list[ScanPage]) -> list[tuple[bytes, str]]:
    data = uploads.original(session, file)
    name = uploads.name_of(session, file)[1].lower()
    ending = name[name.rfind(".") :]
    total = len(session.scalars(select(ScanPage.id).where(ScanPage.file_id == file.id)).all())
    if [page.number for page in pages] == list(range(total)) and not any(page.rotation for page in pages):
        return [(data, ending)]
    if ending in (".pdf", ".tif", ".tiff"):
        try:
            cut = decoding.cut(data, [(page.number, page.rotation) for page in pages], total)
        except (RefusedError, ChildDiedError):  # our own pictures of the pages stand in
            pass
        else:
            return [(cut, ".pdf" if cut.startswith(b"%PDF") else ".tif")]
    assert file.key_id is not None
    secret = open_key(session, file.key_id).secret
    return [
        (registry.turned(b"".join(intake.store().read(page.image or "", secret)), page.rotation), ".jpg")
        for page in pages
    ]


def note_taken(session: Session, number: int, intake_id: int, actor: str) -> None:
    """The letter is stored as an intake: the line says so, and what is taken in goes from the working copies."""
    stack = session.get_one(ScanStack, number)
    row = session.get_one(ScanBatch, stack.batch_id, with_for_update=True)
    session.refresh(stack, with_for_update=True)
    if not _waits(stack):
        return
    letter = session.get_one(Letter, stack.letter_id, with_for_update=True)
    stack.intake_id = intake_id
    if letter.state == "open":
        letter.state, letter.intake_id, letter.version = "taken", intake_id, letter.version + 1
        session.flush()
        register.forget_identity(session, letter)
    session.flush()
    data = {"intake": intake_id, "batch": row.id, "late": stack.late}
    audit.record(session, f"letter:{letter.id}", "letter_taken", actor=actor, data=data)
    register.announce(session, letter.unit_id)
    for file_id in set(session.scalars(select(ScanPage.file_id).where(ScanPage.stack_id == stack.id))):
        let_go_when_done(session, session.get_one(ScanFile, file_id))


def let_go_when_done(session: Session, file: ScanFile) -> None:
    """Destroys the working copy of a file none of whose pages is still to be taken in."""
    waits = (
        select(ScanPage.id)
        .join(ScanStack, ScanStack.id == ScanPage.stack_id)
        .where(ScanPage.file_id == file.id, ScanPage.role.not_in(SKIPPED), ScanStack.intake_id.is_(None))
    )
    if file.state != "gone" and session.scalar(waits.limit(1)) is None:
        uploads.let_go(session, file)


def stopped(session: Session, args: dict[str, Any], _reason: str) -> None:
    """The work was given up: a delivery that is stored is noted, else the pages are free to be taken in again."""
    stack = session.get_one(ScanStack, args["stack"])
    if not _waits(stack):
        return
    letter = session.get_one(Letter, stack.letter_id)
    unit = session.get_one(Unit, letter.unit_id).code
    token = blind("intake", _key(stack, letter))
    stored = session.get(IntakeKey, (f"form:{LETTER}:{unit}", token))
    if stored is not None:
        note_taken(session, stack.id, stored.intake_id, f"user:{args['by']}")
        return
    stack.taking_at, stack.late = None, False
    audit.record(session, f"batch:{stack.batch_id}", "letter_not_taken", data={"stack": stack.id})


def drop_rest(session: Session, who: Actor, number: int) -> int:
    """Takes away what a batch still holds and nobody wants: slips, left-out pages. How many files went.

    Raises MailroomError while pages wait to be taken in.
    """
    row = uploads.batch(session, who, number, lock=True)
    waits = (
        select(ScanPage.id)
        .join(ScanStack, ScanStack.id == ScanPage.stack_id)
        .join(ScanFile, ScanFile.id == ScanPage.file_id)
        .where(ScanFile.batch_id == row.id, ScanFile.state != "gone", ScanPage.role.not_in(SKIPPED),
               ScanStack.intake_id.is_(None))
    )  # fmt: skip
    if session.scalar(waits.limit(1)) is not None:
        raise MailroomError("这批还有没收件的页面")
    files = session.scalars(
        select(ScanFile).where(ScanFile.batch_id == row.id, ScanFile.state.in_(("read", "sending")))
    ).all()
    for file in files:
        uploads.let_go(session, file)
    row.version += 1
    audit.record(session, f"batch:{row.id}", "batch_done", actor=who.label, data={"files": len(files)})
    return len(files)
