"""Clues and intakes that belong together: split, follow-ups, cases; told by a person."""

from __future__ import annotations

from datetime import datetime, time

from sqlalchemy import select

from channels.registry import channels
from hub.access.sealing import open_key
from hub.casework import telling
from hub.casework.acts import effect
from hub.casework.doing import Doing, day_of
from hub.casework.jurisdiction import move
from hub.casework.opening import Opening, open_clue
from hub.law.deadlines import BEIJING, base_day
from hub.models import Clue, ClueReporter, FollowUp, Intake, IntakeClue, Notice


@effect("split")
def split(doing: Doing) -> None:
    """A second violation in the same report: a clue of its own, with the same intakes, reporters and base time."""
    session, clue = doing.session, doing.clue
    title = open_key(session, clue.key_id).text(clue.title, "clue.title")
    made = open_clue(
        session,
        Opening(
            channel=clue.channel, number=channels()[clue.channel].number, sub_channel=clue.sub_channel,
            unit_id=clue.received_unit_id, at=clue.at, title=title, mode=clue.report_mode, split_from=clue.id,
        ),
    )  # fmt: skip
    for intake_id in session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == clue.id)):
        session.add(IntakeClue(intake_id=intake_id, clue_id=made.id))
    for row in session.scalars(select(ClueReporter).where(ClueReporter.clue_id == clue.id)):
        session.add(ClueReporter(clue_id=made.id, reporter_id=row.reporter_id, intake_id=row.intake_id))
    session.flush()
    _follow_owner(doing, made)
    doing.made, doing.noted["made"] = made, made.id


def _follow_owner(doing: Doing, made: Clue) -> None:
    if made.owner_unit_id != doing.clue.owner_unit_id:
        other = Doing(doing.session, doing.who, made, doing.rule, {}, doing.at, doing.now)
        move(other, doing.clue.owner_unit_id)
        made.handler_id = doing.clue.handler_id


@effect("follow_up")
def follow_up(doing: Doing) -> None:
    """A later contact of a proven reporter. A withdrawal is an event: work goes on, notices may be declined."""
    data = doing.data
    intake = _own_intake(doing)
    doing.session.add(
        FollowUp(
            clue_id=doing.clue.id, intake_id=intake, kind=str(data["kind"]),
            proof=str(data["proof"]), at=doing.at, by_user=doing.user_id,
        )
    )  # fmt: skip
    if intake is not None and doing.session.get(IntakeClue, (intake, doing.clue.id)) is None:
        doing.session.add(IntakeClue(intake_id=intake, clue_id=doing.clue.id))
    if data["kind"] == "withdrawal" and data.get("decline") is True:
        doing.clue.notices_declined = True
    doing.session.flush()


def _own_intake(doing: Doing) -> int | None:
    """The intake the contact came by, where there is one: of the person's own unit, which alone may link it."""
    told = doing.data.get("intake")
    if told in (None, ""):
        return None
    row = doing.session.get(Intake, told) if isinstance(told, int) and not isinstance(told, bool) else None
    if row is None or (doing.who is not None and row.unit_id != doing.who.unit_id):
        raise doing.refused("没有这份来件，或来件由其他单位接收", "value", "intake")
    return row.id


@effect("tell.determination", "tell.no_violation", "tell.violation")
def told_by_person(doing: Doing) -> None:
    """A person handed the notice over: spoken receipt, call answered, letter posted, written reply."""
    kinds = telling.DETERMINATION_KINDS if doing.rule.id == "tell.determination" else telling.RESULT_KINDS
    wanted = doing.data.get("notice")
    rows: list[Notice] = [
        row for row in telling.pending(doing.session, doing.clue, kinds) if wanted in (None, "", row.id)
    ]
    if not rows:
        raise doing.refused("没有待告知的内容", "guard", "notice")
    given = doing.data["told_at"]
    moment = _moment(given, doing.at)
    if moment > doing.now:
        raise doing.refused("告知时间不能晚于现在", "time", "told_at")
    if any(moment < (row.asked_at or row.created) and base_day(moment) < base_day(row.created) for row in rows):
        raise doing.refused("告知时间不能早于作出判定", "time", "told_at")
    for row in rows:
        row.state, row.told_at = "told", moment
        row.evidence = f"person: {doing.data['evidence']}"[:300]
    doing.session.flush()
    doing.noted["notices"] = [row.id for row in rows]


def _moment(given: object, at: datetime) -> datetime:
    """A moment with its zone; of a bare day the act's own time, or the end of an earlier day."""
    if isinstance(given, str) and "T" in given:
        given = datetime.fromisoformat(given)
    if isinstance(given, datetime) and given.tzinfo is not None:
        return given
    day = day_of(given)
    return at if day is None or day == base_day(at) else datetime.combine(day, time(23, 59, 59), BEIJING)
