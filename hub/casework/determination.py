"""What the determinations change: P1, P3, P4, P5, asking the reporter, and a clue that turns out to be none."""

from __future__ import annotations

from datetime import date

from hub.casework import clocks, facts, group
from hub.casework.acts import effect, perform
from hub.casework.doing import Doing
from hub.casework.telling import LEGAL_KINDS, RESULT_KINDS, take_back
from hub.law import deadlines
from hub.models import Asked
from hub.terms import State

QUESTION_DAYS = 7  # working days a question stands on the query page (PRODUCT §5, P5)


@effect("determine.P1", "determine.member")
def accept(doing: Doing) -> None:
    """In scope and ours. Place and class of the act count as confirmed by it."""
    clue = doing.clue
    clue.determination = "P1"
    clue.division, clue.division_confirmed, clue.ambiguous = str(doing.value("place"))[:6], True, False
    clue.class_code, clue.class_confirmed = str(doing.value("class")), True


@effect("determine.P3")
def refuse(doing: Doing) -> None:
    doing.clue.determination, doing.clue.refused_ground = "P3", str(doing.data["ground"])


@effect("determine.P4")
def repeat(doing: Doing) -> None:
    """Stays linked to the earlier clue; its reporter also gets that clue's result."""
    earlier = facts.clue_of(doing.session, doing.data["earlier_clue"])
    assert earlier is not None
    doing.clue.determination, doing.clue.duplicate_of = "P4", earlier.id


@effect("determine.P5")
def want_more(doing: Doing) -> None:
    """Names what is missing. Without a contact the question stands on the query page."""
    doing.clue.determination = "P5"
    if not doing.facts.get("contact"):
        _stand(doing, "query_page")


@effect("ask")
def ask_reporter(doing: Doing) -> None:
    _stand(doing, str(doing.data["how"]))


def _stand(doing: Doing, how: str) -> None:
    until: date | None = None
    if how == "query_page":
        days = clocks.calendar_of(doing.session, doing.clue.owner_unit_id)
        until = deadlines.due(deadlines.base_day(doing.at), QUESTION_DAYS, days).due
    doing.session.add(
        Asked(
            clue_id=doing.clue.id, how=how, missing=str(doing.data["missing"]), at=doing.at, stands_until=until,
            by_user=doing.user_id,
        )
    )  # fmt: skip
    doing.session.flush()


@effect("close.not_a_clue")
def none_at_all(doing: Doing) -> None:
    doing.noted["proposed_by"] = doing.facts.get("by")


@effect("reopen.determination")
def determine_again(doing: Doing) -> None:
    """The earlier determination stays in the log; the clue is determined anew in 7 working days."""
    clue = doing.clue
    doing.noted["before"] = {"determination": clue.determination, "result": clue.result}
    take_back(doing, LEGAL_KINDS)
    if clue.main_id is not None:  # it was accepted together with others; what it is now is open again
        _leave(doing)
    clue.determination = clue.refused_ground = clue.duplicate_of = clue.result = None


@effect("reopen.result")
def verify_again(doing: Doing) -> None:
    """The earlier result stays in the log; the right one is told in 5 working days. The group is corrected with it."""
    doing.noted["before"] = {"result": doing.clue.result}
    take_back(doing, RESULT_KINDS)
    if doing.clue.main_id is not None:
        _leave(doing)
    for member in group.members(doing.session, doing.clue):
        row = group.membership(doing.session, member)
        if member.state in (State.TO_TELL, State.CLOSED) and row is not None and not row.own_result:
            perform(doing.session, member, "reopen.member", {}, doing.at)
    doing.clue.result = None


@effect("reopen.member")
def member_again(doing: Doing) -> None:
    doing.noted["before"] = {"result": doing.clue.result}
    take_back(doing, RESULT_KINDS)
    doing.clue.result = None


def _leave(doing: Doing) -> None:
    """A member with a result of its own goes its own way from here."""
    row = group.membership(doing.session, doing.clue)
    if row is not None and doing.user_id is not None:
        row.left_at, row.left_by = doing.at, doing.user_id
    doing.clue.main_id = None
