"""What the cases of transfers, assisting units, objections and local switches say, put into the database."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hub.jurisdiction import units
from hub.models import Assist, Competence, LocalSwitch, Objection, Transfer, Unit

DEPARTMENT, INSIDE, LONG_AGO = "农业农村主管部门", "150821-nm", date(2020, 1, 1)


def arrange(case: Any) -> None:
    """`case`: the Case of tests/law/arranged.py, its clue standing."""
    act, state = case.row["act"], case.row["state"]
    if act == "transfer.inside" and case.facts.get("unit") == INSIDE:
        inside(case, listed=bool(case.facts.get("competent")))
    if act == "transfer" and case.facts.get("inside"):
        case.data["department"] = inside(case, listed=True).name
    if act == "transfer.refuse" and case.facts.get("transferred_by"):
        case.hop("transfer.inside", "150800", "150821", [])
    if state == "transferred" or act == "reopen.transfer":
        transfer(case, "answered" if act == "reopen.transfer" else "sent")
    if case.facts.get("objection"):
        city = units.by_code(case.session, "150800")
        case.session.add(
            Objection(clue_id=case.clue.id, unit_id=case.clue.owner_unit_id, designator_id=city.id, at=case.clue.at,
                      by_user=None, decided_at=None, decided_by=None)
        )  # fmt: skip
    if case.facts.get("assists") or case.rule.by == "assisting":
        for code in case.data.get("assisting") or ["150822"]:
            assist(case, code)
    if case.facts.get("handed_down_by"):
        case.hop("hand_down", "150800", "150821", [])
    if case.facts.get("direct"):
        switch(case, "direct", value=True)
    if case.facts.get("unit_closed"):
        gone = units.by_code(case.session, case.data["unit"])
        gone.active, gone.closed_on = False, LONG_AGO
    case.session.flush()


def inside(case: Any, *, listed: bool) -> Unit:
    county = units.by_code(case.session, "150821")
    new = units.NewUnit(INSIDE, "五原县农业农村局", "county", "department")
    unit = units.set_up(case.session, new, county, LONG_AGO)
    if listed:
        case.session.add(
            Competence(division="150821", matter="", stage=case.facts.get("stage", "verify"), department=unit.name,
                       unit_id=unit.id, source="三定规定", since=LONG_AGO, until=None, by_user=case.some_user())
        )  # fmt: skip
    return unit


def transfer(case: Any, state: str) -> None:
    done = state == "answered"
    receipt = "1号" if case.facts.get("receipt") or done else ""
    case.session.add(
        Transfer(number=f"{case.clue.no}-ZJ1", clue_id=case.clue.id, unit_id=case.clue.owner_unit_id,
                 department=DEPARTMENT, stage="verify", from_state="to_determine", identity=False, at=case.clue.at,
                 by_user=case.some_user(), slip=b"", slip_sha256="", package=b"", package_sha256="",
                 state="received" if receipt and not done else state, receipt_no=receipt,
                 received_at=None, result="R0" if done else None, answered_at=None, back_at=None)
    )  # fmt: skip


def assist(case: Any, code: str) -> Unit:
    unit = units.by_code(case.session, code)
    assert unit is not None
    case.session.add(
        Assist(clue_id=case.clue.id, unit_id=unit.id, act="assist.add", since=case.clue.at, until=None, by_user=None)
    )
    return unit


def switch(case: Any, name: str, value: object) -> None:
    """A row of the city, by two people, older than the clue."""
    city = units.by_code(case.session, "150800")
    assert city is not None
    case.session.add(
        LocalSwitch(unit_id=city.id, name=name, value={"value": value}, since=LONG_AGO, reason="市局文件",
                    by_user=case.some_user(), confirmed_by=case.some_user(),
                    confirmed_at=case.clue.at - timedelta(days=1))
    )  # fmt: skip
