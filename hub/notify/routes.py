"""Which ways lead to a party, in order: only consented ones, only what the report mode allows (PRODUCT §7, G3, G5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.contract import Route
from channels.contract import Source as Entrance
from channels.registry import channels
from hub import clock
from hub.jurisdiction import units
from hub.models import Clue, HandOver, Intake, Notice, Source, Unit, Wish
from hub.notify.parties import identity
from hub.settings import settings

REPLY = Route("reply", "书面答复", 0, lambda _sender: True, by_people=True, rings=False)
"""To leaders, units and departments; no channel owns it."""
NOT_SET_UP = "未配置"
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Option:
    """A way to the party. `why` is empty where it can be used, else says in Chinese why not."""

    route: Route
    source: Entrance | None
    channel: str = ""
    why: str = ""


def known_routes() -> dict[str, tuple[str, Route]]:
    """Every installed route by name, with the channel that owns it; the written reply among them."""
    found = {REPLY.name: ("", REPLY)}
    for code, channel in channels().items():
        found.update({route.name: (code, route) for route in channel.notify or ()})
    return found


def wish_of(session: Session, clue_id: int, reporter_id: int | None) -> Wish | None:
    """What the reporter consented to last, as recorded by a person or a form."""
    if reporter_id is None:
        return None
    return session.scalars(
        select(Wish).where(Wish.clue_id == clue_id, Wish.reporter_id == reporter_id).order_by(Wish.id.desc())
    ).first()


def options(session: Session, notice: Notice) -> list[Option]:
    """The ways for this notice: the party's own channel first, then the others by rank.

    Without a recorded wish the own channel counts as consented; where that does not reach the party (a form, a letter),
    the contacts it stated there itself do (our reading). Anonymous: the own channel only. Confidential: no letter.
    None once an N4 clue was handed over: who reported it can no longer be read, a late bounce finds no other way.
    """
    if _shredded(session, notice.clue_id):
        return []
    if notice.party != "reporter":
        return [Option(REPLY, None)] if notice.kind != "receipt" else []
    clue = session.get_one(Clue, notice.clue_id)
    intake = session.get(Intake, notice.intake_id) if notice.intake_id is not None else None
    own = intake.channel if intake else clue.channel
    sender, wish = identity(session, notice.reporter_id), wish_of(session, clue.id, notice.reporter_id)
    fitting = [(code, route) for code, route in known_routes().values() if code and route.fits(sender)]
    fitting.sort(key=lambda pair: (pair[0] != own, pair[1].rank))
    chosen = _consented(fitting, own, wish)
    if clue.report_mode == "anonymous":
        chosen = [(code, route) for code, route in chosen if code == own]
    if clue.report_mode == "confidential":
        chosen = [(code, route) for code, route in chosen if route.name != "letter"]
    if notice.kind == "receipt":  # nobody is rung up to hear that a letter arrived
        chosen = [(code, route) for code, route in chosen if route.send is not None]
    return [_option(session, code, route, intake, notice.unit_id or clue.owner_unit_id) for code, route in chosen]


def _shredded(session: Session, clue_id: int) -> bool:
    done = select(HandOver.id).where(HandOver.clue_id == clue_id, HandOver.shredded_at.is_not(None))
    return session.scalar(done) is not None


def _consented(fitting: list[tuple[str, Route]], own: str, wish: Wish | None) -> list[tuple[str, Route]]:
    if wish is not None:
        return [(code, route) for code, route in fitting if route.name in wish.routes]
    implied = [(code, route) for code, route in fitting if not route.on_wish]
    mine = [(code, route) for code, route in implied if code == own]
    return mine or [(code, route) for code, route in implied if not route.own_source]


def _option(session: Session, code: str, route: Route, intake: Intake | None, unit_id: int) -> Option:
    if route.ready is None:
        return Option(route, None, code)
    ready = route.ready
    for source in _sources(session, code, intake, unit_id, own=route.own_source):
        if ready(source):
            return Option(route, source, code)
    return Option(route, None, code, NOT_SET_UP)


def _sources(session: Session, code: str, intake: Intake | None, unit_id: int, *, own: bool) -> list[Entrance]:
    """The entrances that may carry it: the one the party used, then those of the unit and its superiors, upwards."""
    rows = session.execute(
        select(Source, Unit.code).join(Unit, Unit.id == Source.unit_id).where(Source.channel == code, Source.enabled)
    ).all()
    used = intake.source_id if intake is not None else ""
    near = [unit.id for unit in reversed(units.chain(session, unit_id))]
    kept = [
        (0 if row.id == used else 1 + near.index(row.unit_id), row.id, row, unit_code)
        for row, unit_code in rows
        if row.id == used or (not own and row.unit_id in near)
    ]
    kept.sort(key=lambda item: item[:2])
    return [Entrance(row.id, row.channel, unit_code, row.settings, row.station) for _, _, row, unit_code in kept]


def neutral(session: Session, notice: Notice, route: Route) -> bool:
    """Whether the words must mean nothing to a bystander: a confidential report by SMS, or the reporter's wish."""
    wish = wish_of(session, notice.clue_id, notice.reporter_id)
    mode = session.get_one(Clue, notice.clue_id).report_mode
    return (mode == "confidential" and route.name == "sms") or bool(wish and wish.neutral)


def allowed_from(now: datetime, route: Route, wish: Wish | None) -> datetime:
    """The first moment from `now` on at which this route may reach the party: quiet hours, then its agreed hours."""
    begin, _, end = settings().quiet_hours.partition("-")
    quiet = range(0)
    if begin and route.rings:
        first, last = int(begin) % _HOURS, int(end) % _HOURS
        quiet = range(first, last if last > first else last + _HOURS)
    agreed = range(wish.hour_from, wish.hour_to) if wish and wish.hour_from is not None and wish.hour_to else None
    moment = now
    for _ in range(_HOURS + 1):
        hour = clock.china(moment).hour
        hushed = hour in quiet or hour + _HOURS in quiet
        if not hushed and (agreed is None or hour in agreed):
            return moment
        moment = clock.china(moment).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return now  # agreed hours lie wholly in the quiet ones: what the reporter agreed to counts
