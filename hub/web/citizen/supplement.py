"""What a reporter adds later, proved by the code: it joins the clue; after P5 it makes a new one (G9)."""

from __future__ import annotations

from dataclasses import replace

from flask import abort, request, url_for
from sqlalchemy.orm import Session
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from channels.contract import form_intake
from hub import clock, db, intake
from hub.casework import citizens
from hub.models import Clue, QueryCode, Unit
from hub.notify import codes
from hub.web.citizen import gate
from hub.web.citizen.gate import bp
from hub.web.citizen.report import DOORS
from hub.web.forms import received

MAX_TEXT = 5000


def _clue(session: Session, hashed: bytes) -> Clue | None:
    """The clue of the code, or the one that followed it after P5; None while it is not registered yet."""
    row = session.get(QueryCode, hashed)
    if row is None:
        return None
    return codes.latest(session, row.clue_id)


def _page(
    hashed: bytes, *, kind: str = "supplement", text: str = "", problem: str = "", token: str = ""
) -> tuple[str, int]:
    return gate.page(
        "supplement", 422 if problem else 200, kinds=citizens.KINDS, kind=kind, text=text, problem=problem,
        max_text=MAX_TEXT, token=token or gate.token(hashed.hex()),
    )  # fmt: skip


@bp.get("/supplement")
def supplement() -> tuple[str, int] | Response:
    hashed = gate.opened()
    if hashed is None:
        return gate.to("citizen.query")
    kind = request.args.get("kind", "supplement")
    return _page(hashed, kind=kind if kind in citizens.KINDS else "supplement")


@bp.post("/supplement")
def supplement_post() -> tuple[str, int] | Response:
    """Stores words and files of a proven reporter through the same door as everything else."""
    gate.limit_body()
    hashed = gate.opened()
    if hashed is None:
        return gate.to("citizen.query")
    token = request.form.get("token", "")
    key = gate.key_of(hashed.hex(), token)
    kind = request.form.get("kind", "")
    text = request.form.get("text", "").replace("\r\n", "\n").replace("\0", "").strip()[: MAX_TEXT + 1]
    with received() as blobs:
        problem = _problem(kind, text, bool(blobs)) or gate.refused_files(blobs)
        if problem:
            return _page(hashed, kind=kind, text=text, problem=problem, token=token)
        with db.transaction() as session:
            clue = _clue(session, hashed)
            if clue is None:
                abort(409, "您的举报正在登记，请过几分钟再补充。")
            if not citizens.may_send(session, gate.asker()):
                abort(429)
            thread = citizens.thread_of(session, clue)
            unit = session.get_one(Unit, clue.received_unit_id).code
        door = DOORS["web"]
        boxes = {"follow_up": citizens.KINDS[kind], **({"facts": text} if text else {})}
        raw = form_intake(
            door.channel, door.spec(), boxes, blobs, key=f"supplement:{key}", at=clock.now(),
            source_id=citizens.CITIZEN_SOURCE, sub_channel=door.sub_channel,
        )  # fmt: skip
        told = {"follow_up": {"kind": kind, "query": hashed.hex()}}
        try:
            intake.accept(replace(raw, meta={**raw.meta, "thread": thread, "citizen": told}), unit=unit, strict=True)
        except intake.KeyReusedError:
            abort(409, "这份补充已经提交过。要再补充，请重新打开补充页面。")
    return redirect(url_for("citizen.status", sent=1), code=303)


def _problem(kind: str, text: str, files: bool) -> str:  # noqa: FBT001  whether there are any
    """What is wrong, in Chinese; "" for nothing."""
    if gate.trapped():
        return "有一个隐藏的栏目被填了内容，像是自动程序。内容没有提交，请直接再点一次“提交”。"
    if kind not in citizens.KINDS:
        return "请选择要办的事。"
    if len(text) > MAX_TEXT:
        return f"不能超过 {MAX_TEXT} 字。"
    if not text and not files and kind in ("supplement", "correction", "objection"):
        return "请写明要补充的内容，或选择文件。"
    return ""
