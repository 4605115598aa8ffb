"""A recording with what is known of its call, as a raw intake: shared by the folder and by files handed over."""

from __future__ import annotations

import hashlib
from datetime import datetime, tzinfo
from typing import Any

from channels.phone.moments import ended, not_later, parse_seconds, parse_time
from channels.phone.sidecar import SideCar

VOICE_MAIL_WORDS = ("voicemail", "voice mail", "语音信箱", "语音留言", "留言")


def call_start(car: SideCar, zone: tzinfo) -> datetime | None:
    """The ring of the call where it is told, else its start."""
    return parse_time(car.ring, zone) or parse_time(car.start, zone)


def base_of(car: SideCar, zone: tzinfo, *, fallback: datetime, now: datetime) -> datetime:
    """The base of the clocks (PRODUCT §4): the ring of the answered call, of a voice mail its end; never the future."""
    start = call_start(car, zone)
    if start is None:
        return not_later(fallback, now)
    if any(word in car.disposition.lower() for word in VOICE_MAIL_WORDS):
        start = ended(start, parse_seconds(car.duration))
    return not_later(start, now)


def facts_of(car: SideCar, zone: tzinfo, *, recording: str, key: str, line: str = "") -> dict[str, Any]:
    """Transport facts for `normalize`: names under which later deliveries of the same call find each other.

    A call id only counts together with the day of the call: recorders start their counters again, and joining two
    callers in one clue would show one of them to the other's handler.
    """
    start = call_start(car, zone)
    facts: dict[str, Any] = {"recording": recording, "recording_key": f"rec:{hashlib.sha256(key.encode()).hexdigest()}"}
    if start is not None:
        facts["start"] = start.isoformat()
        if car.call_id:
            facts["call_key"] = f"call:{start.astimezone(zone):%Y%m%d}:{car.call_id}"
    if line:
        facts["line"] = line
    return facts
