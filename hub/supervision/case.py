"""A clue as its page shows it: originals beside text, suggestions with evidence, clocks, history."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, clock, search
from hub.access import audit
from hub.access.masking import mask
from hub.access.people import Actor
from hub.access.sealing import Key, open_key
from hub.enrich import passages
from hub.law import workflow
from hub.models import (
    Blob,
    Clock,
    Clue,
    Event,
    Intake,
    IntakeClue,
    Part,
    SearchRow,
    SuggestionRow,
    Unit,
    User,
    Value,
)
from hub.supervision.listing import identity_spans, named, reporter_names
from hub.terms import CLASS_LABELS, ELEMENTS

ACT_LABELS = {
    "accept": "收到来件", "register": "登记", "continue": "收到补充", "suggest": "机器建议", "transcript": "生成文字",
    "confirm": "确认建议", "set_value": "填写", "fetched": "取回媒体",
    "to_manual": "转人工阅读", "read_original": "查阅原件",
    "correct_text": "更正文字", "set_kind": "认定类别", "delivery_report": "送达回执", "register_by_hand": "人工登记",
    "notice_asked": "拟告知", "notice_undelivered": "告知未送达", "notice_handed_over": "告知已送出",
    "notice_report": "告知回执",
    "notice_recalled": "撤回告知", "notice_read": "已读告知", "letter_returned": "告知函退回",
    "called_back": "电话告知",
    "notice.told": "已告知", "notice.undelivered": "告知未能送达", "notice.recalled": "告知已撤回",
    "notice.no_reporter": "无可告知的人", "reveal_address_sheet": "取用收件地址", "wish": "记录联系意愿",
    "clock.start": "时限起算", "clock.stop": "时限停止", "clock.resume": "时限继续", "clock.reopen": "时限恢复",
    "clock.recompute": "时限重算", "clock.warning": "时限提醒",
}  # fmt: skip


CONFIRMABLE = ("place", "class", "respondent", "area", "occurred", "organisation", "urgency")
_SOUND = re.compile(r"\w+", re.UNICODE)


@dataclass(frozen=True, slots=True)
class WordView:
    """A stretch of a turn; `start` is None where no word time is known (punctuation)."""

    text: str
    start: float | None = None
    end: float = 0.0
    confidence: float = 1.0


@dataclass
class Line:
    """A turn or line of text with what the page needs to jump to it."""

    ord: int
    text: str
    confidence: float
    origin: str
    speaker: str = ""
    start: float = 0.0
    stop: float = 0.0
    page: int = 0
    box: list[float] | None = None
    channel: int = 0
    words: list[WordView] = field(default_factory=list)


@dataclass
class PartView:
    id: int
    kind: str
    title: str
    text: str
    data: dict[str, Any]
    blob: Blob | None
    blob_name: str = ""
    lines: list[Line] = field(default_factory=list)
    pages: list[Blob] = field(default_factory=list)
    listen: Blob | None = None
    engine: str = ""
    version: int = 0
    warnings: list[str] = field(default_factory=list)
    rev: str = ""  # changes with everything the page shows of the part
    at: Any = None
    reason: str = ""


@dataclass
class Proposal:
    id: int
    field: str
    value: Any
    shown: str
    confidence: float
    producer: str
    reason: str
    spans: list[dict[str, Any]]

    @property
    def confirmable(self) -> bool:
        """Whether a person may take it over as it stands: never a place that is not unique or none."""
        if self.field == "place":
            return bool(self.value.get("code")) and not self.value.get("ambiguous")
        if self.field == "class":
            return bool(self.value.get("class") if isinstance(self.value, dict) else self.value)
        return self.field in CONFIRMABLE


@dataclass
class CaseView:
    clue: Clue
    title: str
    unit: str
    original: bool
    parts: list[PartView]
    proposals: list[Proposal]
    decided: list[dict[str, Any]]
    clocks: list[Clock]
    history: list[dict[str, Any]]
    intakes: list[Intake]


def note_read_once(session: Session, who: Actor, clue: Clue, sign_in: str) -> None:
    """One audited read per clue and sign-in (PRODUCT §10)."""
    known = session.scalars(
        select(Event.id).where(
            Event.object == f"clue:{clue.id}", Event.act == "read_original", Event.actor == who.label,
            Event.data["sign_in"].astext == sign_in,
        )
    ).first()  # fmt: skip
    if known is None:
        casework.note_read(session, who, clue, sign_in)


def view(session: Session, clue: Clue, *, original: bool) -> CaseView:
    """Everything the page shows; without `original`, text is masked and originals are left out."""
    key = open_key(session, clue.key_id)
    hidden = [] if original else identity_spans(session, clue)
    names = [] if original else reporter_names(session, clue)
    intakes = session.scalars(
        select(Intake)
        .join(IntakeClue, IntakeClue.intake_id == Intake.id)
        .where(IntakeClue.clue_id == clue.id)
        .order_by(Intake.at, Intake.id)
    ).all()
    parts = [part for intake in intakes for part in _parts(session, clue, intake, hidden, names, original=original)]
    title = key.text(clue.title, "clue.title")
    return CaseView(
        clue=clue,
        title=title if original else mask(title, named(title, names) if clue.enriched else [(0, len(title))]),
        unit=session.get_one(Unit, clue.owner_unit_id).name,
        original=original,
        parts=parts,
        proposals=_proposals(session, clue, key, original=original),
        decided=_decided(session, clue, key),
        clocks=list(session.scalars(select(Clock).where(Clock.clue_id == clue.id).order_by(Clock.id))),
        history=_history(session, clue, [intake.id for intake in intakes]),
        intakes=list(intakes),
    )


def _parts(
    session: Session,
    clue: Clue,
    intake: Intake,
    hidden: list[tuple[int, int, int, int]],
    names: list[str],
    *,
    original: bool,
) -> list[PartView]:
    key = open_key(session, intake.key_id)
    out = []
    query = select(Part).where(Part.intake_id == intake.id, Part.clue_id == clue.id).order_by(Part.ord)
    for part in session.scalars(query):
        spans = [(start, end) for number, segment, start, end in hidden if number == part.id and segment == -1]
        text = key.text(part.text, "part.text")
        made = PartView(
            id=part.id,
            kind=part.kind,
            title=key.text(part.title, "part.title") if original else "",
            text=text if original else mask(text, [*spans, *named(text, names)] if clue.enriched else [(0, len(text))]),
            data=key.json(part.data, "part.data") if original else {},
            blob=session.get(Blob, part.blob_id) if part.blob_id and original else None,
            at=intake.at,
            reason=intake.reason,
        )
        if made.blob is not None:
            made.blob_name = key.text(made.blob.name, "blob.name")
        _add_transcript(session, made, key, part.id, hidden, original=original)
        for line in [] if original else made.lines:  # names are found by the enrichers: until then nothing is shown
            line.text = mask(line.text, named(line.text, names) if clue.enriched else [(0, len(line.text))])
        if not original and made.kind in ("html", "fields"):
            continue
        known = (made.text, made.reason, made.listen and made.listen.id, [page.id for page in made.pages])
        made.rev = hashlib.sha256(repr(known).encode()).hexdigest()[:8]
        out.append(made)
    return out


def _add_transcript(
    session: Session, made: PartView, key: Key, part_id: int, hidden: list[tuple[int, int, int, int]], *, original: bool
) -> None:
    transcript = passages.current(session, part_id)
    if transcript is None:
        return
    made.engine, made.version = transcript.engine, transcript.version
    made.warnings = list(transcript.about.get("warnings", []))
    two = int(transcript.about.get("channels") or 1) > 1
    for row in passages.segments(session, transcript):
        text = key.text(row.text, "segment.text")
        if not original:
            text = mask(text, [(s, e) for number, segment, s, e in hidden if number == part_id and segment == row.ord])
        speaker = ("接线员", "来电人")[min(row.channel, 1)] if two else ""
        line = Line(row.ord, text, row.confidence, row.origin, speaker, row.start, row.stop, row.page, row.box)
        line.channel = row.channel
        if original and row.words:
            line.words = timed(text, key.json(row.words, "segment.words"))
        made.lines.append(line)
    if original:
        rendered = session.scalars(
            select(Blob).where(Blob.intake_id == session.get_one(Part, part_id).intake_id, Blob.origin == "rendered")
        ).all()
        made.pages = sorted(
            (blob for blob in rendered if blob.role.startswith(f"page:{part_id}:")),
            key=lambda b: int(b.role.split(":")[2]),
        )
        made.listen = next((blob for blob in rendered if blob.role == f"listen:{part_id}"), None)


def timed(text: str, words: list[list[Any]]) -> list[WordView]:
    """The turn cut at its words, so that clicking one seeks its second. Empty where the words are not those of `text`.

    Engines write words with blanks and half-width punctuation that the turn does not have: only letters count.
    """
    out: list[WordView] = []
    position = 0
    for start, end, word, confidence in words:
        sound = _SOUND.search(word)
        if sound is None:
            continue
        at = text.find(sound.group(), position)
        if at < 0 or at - position > 8:
            return []
        if at > position:
            out.append(WordView(text[position:at]))
        position = at + len(sound.group())
        out.append(WordView(text[at:position], float(start), float(end), float(confidence)))
    if position < len(text):
        out.append(WordView(text[position:]))
    return out


def _proposals(session: Session, clue: Clue, key: Key, *, original: bool) -> list[Proposal]:
    query = (
        select(SuggestionRow).where(SuggestionRow.clue_id == clue.id, SuggestionRow.current).order_by(SuggestionRow.id)
    )
    out = []
    for row in session.scalars(query):
        body = key.json(row.value, "suggestion.value")
        if not original and row.field in ("phone", "id_number", "reporter_name", "email"):
            continue
        out.append(
            Proposal(
                row.id, row.field, body["value"], shown(row.field, body["value"]), row.confidence, row.producer,
                body.get("reason", ""), body["spans"],
            )
        )  # fmt: skip
    return out


def shown(name: str, value: Any) -> str:
    """A proposed value in the words of the screen."""
    if name == "place" and isinstance(value, dict):
        extra = "".join(filter(None, (value.get("town"), value.get("village"), value.get("group"))))
        return (
            "".join((value.get("name") or "未找到").split("/"))
            + extra
            + ("（不唯一）" if value.get("ambiguous") else "")
        )
    if name == "missing" and isinstance(value, list):
        return "、".join(ELEMENTS.get(item, str(item)) for item in value) or "四要素齐全"
    if name in ("class", "scope"):
        code = value.get("class") if isinstance(value, dict) else value
        return f"{code} {CLASS_LABELS.get(str(code), '')}".strip() if code else "信息不足，无法判断"
    if isinstance(value, dict):
        return str(value.get("text") or value.get("name") or value.get("value") or "、".join(map(str, value.values())))
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)


def _decided(session: Session, clue: Clue, key: Key) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Value, User.name)
        .join(User, User.id == Value.by_user)
        .where(Value.clue_id == clue.id)
        .order_by(Value.id.desc())
    ).all()
    seen: set[str] = set()
    out = []
    for row, name in rows:
        value = key.json(row.value, "clue.value")
        out.append({"field": row.field, "shown": shown(row.field, value), "by": name, "at": clock.china(row.at),
                    "current": row.field not in seen, "suggestion": row.suggestion_id})  # fmt: skip
        seen.add(row.field)
    return out


def _history(session: Session, clue: Clue, intake_ids: list[int]) -> list[dict[str, Any]]:
    objects = [f"clue:{clue.id}", *(f"intake:{number}" for number in intake_ids)]
    rows = session.scalars(select(Event).where(Event.object.in_(objects)).order_by(Event.received_at, Event.id)).all()
    ids = {int(row.actor[5:]) for row in rows if row.actor.startswith("user:")}
    names = {f"user:{user.id}": user.name for user in session.scalars(select(User).where(User.id.in_(ids)))}
    return [
        {"at": clock.china(row.at), "recorded": clock.china(row.received_at), "act": act_label(row.act),
         "actor": names.get(row.actor, "系统"), "hash": row.hash.hex()[:8]}
        for row in rows
    ]  # fmt: skip


def act_label(act: str) -> str:
    """The words of an event: the rule table's own for its acts, ours for what machines and desks do."""
    rule = workflow.rules().get(act)
    return ACT_LABELS.get(act) or (rule.label if rule is not None else act)


def correct_part(session: Session, who: Actor, clue: Clue, part: Part, text: str) -> None:
    """Replaces the machine-read text of a part; the original file stays what it was, the event names the act."""
    key = open_key(session, session.get_one(Intake, part.intake_id).key_id)
    part.text = key.seal(text, "part.text")
    session.query(SearchRow).filter(SearchRow.clue_id == clue.id, SearchRow.ref == f"part:{part.id}").delete()
    chain = casework.seen_by(session, clue.id)
    search.index(session, clue.id, clue.recorded_at, f"part:{part.id}", text, chain)
    audit.record(session, f"clue:{clue.id}", "correct_text", actor=who.label, data={"part": part.id})
    casework.reenrich(session, clue)
