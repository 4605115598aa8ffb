"""What strains the pages of the mailroom and of those who tell: a call, a letter and a reply that wait to be told, a
batch with every kind of page and file in it, a letter to be read over. Used by county.py, in a hub that runs.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from channels.contract import form_intake
from channels.registry import channels
from hub import clock, db, intake, notify
from hub.access import people
from hub.mailroom import arranging, register, taking, uploads
from hub.models import ClueReporter, IntakeClue, NoticeTask, ScanPage, ScanStack
from tests.browser.load import Load
from tests.browser.seed import settled

UNIT = "430922"
CLERKS = ("mailroom", "handler", "lead")
ROUTES = ("call", "letter")
NAMES = {"letter": "letter_task"}  # of a task; a letter of the register is another thing


@dataclass(frozen=True)
class Clerk:
    """The mailroom's person at work, each step in a transaction of its own."""

    user_id: int

    def do(self, work: Any, *given: Any) -> Any:
        with db.transaction() as session:
            who = people.actor(session, self.user_id)
            assert who is not None
            return work(session, who, *given)


def _form(code: str, values: dict[str, str], number: int) -> int:
    """A form as a person of the unit sends it; the id of its clue."""
    key, channel = f"strain-{code}-{number}", channels()[code]
    if code == "letter":
        raw = form_intake(code, channel.forms[0], values, [], key=key, at=clock.now())
    else:
        (raw,) = channel.from_files([], {"external_id": key, **values}, source_id=f"cli:{code}", now=clock.now())
    accepted = intake.accept(raw, unit=UNIT)
    settled(60)
    with db.reading() as session:
        return session.scalars(select(IntakeClue.clue_id).where(IntakeClue.intake_id == accepted.intake_id)).one()


def telling(load: Load) -> dict[str, int]:
    """A task of each kind: kind → id."""
    where = f"{load.place}一组七号"
    citizen = {"reporter_name": load.who, "reporter_phone": "13800001234", "reporter_address": where, "place": where}
    leader = {"leader": "李某某副市长", "instruction": load.much("请市县两级自然资源部门认真核查处理，", 6),
              "facts": load.facts, "place": load.place, "received": clock.today().isoformat()}  # fmt: skip
    for number, route in enumerate(ROUTES):
        clue = _form("letter", citizen, number)
        with db.transaction() as session:
            reporter = session.scalars(select(ClueReporter.reporter_id).where(ClueReporter.clue_id == clue)).one()
            notify.record_wish(session, clue, reporter, [route], hours=(9, 18))
            notify.ask(session, clue, "accepted", {}, once="strain:1")
    clue = _form("referral", leader, 0)
    with db.transaction() as session:
        notify.ask(session, clue, "accepted", {}, once="strain:1")
        session.execute(text("update work set run_at = now() where handler = 'notify' and state = 'pending'"))
    settled(60)
    with db.reading() as session:
        return {
            NAMES.get(row.kind, row.kind): row.id
            for row in session.scalars(select(NoticeTask).order_by(NoticeTask.id.desc()))
        }


def _sheet(*lines: str, pages: int = 1) -> bytes:
    """A scan of so many pages, as a PDF of pictures."""
    made = []
    for page in range(pages):
        image = Image.new("L", (620, 877), 250)
        for row, line in enumerate((*lines, f"page {page + 1} of {pages}")):
            ImageDraw.Draw(image).text((60, 90 + 40 * row), line, fill=20)
        made.append(image)
    out = io.BytesIO()
    made[0].save(out, "PDF", save_all=True, append_images=made[1:], resolution=75)
    return out.getvalue()


def _sent(clerk: Clerk, batch: int, files: dict[str, bytes]) -> None:
    told = [
        uploads.Told(name, "十一月收文", len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
    ]
    standing = clerk.do(uploads.announce, batch, told)
    for one, data in zip(standing, files.values(), strict=True):
        clerk.do(uploads.take_piece, one.id, 0, data)
    settled(120)


def _begun(session: Session, who: people.Actor) -> int:
    return uploads.begin(session, who).id


def scans(known: dict[str, int], load: Load) -> dict[str, int]:
    """For each of the clerks, whose batches are their own: names as pages.py asks for them."""
    found = {f"{name}:{role}": value for role in CLERKS for name, value in _scans(known[role], role, load).items()}
    return {"batch": found["batch:mailroom"], "reading": found["reading:mailroom"], **found}


def _scans(user_id: int, tag: str, load: Load) -> dict[str, int]:
    """A letter taken in and waiting to be read over, and a batch that is being put in order."""
    from tests.browser.test_work import pdf

    clerk, today = Clerk(user_id), clock.today().isoformat()
    boxes = {
        "reporter_name": load.who[:20],
        "addressee": "桃江县自然资源主管部门执法大队",
        "stamped": today,
        "opened": "1",
    }
    first = clerk.do(lambda session, who: register.enter(session, who, boxes, f"{tag}-1").id)
    for number in (2, 3):
        clerk.do(lambda session, who, number=number: register.enter(session, who, boxes, f"{tag}-{number}").id)
    read = clerk.do(_begun)
    _sent(clerk, read, {"来信.pdf": pdf("举报信\n桃江县武潭镇红旗村，\n有人占用耕地十二亩，\n请求查处。" + tag)})
    _take(clerk, read, first)
    batch = clerk.do(_begun)
    bound = _sheet("bound petition", tag, pages=12)
    files = {load.much("证据材料", 20) + ".pdf": bound, "信封.pdf": _sheet("envelope", tag), "再来一次.pdf": bound}
    _sent(clerk, batch, {**files, "坏的.pdf": b"%PDF-1.4 nothing behind it " + tag.encode()})
    _marked(clerk, batch)
    return {"reading": first, "batch": batch}


def _take(clerk: Clerk, batch: int, letter: int) -> None:
    """Its one stack is the letter; taken in, its text read."""

    def give(session: Session, who: people.Actor) -> None:
        stack = session.scalars(select(ScanStack).where(ScanStack.batch_id == batch)).one()
        no = register.number_of(register.find(session, who, letter))
        row = uploads.batch(session, who, batch)
        row = arranging.change(session, who, batch, row.version, "assign", {"stack": stack.id, "no": no})
        asked = taking.ask(session, who, batch, row.version)
        assert asked.taken == 1, asked

    clerk.do(give)
    settled(120)


def _marked(clerk: Clerk, batch: int) -> None:
    """An envelope, a turned page and one that is left out."""

    def mark(session: Session, who: people.Actor) -> None:
        pages = list(
            session.scalars(
                select(ScanPage.id).join(ScanStack, ScanStack.id == ScanPage.stack_id)
                .where(ScanStack.batch_id == batch).order_by(ScanStack.ord, ScanPage.ord)
            )
        )  # fmt: skip
        for what, given in (
            ("mark", {"pages": pages[-1:], "role": "envelope"}),
            ("turn", {"pages": pages[1:2]}),
            ("mark", {"pages": pages[2:3], "role": "left_out"}),
            ("in_turn", {}),
        ):
            version = uploads.batch(session, who, batch).version
            arranging.change(session, who, batch, version, what, given)

    clerk.do(mark)
