"""Running state, dead letters, manual list: nothing that went wrong is out of sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from channels.contract import Part as Piece
from channels.contract import PartKind, Report
from channels.registry import channels
from hub import clock, db, intake
from hub.access import audit, people, unseen
from hub.access.sealing import open_key
from hub.models import Beat, Blob, Clue, Intake, IntakeClue, Source, SourceBeat, Work
from hub.terms import IntakeState
from hub.web.files import clean_name
from hub.web.layout import process_name
from hub.web.security import me, signed_in
from hub.work import rows as work

bp = Blueprint("running", __name__)

ALWAYS, ON_DEMAND = ("beat", "worker:light", "worker:text"), ("worker:speech", "worker:scan")
QUIET, FORGOTTEN = 20.0, timedelta(days=1)  # seconds without a sign of life that are too many


@dataclass(frozen=True, slots=True)
class Process:
    """One kind of process on the running-state page."""

    label: str
    ok: bool
    resting: bool
    age: float | None
    rss: int | None


@bp.get("/running")
@signed_in(*people.RUNNING_ROLES)
def running() -> str:
    """Workers, pollers, queues, last signs of life. Names of entrances, never content; no work on what is hidden."""
    now, shown = clock.real(), unseen.shown_work(me())
    with db.reading() as session:
        processes = _processes(session, now)
        sources = session.execute(
            select(Source, SourceBeat).outerjoin(SourceBeat, SourceBeat.source_id == Source.id).order_by(Source.id)
        ).all()
        queues = session.execute(
            select(Work.queue, Work.state, func.count(), func.min(Work.run_at))
            .where(shown)
            .group_by(Work.queue, Work.state)
            .order_by(Work.queue, Work.state)
        ).all()
        stopped = select(Work).where(Work.state == "dead", shown)
        dead = session.scalars(stopped.order_by(Work.id.desc()).limit(200)).all()
        return render_template(
            "running_rows.html" if "HX-Request" in request.headers else "running.html",
            processes=processes, sources=sources, queues=queues, dead=dead, now=now,
            channels=channels(),
        )  # fmt: skip


def _processes(session: Session, now: datetime) -> list[Process]:
    """The newest sign of life of each kind of process; those that start on demand may rest."""
    newest: dict[str, Beat] = {}
    for row in session.scalars(select(Beat).where(Beat.at > now - FORGOTTEN).order_by(Beat.at)):
        newest[row.name.rpartition(":")[0] or row.name] = row
    kinds = [*ALWAYS, *ON_DEMAND, *sorted(set(newest) - {*ALWAYS, *ON_DEMAND})]
    found = []
    for kind in kinds:
        last = newest.get(kind)
        age = (now - last.at).total_seconds() if last is not None else None
        fresh = age is not None and age < QUIET
        resting = not fresh and kind not in ALWAYS
        found.append(
            Process(process_name(kind), fresh or resting, resting, age, (last.detail if last else {}).get("rss"))
        )
    return found


@bp.post("/running/dead/<int:number>/retry")
@signed_in(*people.RUNNING_ROLES)
def retry(number: int) -> Response:
    """Gives a parked row another round of attempts."""
    with db.transaction() as session:
        wanted = select(Work).where(Work.id == number, Work.state == "dead", unseen.shown_work(me()))
        row = session.scalars(wanted).first()
        if row is None:
            abort(404)
        work.revive(session, number)
        audit.record(session, f"work:{number}", "retry", actor=me().label, data={"handler": row.handler})
    return redirect(url_for("running.running"), code=303)


@bp.get("/manual")
@signed_in(*people.ORIGINAL_ROLES)
def manual() -> str:
    """Intakes of the own unit that no machine could read."""
    with db.reading() as session:
        found = session.scalars(people.manual_intakes(me()).order_by(Intake.id.desc()).limit(200)).all()
        links = session.execute(
            select(IntakeClue.intake_id, Clue.no)
            .join(Clue, Clue.id == IntakeClue.clue_id)
            .where(IntakeClue.intake_id.in_([row.id for row in found]))
        ).all()
        linked = {row.intake_id: row.no for row in links}
        return render_template("manual.html", intakes=found, linked=linked, channels=channels())


def _manual(number: int) -> Intake:
    with db.reading() as session:
        row = session.scalars(people.manual_intakes(me()).where(Intake.id == number)).first()
        session.expunge_all()
    if row is None:
        abort(404)
    return row


@bp.get("/manual/<int:number>")
@signed_in(*people.ORIGINAL_ROLES)
def manual_one(number: int) -> str:
    row = _manual(number)
    with db.transaction() as session:
        key = open_key(session, row.key_id)
        blobs = [
            (blob, key.text(blob.name, "blob.name"))
            for blob in session.scalars(select(Blob).where(Blob.intake_id == number).order_by(Blob.ord))
        ]
        linked = session.scalars(
            select(Clue.no).join(IntakeClue, IntakeClue.clue_id == Clue.id).where(IntakeClue.intake_id == number)
        ).first()
        audit.record(session, f"intake:{number}", "read_original", actor=me().label)
    return render_template("manual_one.html", intake=row, blobs=blobs, channels=channels(), clue_no=linked)


@bp.get("/manual/<int:number>/blobs/<int:blob_id>")
@signed_in(*people.ORIGINAL_ROLES)
def manual_blob(number: int, blob_id: int) -> Response:
    """An original of the manual list, always as a download."""
    row = _manual(number)
    with db.transaction() as session:
        blob = session.get(Blob, blob_id)
        if blob is None or blob.intake_id != row.id:
            abort(404)
        name = open_key(session, row.key_id).text(blob.name, "blob.name")
        data = b"".join(intake.read_blob(session, blob))
        audit.record(session, f"intake:{number}", "read_original", actor=me().label, data={"blob": blob_id})
    response = Response(data, content_type="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=clean_name(name))
    return response


@bp.post("/manual/<int:number>")
@signed_in(*people.ORIGINAL_ROLES)
def manual_register(number: int) -> Response | tuple[str, int]:
    """A person typed what the intake says: it becomes a clue. One that has its clue already is only marked as read."""
    _manual(number)
    text = request.form.get("text", "").strip()[:100_000]
    with db.transaction() as session:
        row = session.scalars(
            select(Intake).where(Intake.id == number, Intake.state == IntakeState.MANUAL).with_for_update()
        ).first()
        if row is None:
            abort(404)
        linked = session.scalars(select(IntakeClue).where(IntakeClue.intake_id == number)).first()
        if linked is None and not text:
            back = url_for("running.manual_one", number=number)
            return render_template("problem.html", message="请写明来件内容", back=back), 422
        if linked is None:
            report = Report(parts=(Piece(PartKind.TEXT, text=text),), title=text[:40])
            intake.register_by_hand(session, row, report, me().label)
        else:
            row.state = IntakeState.REGISTERED
            audit.record(session, f"intake:{number}", "read_by_hand", actor=me().label)
    return redirect(url_for("running.manual"), code=303)
