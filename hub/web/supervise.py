"""Supervision on screen: the live board of the own area, and the lists that wait for a superior (H1–H4, PRODUCT §5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from sqlalchemy.orm import Session

from channels.registry import channels
from hub import clock, db
from hub.casework import kinds, orders
from hub.law import workflow
from hub.models import Unit
from hub.supervision import board, superior, trends
from hub.terms import INTAKE_KIND_LABELS, STATE_LABELS, State
from hub.web import maps
from hub.web.security import me, signed_in

bp = Blueprint("supervise", __name__)

LISTS = {
    "clues": "在办线索", "objections": "异议待审查", "holds": "回避待核定", "directives": "督办、核查函与批办",
    "major": "重大线索报告", "alerts": "超期与停滞提醒", "feedback": "交办反馈", "kinds": "非线索认定与抽查",
}  # fmt: skip
STANDS = {"asked": "发出", "again": "再次督办", "in_time": "按时回复", "late": "逾期回复", "open": "未回复",
          "overdue": "超期未回复"}  # fmt: skip
POINTS = {"near": "明天到期", "due": "今天到期", "overdue": "已超期", "head": "超期报负责人", "superior": "超期报上级",
          "lead": "停滞 15 个工作日"}  # fmt: skip
DECISIONS = {"all": "认定", "was_clue": "登记后改为非线索", "objected": "来件人异议"}
SPAN = 30  # days a list goes back where nothing is said
SAMPLE, SAMPLE_MOST = 10, 100
LONGEST_SPAN = 3700  # days
NARROWING = ("state", "place", "channel", "week")
"""What the charts narrow the list of clues by."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `since` to `until`, both included. `problem`: why what was asked for is none."""

    since: date
    until: date
    problem: str = ""

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """From the first moment of the first day to that after the last."""
        first = datetime.combine(self.since, time.min, clock.CHINA)
        return first, datetime.combine(self.until, time.min, clock.CHINA) + timedelta(days=1)

    @property
    def words(self) -> dict[str, str]:
        """As parameters of an address."""
        return {"since": self.since.isoformat(), "until": self.until.isoformat()}


def period_asked() -> Period:
    """The days of the address; the last thirty where none are named."""
    today = clock.today()
    usual = Period(today - timedelta(days=SPAN), today)
    typed = [request.args.get(name, "").strip()[:20] for name in ("since", "until")]
    try:
        since, until = (date.fromisoformat(text) if text else None for text in typed)
    except ValueError:
        return Period(usual.since, usual.until, "日期无法读取，请按“年-月-日”填写")
    until = until or usual.until
    since = since or until - timedelta(days=SPAN) if until.year > 1 else since or until
    if since > until or not 2000 <= since.year <= until.year <= 9000 or (until - since).days > LONGEST_SPAN:
        return Period(usual.since, usual.until, "起止日期不正确：起始日不能晚于截止日，且不超过十年")
    return Period(since, until)


@bp.get("/supervise")
@signed_in(*board.SEES)
def page() -> str:
    """The board of a `unit` of the area, with what waits for the person; only its rows for a live refresh."""
    with db.reading() as session:
        unit = unit_asked(session)
        lines = board.board(session, me(), unit)
        crumbs = _above(session, unit)
        tiles = _tiles(session)
        shown = unit.code, unit.name, unit.id == me().unit_id
    top = max((line.open for line in lines), default=0)
    template = "supervise_rows.html" if "HX-Request" in request.headers else "supervise.html"
    return render_template(
        template, lines=lines, top=top or 1, unit=shown, crumbs=crumbs, tiles=tiles, what=board.WHAT,
        total={name: sum(line.number(name) for line in lines) for name in board.WHAT},
    )  # fmt: skip


def unit_asked(session: Session) -> Unit:
    """The unit of the address, by its code; the own one where none is named. 404 outside the area."""
    found = board.within(session, me(), request.args.get("unit", "")[:20] or me().unit_code)
    if found is None:
        abort(404)
    return found


def _above(session: Session, unit: Unit) -> list[tuple[str, str]]:
    """(code, name) from the own unit down to the one above `unit`."""
    own = unit.path.index(me().unit_id)
    rows = [session.get_one(Unit, number) for number in unit.path[own:-1]]
    return [(row.code, row.name) for row in rows]


def _tiles(session: Session) -> list[dict[str, Any]]:
    """What waits: name of the list, its number, what is pressing in it."""
    period = Period(clock.today() - timedelta(days=SPAN), clock.today())
    holds = [one for one in superior.holds(session, me()) if one.mine]
    asked = superior.directives(session, me(), period.since, period.until)
    major = superior.majors(session, me(), period.moments[0])
    told = superior.alerts(session, me())
    back, more = superior.feedbacks(session, me(), *period.moments)
    decided = kinds.kind_decisions(session, me(), *period.moments)
    return [
        _tile("objections", len(superior.objections(session, me())), urgent=True),
        _tile("holds", len(holds), late=sum(one.over for one in holds), urgent=True),
        _tile("directives", len(asked), late=sum("overdue" in one.stands for one in asked)),
        _tile("major", len(major), late=sum(one.late for one in major)),
        _tile("alerts", len(told), urgent=True, capped=len(told) >= superior.MOST),
        _tile("feedback", len(back), capped=more),
        _tile("kinds", len(decided)),
    ]


def _tile(name: str, number: int, *, late: int = 0, urgent: bool = False, capped: bool = False) -> dict[str, Any]:
    tone = "bad" if late else "near" if urgent and number else ""
    return {"name": name, "label": LISTS[name], "number": f"{number}+" if capped else number, "late": late,
            "tone": tone}  # fmt: skip


@bp.get("/supervise/trends")
@signed_in(*board.SEES)
def trends_page() -> str:
    """Where clues of a unit's area come from, how they stood week by week, and what is overdue in which place."""
    with db.reading() as session:
        unit = unit_asked(session)
        spots, empty = trends.by_place(session, me(), unit), trends.spots(unit)
        states = trends.by_state(session, me(), unit)
        sources = trends.by_channel(session, me(), unit)
        crumbs = _above(session, unit)
        code, name = unit.code, unit.name
    days = trends.mondays()
    known = {spot.code for spot in spots}
    rest = [trends.Spot(spot, label, 0, 0, 0, 0) for spot, label in empty.items() if spot not in known]
    drawn, opens = maps.of_spots([*spots, *rest])
    links = {spot: url_for("supervise.listing", name="clues", unit=code, area=1, what=opens[spot], place=spot)
             for spot in known if spot in opens}  # fmt: skip
    return render_template(
        "supervise_trends.html", drawn=drawn, links=links, drawable=bool(opens) and len(drawn.spots) > 1,
        unit=(code, name), crumbs=crumbs, spots=spots, what=board.WHAT,
        top=max((spot.open for spot in spots), default=0) or 1, weeks=[f"{day:%m-%d}" for day in days],
        states=_linked(states or [], lambda one, at: {"state": one.key} if at == len(days) - 1 else None, code),
        sources=_linked(sources, lambda one, at: {"channel": one.key, "week": days[at].isoformat()}, code),
        too_many=states is None, most=trends.MOST,
        total={what: sum(spot.number(what) for spot in spots) for what in board.WHAT},
    )  # fmt: skip


def _linked(
    series: list[trends.Series], asks: Callable[[trends.Series, int], dict[str, str] | None], unit: str
) -> list[dict[str, Any]]:
    """Series as the chart draws them, each value with the address of its rows where there is one."""

    def address(one: trends.Series, at: int) -> str:
        asked = asks(one, at)
        given: dict[str, Any] = {"name": "clues", "unit": unit, "area": 1, **(asked or {})}
        return url_for("supervise.listing", **given) if asked else ""

    return [
        {"key": one.key, "name": one.name, "values": one.values,
         "links": [address(one, at) for at in range(len(one.values))]} for one in series
    ]  # fmt: skip


@bp.get("/supervise/<name>")
@signed_in(*board.SEES)
def listing(name: str) -> str | tuple[str, int]:
    """The rows behind a number."""
    if name not in LISTS:
        abort(404)
    period = period_asked()
    with db.reading() as session:
        found = LISTINGS[name](session, period)
        session.expunge_all()  # the page is rendered without a session
    page = render_template(
        f"supervise_{name}.html", title=LISTS[name], name=name, period=period, state_labels=STATE_LABELS,
        channels=channels(), stands=STANDS, directive_labels=superior.DIRECTIVES, clock_labels=workflow.CLOCKS,
        points=POINTS, intake_kinds=INTAKE_KIND_LABELS, counted=DECISIONS, what_labels=board.WHAT, most=superior.MOST,
        **found,
    )  # fmt: skip
    return (page, 422) if period.problem else page


def _clues(session: Session, _period: Period) -> dict[str, Any]:
    unit = unit_asked(session)
    what = request.args.get("what", "open")
    if what not in board.WHAT:
        abort(404)
    area = request.args.get("area") == "1"
    after = request.args.get("after", "")[:80]
    narrow, said = _narrow(unit)
    if narrow is None:
        rows, onward, total = board.clues(session, me(), unit, area=area, what=what, after=after)
    else:
        rows, onward, total = trends.rows(session, me(), unit, narrow, what, after)
    given = {name: request.args[name] for name in NARROWING if request.args.get(name)}
    return {
        "rows": rows, "after": onward, "total": total, "unit": (unit.code, unit.name), "area": area, "what": what,
        "given": given, "said": said,
    }  # fmt: skip


def _narrow(unit: Unit) -> tuple[trends.Narrow | None, str]:
    """What a number of the charts asked for, and in words; None where the address names nothing of it. 404 for what is
    no state, place, channel or week.
    """
    state, place, channel, week = (request.args.get(name, "")[:20] for name in NARROWING)
    if not (state or place or channel or week):
        return None, ""
    places = trends.spots(unit) | {trends.ELSEWHERE: "地点不明或不在辖区"}
    try:
        monday = date.fromisoformat(week) if week else None
    except ValueError:
        abort(404)
    if (state and state not in STATE_LABELS) or (place and place not in places) or (
        channel and (channel not in channels() or monday is None)
    ) or (monday is not None and not 2000 <= monday.year <= 9000):  # fmt: skip
        abort(404)
    words = (
        STATE_LABELS[State(state)] if state else "", places.get(place, ""),
        channels()[channel].label if channel else "", f"{week} 起一周收到" if week else "",
    )  # fmt: skip
    return trends.Narrow(state, place, channel, monday), "，".join(word for word in words if word)


def _objections(session: Session, _period: Period) -> dict[str, Any]:
    return {"rows": superior.objections(session, me())}


def _holds(session: Session, _period: Period) -> dict[str, Any]:
    rows = superior.holds(session, me())
    return {"rows": [(one, superior.left(session, me(), one.due) if one.due else "") for one in rows]}


def _directives(session: Session, period: Period) -> dict[str, Any]:
    kind, unit = request.args.get("kind", ""), request.args.get("unit", "")[:20]
    stands = request.args.get("stands", "asked")
    if kind not in ("", *superior.DIRECTIVES) or stands not in STANDS:
        abort(404)
    asked = board.within(session, me(), unit) if unit else None
    if unit and asked is None:
        abort(404)
    rows = superior.directives(
        session, me(), period.since, period.until, kind=kind, unit=asked.id if asked else 0, stands=stands
    )
    found = orders.supervised(session, me(), period.since, period.until)
    codes = {one.unit_id: session.get_one(Unit, one.unit_id).code for one in found}
    return {
        "rows": rows, "counts": [(one, codes[one.unit_id]) for one in found], "kind": kind, "stand": stands,
        "unit": asked.name if asked is not None else "",
    }  # fmt: skip


def _major(session: Session, period: Period) -> dict[str, Any]:
    since, until = period.moments
    return {"rows": [row for row in superior.majors(session, me(), since) if row.at < until]}


def _alerts(session: Session, _period: Period) -> dict[str, Any]:
    return {"rows": superior.alerts(session, me())}


def _feedback(session: Session, period: Period) -> dict[str, Any]:
    rows, more = superior.feedbacks(session, me(), *period.moments)
    return {"rows": rows, "capped": more}


def _kinds(session: Session, period: Period) -> dict[str, Any]:
    since, until = period.moments
    which, by, unit = (request.args.get(box, "")[:20] for box in ("which", "by", "unit"))
    if which not in ("", *DECISIONS):
        abort(404)
    rows: list[superior.Decision] = []
    size = 0
    if which:
        made = superior.decisions(session, kinds.kind_decisions(session, me(), since, until), me())
        rows = [
            row
            for row in made
            if by in ("", str(row.by_user)) and unit in ("", str(row.unit_id)) and _counted(row, which)
        ]
    elif "sample" in request.args:
        size = min(SAMPLE_MOST, max(1, request.args.get("sample", SAMPLE, type=int)))
        seed = int(period.until.strftime("%Y%m%d"))  # the same days give the same sample to everybody
        rows = superior.decisions(session, kinds.quality_sample(session, me(), since, until, size, seed), me())
    counts = kinds.kind_counts(session, me(), since, until)
    names = {one.unit_id: session.get_one(Unit, one.unit_id).name for one in counts}
    return {"rows": rows, "counts": counts, "names": names, "which": which, "size": size, "by": by}


def _counted(row: superior.Decision, which: str) -> bool:
    return {"all": True, "was_clue": row.was_clue, "objected": row.objected}[which]


LISTINGS: dict[str, Callable[[Session, Period], dict[str, Any]]] = {
    "clues": _clues, "objections": _objections, "holds": _holds, "directives": _directives, "major": _major,
    "alerts": _alerts, "feedback": _feedback, "kinds": _kinds,
}  # fmt: skip
