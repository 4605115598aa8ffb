"""What the cases of major clues, orders, objections and own results find in the database."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from hub.access import audit
from hub.models import Clock, Intake, KindObjection, Officer, Satisfaction, SiteRecord, Verification

ELSEWHERE = {"extend": "test_orders", "set_kind.objection": "test_objection"}
IMPOSSIBLE = {"own-result-not-in-a-group"}
"""The database itself refuses a merged clue without a group."""


def arrange(case: Any) -> None:
    """Brings the facts of a case's row into the database."""
    case.clue.importance = case.facts.get("importance_now", "ordinary")
    for kind in ("letter", "order", "referral", "publish"):
        if case.facts.get(f"{kind}_open"):
            _clock(case, kind)
    if case.facts.get("rated"):
        rated = Satisfaction(
            clue_id=case.clue.id, reporter_id=None, score=3, words=None, at=case.clue.at, by_user=None
        )  # fmt: skip
        case.session.add(rated)
    if case.row["act"] == "result.own" and case.facts.get("started"):
        _verified(case)
    if case.row["act"] == "reopen.objection" and case.row["state"] == "closed":
        _closed_as_none(case)


def _clock(case: Any, kind: str) -> None:
    day = case.now.date()
    case.session.add(
        Clock(clue_id=case.clue.id, kind=kind, number=1, unit_id=case.clue.owner_unit_id, rule="", base=day, days=0,
              due=day + timedelta(days=5), provisional=False, article="", stopped_at=None)
    )  # fmt: skip


def _verified(case: Any) -> None:
    row = Verification(clue_id=case.clue.main_id, number=1, unit_id=case.clue.owner_unit_id, ended=None, result=None,
                       started=date.fromisoformat(case.facts["started"]), by_user=case.some_user())  # fmt: skip
    case.session.add(row)
    case.session.flush()
    for one in case.facts["officers"]:
        until = date.fromisoformat(one["valid_until"])
        case.session.add(
            Officer(
                verification_id=row.id, certificate=one["certificate"], name="甲", valid_from=None, valid_until=until
            )
        )
    if "last_record" in case.facts:
        case.session.add(
            SiteRecord(verification_id=row.id, visited=date.fromisoformat(case.facts["last_record"]), crs="",
                       area_unit="", land_kind="", elements={}, found=b"", photos=[], by_user=row.by_user)
        )  # fmt: skip


def _closed_as_none(case: Any) -> None:
    clue = case.clue
    reason = case.facts["close_reason"]
    clue.close_reason, clue.determination = reason, case.facts.get("determination")
    clue.refused_ground = "N3" if clue.determination == "P3" else None
    clock = case.session.scalars(select(Clock).where(Clock.clue_id == clue.id)).one()
    clock.stopped_at, clock.ended_as = clue.at, "superseded"
    clue.state_at = clue.at
    audit.record(case.session, f"clue:{clue.id}", "close.not_a_clue", data={"from": "to_determine", "to": "closed"})
    if case.facts.get("objected"):
        intake = case.intake(clue)
        case.session.get_one(Intake, intake).kind = "other"
        case.session.add(
            KindObjection(intake_id=intake, clue_id=clue.id, decision_id=None, by_user=case.some_user(), at=case.now)
        )
