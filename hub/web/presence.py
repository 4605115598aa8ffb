"""Who looks at a clue now, and who is filling in a form on it (C4): kept in Valkey for less than a minute.

Colleagues of the own unit see one another, nobody else does. It is a courtesy: without Valkey it is silent, and what
protects work is the version of the clue.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import redis
import structlog
from flask import Blueprint, abort, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub import db
from hub.access import people, walls
from hub.access.people import Actor
from hub.models import ClueUnit, User
from hub.supervision.queue import PAGE
from hub.terms import Role
from hub.web.security import me, signed_in
from hub.work import wake

bp = Blueprint("presence", __name__)
log = structlog.get_logger("hub.presence")

SECONDS = 45.0
"""How long a page counts as open after its last word; it speaks every 20 s."""
SHOWN = frozenset({Role.OPERATOR, Role.MAILROOM, Role.HANDLER, Role.LEAD, Role.SUPERVISOR})
"""Whose presence is shown: who works with clues. Who audits or counts looks unseen."""
Here = dict[int, list[tuple[int, bool]]]


def _key(unit_id: int, clue_id: int) -> str:
    return f"here:{unit_id}:{clue_id}"


def _read(members: Sequence[bytes]) -> list[tuple[int, bool]]:
    """(person, whether they write) of each who is there, each person once."""
    found: dict[int, bool] = {}
    for member in members:
        person, _, mode = member.decode().partition(":")
        found[int(person)] = found.get(int(person), False) or mode == "e"
    return sorted(found.items())


def note(who: Actor, clue_id: int, mode: str) -> bool:
    """The person looks ("v"), writes ("e") or has left (""). Returns whether that is news to the others."""
    key, now = _key(who.unit_id, clue_id), time.time()
    try:
        with wake.client().pipeline() as pipe:
            pipe.zremrangebyscore(key, "-inf", now)
            pipe.zrange(key, 0, -1)
            pipe.zrem(key, f"{who.user_id}:v", f"{who.user_id}:e")
            if mode:
                pipe.zadd(key, {f"{who.user_id}:{mode}": now + SECONDS})
            pipe.expire(key, int(SECONDS) + 5)
            before = dict(_read(pipe.execute()[1]))
    except redis.RedisError as error:
        log.warning("presence_unknown", error=type(error).__name__)
        return False
    return before.get(who.user_id) != ({"v": False, "e": True}.get(mode))


def present(who: Actor, clue_ids: Sequence[int]) -> Here:
    """Who else of the person's unit is at these clues."""
    now = time.time()
    try:
        with wake.client().pipeline(transaction=False) as pipe:
            for number in clue_ids:
                pipe.zrangebyscore(_key(who.unit_id, number), now, "+inf")
            rows = pipe.execute()
    except redis.RedisError as error:
        log.warning("presence_unknown", error=type(error).__name__)
        return {}
    found = {number: _read(row) for number, row in zip(clue_ids, rows, strict=True)}
    others = {number: [one for one in there if one[0] != who.user_id] for number, there in found.items()}
    return {number: there for number, there in others.items() if there}


def _visible(session: Session, who: Actor, ids: Sequence[int]) -> list[int]:
    """Those of the clues that the person may see: of the others not even presence is told."""
    wanted = [number for number in ids if 0 < number < 2**63][:PAGE]
    query = people.visible(who).where(ClueUnit.clue_id.in_(wanted)).with_only_columns(ClueUnit.clue_id)
    return list(session.scalars(query)) if wanted else []


def _named(session: Session, found: Here) -> dict[str, list[tuple[str, bool]]]:
    ids = {person for there in found.values() for person, _ in there}
    names = {user.id: user.name for user in session.scalars(select(User).where(User.id.in_(ids)))} if ids else {}
    return {
        str(clue): [(names[person], writes) for person, writes in there if person in names]
        for clue, there in found.items()
    }  # fmt: skip


@bp.get("/here")
@signed_in(*people.CONTENT_ROLES)
def look() -> dict[str, list[tuple[str, bool]]]:
    """Clue → colleagues at it and whether they write, for the rows of the queue."""
    with db.reading() as session:
        ids = _visible(session, me(), request.args.getlist("c", type=int)[:PAGE])
        return _named(session, present(me(), ids)) if ids else {}


@bp.post("/here")
@signed_in(*people.CONTENT_ROLES)
def beat() -> dict[str, list[tuple[str, bool]]]:
    """This page is open, has a form in work, or is left; answers who else is there."""
    clue = request.form.get("clue", 0, type=int)
    mode = "" if request.form.get("leave") else "e" if request.form.get("editing") else "v"
    with db.transaction() as session:
        if not _visible(session, me(), [clue]):
            abort(404)
        if me().has(SHOWN) and note(me(), clue, mode):
            told = {"h": clue, "u": [me().unit_id], "not": sorted(walls.people_behind(session, clue))}
            session.execute(select(func.pg_notify("hub_live", json.dumps(told))))
        return _named(session, present(me(), [clue])) if mode else {}
