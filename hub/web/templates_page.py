"""Notice wordings: those shipped and those installed here; installing one, e.g. the ministry's, without code (G2, W1).

Wordings are no content: nothing in them is about a clue. An administrator installs them and sees no clue by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from markupsafe import Markup, escape
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import clock, db
from hub.law import notices
from hub.law.notices import Template, TemplateError
from hub.models import NoticeTemplate, User
from hub.notify import words
from hub.terms import Role
from hub.web.security import me, signed_in

bp = Blueprint("wordings", __name__)

READERS = (Role.SYSADMIN, Role.LEAD, Role.SUPERVISOR)
BOXES = ("id", "kind", "title", "article", "since", "text")
LIMITS = {"id": 60, "title": 60, "article": 60}
SLOT_LABELS = {
    "date": "反映日期", "unit": "主管部门名称", "query_code": "查询码", "department": "应向哪个部门反映",
    "earlier_date": "原线索反映日期", "elements": "缺少的要素", "label": "国土资源／自然资源",
    "corrected": "被更正的告知",
}  # fmt: skip
_EVERYWHERE = {"date": "date", "unit": "unit"}
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{1,59}")


class BoxError(ValueError):
    """What is wrong with one box of the form; the message is Chinese."""

    def __init__(self, box: str, message: str) -> None:
        super().__init__(message)
        self.box = box


@dataclass(frozen=True, slots=True)
class Shown:
    """A wording in the list."""

    template: Template
    local: bool
    by: str
    in_force: bool
    sample: str


def slots_of(kind: str) -> dict[str, str]:
    """What an act fills in for a notice of this kind: slot → type."""
    shipped = notices.template_of(kind)
    return {} if shipped is None else {**_EVERYWHERE, **shipped.slots}


def must_use(kind: str) -> set[str]:
    """Slots no wording of the kind may leave out: the act always gives them, and the reporter needs them."""
    shipped = notices.template_of(kind)
    return set() if shipped is None else set(shipped.slots) - set(_EVERYWHERE) - {"label"}


def read(values: dict[str, str]) -> Template:
    """The wording a person typed, checked box by box. Raises BoxError."""
    kind, text = values["kind"], values["text"]
    if not _ID.fullmatch(values["id"]):
        raise BoxError("id", "编号用小写字母、数字、点和短横线，2 至 60 位，例如 accepted-2027")
    if kind not in notices.KINDS:
        raise BoxError("kind", "请选择告知种类")
    for box in ("title", "article"):
        if not 0 < len(values[box]) <= LIMITS[box]:
            raise BoxError(box, f"须填写，不超过 {LIMITS[box]} 字")
    try:
        since = date.fromisoformat(values["since"])
    except ValueError:
        raise BoxError("since", "请填写生效日期") from None
    if since < clock.today():
        raise BoxError("since", "生效日期不能早于今天")
    known = slots_of(kind)
    used = re.findall(r"\{([^{}]*)\}", text)
    unknown = [name for name in dict.fromkeys(used) if name not in known]
    if unknown:
        have = "、".join(f"{{{name}}}" for name in known)
        raise BoxError("text", f"没有这个栏位：{'、'.join(unknown)[:60]}。这类告知可用的栏位：{have}")
    lacking = sorted(must_use(kind) - set(used))
    if lacking:
        raise BoxError("text", "必须写入：" + "、".join(f"{{{name}}}（{SLOT_LABELS[name]}）" for name in lacking))
    shipped = notices.template_of(kind)
    optional = frozenset() if shipped is None else shipped.optional & set(used)
    slots = {name: known[name] for name in dict.fromkeys(used)}
    made = Template(values["id"], kind, values["title"], text, slots, since, values["article"], optional)
    try:
        notices.check(made)
        notices.proof(made)
    except TemplateError as error:
        raise BoxError("text", str(error)) from None
    return made


@bp.get("/wordings")
@signed_in(*READERS)
def listing() -> str:
    with db.reading() as session:
        groups = [(kind, label, _shown(session, kind)) for kind, label in notices.KINDS.items()]
    return render_template(
        "wordings.html", groups=groups, marked=marked, labels=SLOT_LABELS, may=me().has(frozenset({Role.SYSADMIN})),
        today=clock.today(),
    )  # fmt: skip


def _shown(session: Session, kind: str) -> list[Shown]:
    """The wordings of a kind, the newest first, with the one in force today marked."""
    names = {row.id: row.name for row in session.execute(select(User.id, User.name))}
    rows = {row.id: row for row in session.scalars(select(NoticeTemplate).where(NoticeTemplate.kind == kind))}
    known = [t for t in (*words.installed(session), *notices.shipped()) if t.kind == kind]
    now = words.in_force(session, kind, clock.today())
    made = [
        Shown(t, t.id in rows, names.get(rows[t.id].by_user, "") if t.id in rows else "", t.id == now.id,
              notices.proof(t)[0])
        for t in known
    ]  # fmt: skip
    return sorted(made, key=lambda row: (row.template.since, row.local), reverse=True)


def marked(text: str) -> Markup:
    """A wording with its slots set off."""
    pieces = re.split(r"\{([^{}]*)\}", text)
    slot = Markup('<span class="slot">{}</span>')
    return Markup().join(slot.format(SLOT_LABELS.get(p, p)) if n % 2 else escape(p) for n, p in enumerate(pieces))


@bp.get("/wordings/new")
@signed_in(Role.SYSADMIN)
def new() -> str:
    kind = request.args.get("kind", "")
    shipped = notices.template_of(kind) if kind in notices.KINDS else None
    values = dict.fromkeys(BOXES, "")
    if shipped is not None:
        values |= {"kind": kind, "title": shipped.title, "article": shipped.article, "text": shipped.text}
    return _form(values)


def _form(values: dict[str, str], *, box: str = "", problem: str = "", samples: tuple[str, str] | None = None) -> str:
    kinds = [
        (kind, label, [(name, SLOT_LABELS[name], name in must_use(kind)) for name in slots_of(kind)])
        for kind, label in notices.KINDS.items()
    ]
    return render_template(
        "wording_new.html", values=values, kinds=kinds, box=box, problem=problem, samples=samples, limits=LIMITS,
        max_text=notices.MAX_TEXT, today=clock.today(), phrases=notices.PHRASES,
    )  # fmt: skip


@bp.post("/wordings/new")
@signed_in(Role.SYSADMIN)
def new_post() -> str | Response | tuple[str, int]:
    """Step "preview" shows the wording with sample values; step "install" puts it in force from its day."""
    values = {name: request.form.get(name, "").replace("\0", "").replace("\r\n", "\n").strip()[:2000] for name in BOXES}
    values["text"] = values["text"].replace("\n", "")
    try:
        made = read(values)
        with db.transaction() as session:
            if any(made.id == row.id for row in (*words.installed(session), *notices.shipped())):
                raise BoxError("id", "这个编号已有文本；修改须另立编号和生效日期")
            if request.form.get("step") == "install":
                words.install(session, me(), made)
                return redirect(url_for("wordings.listing", done=made.id), code=303)
    except BoxError as error:
        return _form(values, box=error.box, problem=str(error)), 422
    except TemplateError as error:
        return _form(values, box="id", problem=str(error)), 422
    return _form(values, samples=notices.proof(made))
