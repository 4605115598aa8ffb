"""The mailroom's register: letters are entered before they are scanned, keyboard first (A5). Slips and cover sheets."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Reply

from hub import clock, db
from hub.access import audit
from hub.access.people import Actor
from hub.casework import slips
from hub.mailroom import reading, register, returns
from hub.mailroom.errors import MailroomError
from hub.models import Letter, Unit
from hub.terms import Role
from hub.web.security import me, signed_in

bp = Blueprint("mailroom", __name__)

CLERKS = (Role.MAILROOM, Role.HANDLER, Role.LEAD)
"""Who enters and scans letters; in small counties handlers do."""
MODES = (("", "未说明"), ("real_name", "实名"), ("anonymous", "匿名"), ("confidential", "要求保密"))
SLIPS = 100  # cover sheets of one print


@bp.errorhandler(MailroomError)
def refused(error: MailroomError) -> tuple[Response | str, int]:
    """What was refused: JSON for the page's own requests, else a page."""
    if request.accept_mimetypes.best == "application/json":
        return jsonify(error=str(error), name=error.name), error.status
    code = "error.html" if error.status == 404 else "problem.html"
    shown = render_template(code, code=error.status, message=str(error), back=url_for("mailroom.page"))
    return shown, error.status


def typed(name: str) -> str:
    return request.form.get(name, "").replace("\0", "").replace("\r\n", "\n").strip()


def boxes() -> dict[str, str]:
    """Everything typed into the form of a line."""
    names = ("stamped", *register.IDENTITY, *register.PLAIN, *register.TICKS)
    return {name: typed(name) for name in names}


def tabs(session: Session, who: Actor) -> dict[str, int]:
    """The numbers on the mailroom's own tabs."""
    return {"open": register.count_open(session, who), "reading": reading.count(session, who)}


def _day() -> date:
    try:
        return min(date.fromisoformat(request.args.get("day", "")), clock.today())
    except ValueError:
        return clock.today()


@bp.get("/mailroom")
@signed_in(*CLERKS)
def page() -> str:
    """The register of a day; with the header HX-Request only its list."""
    return _page(_day())


def _page(on: date, problem: MailroomError | None = None, values: Mapping[str, str] | None = None) -> str:
    with db.reading() as session:
        shown = register.day(session, me(), on)
        earlier = register.waiting(session, me(), on) if on == clock.today() else []
        counts = tabs(session, me())
    template = "mailroom_rows.html" if "HX-Request" in request.headers else "mailroom.html"
    return render_template(
        template, shown=shown, earlier=earlier, tabs=counts, states=register.STATES, today=clock.today(), modes=MODES,
        before=on - timedelta(days=1), after=on + timedelta(days=1), key=secrets.token_hex(16), problem=problem,
        values=values or {"stamped": on.isoformat()}, identity=register.IDENTITY, plain=register.PLAIN,
    )  # fmt: skip


@bp.post("/mailroom/letters")
@signed_in(*CLERKS)
def enter() -> Reply | tuple[str, int]:
    """A new line of the register; answered after the commit. The key in the page makes sending it twice one line."""
    try:
        with db.transaction() as session:
            row = register.enter(session, me(), boxes(), typed("key"))
            no, number, day = register.number_of(row), row.id, row.stamped
    except MailroomError as error:
        if request.accept_mimetypes.best == "application/json":
            raise
        return _page(clock.today(), error, boxes()), error.status
    if request.accept_mimetypes.best == "application/json":
        return jsonify(id=number, no=no, day=day.isoformat(), key=secrets.token_hex(16))
    return redirect(url_for("mailroom.page", day=day.isoformat()), code=303)


@bp.get("/mailroom/letters/<int:number>")
@signed_in(*CLERKS)
def letter(number: int) -> str:
    """One line: its boxes, and what else may become of it. A look is noted."""
    return _letter(number)


def _letter(number: int, problem: MailroomError | None = None, values: Mapping[str, str] | None = None) -> str:
    with db.transaction() as session:
        row, told = register.to_edit(session, me(), number)
        line = register.lines(session, me(), [row])[0]
    ticks = {name: "1" for name in register.TICKS if getattr(row, name)}
    return render_template(
        "mailroom_letter.html", line=line, values=values or {**told, **ticks, "stamped": row.stamped.isoformat()},
        modes=MODES, today=clock.today(), problem=problem, identity=register.IDENTITY, plain=register.PLAIN,
    )  # fmt: skip


_ACTS = ("amend", "void", "forward", "signed", "receipt")


@bp.post("/mailroom/letters/<int:number>/<act>")
@signed_in(*CLERKS)
def change(number: int, act: str) -> Reply | tuple[str, int]:
    """Changes a line, voids it, sends the letter on, notes a signature or a return receipt."""
    version = request.form.get("version", 0, type=int)
    if act not in _ACTS:
        raise MailroomError("没有这种操作", status=404)
    try:
        with db.transaction() as session:
            row = _changed(session, number, act, version)
            day = row.stamped
    except MailroomError as error:
        if error.status == 404:
            raise
        return _letter(number, error, boxes() if act == "amend" else None), error.status
    back = url_for("mailroom.letter", number=number) if act == "forward" else url_for("mailroom.page", day=day)
    return redirect(back, code=303)


def _changed(session: Session, number: int, act: str, version: int) -> Letter:
    if act == "amend":
        return register.amend(session, me(), number, boxes(), version)
    if act == "void":
        return register.void(session, me(), number, typed("reason"), version)
    if act == "forward":
        return register.forward(session, me(), number, typed("to"), typed("on"), version)
    if act == "signed":
        return register.signed_for(session, me(), number, typed("on"))
    return register.receipt_sent(session, me(), number, typed("on"))


@bp.post("/mailroom/returned")
@signed_in(*CLERKS)
def returned() -> Reply | tuple[str, int]:
    """A notice of ours came back by post: its next route is taken."""
    try:
        with db.transaction() as session:
            row = returns.returned(session, me(), typed("reference"), typed("stamped"), typed("key"), typed("remark"))
            no, day = register.number_of(row), row.stamped
    except MailroomError as error:
        if request.accept_mimetypes.best == "application/json":
            raise
        return _page(clock.today(), error), error.status
    if request.accept_mimetypes.best == "application/json":
        return jsonify(no=no, day=day.isoformat(), key=secrets.token_hex(16))
    return redirect(url_for("mailroom.page", day=day.isoformat()), code=303)


@bp.get("/mailroom/letters/<int:number>/slip")
@signed_in(*CLERKS)
def slip(number: int) -> Response:
    """The slip that goes with a misaddressed letter, as PDF: nothing of who wrote or what. Its print is noted."""
    with db.transaction() as session:
        row = register.find(session, me(), number)
        (line,) = register.lines(session, me(), [row])
        if row.state != "forwarded":
            raise MailroomError("这封信没有转送", status=404)
        audit.record(session, f"letter:{row.id}", "print", actor=me().label, data={"sheet": "forwarding"})
    data = slips.pdf(_sheet(line, me().unit_name))
    response = Response(data, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="slip-{line.no}.pdf"'
    return response


def _sheet(line: register.Line, unit: str) -> slips.Sheet:
    rows = [
        ("收文登记号", line.no), ("收文章日期", line.stamped.isoformat()),
        ("信封所写收信人", line.addressee or "未写明"),
        ("来件时", "已拆封" if line.opened else "未拆封"), ("随信附件", line.enclosures or "无"),
        ("附有回执", "是，由接收单位签退" if line.receipt else "否"), ("转送单位", line.forwarded_to),
        ("转送日期", line.forwarded_on.isoformat() if line.forwarded_on else ""), ("转出单位", unit),
        ("接收人签字", "\n"), ("签收日期", "\n"),
    ]  # fmt: skip
    foot = "此信误投我单位，随单转送。请签收后将本单回执联寄回转出单位。本单不载寄信人和来信内容。"
    return slips.Sheet("信件转送单", rows, foot=foot)


@bp.get("/mailroom/covers")
@signed_in(*CLERKS)
def covers() -> str:
    """Cover sheets with the register number in print and bars, laid before each letter on the scanner.

    `no`: the lines; without, all of the unit that wait for their scan.
    """
    wanted = set(request.args.getlist("no", type=int)[:SLIPS])
    with db.reading() as session:
        rows = [one for one in register.waiting(session, me()) if not wanted or one.id in wanted][:SLIPS]
        code = session.get_one(Unit, me().unit_id).code
    made = [{"line": one, "bars": bars(f"L{code}-{one.no}")} for one in rows]
    return render_template("mailroom_covers.html", covers=made, now=clock.china(clock.now()), code=code)


def bars(words: str) -> Markup:
    """A QR code as SVG; its words are made of our own unit code and number only."""
    import zxingcpp  # noqa: PLC0415  only where sheets are printed

    svg: Any = zxingcpp.create_barcode(words, zxingcpp.BarcodeFormat.QRCode).to_svg()
    drawn = svg[svg.index("<svg") :].replace("<svg ", '<svg viewBox="0 0 29 29" aria-hidden="true" ', 1)
    return Markup(drawn)  # noqa: S704  drawn by the library from a number
