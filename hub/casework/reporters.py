"""Who reported, sealed apart from the clue."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import blind, new_key, open_key
from hub.casework import naming
from hub.casework.changes import announce, touch
from hub.casework.errors import RefusedError
from hub.models import Clue, ClueReporter, IntakeClue, Reporter, ReporterIndex
from hub.terms import State


def add_reporter(
    session: Session, clue: Clue, intake_id: int, identity: dict[str, str], represented_by: int | None = None
) -> int:
    """Seals who reported, apart from the clue; their id. The same openid, phone, mail or id number is one reporter.

    `represented_by`: the signer of a joint letter who is told for this one.
    """
    known = {kind: normal(kind, identity.get(kind, "")) for kind in ("phone", "email", "openid", "id_number")}
    tokens = {kind: blind(kind, value) for kind, value in known.items() if value}
    if tokens:
        twin = session.scalars(
            select(ReporterIndex.reporter_id)
            .join(ClueReporter, ClueReporter.reporter_id == ReporterIndex.reporter_id)
            .where(ClueReporter.clue_id == clue.id, ReporterIndex.token.in_(tokens.values()))
        ).first()
        if twin is not None:
            _complete(session, twin, identity)
            naming.hide(session, clue)
            return twin
    key = new_key(session, clue.received_unit_id)
    reporter = Reporter(key_id=key.id, identity=key.seal_json(identity, "reporter.identity"))
    session.add(reporter)
    session.flush()
    session.add_all([ReporterIndex(reporter_id=reporter.id, kind=kind, token=token) for kind, token in tokens.items()])
    known_as = ClueReporter(
        clue_id=clue.id, reporter_id=reporter.id, intake_id=intake_id, represented_by=represented_by
    )
    session.add(known_as)
    naming.hide(session, clue)
    return reporter.id


def _complete(session: Session, reporter_id: int, identity: dict[str, str]) -> None:
    """Adds what was not known of a reporter; what was stays, and what is said otherwise stands beside it."""
    row = session.get_one(Reporter, reporter_id)
    key = open_key(session, row.key_id)
    told = key.json(row.identity, "reporter.identity")
    more = {name: value for name, value in identity.items() if value and not told.get(name)}
    also = dict.fromkeys(str(told.get(naming.ALSO) or "").splitlines())
    otherwise = [value for name, value in identity.items() if value and told.get(name) not in (None, "", value)]
    if fresh := [value for value in otherwise if value not in also]:
        more[naming.ALSO] = "\n".join((*also, *fresh))
    if more:
        row.identity = key.seal_json(told | more, "reporter.identity")


def normal(kind: str, value: str) -> str:
    if kind == "phone":
        digits = "".join(char for char in value if char.isdigit())
        return digits[-11:] if len(digits) > 11 and digits.startswith("86") else digits
    return value.strip().lower() if kind == "email" else value.strip()


def join_reporter(session: Session, who: Actor, clue: Clue, identity: dict[str, str]) -> int:
    """A further signer of a joint letter, entered by a person; how many reporters the clue has now.

    The same person is one reporter. Raises RefusedError where the clue is closed, or nothing says who it is.
    """
    if clue.state in (State.CLOSED, State.TRANSFERRED):
        raise RefusedError("线索已办结或转交，不能再登记举报人", kind="state")
    told = {name: value.strip() for name, value in identity.items() if value.strip()}
    if not told:
        raise RefusedError("请至少填写姓名或一种联系方式", kind="missing", name="name")
    intake_id = session.scalars(
        select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue.id).order_by(IntakeClue.intake_id)
    ).first()
    if intake_id is None:
        raise RefusedError("线索没有来件，不能登记举报人", kind="state")
    add_reporter(session, clue, intake_id, told)
    session.flush()
    count = session.scalar(select(func.count()).where(ClueReporter.clue_id == clue.id)) or 0
    audit.record(session, f"clue:{clue.id}", "join_reporter", actor=who.label, data={"reporters": count})
    touch(session, clue)
    announce(session, clue)
    return count
