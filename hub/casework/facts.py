"""What the guards of the rule table look at, found in the database: a person's statement never stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access import walls
from hub.access.people import Actor
from hub.casework import clocks, group, identity, switches, telling
from hub.casework.doing import Doing
from hub.jurisdiction import scopes, units
from hub.jurisdiction.divisions import table
from hub.law.deadlines import base_day
from hub.models import (
    Asked,
    Assist,
    Clue,
    ClueUnit,
    HandOver,
    Hold,
    Hop,
    Unit,
)

Facts = dict[str, Any]
REFERRING = ("escalate", "refer_on")
SETTLING = ("designate", "confirm_competence", "redesignate")


def collect(doing: Doing) -> Facts:
    """Every fact the guards of the act's row ask for."""
    found: Facts = {
        "now": doing.now, "today": base_day(doing.now), "channel": doing.clue.channel,
        "sub_channel": doing.clue.sub_channel, "determination": doing.clue.determination,
    }  # fmt: skip
    if doing.rule.id not in ("verify.end", "result.member", "result.own", "transfer.result"):
        found["result"] = doing.clue.result
    for guard in doing.rule.guards:
        collector = COLLECTORS.get(guard)
        if collector is not None:
            found |= collector(doing)
    if doing.rule.id in ("determine.P1", "determine.member"):
        found |= _decided(doing)
    if doing.rule.by == "designator":
        found["designator"] = designator(doing.session, doing.clue)
    return found


def clue_of(session: Session, told: Any) -> Clue | None:
    """A clue by its id or number."""
    if isinstance(told, int) and not isinstance(told, bool):
        return session.get(Clue, told)
    return session.scalars(select(Clue).where(Clue.no == told)).first() if isinstance(told, str) else None


def referenced(session: Session, data: Mapping[str, Any]) -> set[int]:
    """The other clues an act names, to be locked with its own."""
    found = (clue_of(session, data.get(name)) for name in ("main", "earlier_clue"))
    return {clue.id for clue in found if clue is not None}


def sees(session: Session, who: Actor | None, clue: Clue) -> bool:
    if who is None:
        return True
    if walls.hidden(session, who, clue.id):
        return False
    seen = select(ClueUnit.unit_id).where(ClueUnit.clue_id == clue.id, ClueUnit.unit_id == who.unit_id)
    return session.scalar(seen) is not None


def held_since(session: Session, clue: Clue) -> datetime:
    """When the present holder got the clue."""
    since = session.scalar(select(Hold.since).where(Hold.clue_id == clue.id, Hold.until.is_(None)))
    return since or clue.at


def assists_with(session: Session, clue: Clue, unit_id: int) -> bool:
    """Whether a unit assists the holder with the clue now (E6)."""
    wanted = select(Assist.id).where(Assist.clue_id == clue.id, Assist.unit_id == unit_id, Assist.until.is_(None))
    return session.scalar(wanted) is not None


def hops(session: Session, clue: Clue) -> list[Hop]:
    return list(session.scalars(select(Hop).where(Hop.clue_id == clue.id).order_by(Hop.id)))


def designator(session: Session, clue: Clue) -> int | None:
    """The unit that designated the present holder."""
    rows = [row for row in hops(session, clue) if row.act in SETTLING]
    return rows[-1].from_unit_id if rows else None


def involved(session: Session, clue: Clue) -> set[int]:
    """The units concerned since the clue was last referred up from where it is determined."""
    found: set[int] = set()
    for row in hops(session, clue):
        if row.act == "escalate":
            found = set()
        if row.act in REFERRING:
            found |= {int(number) for number in row.involved}
    return found


def unit_named(session: Session, code: Any) -> Unit | None:
    """The working unit of a code."""
    unit = units.by_code(session, code) if isinstance(code, str) else None
    return unit if unit is not None and unit.active else None


def closed_words(session: Session, code: Any) -> str | None:
    """What is said of a unit that is gone: since when, whose its duties are now. None: it stands or never was."""
    unit = units.by_code(session, code) if isinstance(code, str) else None
    return units.closed_words(session, unit) if unit is not None and not unit.active else None


def below(unit: Unit | None, top_id: int) -> bool:
    return unit is not None and top_id in unit.path


def superior(session: Session, unit_id: int) -> Unit | None:
    """The next existing, working unit above; none of another department, which has superiors of its own."""
    if session.get_one(Unit, unit_id).kind == "department":
        return None
    above = [unit for unit in units.chain(session, unit_id) if unit.id != unit_id and unit.active]
    return above[-1] if above else None


def chain_above(session: Session, unit_id: int) -> set[int]:
    """The ids of every unit above, from the next superior to the root."""
    return {unit.id for unit in units.chain(session, unit_id)} - {unit_id}


def uninvolved_above(session: Session, clue_id: int, unit_id: int) -> Unit | None:
    """The next working superior of a unit that is behind no wall of the clue."""
    above = [unit for unit in units.chain(session, unit_id) if unit.id != unit_id and unit.active]
    hidden = walls.stands_before(session, clue_id, [unit.id for unit in above])
    free = [unit for unit in above if unit.id not in hidden]
    return free[-1] if free else None


def _decided(doing: Doing) -> Facts:
    """Place and class of P1: what a person confirmed, unless the act itself names them."""
    clue, found = doing.clue, {}
    if not doing.data.get("place") and clue.division_confirmed:
        found["place"] = clue.division
    if not doing.data.get("class") and clue.class_confirmed:
        found["class"] = clue.class_code
    return found


def _ours(doing: Doing) -> Facts:
    place = doing.data.get("place") or (doing.clue.division if doing.clue.division_confirmed else None)
    owner = doing.session.get_one(Unit, doing.clue.owner_unit_id)
    steps = hops(doing.session, doing.clue)
    given = bool(steps) and steps[-1].act in (*SETTLING, "transfer.inside") and steps[-1].to_unit_id == owner.id
    known = isinstance(place, str) and table().get(place) is not None
    inside = known and (
        owner.code == units.MINISTRY
        or table().within(str(place), units.area_of(owner))
        or units.has_place(doing.session, owner.id, str(place), base_day(doing.clue.at))
    )
    direct = not given and owner.level == "county" and switches.switches(doing.session, doing.clue)["direct"]
    # without a place the need of the row refuses
    return {"ours": not place or (known and (given or (inside and not direct))), "direct": direct}


def place_owner(session: Session, clue: Clue) -> Unit | None:
    """The unit that handles what lies at the clue's confirmed place: its county's (E2), the city where that handles
    directly (E3), or the one to which the map gives the place.
    """
    if not clue.division_confirmed or not clue.division:
        return None
    found = units.of_place(session, clue.division, base_day(clue.at))
    if found is None or found.level != "county":
        return found
    if not switches.in_force(session, found.id, clue.channel, base_day(clue.at))["direct"]:
        return found
    cities = [unit for unit in units.chain(session, found.id) if unit.level == "city" and unit.active]
    return cities[-1] if cities else found


def _unit_takes(doing: Doing) -> Facts:
    unit = unit_named(doing.session, doing.data.get("unit"))
    clue = doing.clue
    owner = place_owner(doing.session, clue)
    of_place = unit is not None and owner is not None and unit.id == owner.id
    own = unit is not None and unit.id == clue.owner_unit_id
    ours = unit is not None and unit.kind == "authority"
    return {
        "unit_takes": ours and not own and (below(unit, clue.owner_unit_id) or of_place),
        "unit_closed": closed_words(doing.session, doing.data.get("unit")),
    }


def _subtree(doing: Doing) -> Facts:
    top = doing.clue.owner_unit_id
    if doing.rule.by == "designator":
        top = designator(doing.session, doing.clue) or 0
    unit = unit_named(doing.session, doing.data.get("unit"))
    return {
        "unit_in_subtree": below(unit, top) and unit is not None and unit.kind == "authority",
        "unit_closed": closed_words(doing.session, doing.data.get("unit")),
    }


def _common(doing: Doing) -> Facts:
    """Whether the holder is above every unit concerned; with "unclear" nobody knows yet whom it concerns."""
    session, clue = doing.session, doing.clue
    known = involved(session, clue)
    for code in doing.data.get("units") or ():
        unit = unit_named(session, code)
        if unit is not None:
            known.add(unit.id)
    outside = [number for number in known if not below(session.get_one(Unit, number), clue.owner_unit_id)]
    return {
        "common_superior": not outside,
        "not_common": bool(outside) or doing.data.get("reason") == "unclear",
    }


def _issued(doing: Doing) -> Facts:
    return (
        {"issued": doing.day("issued"), "received": base_day(held_since(doing.session, doing.clue))}
        if (doing.data.get("issued"))
        else {}
    )


def _referred(doing: Doing) -> Facts:
    rows = [row for row in hops(doing.session, doing.clue) if row.act == "escalate"]
    return {"referred_by": rows[-1].from_unit_id if rows else None}


def _earlier(doing: Doing) -> Facts:
    """P4: the earlier clue and whether its reporter is the same."""
    session, clue, data = doing.session, doing.clue, doing.data
    earlier = clue_of(session, data.get("earlier_clue"))
    if earlier is None or earlier.id == clue.id or not sees(session, doing.who, earlier):
        return {"earlier": False}
    answered = earlier.state in ("closed", "to_tell", "transferred")
    gone = earlier.state == "transferred" or earlier.department is not None
    closed = "transferred" if gone else earlier.determination if answered else None
    return {
        "earlier": (earlier.at, earlier.id) < (clue.at, clue.id),
        "earlier_closed": closed,
        "established": identity.established(session, clue, earlier, data),
        "shared_contact": identity.only_shared(session, clue, earlier),
    }


def _asked(doing: Doing) -> Facts:
    session, clue = doing.session, doing.clue
    rows = session.scalars(select(Asked).where(Asked.clue_id == clue.id)).all()
    today = base_day(doing.now)
    return {
        "ask_first": switches.switches(session, clue)["ask_first"],
        "contact": identity.has_contact(session, clue),
        "asked": any(row.how != "query_page" for row in rows),
        "waited": any(row.stands_until is not None and row.stands_until < today for row in rows),
    }


def _main(doing: Doing) -> Facts:
    session, clue = doing.session, doing.clue
    main = clue_of(session, doing.data.get("main"))
    if main is None or main.id == clue.id or not sees(session, doing.who, main):
        return {"main_takes": False}
    open_result = main.state == "to_tell" and main.determination == "P1"
    return {
        "main_takes": main.main_id is None
        and (main.state in ("to_determine", "designated", "verifying") or open_result),
        "one_owner": main.owner_unit_id == clue.owner_unit_id,
        "same_person": identity.proven(session, clue, main),
        "walled": bool({main.refused_ground, clue.refused_ground} & {"N2", "N4"})
        or _behind(session, clue) != _behind(session, main),
    }


def _behind(session: Session, clue: Clue) -> set[tuple[int | None, int | None]]:
    """From whom the clue is hidden: what is handled together is hidden from the same."""
    return {(row.user_id, row.unit_id) for row in walls.standing(session, clue.id)}


def _told(doing: Doing) -> Facts:
    session, clue = doing.session, doing.clue
    rows = telling.notices(session, clue)
    if clue.result is not None:
        rows += telling.group_results(session, clue)
    waits = [row for row in rows if row.clock and row.state == "queued"]
    states = {row.state for row in rows if row.clock}
    return {
        "told": bool(states) and not waits and "told" in states,
        "exhausted": bool(states) and not waits and "undelivered" in states,
        "nobody_to_tell": states == {"no_reporter"} or (not states and clue.notices_declined),
    }


def _untold(doing: Doing) -> Facts:
    if doing.data.get("notice"):
        return {"untold": 0}
    rows = telling.pending(doing.session, doing.clue, telling.RESULT_KINDS)
    return {"untold": max(0, len(rows) - 1)}


def _member(doing: Doing) -> Facts:
    told = [row for row in telling.notices(doing.session, doing.clue, telling.RESULT_KINDS) if row.told_at is not None]
    return {"member": doing.clue.main_id, "result_told": bool(told)}


def _unit_walled(doing: Doing) -> Facts:
    """Whether the clue is hidden from the unit it would come to."""
    unit = unit_named(doing.session, doing.data.get("unit"))
    to = unit.id if unit is not None else _referred(doing)["referred_by"] if doing.rule.id == "return" else None
    return {"unit_walled": to is not None and bool(walls.stands_before(doing.session, doing.clue.id, [to]))}


def _ground(doing: Doing) -> Facts:
    owner = doing.session.get_one(Unit, doing.clue.owner_unit_id)
    lists = scopes.scope_of(doing.session, owner, doing.clue.at)
    return {"ground_listed": doing.data.get("ground") in {ground.code for ground in lists.refused}}


def _handed_over(doing: Doing) -> Facts:
    done = select(HandOver.id).where(HandOver.clue_id == doing.clue.id)
    return {"refused_ground": doing.clue.refused_ground, "handed_over": doing.session.scalar(done) is not None}


def waits(kind: str) -> Callable[[Doing], Facts]:
    """Whether a clock of the kind runs, as `<kind>_open`."""

    def collect_waiting(doing: Doing) -> Facts:
        return {f"{kind}_open": clocks.running(doing.session, doing.clue, [kind]) is not None}

    return collect_waiting


COLLECTORS: dict[str, Callable[[Doing], Facts]] = {
    "due_ahead": lambda doing: {"due": doing.day("due")} if doing.data.get("due") else {},
    "ours": _ours,
    "unit_takes": _unit_takes,
    "unit_in_subtree": _subtree,
    "common_superior": _common,
    "not_common_yet": _common,
    "superior_above": lambda doing: {"superior": superior(doing.session, doing.clue.owner_unit_id) is not None},
    "issued_in_order": _issued,
    "referred_up": _referred,
    "ground_listed": _ground,
    "uninvolved": _unit_walled,
    "refused_as_n2": _handed_over,
    "refused_as_n4": _handed_over,
    "alone": lambda doing: {"alone": not group.members(doing.session, doing.clue)},
    "same_person": _earlier,
    "asked_first": _asked,
    "question_stood": _asked,
    "main_takes": _main,
    "is_member": _member,
    "has_handler": lambda doing: {"handler_now": doing.clue.handler_id},
    "all_told": _told,
    "every_reporter": _untold,
    "proved": lambda doing: {"proved": identity.proved(doing.session, doing.clue, doing.data)},
    "second_person_after_registration": group.second_person,
}
