"""The page of a clue: its acts as buttons, the form of one act, everything known of the clue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import abort, g, render_template, request, url_for
from sqlalchemy.orm import Session

from channels.registry import channels
from hub import casework, clock, db
from hub.access import hearing, people, reveal
from hub.casework import following
from hub.casework.fields import CHECKED, FIELDS, VALUES
from hub.casework.offering import Offer, offered
from hub.law import topics, workflow
from hub.models import Clue, ClueUnit
from hub.supervision import approving, case, notices
from hub.supervision.timeline import Entry
from hub.terms import CLASS_LABELS, ELEMENTS, STATE_LABELS
from hub.web import given
from hub.web.security import me

FIRST = (
    "determine.P1", "determine.member", "designate", "confirm_competence", "verify.record", "verify.start",
    "tell.determination", "tell.violation", "tell.no_violation", "link_case",
)  # fmt: skip
"""The usual next step, where it is open: shown as the main button."""
RECORDED = ("verify.end", *FIRST)
"""The same once a site record stands: what was found is concluded next."""
BESIDE = ("escalate", "determine.P3", "determine.P5", "verify.end", "verify.record", "refer_on", "return", "unmerge")
GROUPS = (
    ("判定", ("determine.", "ask", "close.")),
    ("管辖", ("assign", "hand_down", "escalate", "refer_on", "designate", "confirm_competence", "return", "object",
              "redesignate", "take_over", "feedback")),
    ("转交与协办", ("transfer", "reopen.transfer", "assist.")),
    ("核查", ("verify.", "result.")),
    ("告知", ("tell.",)),
    ("并案与关联", ("merge", "unmerge", "split", "follow_up")),
    ("文书与后续", ("stop_order", "link_case", "case.", "contact.log", "revisit")),
    ("重大与督办", ("mark.", "report.", "supervise.", "reply.", "circulate", "extend")),
    ("回避与隔离", ("recuse", "wall.", "discipline.", "quarantine.")),
    ("更正", ("reopen.", "set_kind.")),
)  # fmt: skip
"""Where an act stands in the menu, by the beginning of its id; the first that fits."""
LABELS = {"verify.start": "开始核查", "verify.record": "填写现场记录", "tell.determination": "登记已告知判定"}
WORDS = tuple(name for name, one in FIELDS.items() if one.kind in ("words", "text"))
"""What a person types rather than picks: shown for copying where the act is gone."""
PICTURES = (".jpg", ".jpeg", ".png", ".heic", ".heif", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Button:
    """An act as it stands in the bar."""

    id: str
    label: str
    article: str
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The words a reporter would get. `box`, `value`: with which choice of the form; "": whatever is chosen."""

    text: str
    box: str = ""
    value: str = ""
    label: str = ""


@dataclass
class Form:
    """The form of one act. `values`: what stands in its boxes; `wrong`: the box at which it was refused; `offer` is
    None where the act is no longer open: what was typed is still shown; `changed`: what happened since the page.
    """

    act: str
    offer: Offer | None
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problem: str = ""
    article: str = ""
    wrong: str = ""
    changed: list[Entry] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)

    def value(self, name: str, default: str = "") -> str:
        """The text of a box."""
        return next(iter(self.values.get(name, ())), default)

    @property
    def label(self) -> str:
        rule = workflow.rules().get(self.act)
        return LABELS.get(self.act, rule.label if rule is not None else self.act)

    def written(self) -> list[str]:
        """Words that were typed, for a person to copy where the form is gone."""
        return [text for name in WORDS for text in self.values.get(name, ()) if text]

    def chosen(self, name: str) -> Sequence[str]:
        """The ticked values of a box."""
        return self.values.get(name, ())


@dataclass(frozen=True, slots=True)
class NoteDraft:
    """A note that was not kept: what was typed, and why."""

    text: str
    problem: str


@dataclass
class Bar:
    """The acts open on a clue: the main step, one or two beside it, the rest by group."""

    first: Button | None
    beside: list[Button]
    groups: list[tuple[str, list[Button]]]
    form: Form | None = None

    @property
    def any(self) -> bool:
        return self.first is not None or bool(self.groups)


def _open_now(offer: Offer) -> bool:
    """Whether there is something to do: nothing is told by hand where no notice waits."""
    waits = all(one.options for one in offer.fields if one.name == "notice")
    return offer.refusal is None and (waits or not offer.id.startswith("tell."))


def _button(offer: Offer) -> Button:
    return Button(offer.id, LABELS.get(offer.id, offer.label), offer.article, offer.refusal)


def bar(offers: Sequence[Offer], *, recorded: bool = False) -> Bar:
    """Puts the offers in their places. `recorded`: the running verification has a site record."""
    open_now = {offer.id: offer for offer in offers if _open_now(offer)}
    order = RECORDED if recorded else FIRST
    first = next((_button(open_now[act]) for act in order if act in open_now), None)
    beside = [_button(open_now[act]) for act in BESIDE if act in open_now and (first is None or act != first.id)][:2]
    shown = {button.id for button in (first, *beside) if button is not None}
    groups: dict[str, list[Button]] = {}
    for offer in offers:
        if offer.id not in shown and (_open_now(offer) or offer.refusal is not None):
            group = next((label for label, stems in GROUPS if offer.id.startswith(stems)), "其他")
            groups.setdefault(group, []).append(_button(offer))
    headings = [*(label for label, _ in GROUPS), "其他"]
    return Bar(first, beside, [(label, groups[label]) for label in headings if label in groups])


def found(session: Session, no: str) -> Clue:
    """The clue, or 404 whether it does not exist or is not for this person."""
    clue = people.find(session, me(), no)
    if clue is None:
        abort(404)
    return clue


def workable(session: Session, no: str) -> Clue:
    """A clue on which this person works for its unit; else 404."""
    clue = found(session, no)
    if not people.reads_original(me(), clue):
        abort(404)
    return clue


def page(
    no: str, *, form: Form | None = None, note: NoteDraft | None = None, status: int = 200
) -> tuple[str, int]:  # fmt: skip
    """The page of a clue with the form of an act open, if one was asked for."""
    with db.transaction() as session:
        clue = found(session, no)
        original = hearing.hears_original(session, me(), clue)
        if original:
            case.note_read_once(session, me(), clue, g.sign_in)
        elif people.reads_original(me(), clue):
            case.note_read_once(session, me(), clue, g.sign_in, "read_redacted")
        if people.reads_original(me(), clue):
            casework.note_seen(session, me(), [clue.id])
        with db.remembering(session):
            offers = offered(session, me(), clue)
            view = case.view(session, me(), clue, original=original)
            made = bar(offers, recorded=any(run.ended is None and run.visits for run in view.runs))
            asked = request.args.get("act", "") if request.method == "GET" else ""
            made.form = complete(session, clue, offers, form) if form else _opened(session, clue, offers, asked)
            asking = approving.waiting(session, me(), clue)
            sight = reveal.offer(session, me(), clue)
        session.expunge_all()  # the page is rendered without a session
    return render_template(
        "clue.html", view=view, clue=view.clue, bar=made, done=done(), waiting=asking, sight=sight,
        note=note, **_words(),
    ), status  # fmt: skip


def conflict(
    clue: Clue, what: str, typed: str, now: str, hidden: Mapping[str, str], *, box: str = "value", editable: bool = True
) -> str:
    """The page of two people on one text: what this one typed beside what stands now, to be saved again or left.

    `hidden`: what the form sends along, with the version as it is now; `box`: name of the text in that form.
    """
    return render_template(
        "conflict.html", clue=clue, what=what, typed=typed, now=now, hidden=hidden, box=box, editable=editable,
        target=request.path, same=typed == now,
    )  # fmt: skip


def _words() -> dict[str, Any]:
    return {
        "state_labels": STATE_LABELS, "class_labels": CLASS_LABELS, "elements": ELEMENTS, "channels": channels(),
        "checked": CHECKED, "checks": VALUES["elements"], "values": VALUES, "fields": PRODUCING_FIELDS,
        "today": clock.today(), "now": clock.china(clock.now()), "place_words": given.place_words,
        "officer_rows": given.OFFICERS, "topics": topics.labels(), "pictures": ",".join(PICTURES),
    }  # fmt: skip


RESULT_NOTICES = {"R0": "no_violation", "R1": "violation"}
PRODUCING_FIELDS = {
    "place": "违法行为发生地", "class": "违法类型", "scope": "受理范围", "respondent": "违法主体", "area": "面积",
    "occurred": "发生时间", "organisation": "涉及单位", "phone": "电话", "reporter_name": "举报人姓名",
    "id_number": "证件号", "urgency": "紧急程度", "missing": "缺少要素",
    "facts": "主要违法事实", "evidence": "证据材料", "mineral": "矿种", "count": "数量", "duplicate": "疑似重复",
    "merge": "疑似同一行为", "topics": "主题", "importance": "重要程度", "location": "位置坐标", "land_kind": "地类",
}  # fmt: skip


SAID = {"approved": "审批同意，已办理", "decided": "已记录审批意见", "withdrawn": "已撤回审批"}


def done() -> str:
    """What was just done, in words; only acts of the table and steps of an approval."""
    told = request.args.get("done", "")
    rule = workflow.rules().get(told)
    if rule is None:
        return SAID.get(told, "")
    label = LABELS.get(rule.id, rule.label)
    return f"已报请审批：{label}" if request.args.get("proposed") else f"已办理：{label}"


def onward(session: Session, clue: Clue, told: str, *, proposed: bool = False) -> str:
    """Where the person goes on: the clue, or the queue where it has left their sight."""
    seen = session.scalars(people.visible(me()).where(ClueUnit.clue_id == clue.id)).first()
    mark = "1" if proposed else None
    if seen is None:
        return url_for("console.queue_page", done=told, proposed=mark)
    return url_for("console.clue_page", no=clue.no, done=told, proposed=mark)


def _opened(session: Session, clue: Clue, offers: Sequence[Offer], act: str) -> Form | None:
    """The form of an act with what is known already in its boxes."""
    offer = next((offer for offer in offers if offer.id == act), None)
    if offer is None:
        return None
    values: dict[str, list[str]] = {}
    for one in offer.fields:
        known = one.value or _known(clue, one.name)
        if known:
            values[one.name] = [known]
    if act == "stop_order":
        values |= {name: [text] for name, text in following.draft(session, clue).items() if text}
    for name in ("main", "earlier_clue"):
        other = request.args.get("other", "")[:60]
        if other and name in {one.name for one in offer.fields}:
            values[name] = [other]
    return shown(session, clue, Form(act, offer, values))


def _known(clue: Clue, name: str) -> str:
    """What the page proposes for a box: machine values are for the person to check, today for a day."""
    if name == "place":
        return given.place_words(clue.division or "")
    if name == "class" and (clue.class_code or "N")[0] in "TK":
        return clue.class_code or ""
    if name == "handler":
        return str(me().user_id)
    if name == "area_unit":
        return "mu"
    if name in ("issued", "started", "visited", "ended"):
        return clock.today().isoformat()
    if name == "told_at":
        return clock.china(clock.now()).strftime("%Y-%m-%dT%H:%M")
    return ""


def complete(session: Session, clue: Clue, offers: Sequence[Offer], form: Form) -> Form:
    """A refused form with the act as it is open now."""
    form.offer = next((offer for offer in offers if offer.id == form.act), None)
    form.wrong = given.field_of(form.offer, form.wrong) if form.offer is not None and form.wrong else ""
    return shown(session, clue, form) if form.offer is not None else form


def shown(session: Session, clue: Clue, form: Form) -> Form:
    """The form with the words of the notice the act would ask for."""
    place = form.value("place")
    if place.isdecimal():
        form.values = {**form.values, "place": [given.place_words(place)]}
    kind = workflow.rule(form.act).notice
    if kind and kind != "receipt":
        form.previews = _previews(session, clue, form, kind)
    return form


def _previews(session: Session, clue: Clue, form: Form, kind: str) -> list[Preview]:
    """Every notice the act may come to, each with the choice that leads to it: read before anything is sent off."""
    made: list[tuple[str, str, str, dict[str, Any]]] = []
    if kind == "result":
        made = [("result", value, RESULT_NOTICES[value], {}) for value in VALUES["result"]]
    elif kind == "supplement":
        made = [("missing", value, kind, {"missing": value}) for value in VALUES["missing"]]
    else:
        earlier = people.find(session, me(), form.value("earlier_clue")) if form.value("earlier_clue") else None
        made = [("", "", kind, {"earlier_date": clock.china(earlier.at).date().isoformat()} if earlier else {})]
    found = [
        Preview(notices.preview(session, clue, wording, data), box, value, VALUES.get(box, {}).get(value, ""))
        for box, value, wording, data in made
    ]
    return [one for one in found if one.text]
