"""/healthz and /metrics: is the hub alive, what waits, what lags; the icon. No content, no names."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, send_from_directory
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from hub import clock, db
from hub.access import keyclient, unseen
from hub.models import Beat, Intake, SourceBeat, Work
from hub.settings import settings
from hub.terms import SITE_PHOTOS
from hub.web.layout import STATIC
from hub.work import wake

bp = Blueprint("ops", __name__)


@bp.get("/favicon.ico")
def icon() -> Response:
    """The icon, for what a browser shows alone: a file, a part of a page, an answer for machines."""
    return send_from_directory(STATIC, "icon.svg", max_age=86400)


@bp.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 when intake can be stored; degraded parts are named."""
    state: dict[str, Any] = {"ok": True, "database": "ok", "redis": "ok"}
    try:
        with db.reading() as session:
            session.execute(text("select 1"))
            last = session.scalar(select(func.max(Beat.at)))
            counted = unseen.other_work(unseen.hidden_from_anybody())
            dead = session.scalar(select(func.count()).select_from(Work).where(Work.state == "dead", counted))
        state["beat_seconds"] = round((clock.real() - last).total_seconds(), 1) if last else None
        state["dead_letters"] = dead
    except SQLAlchemyError:
        state |= {"ok": False, "database": "down"}
    if settings().keys == "process" and not keyclient.answers(keyclient.socket_path()):
        state |= {"ok": False, "keys": "away"}
    try:
        wake.client().ping()
    except RedisError:
        state["redis"] = "down"  # intake goes on; work starts when it is back
    return jsonify(state), 200 if state["ok"] else 503


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus text. Nobody signs in for it, so nothing behind any wall is counted."""
    registry, hidden = CollectorRegistry(), unseen.hidden_from_anybody()
    waiting = Gauge("hub_work_rows", "Work rows by queue and state", ["queue", "state"], registry=registry)
    oldest = Gauge("hub_work_oldest_seconds", "Age of the oldest due row by queue", ["queue"], registry=registry)
    lag = Gauge("hub_source_beat_seconds", "Seconds since a poller's last sign of life", ["source"], registry=registry)
    healthy = Gauge("hub_source_ok", "Whether the poller's last round succeeded", ["source"], registry=registry)
    taken = Gauge("hub_intakes", "Intakes by channel and state", ["channel", "state"], registry=registry)
    now = clock.real()
    with db.reading() as session:
        for queue, state, n, first in session.execute(
            select(Work.queue, Work.state, func.count(), func.min(Work.run_at))
            .where(unseen.other_work(hidden))
            .group_by(Work.queue, Work.state)
        ):
            waiting.labels(queue, state).set(n)
            if state == "pending":
                oldest.labels(queue).set(max(0.0, (now - first).total_seconds()))
        for row in session.scalars(select(SourceBeat)):
            lag.labels(row.source_id).set((now - row.at).total_seconds())
            healthy.labels(row.source_id).set(int(row.ok))
        for channel, state, n in session.execute(
            select(Intake.channel, Intake.state, func.count())
            .where(unseen.other_intakes(hidden), Intake.source_id != SITE_PHOTOS)
            .group_by(Intake.channel, Intake.state)
        ):
            taken.labels(channel, state).set(n)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
