"""Where clues lie, on a plan without ground (C13, ADR 0021): the queue's filters, points and seats, with their rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import sqrt
from typing import Any

from flask import Blueprint, render_template, request, url_for

from channels.registry import channels
from hub import db
from hub.access import people
from hub.access.people import Actor
from hub.jurisdiction.centres import centre
from hub.jurisdiction.divisions import table
from hub.supervision import plan, points, queue, trends
from hub.terms import STATE_LABELS
from hub.web.console import areas_of, read_filters
from hub.web.security import me, signed_in

bp = Blueprint("maps", __name__)

LAYERS = {"points": "点位", "heat": "疏密"}
POINT, SEAT = 6.0, 3.0  # radius in pixels
SMALLEST, LARGEST = 11.0, 26.0  # of a place with clues


@bp.get("/map")
@signed_in(*people.CONTENT_ROLES)
def page() -> str:
    """Open clues of the filters on a plan: `layer` points or heat."""
    filters = read_filters()
    filters = replace(filters, query="", after="", state=filters.state if "state" in request.args else "open")
    layer = request.args.get("layer", "points")
    layer = layer if layer in LAYERS else "points"
    with db.reading() as session:
        found = points.find(session, me(), filters)
        session.expunge_all()  # the page is rendered without a session
    kept = ("channel", "state", "division", "view", "topic")
    asked = {name: value for name in kept if (value := getattr(filters, name))}
    drawn = _drawn(found, layer, _base(me(), filters))
    shown = {spot.mark.key for spot in drawn.spots}
    places = sorted(
        ((code, queue.place_name(code) or "地点不明", n) for code, n in found.counted.items()),
        key=lambda one: (not one[0], -one[2], one[0]),
    )
    links = {one.key: url_for("console.clue_page", no=one.row.clue.no) for one in found.pinned}
    links |= {code: url_for("console.queue_page", **asked | {"division": code}) for code, _, _ in places if code}
    return render_template(
        "map.html", filters=filters, found=found, places=places, drawn=drawn, shown=shown,
        links=links, layer=layer, layers=LAYERS, asked=asked, areas=areas_of(me()), states=queue.states(),
        channels=channels(), views=queue.VIEWS, sources=points.SOURCES, state_labels=STATE_LABELS, most=points.MOST,
        read=points.READ,
    )  # fmt: skip


def _base(who: Actor, filters: queue.Filters) -> str:
    """The division whose parts are named on the plan."""
    return filters.division or ("" if who.unit_code == "000000" else who.unit_code)


def _drawn(found: points.Found, layer: str, area: str) -> plan.Plan:
    """Points of clues over the seats of the area's parts, or those seats with their counts; not what lies far away."""
    frame = seats(area)
    if layer == "heat":
        return plan.draw(plan.near(counted(found.counted, frame), frame))
    marks = [plan.Mark(*one.point, key=one.key, tone=_tone(one), size=POINT) for one in found.pinned]
    return plan.draw([*plan.near(marks, frame), *frame])


def _tone(one: points.Pinned) -> str:
    if one.row.due is None:
        return "rest"
    return {"over": "over", "near": "soon"}.get(one.row.tone, "rest")


def seats(area: str) -> list[plan.Mark]:
    """The seats of a division's parts as small marks; of a county its own and its neighbours'."""
    row = table().get(area)
    top = row.parent if row is not None and row.level in ("county", "town") else area
    found = []
    for one in table().children(top):
        point = centre(one.code) if one.level != "town" else None
        if point is not None:
            found.append(plan.Mark(*point, label=one.short or one.name, tone="seat", size=SEAT))
    return found


def counted(counts: dict[str, int], frame: list[plan.Mark]) -> list[plan.Mark]:
    """Seats as large as what is counted there, the others of the frame small."""
    held = {code: n for code, n in counts.items() if code}
    most = max(held.values(), default=0)
    made = [
        plan.Mark(*point, label=name_of(code), key=code, tone="rest", size=size_of(n, most), number=str(n))
        for code, n in held.items()
        if (point := centre(code)) is not None
    ]
    known = {(one.latitude, one.longitude) for one in made}
    return made + [one for one in frame if (one.latitude, one.longitude) not in known]


def name_of(code: str) -> str:
    """What people call a division; "" for an unknown code."""
    row = table().get(code)
    return (row.short or row.name) if row is not None else ""


def size_of(number: int, most: int) -> float:
    """Radius in pixels: the area of the mark follows the number."""
    return round(max(SMALLEST, LARGEST * sqrt(number / max(1, most))), 1) if number else SEAT


def of_spots(spots: Iterable[trends.Spot]) -> tuple[plan.Plan, dict[str, Any]]:
    """What the board counts by place: the marks, and for each what a click opens ("overdue" where there is any)."""
    marks, opens = [], {}
    rows = list(spots)
    most = max((one.open for one in rows), default=0)
    for one in rows:
        row = table().get(one.code) if one.code != trends.ELSEWHERE else None
        point = centre(one.code) if row is not None and row.level != "town" else None
        if row is None or point is None or (not one.open and one.name != row.name):  # nothing stands for the whole area
            continue
        tone = "over" if one.overdue else "soon" if one.soon else "rest" if one.open else "seat"
        number = str(one.overdue or one.open or "")
        marks.append(plan.Mark(*point, row.short or row.name, one.code, tone, size_of(one.open, most), number))
        if one.open:
            opens[one.code] = "overdue" if one.overdue else "open"
    return plan.draw(marks), opens
