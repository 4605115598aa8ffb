"""The report form (A8): four guided elements, files, place, how to be told; the code is shown once after storing."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from flask import abort, request

from channels.contract import FormSpec, form_intake
from channels.registry import channels
from hub import casework, clock, db, intake
from hub.casework import citizens
from hub.notify import codes
from hub.web.citizen import consent, gate
from hub.web.citizen.gate import Receiver, bp
from hub.web.forms import received

TEXTS = {"place": 500, "respondent": 500, "facts": 5000, "evidence": 2000, "occurred": 100}
CONTACTS = {"reporter_name": 50, "reporter_phone": 30, "reporter_email": 200, "reporter_address": 200}
LABELS = {
    "place": "违法行为发生地", "respondent": "违法主体", "facts": "主要违法事实", "evidence": "证据材料",
    "occurred": "发生时间",
    "reporter_name": "姓名", "reporter_phone": "电话", "reporter_email": "电子邮箱", "reporter_address": "通信地址",
}  # fmt: skip
MODES = {"real_name": "实名", "confidential": "要求保密", "anonymous": "匿名"}
HOURS = {"": "都可以", "8-12": "8–12 时", "12-14": "12–14 时", "14-18": "14–18 时", "18-21": "18–21 时"}
ROUTES = {"reporter_phone": ("call",), "reporter_email": ("email",), "reporter_address": ("letter",)}
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{5,28}[0-9]")
_MAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(?:\.[^@\s.]{1,63}){1,5}")


@dataclass(frozen=True, slots=True)
class Door:
    """An address of the form: which channel it enters by."""

    name: str
    channel: str
    form: str
    sub_channel: str = ""

    def spec(self) -> FormSpec:
        return next(spec for spec in channels()[self.channel].forms if spec.id == self.form)


DOORS = {"web": Door("web", "other", "other-0803", "0803"), "wechat": Door("wechat", "wechat", "wechat-h5")}
"""The plain web page, and the page behind the menu of a WeChat account."""


class RefusedError(ValueError):
    """The form cannot be taken: a Chinese message and the box it is about."""

    def __init__(self, box: str, message: str) -> None:
        super().__init__(message)
        self.box = box


def _receiver(unit: str) -> Receiver:
    with db.reading() as session:
        found = gate.receiver(session, unit)
    if found is None:
        abort(404, "这个网址没有对应的受理单位，请从主管部门公布的网址进入，或拨打 12336。")
    return found


def _form(
    door: Door, to: Receiver, values: dict[str, str], *, token: str = "", error: RefusedError | None = None
) -> tuple[str, int]:
    return gate.page(
        "report", 422 if error else 200, door=door, to=to, values=values, token=token or gate.token("report"),
        problem=str(error) if error else "", box=error.box if error else "", limits=TEXTS | CONTACTS, labels=LABELS,
        modes=MODES, hours=HOURS, consent=consent.in_force(clock.today()),
    )  # fmt: skip


@bp.get("/report", defaults={"unit": ""})
@bp.get("/report/<unit>")
def report(unit: str) -> tuple[str, int]:
    return _form(_door(), _receiver(unit), {})


@bp.post("/report", defaults={"unit": ""})
@bp.post("/report/<unit>")
def report_post(unit: str) -> tuple[str, int]:
    """Stores the report; its code is shown on this answer and nowhere else. Sent again it is the same report."""
    gate.limit_body()
    door, to = _door(), _receiver(unit)
    token = request.form.get("token", "")
    key = gate.key_of("report", token)
    values = {name: _typed(name, size) for name, size in (TEXTS | CONTACTS).items()}
    values |= {name: request.form.get(name, "")[:40] for name in ("mode", "lat", "lon", "accuracy", "hours", "consent")}
    values |= {name: request.form.get(name, "")[:1] for name in ("sms", "page_only", "neutral")}
    with received() as blobs:
        try:
            if gate.trapped():
                raise RefusedError(
                    "facts", "有一个隐藏的栏目被填了内容，像是自动程序。内容没有提交，请直接再点一次“提交”。"
                )
            _check(values)
            problem = gate.refused_files(blobs)
            if problem:
                raise RefusedError("files", problem)
        except RefusedError as error:
            return _form(door, to, values, token=token, error=error)
        with db.transaction() as session:
            if not casework.citizens.may_send(session, gate.asker()):
                abort(429)
        code = codes.of_key(key)
        boxes = {name: value for name, value in values.items() if value and name in TEXTS | CONTACTS}
        raw = form_intake(
            door.channel, door.spec(), boxes | _spot(values) | {"mode": values["mode"], "consent": values["consent"]},
            blobs, key=f"report:{key}", at=clock.now(), source_id=citizens.CITIZEN_SOURCE,
            sub_channel=door.sub_channel,
        )  # fmt: skip
        hashed = codes.token(code).hex()
        raw = replace(raw, also=(f"query:{hashed}",), meta={**raw.meta, "citizen": _told(values, hashed)})
        try:
            intake.accept(raw, unit=to.code, strict=True)
        except intake.KeyReusedError:
            abort(409, "这份举报已经提交过，不能改动后再交。需要补充的，请用查询码进入“补充材料”。")
    return gate.page("done", code=code, to=to, at=clock.china(clock.now()), tail=bool(values["reporter_phone"]))


def _door() -> Door:
    return DOORS.get(request.args.get("from", "web"), DOORS["web"])


def _typed(name: str, size: int) -> str:
    """What was typed, one character more than allowed at most, so that too much is seen as such."""
    return request.form.get(name, "").replace("\r\n", "\n").replace("\0", "").strip()[: size + 1]


def _check(values: dict[str, str]) -> None:
    """Raises RefusedError for the first box that cannot be taken."""
    for name in ("place", "facts"):
        if not values[name]:
            raise RefusedError(name, f"请填写“{LABELS[name]}”。" + ("写到乡镇、村组最好。" if name == "place" else ""))
    for name, size in (TEXTS | CONTACTS).items():
        if len(values[name]) > size:
            raise RefusedError(name, f"“{LABELS[name]}”不能超过 {size} 字。")
    if values["mode"] not in MODES:
        raise RefusedError("mode", "请选择举报方式：实名、要求保密或匿名。")
    left = [name for name in CONTACTS if values[name]]
    if values["mode"] == "anonymous" and left:
        raise RefusedError("mode", "选了匿名，又留了姓名或联系方式。请清空这些栏目，或改选“要求保密”。")
    if values["mode"] != "anonymous" and (not values["reporter_name"] or len(left) == 1):
        raise RefusedError("reporter_name", "实名和要求保密的，请留姓名和至少一种联系方式；不愿留的请选匿名。")
    if values["reporter_phone"] and not _PHONE.fullmatch(values["reporter_phone"]):
        raise RefusedError("reporter_phone", "电话号码不完整，请写全号码，座机带区号。")
    if values["reporter_email"] and not _MAIL.fullmatch(values["reporter_email"]):
        raise RefusedError("reporter_email", "电子邮箱写得不完整。")
    if values["hours"] not in HOURS:
        raise RefusedError("hours", "请选择可以联系的时段。")
    if values["consent"] != consent.in_force(clock.today()).version:
        raise RefusedError("consent", "请阅读说明并勾选同意。")


def _spot(values: dict[str, str]) -> dict[str, str]:
    """The place the telephone told, where it is one; as words for people and as numbers for the map."""
    try:
        lat, lon = float(values["lat"]), float(values["lon"])
        accuracy = float(values["accuracy"] or "nan")
    except ValueError:
        return {}
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        return {}
    about = f"，误差约 {accuracy:.0f} 米" if math.isfinite(accuracy) else ""
    return {"lat": f"{lat:.6f}", "lon": f"{lon:.6f}", "location": f"{lat:.6f}, {lon:.6f}（WGS 84{about}）"}


def _told(values: dict[str, str], hashed: str) -> dict[str, Any]:
    """What is tied to the clue when it is registered: the code's hash, the phone tail's, how to be told."""
    tail = codes.tail_of(values["reporter_phone"])
    routes = [route for name, given in ROUTES.items() if values[name] for route in given]
    if values["sms"] and values["reporter_phone"]:
        routes.append("sms")
    first, _, last = values["hours"].partition("-")
    wish = {
        "routes": [] if values["page_only"] else routes, "hours": [int(first), int(last)] if first else None,
        "neutral": bool(values["neutral"]),
    }  # fmt: skip
    return {
        "query": hashed, "tail": tail.hex() if tail else "", "wish": wish,
        "consent": {"version": values["consent"], "at": clock.now().isoformat()},
    }  # fmt: skip
