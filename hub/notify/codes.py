"""Query codes: given to the reporter only, kept as a keyed hash; what the query page may show (G6, G7)."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access.sealing import blind, open_key
from hub.law import notices
from hub.models import Asked, Clock, Clue, Intake, IntakeKey, Notice, QueryCode
from hub.notify.parties import identity
from hub.notify.words import text_of
from hub.terms import State

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that are mistaken for another when read out
_TAIL = 4


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as the query page shows it."""

    title: str
    text: str
    day: date


@dataclass(frozen=True, slots=True)
class Question:
    """What stands on the page for a reporter who left no contact (P5): `elements` in Chinese, last day."""

    elements: str
    until: date


@dataclass(frozen=True, slots=True)
class Progress:
    """What the query page shows: state, dates and what was told. No names, no place, no content.

    `step`: 1 received, 2 examined, 3 verified, 4 told, 5 ended. `label` never says what would tell of another reporter
    (a merged clue) or of another unit (referred up). `due`: the last day for what `awaits` names.
    """

    received: date
    state: str
    label: str
    told: tuple[Told, ...]
    step: int = 1
    awaits: str = ""
    due: date | None = None
    provisional: bool = False
    question: Question | None = None
    following: Progress | None = None  # the report as it was supplemented after "supplement" (P5)


def issue(session: Session, clue_id: int, reporter_id: int | None) -> str:
    """A new code for a party of the clue. It is in nobody's hands but the receiver of what is told with it."""
    code = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
    tail = tail_of(identity(session, reporter_id).phone)
    session.add(QueryCode(token=blind("query", code), clue_id=clue_id, reporter_id=reporter_id, tail=tail))
    session.flush()
    return code


def of_key(name: str) -> str:
    """The code of a delivery named `name`, the same every time: who sends again after a lost answer gets it again.

    `name` is a random key of ours, so that nobody can ask for another's code. 12 of 31 letters: 59 bits.
    """
    number = int.from_bytes(blind("query_code", name), "big")
    letters = [_ALPHABET[number // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(12)]
    return "-".join("".join(letters[start : start + 4]) for start in (0, 4, 8))


def token(code: str) -> bytes:
    """What is kept of a code."""
    return blind("query", _plain(code))


def tail_of(phone: str) -> bytes | None:
    """What is kept of a phone's last digits; None where it has too few."""
    digits = re.sub(r"\D", "", phone)
    return blind("query_tail", digits[-_TAIL:]) if len(digits) >= _TAIL else None


def _plain(code: str) -> str:
    letters = re.sub(r"[^0-9A-Z]", "", code.upper()[:40])
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def look_up(session: Session, code: str, tail: str = "") -> Progress | None:
    """What the code shows; None for a wrong code, or a wrong phone tail where the reporter gave a phone.

    The caller limits how often it may be asked: one answer for every kind of wrong.
    """
    return progress(session, token(code)) if opens(session, code, tail) else None


def opens(session: Session, code: str, tail: str = "") -> bool:
    """Whether the code, with the phone tail where a phone was given, is one of ours."""
    row = session.get(QueryCode, token(code))
    if row is None:
        waiting = _unregistered(session, token(code))
        kept = None if waiting is None else waiting[1]
        wanted = bytes.fromhex(kept) if kept else None
    else:
        waiting, wanted = None, row.tail
    if row is None and waiting is None:
        return False
    given = blind("query_tail", re.sub(r"\D", "", tail)[-_TAIL:])
    return wanted is None or hmac.compare_digest(wanted, given)


def _unregistered(session: Session, hashed: bytes) -> tuple[Intake, str] | None:
    """A report of the citizens' page that no worker has read yet, and the hash of its phone tail."""
    name = blind("intake", f"query:{hashed.hex()}")
    known = session.get(IntakeKey, ("citizen:web", name))
    intake = session.get(Intake, known.intake_id) if known is not None else None
    if intake is None:
        return None
    told = open_key(session, intake.key_id).json(intake.meta, "intake.meta")["meta"].get("citizen", {})
    return intake, str(told.get("tail") or "")


def progress(session: Session, hashed: bytes) -> Progress | None:
    """What the page shows for a code that was proved (`opens`); None where it is no more."""
    row = session.get(QueryCode, hashed)
    if row is None:
        waiting = _unregistered(session, hashed)
        if waiting is None:
            return None
        return Progress(clock.china(waiting[0].at).date(), "received", "已收到，正在登记", ())
    first, later = session.get_one(Clue, row.clue_id), latest(session, row.clue_id)
    shown = _progress(session, first, row.reporter_id)
    if later is first:
        return shown
    return replace(shown, following=_progress(session, later, row.reporter_id))


def latest(session: Session, clue_id: int) -> Clue:
    """The clue, or the last of those that followed it, each after "supplement" (P5) of the one before."""
    clue = session.get_one(Clue, clue_id)
    while True:
        wanted = select(Clue).where(Clue.supplement_of == clue.id).order_by(Clue.id.desc())
        later = session.scalars(wanted).first()
        if later is None:
            return clue
        clue = later


_AWAITS = {"determination": "告知是否受理", "after_designation": "告知是否受理", "result": "告知核查结果"}
_RESULTS = ("no_violation", "violation")


def _progress(session: Session, clue: Clue, reporter_id: int | None) -> Progress:
    notices_ = _notices(session, clue.id, reporter_id)
    step, label = _stage(clue, any(row.kind in _RESULTS for row in notices_))
    running = session.scalars(
        select(Clock)
        .where(Clock.clue_id == clue.id, Clock.kind.in_(_AWAITS), Clock.stopped_at.is_(None))
        .order_by(Clock.id.desc())
    ).first()
    return Progress(
        received=clock.china(clue.at).date(), state=clue.state, label=label, step=step,
        told=tuple(_told(session, row) for row in notices_),
        awaits=_AWAITS[running.kind] if running else "", due=running.due if running else None,
        provisional=bool(running and running.provisional), question=_question(session, clue),
    )  # fmt: skip


def _stage(clue: Clue, told_result: bool) -> tuple[int, str]:  # noqa: FBT001  a fact of the clue
    state = State(clue.state)
    if state is State.CLOSED or (state is State.MERGED and told_result):
        return 5, "已办结"
    if state is State.TRANSFERRED:
        return 5, "已转交有关部门"
    if state is State.TO_TELL:
        return 4, "正在告知"
    return (3, "核查中") if clue.determination == "P1" else (2, "审核中")


def _question(session: Session, clue: Clue) -> Question | None:
    """The open question on the page: where the reporter left no contact, for seven working days (P5)."""
    row = session.scalars(
        select(Asked)
        .where(Asked.clue_id == clue.id, Asked.how == "query_page", Asked.stands_until >= clock.today())
        .order_by(Asked.id.desc())
    ).first()
    if row is None or row.stands_until is None or clue.determination not in (None, "P5"):
        return None
    return Question(notices.ELEMENTS.get(row.missing, row.missing), row.stands_until)


def _notices(session: Session, clue_id: int, reporter_id: int | None) -> list[Notice]:
    """The party's notices, and those of a clue with no other party; the page itself shows what could not be sent."""
    wanted = select(Notice).where(
        Notice.clue_id == clue_id,
        Notice.kind != "receipt",
        Notice.state.in_(("told", "undelivered", "no_reporter")),
        (Notice.reporter_id == reporter_id) if reporter_id is not None else (Notice.party == "none"),
    )
    return list(session.scalars(wanted.order_by(Notice.id)))


def _told(session: Session, notice: Notice) -> Told:
    moment: datetime = notice.told_at or notice.asked_at or notice.created
    return Told(notices.KINDS[notice.kind], text_of(session, notice, shown=True), clock.china(moment).date())
