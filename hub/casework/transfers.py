"""A clue that another department handles (Art. 20, E7).

In the hub the department is an owner like any other: the clue moves, every base stays. Outside it gets a slip and a
package without the reporter's identity; the transferring unit answers until the receipt is filed, and takes the clue
back where none comes.
"""

from __future__ import annotations

import hashlib
import re

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.casework import clocks, competence, dossier, facts, slips
from hub.casework.acts import effect, perform
from hub.casework.changes import announce, lock
from hub.casework.doing import Doing
from hub.casework.errors import RefusedError
from hub.casework.jurisdiction import hop
from hub.casework.slips import Sheet
from hub.casework.telling import DETERMINATION_KINDS, RESULT_KINDS, take_back
from hub.law.competence import STAGES, Entry
from hub.law.deadlines import base_day
from hub.models import Clock, Clue, Transfer, Unit
from hub.terms import State

LATE = "期限内未收到转交回执，由转交单位收回"
_DOCUMENT_NO = re.compile(r"[\w〔〕\[\]()（）.\-/]{1,60}")


def open_transfer(session: Session, clue: Clue) -> Transfer | None:
    """The transfer that waits for a receipt or an answer."""
    wanted = select(Transfer).where(Transfer.clue_id == clue.id, Transfer.state.in_(("sent", "received")))
    return session.scalars(wanted).first()


def last_transfer(session: Session, clue: Clue) -> Transfer | None:
    return session.scalars(
        select(Transfer).where(Transfer.clue_id == clue.id).order_by(Transfer.id.desc()).limit(1)
    ).first()


def _entries(doing: Doing) -> list[Entry]:
    stage = str(doing.data.get("stage") or "")
    return competence.about(doing.session, doing.clue, stage, base_day(doing.at))


def _named(doing: Doing) -> str:
    return str(doing.data.get("department") or "").strip()


def _competent(doing: Doing) -> facts.Facts:
    if doing.rule.id == "transfer":
        return {"competent": any(row.department == _named(doing) for row in _entries(doing))}
    unit = facts.unit_named(doing.session, doing.data.get("unit"))
    return {"competent": unit is not None and any(row.unit_id == unit.id for row in _entries(doing))}


def _outside(doing: Doing) -> facts.Facts:
    """Inside where every row of that name is of a unit that stands in the hub."""
    rows = [row for row in _entries(doing) if row.department == _named(doing)]
    return {"inside": bool(rows) and all(_stands(doing.session, row.unit_id) for row in rows)}


def _stands(session: Session, unit_id: int | None) -> bool:
    unit = session.get(Unit, unit_id) if unit_id is not None else None
    return unit is not None and unit.active


def _department_unit(doing: Doing) -> facts.Facts:
    unit = facts.unit_named(doing.session, doing.data.get("unit"))
    return {
        "department_unit": unit is not None and unit.kind == "department" and unit.id != doing.clue.owner_unit_id,
        "unit_closed": facts.closed_words(doing.session, doing.data.get("unit")),
    }


def _came(doing: Doing) -> facts.Facts:
    """The unit that transferred the clue to its present holder."""
    last = next(iter(facts.hops(doing.session, doing.clue)[-1:]), None)
    came = last is not None and last.act == "transfer.inside" and last.to_unit_id == doing.clue.owner_unit_id
    return {"transferred_by": last.from_unit_id if last is not None and came else None}


def _receipt(doing: Doing) -> facts.Facts:
    row = open_transfer(doing.session, doing.clue)
    return {"receipt": row is None or row.state == "received"}


def _department(doing: Doing) -> facts.Facts:
    return {"by_department": doing.clue.department is not None}


facts.COLLECTORS.update(
    {
        "competent": _competent,
        "outside": _outside,
        "department_unit": _department_unit,
        "came_by_transfer": _came,
        "no_receipt_yet": _receipt,
        "by_department": _department,
        "own_result": _department,
    }
)


@effect("transfer.inside")
def to_department(doing: Doing) -> None:
    """The department's unit holds the clue from now on; state and bases stay."""
    unit = facts.unit_named(doing.session, doing.data["unit"])
    assert unit is not None  # the guard has looked
    hop(doing, unit.id, [])


@effect("transfer.refuse")
def give_back(doing: Doing) -> None:
    """Back to the unit that transferred it, its days run on."""
    hop(doing, int(doing.facts["transferred_by"]), [])


@effect("transfer")
def send_out(doing: Doing) -> None:
    """Slip and package are made and sealed now: what went out can be shown at any time."""
    session, clue = doing.session, doing.clue
    assert doing.user_id is not None
    sent = session.scalar(select(func.count()).select_from(Transfer).where(Transfer.clue_id == clue.id)) or 0
    number = f"{clue.no}-ZJ{sent + 1}"
    identity = doing.data.get("with_identity") is True
    package = slips.pdf(_package(doing, number, identity=identity))
    slip = slips.pdf(_slip(doing, number, hashlib.sha256(package).hexdigest(), identity=identity))
    key = open_key(session, clue.key_id)
    row = Transfer(
        number=number, clue_id=clue.id, unit_id=clue.owner_unit_id, department=_named(doing),
        stage=str(doing.data["stage"]), from_state=clue.state, identity=identity, at=doing.at, by_user=doing.user_id,
        slip=key.seal(slip, "transfer.slip"), slip_sha256=hashlib.sha256(slip).hexdigest(),
        package=key.seal(package, "transfer.package"), package_sha256=hashlib.sha256(package).hexdigest(),
        received_at=None, result=None, answered_at=None, back_at=None,
    )  # fmt: skip
    clue.department = row.department
    session.add(row)
    session.flush()
    doing.noted |= {
        "transfer": row.id, "slip": row.slip_sha256, "package": row.package_sha256, "identity": identity,
    }  # fmt: skip


def _slip(doing: Doing, number: str, package: str, *, identity: bool) -> Sheet:
    clue, unit = doing.clue, doing.session.get_one(Unit, doing.clue.owner_unit_id)
    days = clocks.local_days(doing.session, clue, "transfer")
    return Sheet(
        "线索转交单",
        (
            ("转交编号", number),
            ("转交单位", unit.name),
            ("接收部门", _named(doing)),
            ("线索编号", clue.no),
            ("转交环节", STAGES[str(doing.data["stage"])]),
            ("转交日期", dossier.day(base_day(doing.at))),
            ("依据", "12336微信举报平台试行办法第二十条"),
            ("举报人信息", "经举报人同意，随附件提供" if identity else "依法保密，不随附"),
            ("附件校验值", f"SHA-256 {package}"),
            ("回执", f"请于收到之日起{days}个工作日内填写并退回。\n接收人：　　　　　回执编号：　　　　　日期："),
        ),
        foot="未收到回执前，由转交单位继续负责答复。办理结果请函告转交单位，由其告知举报人。",
    )


def _package(doing: Doing, number: str, *, identity: bool) -> Sheet:
    """What is known of the violation; with identity only by consent, written down before anything of it is opened."""
    session, clue = doing.session, doing.clue
    if identity:
        actor = doing.who.label if doing.who else "system"
        audit.record(session, f"clue:{clue.id}", "reveal_to_department", actor=actor, data={"transfer": number})
    words = str(doing.data.get("words") or "")
    return dossier.known(
        session, clue, "线索转交材料", [("转交编号", number)], [("转交说明", words)], identity=identity
    )


@effect("transfer.receipt")
def receipt(doing: Doing) -> None:
    """The department answers from here."""
    row = _open(doing)
    row.receipt_no, row.received_at, row.state = _document_no(doing, "receipt_no"), doing.at, "received"
    doing.noted["transfer"] = row.id
    doing.session.flush()


@effect("transfer.result")
def answered(doing: Doing) -> None:
    """What the department found: the reporter is told it, then the clue is closed."""
    row = _open(doing)
    row.answer_no, row.answered_at = _document_no(doing, "answer_no"), doing.at
    row.state, row.result = "answered", str(doing.data["result"])
    doing.clue.result = row.result
    doing.noted["transfer"] = row.id
    doing.session.flush()


@effect("transfer.back")
def bring_back(doing: Doing) -> None:
    """As it was before the transfer, with the old base of its clock; who was told otherwise is corrected."""
    session, clue, row = doing.session, doing.clue, _open(doing)
    row.state, row.back_at = "back", doing.at
    take_back(doing, DETERMINATION_KINDS)
    wanted = select(Clock).where(Clock.clue_id == clue.id, Clock.kind.in_(clocks.TELLING)).order_by(Clock.id.desc())
    last = session.scalars(wanted.limit(1)).first()
    if last is not None and last.stopped_at is not None:
        noted = clocks.start(session, clue, last.kind, last.base, last.days - last.extended, rule=doing.rule.id)
        doing.clocks += [noted] if noted else []
    doing.target, clue.department = row.from_state, None
    doing.noted |= {"transfer": row.id, "restored": row.from_state}


@effect("reopen.transfer")
def answer_again(doing: Doing) -> None:
    """The department's earlier result stays in the log; the right one is told in 5 working days."""
    row = last_transfer(doing.session, doing.clue)
    assert row is not None
    doing.noted["before"] = {"result": doing.clue.result, "answer_no": row.answer_no}
    take_back(doing, RESULT_KINDS)
    row.state, row.result, row.answered_at = "received" if row.receipt_no else "sent", None, None
    doing.clue.result = None


def _open(doing: Doing) -> Transfer:
    row = open_transfer(doing.session, doing.clue)
    assert row is not None  # the state says so
    return row


def _document_no(doing: Doing, name: str) -> str:
    """The number of an office's document: no free text."""
    told = "".join(str(doing.data[name]).split())
    if not _DOCUMENT_NO.fullmatch(told):
        raise doing.refused("文书编号格式不正确", "value", name)
    return told


def take_back_unreceived(session: Session, limit: int = 500) -> int:
    """The sweep: transfers whose receipt did not come in time are with the transferring unit again, with the old base.

    Runs as often as it likes; two at once wait for the clue's lock and look again. Returns how many came back.
    """
    late = session.scalars(
        select(Clock.clue_id)
        .join(Transfer, Transfer.clue_id == Clock.clue_id)
        .where(Clock.kind == "transfer", Clock.stopped_at.is_(None), Clock.due < clock.today())
        .where(Transfer.state == "sent")
        .order_by(Clock.clue_id)
        .limit(limit)
    ).all()
    taken = 0
    for clue_id in late:
        clue = lock(session, {clue_id})[clue_id]
        row = open_transfer(session, clue)
        if row is None or clue.state != State.TRANSFERRED:
            continue
        session.refresh(row)
        if row.state == "sent":
            perform(session, clue, "transfer.back", {"reason_text": LATE}, clock.now())
            announce(session, clue)
            taken += 1
    return taken


def document(session: Session, who: Actor, transfer_id: int, part: str) -> tuple[str, bytes]:
    """The slip or the package as it went out: (file name, PDF). `part`: slip, package. Audited before it is opened.

    The caller has made sure that `who` may see the clue. Raises RefusedError: not of the person's unit, changed bytes.
    """
    row = session.get(Transfer, transfer_id)
    if row is None or part not in ("slip", "package") or who.unit_id != row.unit_id:
        raise RefusedError("没有这份转交材料", kind="state")
    data = {"transfer": row.id, "part": part, "identity": row.identity}
    audit.record(session, f"clue:{row.clue_id}", "transfer_read", actor=who.label, data=data)
    key = open_key(session, session.get_one(Clue, row.clue_id).key_id)
    sealed, digest = (row.slip, row.slip_sha256) if part == "slip" else (row.package, row.package_sha256)
    plain = key.open(sealed, f"transfer.{part}")
    if hashlib.sha256(plain).hexdigest() != digest:
        raise RefusedError("转交材料与登记的校验值不符", kind="state")
    return f"{row.number}-{part}.pdf", plain
