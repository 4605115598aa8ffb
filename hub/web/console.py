"""The queue and the clue page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from channels.registry import channels
from hub import casework, db
from hub.access import hearing, people
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.casework import chains
from hub.enrich import passages, transcribe
from hub.jurisdiction.divisions import table
from hub.law import topics, workflow
from hub.models import Clue, Intake, Part
from hub.supervision import approving, case, originals, queue, views
from hub.supervision.keeping import SHARERS
from hub.supervision.shown import shown
from hub.terms import CLASS_LABELS, ELEMENTS, ROLE_LABELS, STATE_LABELS, Role
from hub.web import bulk, desk
from hub.web.desk import found
from hub.web.security import me, signed_in
from transcription.contract import Page, Transcript, Word
from transcription.contract import Segment as TextSegment

bp = Blueprint("console", __name__)

STALE = 409
PICKED = ("class", "topics")  # chosen from a list, not typed
SEGMENT_LIMIT, TEXT_LIMIT = 5000, 100_000  # characters a person may type for a turn, for a text


def read_filters() -> queue.Filters:
    """The filters in the address, cut to sane lengths."""
    return filters_of(request.args)


def filters_of(given: Mapping[str, str]) -> queue.Filters:
    """The filters of an address or a form; what is no filter narrows nothing."""
    asked = {
        name: given.get(name, "")[:100].strip()
        for name in ("channel", "state", "division", "query", "view", "topic", "after")
    }
    if asked["state"] not in {code for code, _ in queue.states()}:
        asked["state"] = ""
    if asked["view"] not in queue.VIEWS:
        asked["view"] = ""
    if asked["channel"] not in channels():
        asked["channel"] = ""
    if not asked["division"].isdigit():
        asked["division"] = ""
    if asked["topic"] not in topics.labels():
        asked["topic"] = ""
    return queue.Filters(**asked)


@bp.get("/")
@signed_in()
def home() -> Response | str:
    if me().has(people.CONTENT_ROLES):
        return redirect(url_for("console.queue_page"))
    if me().has(people.RUNNING_ROLES):
        return redirect(url_for("running.running"))
    return render_template("nothing.html", role_names="、".join(ROLE_LABELS[Role(role)] for role in sorted(me().roles)))


@bp.get("/queue")
@signed_in(*people.CONTENT_ROLES)
def queue_page() -> str:
    """The whole page, or only its rows for a live refresh (header HX-Request)."""
    filters = read_filters()
    number = request.args.get("saved", 0, type=int)
    with db.reading() as session:
        kept = views.of(session, me())
        saved = next((view for view in kept if view.id == number), None)
        if saved is None and number:
            abort(404)
        filters = replace(saved.filters, after=filters.after) if saved is not None else filters
        rows, after = queue.page(session, me(), filters)
        numbers = queue.numbers(session, me())
        choices = bulk.choices(session, me())
        told = bulk.said(session, me(), request.args.get("run", 0, type=int))
        deciding = approving.to_decide(session, me())
        standing = chains.stands_in_for(session, me().user_id, me().unit_id)
        session.expunge_all()  # the page is rendered without a session
    template = "queue_rows.html" if "HX-Request" in request.headers else "queue.html"
    return render_template(
        template, rows=rows, after=after, filters=filters, counts=numbers.counts, channels=channels(),
        states=queue.states(), state_labels=STATE_LABELS, class_labels=CLASS_LABELS, elements=ELEMENTS,
        areas=areas_of(me()), topics=topics.labels(), views=queue.VIEWS, view_counts=numbers.views, most=queue.MOST,
        done=desk.done(), to_decide=deciding,
        bulk=choices, run=told, standing=standing, kept=kept, saved=saved, may_share=me().has(SHARERS),
        claims=me().has(workflow.rule("assign").roles), claimed_from=workflow.rule("assign").sources,
    )  # fmt: skip


def filter_words(filters: queue.Filters) -> str:
    """What a view shows, in words."""
    told = [
        queue.VIEWS.get(filters.view, ""), dict(queue.states()).get(filters.state, ""),
        channels()[filters.channel].label if filters.channel in channels() else "",
        queue.place_name(filters.division), topics.labels().get(filters.topic, ""),
        f"检索“{filters.query}”" if filters.query else "",
    ]  # fmt: skip
    return " · ".join(word for word in told if word)


def areas_of(who: Actor) -> list[tuple[str, str]]:
    """The areas directly below the person's unit, for the filter: a short list at every level."""
    below = table().children("" if who.unit_code == "000000" else who.unit_code)
    return [(row.code[:6], row.name) for row in below if row.present and row.level in ("province", "city", "county")]


@bp.get("/clues/<no>")
@signed_in(*people.CONTENT_ROLES)
def clue_page(no: str) -> tuple[str, int]:
    """A clue; `act` opens the form of an act."""
    return desk.page(no)


@bp.post("/clues/<no>/values")
@signed_in(*people.ORIGINAL_ROLES)
def set_value(no: str) -> str | Response | tuple[str, int]:
    """Confirms a suggestion (its id) or sets a typed value for a field."""
    field = request.form.get("field", "")
    suggestion = request.form.get("suggestion", type=int)
    version = request.form.get("version", type=int)
    typed = ",".join(request.form.getlist("value")).strip()[:2000]
    try:
        with db.transaction() as session:
            clue = found(session, no)
            if not people.reads_original(me(), clue):
                abort(404)
            value = casework.suggested(session, clue, field, suggestion) if suggestion else casework.typed(field, typed)
            if suggestion and value is None:
                abort(404)
            casework.confirm(session, me(), clue, field, value, suggestion_id=suggestion, version=version)
    except casework.StaleError:
        return _value_conflict(no, field, suggestion, typed)
    except casework.RefusedError as error:
        return render_template("problem.html", message=str(error), back=url_for("console.clue_page", no=no)), 422
    return redirect(url_for("console.clue_page", no=no), code=303)


def _value_conflict(no: str, field: str, suggestion: int | None, typed: str) -> tuple[str, int]:
    """Somebody was first: what this person chose or typed stands beside what holds now, to be saved again or left."""
    with db.reading() as session:
        clue = found(session, no)
        decided = case.decided(session, clue, open_key(session, clue.key_id))
        now = next((one["shown"] for one in decided if one["field"] == field and one["current"]), "")
        hidden = {"field": field, "version": str(clue.version)}
        picked = suggestion or field in PICKED
        mine = typed
        if suggestion:
            mine = shown(field, casework.suggested(session, clue, field, suggestion))
            hidden["suggestion"] = str(suggestion)
        elif picked:
            mine = shown(field, casework.typed(field, typed))
            hidden["value"] = typed
        what = desk.PRODUCING_FIELDS.get(field, field)
        return desk.conflict(clue, what, mine, now, hidden, editable=not picked), STALE


@bp.post("/clues/<no>/parts/<int:part_id>/segments/<int:number>")
@signed_in(*people.ORIGINAL_ROLES)
def correct_segment(no: str, part_id: int, number: int) -> Response | tuple[str, int]:
    """Corrects one turn or line: a new version of the transcript by this person; suggestions are made again."""
    text = request.form.get("text", "").strip()
    version = request.form.get("version", type=int)
    back = url_for("console.clue_page", no=no)
    if not text or len(text) > SEGMENT_LIMIT:
        message = "文字不能为空" if not text else f"这一段不能超过 {SEGMENT_LIMIT} 字"
        return render_template("problem.html", message=message, back=back), 422
    with db.transaction() as session:
        clue = found(session, no)
        part = session.scalars(select(Part).where(Part.id == part_id).with_for_update()).first()
        if part is None or part.clue_id != clue.id or not hearing.hears_original(session, me(), clue):
            abort(404)
        current = passages.current(session, part.id)
        if current is not None and version is not None and current.version != version:
            return _segment_conflict(session, clue, part, number, text), STALE
        made = corrected(session, part, number, text)
        if made is None:
            return render_template("problem.html", message="没有这一段文字", back=back), 404
        transcribe.store(session, part.id, made, me().user_id)
    return redirect(url_for("console.clue_page", no=no), code=303)


def _segment_conflict(session: Session, clue: Clue, part: Part, number: int, typed: str) -> str:
    """The turn or line as it was corrected meanwhile, beside what this person typed."""
    current = passages.current(session, part.id)
    assert current is not None
    key = open_key(session, session.get_one(Intake, part.intake_id).key_id)
    rows = {row.ord: row.text for row in passages.segments(session, current)}
    now = key.text(rows[number], "segment.text") if number in rows else ""
    return desk.conflict(clue, "这一段文字", typed, now, {"version": str(current.version)}, box="text")


def corrected(session: Session, part: Part, number: int, text: str) -> Transcript | None:
    """The current transcript with segment `number` replaced by a person's text; None where there is none."""
    current = passages.current(session, part.id)
    if current is None:
        return None
    key = open_key(session, session.get_one(Intake, part.intake_id).key_id)
    rows = passages.segments(session, current)
    if number not in {row.ord for row in rows}:
        return None
    segments = tuple(
        TextSegment(
            text=text if row.ord == number else key.text(row.text, "segment.text"),
            confidence=1.0 if row.ord == number else row.confidence,
            order=row.ord, start=row.start, end=row.stop, channel=row.channel, page=row.page,
            box=tuple(row.box) if row.box else None,
            words=() if row.ord == number or not row.words else tuple(
                Word(*word) for word in key.json(row.words, "segment.words")
            ),
            source="person" if row.ord == number else row.origin,
        )
        for row in rows
    )  # fmt: skip
    return Transcript(
        kind=current.kind, engine="person", model="", segments=segments, settings={},
        duration=float(current.about.get("duration", 0)), channels=int(current.about.get("channels", 0)),
        fields=key.json(current.fields, "transcript.fields"), warnings=tuple(current.about.get("warnings", ())),
        pages=tuple(Page(**page) for page in current.about.get("pages", ())),
    )  # fmt: skip


@bp.post("/clues/<no>/parts/<int:part_id>/text")
@signed_in(*people.ORIGINAL_ROLES)
def correct_text(no: str, part_id: int) -> Response | tuple[str, int]:
    """A person corrects the readable text of a mail or message; the original file stays what it was."""
    text = request.form.get("text", "").replace("\r\n", "\n").strip()
    if len(text) > TEXT_LIMIT:
        abort(422, f"文字不能超过 {TEXT_LIMIT} 字")
    with db.transaction() as session:
        clue = found(session, no)
        part = session.get(Part, part_id, with_for_update=True)
        if part is None or part.clue_id != clue.id or not hearing.hears_original(session, me(), clue) or not text:
            abort(404)
        now = open_key(session, session.get_one(Intake, part.intake_id).key_id).text(part.text, "part.text")
        mark = originals.mark_of(now)
        if request.form.get("was", mark) != mark and now != text:
            return desk.conflict(clue, "这份文字", text, now, {"was": mark}, box="text"), STALE
        originals.correct_part(session, me(), clue, part, text)
    return redirect(url_for("console.clue_page", no=no), code=303)
