"""The register of incoming letters: a line for each, entered before it is scanned (PRODUCT §4, A5).

The number is the unit's own sequence of the year, without a gap. What stands on the envelope is sealed under the line's
own key; the person who entered it sees it until the letter is taken in, others see it masked (PRODUCT §10).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.masking import mask_name
from hub.access.people import Actor
from hub.access.sealing import blind, fetch_keys, new_key, open_key
from hub.mailroom.errors import MailroomError, StaleError
from hub.models import DataKey, Letter, LetterSeries, User

IDENTITY: Mapping[str, int] = {
    "reporter_name": 100, "reporter_address": 300, "reporter_phone": 50, "signers": 5_000, "postal_no": 50,
}  # fmt: skip
"""Boxes that say who wrote, and how many characters each holds; gone from the register once the letter is taken in."""
PLAIN: Mapping[str, int] = {"addressee": 200, "enclosures": 500, "shelf": 50, "mode": 20, "remark": 500}
TICKS = ("opened", "receipt")
STATES = {"open": "待扫描", "taken": "已收件", "forwarded": "已转送", "returned": "退信", "void": "作废"}
EARLIEST = 366  # days: a stamp older than a year is a slip of the keyboard
MAX_SIGNERS = 500
_NUMBER = re.compile(r"(?:L?(\d{6})-)?(\d{4})-0*(\d{1,7})")
_SHORT = re.compile(r"0*(\d{1,7})")


@dataclass(frozen=True, slots=True)
class Line:
    """A line as lists show it: nothing of the sender in clear."""

    id: int
    no: str
    stamped: date
    state: str
    label: str
    sender: str  # masked
    addressee: str
    enclosures: str
    shelf: str
    opened: bool
    receipt: bool
    receipt_on: date | None
    signers: int
    by: str
    mine: bool
    at: datetime
    version: int
    forwarded_to: str = ""
    forwarded_on: date | None = None
    signed_for_on: date | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """The list of a day and its ledger: arrived = taken in + open + forwarded + returned + void."""

    day: date
    lines: list[Line]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def arrived(self) -> int:
        return sum(self.counts.values())


def number_of(row: Letter) -> str:
    """The register number as people write it: 2026-00012."""
    return f"{row.year}-{row.number:05d}"


def code_of(row: Letter, unit_code: str) -> str:
    """What the bars of a cover slip say: unit and number, nothing of the letter."""
    return f"L{unit_code}-{number_of(row)}"


def read_number(words: str, unit_code: str, today: date) -> tuple[int, int] | None:
    """(year, number) of a register number as typed or read from bars; a bare number is of this year. None: no number,
    or one of another unit.
    """
    plain = words.strip().upper().replace("〔", "").replace("〕", "-").replace("号", "").replace("－", "-")
    found = _NUMBER.fullmatch(plain)
    if found is not None:
        return (int(found[2]), int(found[3])) if found[1] in (None, unit_code) else None
    short = _SHORT.fullmatch(plain)
    return (today.year, int(short[1])) if short is not None else None


# ---- entering


def enter(session: Session, who: Actor, given: Mapping[str, str], key: str) -> Letter:
    """A new line. `key` is made by the page: sent twice it is one line. Raises MailroomError."""
    told, ticks, stamped = check(given)
    row, new = line(session, who, told, stamped, key)
    if not new:
        return row
    row.opened, row.receipt = ticks["opened"], ticks["receipt"]
    row.signers, row.postal = count_signers(told.get("signers", "")), postal_token(told.get("postal_no", ""))
    note_entered(session, who, row)
    return row


def line(session: Session, who: Actor, told: Mapping[str, str], stamped: date, key: str) -> tuple[Letter, bool]:
    """The line of this key, and whether it was made now. Two who enter at once wait for one another: no number is left
    out or given twice.
    """
    given = f"{who.unit_id}:{who.user_id}:{key[:64]}" if key else secrets.token_hex(16)
    name = blind("letter", given).hex()
    first = {"unit_id": who.unit_id, "year": stamped.year, "last": 0}
    session.execute(insert(LetterSeries).values(**first).on_conflict_do_nothing())
    series = session.get_one(LetterSeries, (who.unit_id, stamped.year), with_for_update=True, populate_existing=True)
    known = session.scalars(select(Letter).where(Letter.name == name)).first()
    if known is not None:
        return known, False
    series.last += 1
    sealing = new_key(session, who.unit_id)
    row = Letter(
        name=name, unit_id=who.unit_id, year=stamped.year, number=series.last, stamped=stamped, key_id=sealing.id,
        entry=sealing.seal_json(dict(told), "letter.entry"), by_user=who.user_id, state="open", version=1,
        at=clock.now(), opened=False, receipt=False, signers=0,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row, True


def note_entered(session: Session, who: Actor, row: Letter) -> None:
    data = {"no": number_of(row), "stamped": row.stamped.isoformat(), "state": row.state}
    audit.record(session, f"letter:{row.id}", "letter_entered", actor=who.label, data=data)
    announce(session, row.unit_id)


def announce(session: Session, unit_id: int) -> None:
    """Open registers of the unit read themselves again."""
    session.execute(select(func.pg_notify("hub_live", json.dumps({"l": unit_id}))))


def check(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, bool], date]:
    """(sealed boxes, ticks, stamp date) of what was typed. Raises MailroomError naming the box."""
    told: dict[str, str] = {}
    for name, most in {**IDENTITY, **PLAIN}.items():
        value = given.get(name, "").replace("\0", "").replace("\r\n", "\n").strip()
        if len(value) > most:
            raise MailroomError(f"这一栏不能超过 {most} 字（现有 {len(value)} 字）", name)
        if value:
            told[name] = value
    if told.get("mode", "") not in ("", "real_name", "anonymous", "confidential"):
        raise MailroomError("举报方式的选项无效", "mode")
    if told.get("signers") and not told.get("reporter_name"):
        raise MailroomError("联名信须填写代表人（寄信人）姓名，告知由代表人转达", "reporter_name")
    if count_signers(told.get("signers", "")) > MAX_SIGNERS:
        raise MailroomError(f"其他署名人不能超过 {MAX_SIGNERS} 人", "signers")
    return told, {name: given.get(name, "") in ("1", "on", "true") for name in TICKS}, stamp(given.get("stamped", ""))


def stamp(words: str) -> date:
    """The date of the receipt stamp: not later than today, not older than a year. Raises MailroomError."""
    try:
        day = date.fromisoformat(words.strip())
    except ValueError:
        raise MailroomError("请填写收文章日期", "stamped") from None
    today = clock.today()
    if day > today:
        raise MailroomError("收文章日期不能晚于今天", "stamped")
    if (today - day).days > EARLIEST:
        raise MailroomError("收文章日期已超过一年，请核对", "stamped")
    return day


def count_signers(words: str) -> int:
    return sum(1 for line in words.splitlines() if line.strip())


def postal_token(words: str) -> bytes | None:
    """The keyed hash of a postal item number (UPU S10 or of a courier), however it is written."""
    plain = re.sub(r"[^A-Z0-9]", "", words.upper())
    return blind("postal", plain) if len(plain) >= 6 else None


# ---- one line


def find(session: Session, who: Actor, number: int, *, lock: bool = False) -> Letter:
    """A line of the person's own unit. Raises MailroomError (404)."""
    query = select(Letter).where(Letter.id == number, Letter.unit_id == who.unit_id)
    row = session.scalars(query.with_for_update() if lock else query).first() if number < 1 << 62 else None
    if row is None:
        raise MailroomError("没有这个登记", status=404)
    return row


def by_number(session: Session, who: Actor, words: str, *, lock: bool = False) -> Letter:
    """The line with a typed or scanned register number. Raises MailroomError."""
    read = read_number(words, who.unit_code, clock.today())
    if read is None:
        raise MailroomError("登记号应写成 2026-00012，或只写序号", "no")
    query = select(Letter).where(Letter.unit_id == who.unit_id, Letter.year == read[0], Letter.number == read[1])
    row = session.scalars(query.with_for_update() if lock else query).first()
    if row is None:
        raise MailroomError(f"登记簿里没有 {read[0]}-{read[1]:05d} 号", "no")
    return row


def opened(session: Session, row: Letter) -> dict[str, str]:
    """The sealed boxes of a line."""
    told: dict[str, str] = open_key(session, row.key_id).json(row.entry, "letter.entry")
    return told


def to_edit(session: Session, who: Actor, number: int) -> tuple[Letter, dict[str, str]]:
    """A line and its boxes for the form. Only who entered it sees who wrote; a look is noted. Raises MailroomError."""
    row = find(session, who, number)
    told = opened(session, row)
    if row.by_user != who.user_id:
        told = {name: value for name, value in told.items() if name not in IDENTITY}
    audit.record(
        session, f"letter:{row.id}", "letter_looked", actor=who.label, data={"own": row.by_user == who.user_id}
    )
    return row, told


def _changeable(session: Session, who: Actor, number: int, version: int) -> Letter:
    row = find(session, who, number, lock=True)
    if version and row.version != version:
        raise StaleError
    if row.state != "open":
        raise MailroomError(f"{number_of(row)} 已是“{STATES[row.state]}”，不能再改")
    return row


def amend(session: Session, who: Actor, number: int, given: Mapping[str, str], version: int) -> Letter:
    """Changes an open line. Boxes that a colleague cannot see stay as they were where they are left empty.

    The number stays, whatever the stamp date. Raises MailroomError, StaleError.
    """
    row = _changeable(session, who, number, version)
    before = opened(session, row)
    if row.by_user != who.user_id:
        given = {**{name: before.get(name, "") for name in IDENTITY}, **{k: v for k, v in given.items() if v.strip()}}
    told, ticks, stamped = check(given)
    row.entry = open_key(session, row.key_id).seal_json(told, "letter.entry")
    row.stamped, row.opened, row.receipt = stamped, ticks["opened"], ticks["receipt"]
    row.receipt_on = row.receipt_on if row.receipt else None
    row.signers, row.postal = count_signers(told.get("signers", "")), postal_token(told.get("postal_no", ""))
    row.version += 1
    changed = sorted(name for name in {*told, *before} if told.get(name) != before.get(name))
    data = {"changed": changed, "stamped": stamped.isoformat()}
    audit.record(session, f"letter:{row.id}", "letter_amended", actor=who.label, data=data)
    announce(session, row.unit_id)
    return row


def void(session: Session, who: Actor, number: int, reason: str, version: int = 0) -> Letter:
    """A line entered by mistake: it stays with the reason, its number is not used again. Raises MailroomError."""
    reason = " ".join(reason.split())[:300]
    if len(reason) < 2:
        raise MailroomError("请写明作废的原因", "reason")
    row = _changeable(session, who, number, version)
    _close(session, row, "void", {"reason": reason})
    audit.record(session, f"letter:{row.id}", "letter_void", actor=who.label)
    return row


def _close(session: Session, row: Letter, state: str, more: dict[str, str], on: date | None = None) -> None:
    entry = open_key(session, row.key_id).seal_json(opened(session, row) | more, "letter.entry")
    row.entry, row.state, row.forwarded_on, row.version = entry, state, on, row.version + 1
    session.flush()
    announce(session, row.unit_id)


def forget_identity(session: Session, row: Letter) -> None:
    """The intake holds who wrote now: the register keeps the line without it, under a new key."""
    told = {name: value for name, value in opened(session, row).items() if name not in IDENTITY}
    key, old = new_key(session, row.unit_id), row.key_id
    row.entry, row.key_id, row.postal = key.seal_json(told, "letter.entry"), key.id, None
    session.flush()
    destroy_key(session, old)


def destroy_key(session: Session, key_id: int) -> None:
    """Takes a working copy's key away: what it sealed cannot be read any more."""
    session.execute(delete(DataKey).where(DataKey.id == key_id))


# ---- other ends


def forward(session: Session, who: Actor, number: int, to: str, on: str, version: int = 0) -> Letter:
    """The letter was for somebody else: it goes on with a slip. Raises MailroomError."""
    to = " ".join(to.replace("\0", "").split())[:200]
    if len(to) < 2:
        raise MailroomError("请填写转送的单位", "to")
    row = _changeable(session, who, number, version)
    day = _day(on, row.stamped)
    _close(session, row, "forwarded", {"forwarded_to": to}, day)
    audit.record(session, f"letter:{row.id}", "letter_forwarded", actor=who.label, data={"on": day.isoformat()})
    return row


def signed_for(session: Session, who: Actor, number: int, on: str) -> Letter:
    """The right receiver signed the slip. Raises MailroomError."""
    row = find(session, who, number, lock=True)
    if row.state != "forwarded" or row.forwarded_on is None:
        raise MailroomError("只有已转送的信才能登记签收")
    row.signed_for_on = _day(on, row.forwarded_on)
    data = {"on": row.signed_for_on.isoformat()}
    audit.record(session, f"letter:{row.id}", "letter_signed_for", actor=who.label, data=data)
    return row


def receipt_sent(session: Session, who: Actor, number: int, on: str) -> Letter:
    """The return receipt of the sender was signed and posted. Raises MailroomError."""
    row = find(session, who, number, lock=True)
    if not row.receipt:
        raise MailroomError("这封信没有附回执")
    row.receipt_on = _day(on, row.stamped)
    data = {"on": row.receipt_on.isoformat()}
    audit.record(session, f"letter:{row.id}", "letter_receipt_sent", actor=who.label, data=data)
    return row


def _day(words: str, first: date) -> date:
    try:
        day = date.fromisoformat(words.strip()) if words.strip() else clock.today()
    except ValueError:
        raise MailroomError("日期无法读取", "on") from None
    if not first <= day <= clock.today():
        raise MailroomError("日期不能早于收文日期，也不能晚于今天", "on")
    return day


# ---- lists


def day(session: Session, who: Actor, on: date) -> Day:
    """The unit's lines of a stamp date, the newest first, with the day's ledger."""
    query = select(Letter).where(Letter.unit_id == who.unit_id, Letter.stamped == on)
    rows = list(session.scalars(query.order_by(Letter.id.desc()).limit(500)))
    counted = session.execute(
        select(Letter.state, func.count()).where(Letter.unit_id == who.unit_id, Letter.stamped == on)
        .group_by(Letter.state)
    )  # fmt: skip
    counts = dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in counted}
    return Day(on, lines(session, who, rows), counts)


def waiting(session: Session, who: Actor, before: date | None = None) -> list[Line]:
    """Lines of the unit that wait for their scan, the oldest first."""
    query = select(Letter).where(Letter.unit_id == who.unit_id, Letter.state == "open")
    if before is not None:
        query = query.where(Letter.stamped < before)
    return lines(session, who, list(session.scalars(query.order_by(Letter.stamped, Letter.id).limit(500))))


def count_open(session: Session, who: Actor) -> int:
    """How many lines of the unit wait for their scan."""
    query = select(func.count()).where(Letter.unit_id == who.unit_id, Letter.state == "open")
    return session.scalar(query.select_from(Letter)) or 0


def lines(session: Session, who: Actor, rows: list[Letter]) -> list[Line]:
    fetch_keys(session, [row.key_id for row in rows])
    names: dict[int, str] = {
        person.id: person.name
        for person in session.scalars(select(User).where(User.id.in_({row.by_user for row in rows})))
    }
    return [_line(session, who, row, names.get(row.by_user, "")) for row in rows]


def _line(session: Session, who: Actor, row: Letter, by: str) -> Line:
    told: dict[str, Any] = opened(session, row)
    name = str(told.get("reporter_name", ""))
    sender = mask_name(name) if name else ("有地址" if told.get("reporter_address") else "")
    return Line(
        id=row.id, no=number_of(row), stamped=row.stamped, state=row.state, label=STATES[row.state],
        sender=sender if row.state == "open" else "", addressee=str(told.get("addressee", "")),
        enclosures=str(told.get("enclosures", "")), shelf=str(told.get("shelf", "")), opened=row.opened,
        receipt=row.receipt, receipt_on=row.receipt_on, signers=row.signers, by=by, mine=row.by_user == who.user_id,
        at=row.at, version=row.version, forwarded_to=str(told.get("forwarded_to", "")), forwarded_on=row.forwarded_on,
        signed_for_on=row.signed_for_on, reason=str(told.get("reason", "")),
    )  # fmt: skip
