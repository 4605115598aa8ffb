"""What people keep on their desks, and where clues lie: phrases, views, notes that name somebody, certificates, points.
Used by county.py.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from hub import casework, clock
from hub.access import certificates
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.models import Clue, Unit, Value
from hub.supervision import phrases, queue, views

if TYPE_CHECKING:
    from tests.browser.county import Hand

POINTS = ((28.5204, 112.1391), (28.5377, 112.1102), (28.3982, 111.9546), (28.6011, 112.2046))
"""Latitude and longitude in CGCS2000, in and around the county."""


def keep(hand: Hand, clues: list[int]) -> None:
    """Something in each list that a person fills for themself; a point for each of the clues."""
    load = hand.load
    name, words = load.much("回访开头", 5), load.much("您好，这里是{承办单位}，您{收到日期}反映的问题正在办理。", 6)
    hand.do("handler", lambda s, who: phrases.save(s, who, name, words))
    hand.do(
        "lead",
        lambda s, who: phrases.save(s, who, "请补充地点", "请说明是哪个村、哪个组，附近有什么标志。", shared=True),
    )
    view = load.much("邮件未判定", 4)
    for role in ("handler", "lead", "supervisor"):
        hand.do(role, lambda s, who: views.save(s, who, view, queue.Filters(channel="email", state="open")))
    asked = load.much("@handler @lead 请核对占地起止时间，明天上午一起去现场。", 6)
    hand.do("second", lambda s, who: casework.add_note(s, who, s.get_one(Clue, clues[0]), asked))
    hand.do("lead", _certified)
    hand.do("handler", lambda s, who: point(s, who, clues))


def point(session: Session, who: Actor, clues: list[int]) -> None:
    """Where each of the clues lies, as this person says."""
    for number, (lat, lon) in zip(clues, POINTS, strict=False):
        key = open_key(session, session.get_one(Clue, number).key_id)
        body = key.seal_json({"lat": lat, "lon": lon, "system": "CGCS2000"}, "clue.value")
        session.add(Value(clue_id=number, field="location", value=body, by_user=who.user_id))


def _certified(session: Session, who: Actor) -> None:
    """Three officers' certificates: one in order, one soon over, one that is over."""
    unit, today = session.get_one(Unit, who.unit_id), clock.today()
    for number, (name, left) in enumerate((("李核查", 400), ("陈测绘", 20), ("何外业", -3))):
        days = (today - timedelta(700), today + timedelta(left))
        certificates.register(session, who, unit, name, f"湘43092200{number + 1}", days)
