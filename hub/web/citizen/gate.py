"""The citizens' door: cookie, form tokens, limits, the receiving unit, and what is answered when something is wrong."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from sqlalchemy import exists, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Reply

from channels.contract import Blob
from hub import ports
from hub.access import people
from hub.access.sealing import KeysAwayError, blind
from hub.models import Grant, Unit, User
from hub.settings import MB, settings

bp = Blueprint("citizen", __name__, url_prefix="/citizen")

MAX_BYTES = 60 * MB  # of one delivery: some photos and a short video over a village's line
MAX_FILES = 20
OPEN_SECONDS = 30 * 60  # how long a proved code opens the status page
FORM_SECONDS = 24 * 3600  # how long a form may lie open: a draft is finished the same day
ACCEPT = (
    ".jpg,.jpeg,.png,.heic,.heif,.webp,.gif,.mp4,.mov,.3gp,.mp3,.m4a,.amr,.wav,.aac,.ogg,.pdf,.doc,.docx,.xls,.xlsx,"
    ".ofd,.txt"
)
MESSAGES = {
    400: "页面已过期，请返回刷新后重试。填写的内容还在本机草稿里。", 404: "没有这个页面。",
    405: "不支持的操作。", 413: f"文件合计超过 {MAX_BYTES // MB} MB，没有上传。请减少文件，或缩短视频。",
    429: "操作过于频繁，请一小时后再试，或拨打 12336。", 500: "系统出错，请稍后重试，或拨打 12336。",
    503: "系统暂时不可用，请稍后重试，或拨打 12336。",
}  # fmt: skip


def asker() -> str:
    """Who asks, for the limits: the address; kept as a keyed hash only."""
    return request.remote_addr or "unknown"


# ---- the cookie: which code was proved, until when


def cookie_name() -> str:
    return "__Host-citizen" if settings().https else "citizen"


def open_for(answer: Reply, hashed: bytes) -> None:
    """Lets this browser see what the code shows, for half an hour. The code itself stands in no cookie."""
    until = int(time.time()) + OPEN_SECONDS
    text = f"{hashed.hex()}.{until}"
    answer.set_cookie(
        cookie_name(), f"{text}.{blind('citizen_cookie', text).hex()}", max_age=OPEN_SECONDS, httponly=True,
        samesite="Strict", secure=settings().https, path="/",
    )  # fmt: skip


def opened() -> bytes | None:
    """The keyed hash of the code this browser has proved; None where it has not, or too long ago."""
    given = request.cookies.get(cookie_name(), "")
    text, _, mac = given.rpartition(".")
    if not hmac.compare_digest(mac.encode(), blind("citizen_cookie", text).hex().encode()):
        return None
    hashed, _, until = text.partition(".")
    return bytes.fromhex(hashed) if int(until) >= time.time() else None


def close(answer: Reply) -> None:
    answer.delete_cookie(cookie_name(), path="/")


# ---- forms: a token of ours names a delivery, so that sending it twice makes one


def token(purpose: str) -> str:
    """The hidden value of a form: a random key, when it was given out, and our mark on both."""
    text = f"{secrets.token_hex(16)}.{int(time.time())}"
    return f"{text}.{_mark(purpose, text)}"


def _mark(purpose: str, text: str) -> str:
    return blind("citizen_form", f"{purpose}:{text}").hex()[:32]


def key_of(purpose: str, given: str) -> str:
    """The delivery's key in a token of this form; 400 for one that is not ours or too old."""
    text, _, mark = given[:200].rpartition(".")
    if not hmac.compare_digest(mark.encode(), _mark(purpose, text).encode()):
        abort(400)
    key, _, since = text.partition(".")
    if time.time() - int(since) > FORM_SECONDS:
        abort(400)
    return key


def trapped() -> bool:
    """Whether the box that no person sees was filled (instead of a captcha)."""
    return bool(request.form.get("homepage", "").strip())


# ---- who receives


@dataclass(frozen=True, slots=True)
class Receiver:
    code: str
    name: str


def receiver(session: Session, code: str) -> Receiver | None:
    """The unit that receives: the one in the address, else that of the first entrance; only one that has people."""
    staffed = exists().where(Grant.unit_id == Unit.id, Grant.user_id == User.id, User.active,
                             Grant.role.in_([str(role) for role in people.ORIGINAL_ROLES]))  # fmt: skip
    wanted = select(Unit).where(staffed)
    code = code or ports.default_unit(session, "other") or ""
    if code:
        wanted = wanted.where(Unit.code == code)
    row = session.scalars(wanted.order_by(Unit.id.desc())).first()
    return Receiver(row.code, row.name) if row is not None else None


def limit_body() -> None:
    """Caps what is read of this request; the size of plain fields is capped by the application."""
    request.max_content_length = MAX_BYTES


def refused_files(blobs: list[Blob]) -> str:
    """Why the files cannot be taken, in Chinese; "" where they can."""
    if len(blobs) > MAX_FILES:
        return f"一次最多上传 {MAX_FILES} 个文件"
    endings = tuple(ACCEPT.split(","))
    for blob in blobs:
        if not blob.size():
            return "有一个文件是空的，请重新选择"
        if not blob.name.lower().endswith(endings):
            kinds = "、".join(end.lstrip(".").upper() for end in endings)
            return f"有一个文件的种类不能上传。可上传：{kinds}"
    return ""


def page(template: str, status: int = 200, **more: Any) -> tuple[str, int]:
    """A page of the citizens' side."""
    given = {"max_bytes": MAX_BYTES, "max_files": MAX_FILES, "accept_types": ACCEPT, "is_open": opened() is not None}
    return render_template(f"citizen/{template}.html", **given, **more), status


@bp.errorhandler(HTTPException)
def _wrong(error: HTTPException) -> tuple[str, int] | Reply:
    code = error.code or 500
    own = str(error.description or "")
    message = own if any("一" <= c <= "鿿" for c in own) else MESSAGES.get(code, MESSAGES[500])
    return page("wrong", code, message=message)


@bp.errorhandler(KeysAwayError)
@bp.errorhandler(OperationalError)
def _away(_error: Exception) -> tuple[str, int]:
    return page("wrong", 503, message=MESSAGES[503])


def to(endpoint: str) -> Reply:
    return redirect(url_for(endpoint), code=303)


def leaving(endpoint: str) -> Response:
    answer = make_response(to(endpoint))
    close(answer)
    return answer
