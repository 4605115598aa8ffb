"""How a call ends: as a clue, advice, a follow-up or nothing; and what is added once it is registered (A3, A20).

A call goes through the telephone channel's own form into `intake.accept`; the light worker registers it. What belongs
to the clue then (confirmed place and class, wishes, query code) is added by `settle`, whenever somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from channels.contract import RawIntake, form_intake
from channels.registry import channel
from hub import casework, clock, db, intake, notify
from hub.access import audit
from hub.access.people import Actor, visible
from hub.access.sealing import blind, open_key
from hub.casework import identity
from hub.casework.reporters import normal
from hub.jurisdiction.divisions import table
from hub.models import (
    Clue,
    ClueReporter,
    ClueUnit,
    DataKey,
    Intake,
    IntakeClue,
    Notice,
    PadCall,
    QueryCode,
    Reporter,
    ReporterIndex,
)
from hub.notify import codes, parties, sending, words
from hub.supervision.callers import ENDINGS, CallError, find, in_window, opened, save, seen_no
from hub.terms import CLASS_LABELS, STATE_LABELS, IntakeState, State

SENT = ("caller", "name", "mode", "place", "respondent", "facts", "area", "occurred", "evidence")
"""Boxes that the channel's form has."""
REASONS = {"consultation": "来电咨询，当场答复", "follow_up": "来电跟进已有线索", "invalid": "打错或骚扰电话"}
ROUTES = ("call", "sms")
ABOUT = {
    "progress": "询问进展", "urge": "催办", "supplement": "补充", "correction": "更正", "withdrawal": "撤回",
    "objection": "异议", "thanks": "感谢",
}  # fmt: skip
"""What a caller wants of a clue that is already there (the act `follow_up`)."""


def end(who: Actor, number: int, ending: str, values: Any, proof: Mapping[str, str], *, page: str, seq: int) -> None:
    """Ends a call: its draft becomes an intake, which is stored when this returns. Raises CallError, RefusedError.

    Done again after a lost answer it changes nothing. `proof`: of a follow-up: query_code, or name and contact; `kind`.
    """
    if ending not in ENDINGS:
        raise CallError("没有这种结束方式")
    if ending == "follow_up" and proof.get("kind") not in ABOUT:
        raise CallError("请选择来电人要做什么（询问、催办、补充等）", "kind")
    clue_id = _proven(who, number, proof) if ending == "follow_up" else None
    with db.transaction() as session:
        row = find(session, who, number, lock=True)
        if row.ending is not None:
            return
        row = save(session, who, number, values, page=page, seq=seq, version=row.version)
        told = opened(session, row)["values"]
        _check(ending, told)
        raw = _raw(session, who, row, ending, told)
    taken = intake.accept(raw, unit=who.unit_code, actor=who.label)
    with db.transaction() as session:
        row = find(session, who, number, lock=True)
        if row.ending is not None:
            return
        row.ending, row.ended_at, row.intake_id, row.clue_id = ending, clock.now(), taken.intake_id, clue_id
        data = {"ending": ending, "intake": taken.intake_id}
        audit.record(session, f"call:{row.id}", "call_ended", actor=who.label, data=data)
        made = session.get_one(Intake, taken.intake_id)
        casework.set_intake_kind(session, who, made, ending, REASONS.get(ending, ""))
        _ring_too(session, who, row)
        if clue_id is not None:
            _follow_up(session, who, session.get_one(Clue, clue_id), taken.intake_id, told, proof)


def _check(ending: str, told: Mapping[str, str]) -> None:
    if ending == "clue" and len(told.get("facts", "").strip()) < 2:
        raise CallError("请先填写主要违法事实", "facts")
    if ending == "consultation" and not told.get("facts", "").strip():
        raise CallError("请在“主要违法事实”栏写一句咨询的内容", "facts")


def _raw(session: Session, who: Actor, row: PadCall, ending: str, told: Mapping[str, str]) -> RawIntake:
    """The channel's form. A call the telephone told of goes through the entrance it rang at, under its name."""
    spec = next(form for form in channel("phone").forms if form.id == "call-pad")
    values = {name: told[name] for name in SENT if told.get(name)}
    values["start"] = clock.china(row.at).strftime("%Y-%m-%dT%H:%M:%S")
    raw = form_intake(
        "phone", spec, values, [], key=row.name, at=row.at, source_id=f"form:{spec.id}:{who.unit_code}"
    )  # fmt: skip
    meta = dict(raw.meta) | ({"kind": ending} if ending != "clue" else {})
    ring = session.get(Intake, row.ring_id) if row.ring_id is not None else None
    if ring is None:
        return replace(raw, meta=meta)
    call = open_key(session, ring.key_id).json(ring.meta, "intake.meta")["meta"].get("call_id", "")
    return replace(raw, source_id=ring.source_id, station=ring.station, meta=meta | {"call_id": call})


def _ring_too(session: Session, who: Actor, row: PadCall) -> None:
    """What the telephone stored of the same call is of the same kind; where it opened a clue, a second person says so
    too.
    """
    ring = session.get(Intake, row.ring_id) if row.ring_id is not None else None
    if ring is not None and row.ending is not None and ring.kind is None:
        casework.set_intake_kind(session, who, ring, row.ending, REASONS.get(row.ending, ""))


def prove(who: Actor, number: int, proof: Mapping[str, str]) -> dict[str, str]:
    """Number and state of the clue the caller proved to be theirs; before anything is said about it.

    Raises CallError; wrong tries are counted for the person and noted.
    """
    clue_id = _proven(who, number, proof)
    with db.reading() as session:
        clue = session.get_one(Clue, clue_id)
        return {"no": clue.no, "state": STATE_LABELS[State(clue.state)]}


def _proven(who: Actor, number: int, proof: Mapping[str, str]) -> int:
    """The clue the proof opens, among those the person may see. A wrong try is committed before it is refused."""
    asker = f"pad:{who.user_id}"
    with db.transaction() as session:
        row = find(session, who, number, lock=True)
        if not casework.may_try_code(session, asker):
            raise CallError("核对失败次数过多，请一小时后再试", "query_code", 429)
        given = _proof(proof)
        found = next((one.id for one in _claimed(session, who, proof) if identity.proved(session, one, given)), None)
        if found is not None:
            return found
        audit.record(session, f"call:{row.id}", "not_proved", actor=who.label, data={"proof": given["proof"]})
        casework.note_wrong_code(session, asker)
    if proof.get("query_code"):
        raise CallError("查询码不正确，或线索不属本单位", "query_code")
    raise CallError("姓名与登记的联系方式不一致，或没有这样的线索", "contact")


def _proof(given: Mapping[str, str]) -> dict[str, str]:
    how = "query_code" if given.get("query_code") else "name_and_contact"
    return {name: given.get(name, "") for name in ("query_code", "name", "contact")} | {"proof": how}


def _claimed(session: Session, who: Actor, given: Mapping[str, str]) -> list[Clue]:
    """The clues the proof may be about: of the code, or those of the contact, newest first."""
    if given.get("query_code"):
        code = session.get(QueryCode, blind("query", identity.plain_code(given["query_code"])))
        ids = [code.clue_id] if code is not None else []
    else:
        tokens = [blind(kind, normal(kind, given.get("contact", ""))) for kind in identity.CONTACTS]
        theirs = select(ClueReporter.clue_id).join(ReporterIndex, ReporterIndex.reporter_id == ClueReporter.reporter_id)
        ids = list(session.scalars(theirs.where(ReporterIndex.token.in_(tokens)).limit(50)))
    seen = visible(who).with_only_columns(ClueUnit.clue_id).where(ClueUnit.clue_id.in_(ids))
    return list(session.scalars(select(Clue).where(Clue.id.in_(seen)).order_by(Clue.id.desc())))


def _follow_up(
    session: Session, who: Actor, clue: Clue, intake_id: int, told: Mapping[str, str], given: Mapping[str, str]
) -> None:
    """The act on the clue; what was said goes with it as its words."""
    said = told.get("facts", "").strip()
    data = {**_proof(given), "kind": given.get("kind", ""), "intake": intake_id, **({"words": said} if said else {})}
    casework.apply(session, who, clue, "follow_up", {name: value for name, value in data.items() if value})


# ---- afterwards


def settle(session: Session, who: Actor, row: PadCall) -> None:
    """Adds to the registered clue what the operator chose, makes its query code, and lets the draft go.

    Does nothing while the worker has not read the intake. Raises StaleError where somebody is at the clue.
    """
    if row.ending is None or row.draft is None or row.intake_id is None:
        return
    if session.get_one(Intake, row.intake_id).state == IntakeState.STORED:
        return
    told = opened(session, row)["values"]
    if row.ending == "clue":
        number = session.scalars(
            select(IntakeClue.clue_id).where(IntakeClue.intake_id == row.intake_id).order_by(IntakeClue.clue_id)
        ).first()
        if number is None:  # on the manual list: people read it, the draft stays
            return
        clue = session.get_one(Clue, number, with_for_update=True)
        row.clue_id = clue.id
        _confirm(session, who, row, clue, told)
        _code_and_wish(session, who, row, clue, told)
    key_id, row.draft, row.key_id = row.key_id, None, None
    session.flush()
    session.execute(delete(DataKey).where(DataKey.id == key_id))


def _confirm(session: Session, who: Actor, row: PadCall, clue: Clue, told: Mapping[str, str]) -> None:
    """Place and class as a person chose them. Not behind a wall: who does not see a clue decides nothing about it."""
    if session.scalars(visible(who).where(ClueUnit.clue_id == clue.id)).first() is None or clue.division_confirmed:
        return
    clue.urgent = clue.urgent or row.urgent_at is not None
    division = table().get(told.get("division", ""))
    if division is not None:
        code = division.parent if division.level == "town" else division.code
        value = {"code": code, "name": table().path(code), "text": told.get("place", "")}
        if division.level == "town":
            value |= {"town": division.name, "town_code": division.code}
        casework.confirm(session, who, clue, "place", value)
    if told.get("class") in CLASS_LABELS:
        casework.confirm(session, who, clue, "class", told["class"])
    if row.urgent_at is not None:
        casework.confirm(session, who, clue, "urgency", "特急")


def _reporter(session: Session, clue: Clue, intake_id: int | None) -> int | None:
    query = select(ClueReporter.reporter_id).where(ClueReporter.clue_id == clue.id)
    rows = session.execute(query.add_columns(ClueReporter.intake_id).order_by(ClueReporter.reporter_id)).all()
    return next((row.reporter_id for row in rows if row.intake_id == intake_id), rows[0].reporter_id if rows else None)


def _code_and_wish(session: Session, who: Actor, row: PadCall, clue: Clue, told: Mapping[str, str]) -> None:
    reporter = _reporter(session, clue, row.intake_id)
    code = codes.of_key(row.name)
    if session.get(QueryCode, codes.token(code)) is None:
        tail = codes.tail_of(parties.identity(session, reporter).phone)
        session.add(QueryCode(token=codes.token(code), clue_id=clue.id, reporter_id=reporter, tail=tail))
    routes = [name for name in told.get("routes", "").split(",") if name in ROUTES]
    first, _, last = told.get("hours", "").partition("-")
    hours = (int(first), int(last)) if first.isdecimal() and last.isdecimal() and int(first) < int(last) <= 24 else None
    if reporter is not None and (routes or hours):
        notify.record_wish(session, clue.id, reporter, routes or ["call"], hours=hours, who=who)


def outcome(who: Actor, number: int) -> dict[str, Any]:
    """What became of an ended call: `no` and `code` to read out, while the entry window is open. Raises CallError."""
    with db.transaction() as session:
        row = find(session, who, number, lock=True)
        try:
            with session.begin_nested():
                settle(session, who, row)
        except casework.StaleError:  # the enrich worker was quicker: the page asks again
            session.refresh(row)
        found: dict[str, Any] = {"ending": row.ending, "ready": row.draft is None, "told": row.told_at is not None}
        if row.intake_id is not None and session.get_one(Intake, row.intake_id).state == IntakeState.MANUAL:
            found["manual"] = True
        if row.clue_id is not None:
            found["no"] = seen_no(session, who, row.clue_id)
        if row.ending == "clue" and row.clue_id is not None and in_window(row):
            found["code"] = codes.of_key(row.name)
    return found


def note_told(session: Session, who: Actor, number: int) -> None:
    """The operator read number and code out: the receipt of this channel, with its evidence (PRODUCT §6-§7)."""
    row = find(session, who, number, lock=True)
    if row.clue_id is None or row.ending != "clue":
        raise CallError("线索还没有登记完成", status=409)
    if row.told_at is not None:
        return
    row.told_at = clock.now()
    audit.record(session, f"call:{row.id}", "call_code_read", actor=who.label, at=row.told_at)
    clue = session.get_one(Clue, row.clue_id, with_for_update=True)
    reporter = _reporter(session, clue, row.intake_id)
    known = select(Notice.id).where(Notice.clue_id == clue.id, Notice.kind == "receipt", Notice.reporter_id == reporter)
    if reporter is None or session.scalar(known.limit(1)) is not None:
        return
    template = words.in_force(session, "receipt", clock.today())
    key_id = session.get_one(Reporter, reporter).key_id
    slots = {**words.defaults(session, clue, template), "query_code": codes.of_key(row.name)}
    made = Notice(
        clue_id=clue.id, kind="receipt", once=f"receipt:r{reporter}", template=template.id, party="reporter",
        reporter_id=reporter, intake_id=row.intake_id, unit_id=clue.owner_unit_id, state="queued", key_id=key_id,
        slots=open_key(session, key_id).seal_json(slots, "notice.slots"), asked_at=row.told_at, told_at=None,
    )  # fmt: skip
    session.add(made)
    session.flush()
    sending.tell(session, made, "call", "接线员当场口头告知", at=row.told_at, actor=who.label)
