"""Clues of different reporters about the same act, handled together (Art. 13), and taken apart again as they were."""

from __future__ import annotations

from sqlalchemy import select

from hub.casework import facts, group
from hub.casework.acts import afterwards, effect, perform
from hub.casework.doing import Doing
from hub.casework.telling import RESULT_KINDS, result_of_earlier, take_back
from hub.casework.verification import running_verification, verified_with
from hub.models import Clue, Membership
from hub.terms import State


@effect("merge")
def merge(doing: Doing) -> None:
    """Touches verification and result only: the member keeps its determination, notice, clocks, replies and files."""
    clue = doing.clue
    main = facts.clue_of(doing.session, doing.data["main"])
    assert main is not None
    assert doing.user_id is not None
    doing.session.add(
        Membership(
            main_id=main.id, member_id=clue.id, own_state=clue.state, own_state_at=clue.state_at or clue.at,
            own_handler_id=clue.handler_id, joined_at=doing.at, by_user=doing.user_id, left_at=None, left_by=None,
        )
    )  # fmt: skip
    clue.main_id, clue.handler_id = main.id, main.handler_id
    doing.noted["main"] = main.id


@afterwards("merge")
def join_result(doing: Doing) -> None:
    """Who joins a group that has its result is told it within 5 working days of joining."""
    _share(doing, doing.clue)


@effect("unmerge")
def unmerge(doing: Doing) -> None:
    """State, owner, handler and clocks are what they would be had the clue never been merged."""
    clue = doing.clue
    row = group.membership(doing.session, clue)
    assert row is not None
    assert doing.user_id is not None
    doing.target = row.own_state
    if clue.result is not None:
        take_back(doing, RESULT_KINDS)
        clue.result = None
    clue.main_id, clue.handler_id = None, row.own_handler_id
    row.left_at, row.left_by = doing.at, doing.user_id
    doing.noted |= {"main": row.main_id, "restored": row.own_state}


@afterwards("unmerge")
def own_time(doing: Doing) -> None:
    """The time of the state is that of the act that led to it, not of the merge."""
    row = doing.session.scalars(
        select(Membership).where(Membership.member_id == doing.clue.id).order_by(Membership.id.desc())
    ).first()
    assert row is not None
    doing.clue.state_at = row.own_state_at
    doing.session.flush()


@afterwards("determine.member")
def accepted_in_group(doing: Doing) -> None:
    """On its own it would now be verified; where the group has its result already, it is told it."""
    row = group.membership(doing.session, doing.clue)
    assert row is not None
    row.own_state, row.own_state_at = State.VERIFYING, doing.at
    _share(doing, doing.clue)


@effect("result.own")
def own_result(doing: Doing) -> None:
    """What the group's verification found of this member alone; the group's own result does not reach it any more."""
    row = group.membership(doing.session, doing.clue)
    verified = running_verification(doing.session, verified_with(doing))
    assert row is not None
    assert verified is not None  # the guards have looked
    row.own_result = True
    doing.clue.result = str(doing.data["result"])
    doing.noted |= {"main": row.main_id, "verification": verified.id}


@effect("result.member")
def take_result(doing: Doing) -> None:
    doing.clue.result = str(doing.data["result"])


@afterwards("verify.end", "result.member", "transfer.result")
def spread_result(doing: Doing) -> None:
    """Every determined member gets the result, each told separately; so does the reporter of a duplicate."""
    session, clue = doing.session, doing.clue
    for member in group.members(session, clue):
        _share(doing, member)
    for duplicate in session.scalars(select(Clue).where(Clue.duplicate_of == clue.id).order_by(Clue.id)):
        result_of_earlier(doing, duplicate)


def _share(doing: Doing, member: Clue) -> None:
    main = doing.session.get_one(Clue, member.main_id)
    if main.result is None or member.determination != "P1" or member.state != State.MERGED:
        return
    day = doing.day("ended") if doing.rule.id == "verify.end" else doing.at
    perform(doing.session, member, "result.member", {"result": main.result, "joined": day}, doing.at)
