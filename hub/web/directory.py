"""Units, their changes with history, and the ledger of enforcement certificates (PRODUCT E1, E12, I9, W1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, clock, db
from hub.access import certificates
from hub.access.certificates import CertificateError
from hub.casework import reorganising
from hub.jurisdiction import units
from hub.jurisdiction.units import NewUnit
from hub.models import Certificate, Grant, Unit, UnitPlace, User
from hub.supervision.importing import ListError, day_of
from hub.terms import ROLE_LABELS, Role
from hub.web.security import me, signed_in

bp = Blueprint("directory", __name__)

KEEPERS = (Role.SYSADMIN,)
LEDGER = (Role.LEAD, Role.SYSADMIN)
SHOWN = 300  # units of one list
SOON = 60  # days before its end a certificate is marked
LEVELS = {"ministry": "部", "province": "省", "city": "市", "county": "县"}
KINDS = {"authority": "主管部门", "department": "其他部门"}
CHANGES = {"set_up": "设立", "rename": "更名", "move": "改隶", "close": "撤并"}


def typed(limit: int = 200) -> dict[str, str]:
    """What was typed, box by box, no longer than `limit`; without NUL, which no text of the database holds."""
    return {name: value.replace("\0", "").strip()[:limit] for name, value in request.form.items()}


def settle(moved: Iterable[int] = ()) -> None:
    """After a change of units, whose transaction is through: clues of closed units go to the successor, and those of
    the `moved` units (ids) are seen by the superiors they have now. In steps, each a transaction of its own.
    """
    left = True
    while left:
        with db.transaction() as session:
            left = bool(casework.follow_clues(session))
    for unit_id in moved:
        after, left = 0, True
        while left:
            with db.transaction() as session:
                after = casework.reseat(session, unit_id, after)
            left = bool(after)


@bp.get("/units")
@signed_in()
def listing() -> str:
    """Search by name or code, or one level of the tree: the directory of responsible units (E11)."""
    words = request.args.get("q", "").replace("\0", "")[:60].strip()
    with db.reading() as session:
        query = select(Unit).order_by(Unit.active.desc(), Unit.code).limit(SHOWN + 1)
        if words:
            like = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            query = query.where(or_(Unit.name.like(f"%{like}%"), Unit.code.like(f"{like}%")))
        else:
            query = query.where(or_(Unit.parent_id == me().unit_id, Unit.id == me().unit_id))
        found = session.scalars(query).all()
        return render_template(
            "units.html", rows=found[:SHOWN], more=len(found) > SHOWN, words=words, levels=LEVELS, kinds=KINDS,
            keeper=me().has(frozenset(KEEPERS)), home=me().unit_code,
        )  # fmt: skip


@bp.get("/units/<code>")
@signed_in()
def unit_page(code: str) -> str:
    return _unit_page(code)


def _unit_page(code: str, problem: str = "", status: dict[str, str] | None = None) -> str:
    with db.reading() as session:
        unit = _unit(session, code)
        chain = units.chain(session, unit.id)
        below = session.scalars(select(Unit).where(Unit.parent_id == unit.id).order_by(Unit.code).limit(SHOWN)).all()
        keeper = me().has(frozenset(KEEPERS)) and me().unit_id in unit.path
        return render_template(
            "unit.html", unit=unit, chain=chain, below=below, levels=LEVELS, kinds=KINDS, keeper=keeper,
            heir=units.standing(session, unit), changes=_changes(session, unit), problem=problem, filled=status or {},
            places=_places(session, unit), staff=_staff(session, unit) if me().unit_id in unit.path else None,
            today=clock.today(), change_names=CHANGES, role_names=ROLE_LABELS,
        )  # fmt: skip


def _unit(session: Session, code: str) -> Unit:
    unit = units.by_code(session, code)
    if unit is None:
        abort(404)
    return unit


def _places(session: Session, unit: Unit) -> list[UnitPlace]:
    """What the dated map gives it besides its own code."""
    rows = select(UnitPlace).where(UnitPlace.unit_id == unit.id).order_by(UnitPlace.since, UnitPlace.division)
    return list(session.scalars(rows))


def _changes(session: Session, unit: Unit) -> list[dict[str, Any]]:
    rows = units.history(session, unit)
    names = {row.id: row.name for row in session.scalars(select(User).where(User.id.in_({r.by_user for r in rows})))}
    return [{"row": row, "by": names.get(row.by_user or 0, "系统")} for row in rows]


def _staff(session: Session, unit: Unit) -> list[tuple[str, str, list[str]]]:
    """(name, login, roles) of whoever works there: shown to those of the unit and above."""
    people: dict[int, tuple[str, str, list[str]]] = {}
    rows = session.execute(
        select(User, Grant.role).join(Grant, Grant.user_id == User.id).where(Grant.unit_id == unit.id, User.active)
    )
    for user, role in rows:
        people.setdefault(user.id, (user.name, user.login, []))[2].append(ROLE_LABELS[Role(role)])
    return sorted(people.values())


@bp.post("/units/<code>/<act>")
@signed_in(*KEEPERS)
def change(code: str, act: str) -> str | Response | tuple[str, int]:
    """Sets a unit up below this one, renames, moves or closes it: a dated change that keeps its history."""
    given = typed()
    try:
        since = day_of(given.get("since", ""), "日期") or clock.today()
        with db.transaction() as session:
            unit = _unit(session, code)
            below = [] if act != "close" else session.scalars(select(Unit.id).where(Unit.parent_id == unit.id)).all()
            _change(session, code, act, given, since)
            moved = [unit.id] if act == "move" else list(below)
    except (casework.RefusedError, ListError) as error:
        return _unit_page(code, str(error), given | {"act": act}), 422
    if act in ("move", "close"):
        settle(moved)
    shown = given["code"] if act == "below" else code
    return redirect(url_for("directory.unit_page", code=shown), code=303)


def _change(session: Session, code: str, act: str, given: dict[str, str], since: date) -> None:
    if act == "below":
        places = tuple(
            place for place in given.get("places", "").replace("，", " ").replace("、", " ").split() if place
        )
        new = NewUnit(
            given.get("code", ""), given.get("name", ""), given.get("level", ""), given.get("kind", ""), places
        )
        reorganising.set_up_unit(session, me(), new, code, since)
    elif act == "rename":
        reorganising.rename_unit(session, me(), code, given.get("name", ""), since)
    elif act == "move":
        reorganising.move_unit(session, me(), code, given.get("parent", ""), since)
    elif act == "close":
        reorganising.close_unit(session, me(), code, since, given.get("successor", ""))
    else:
        abort(404)


@bp.get("/certificates")
@signed_in(*LEDGER)
def certificate_page() -> str:
    return _ledger()


def _ledger(problem: str = "", filled: dict[str, str] | None = None) -> str:
    today = clock.today()
    with db.reading() as session:
        rows = [
            (row, certificates.last_day(row), (certificates.last_day(row) - today).days)
            for row in certificates.ledger(session, me().unit_id)
        ]
        return render_template(
            "certificates.html", rows=rows, today=today, soon=SOON, problem=problem, filled=filled or {}
        )


@bp.post("/certificates")
@signed_in(*LEDGER)
def enter_certificate() -> Response | tuple[str, int]:
    given = typed(100)
    try:
        first, last = day_of(given.get("valid_from", ""), "有效期起"), day_of(given.get("valid_until", ""), "有效期止")
        if first is None or last is None:
            raise ListError("有效期起止须填写")
        with db.transaction() as session:
            unit = session.get_one(Unit, me().unit_id)
            certificates.register(session, me(), unit, given.get("name", ""), given.get("number", ""), (first, last))
    except (CertificateError, ListError) as error:
        return _ledger(str(error), given), 422
    return redirect(url_for("directory.certificate_page"), code=303)


@bp.post("/certificates/<int:number>/withdraw")
@signed_in(*LEDGER)
def withdraw_certificate(number: int) -> Response | tuple[str, int]:
    try:
        with db.transaction() as session:
            row = session.scalars(
                select(Certificate)
                .where(Certificate.id == number, Certificate.unit_id == me().unit_id)
                .with_for_update()
            ).first()
            if row is None:
                abort(404)
            certificates.withdraw(session, me(), row, clock.today())
    except CertificateError as error:
        return _ledger(str(error)), 422
    return redirect(url_for("directory.certificate_page"), code=303)
