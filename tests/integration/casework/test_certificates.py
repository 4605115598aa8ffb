"""The ledger of certificates decides who may verify; what was stated counts only for officers it does not know."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from hub import casework, db
from hub.access import certificates
from hub.jurisdiction import units
from hub.models import Certificate, Clue, Officer
from tests.integration.casework.conftest import COUNTY, Desk

STATED = {"valid_from": "2025-01-01", "valid_until": "2027-12-31"}
OFFICERS = [
    {"name": "张三", "certificate": "湘1", **STATED},
    {"name": "李四", "certificate": "湘2", **STATED},
]


def enter(number: str, name: str, *valid: date) -> int:
    with db.transaction() as session:
        unit = units.by_code(session, COUNTY)
        assert unit is not None
        return certificates.register(session, None, unit, name, number, (valid[0], valid[1])).id


def start(desk: Desk, number: int) -> Any:
    who = desk.who()
    with db.transaction() as session:
        clue = session.get_one(Clue, number)
        if clue.state == "to_determine":
            casework.apply(session, who, clue, "determine.P1", {"place": COUNTY, "class": "T2"})
        casework.apply(session, who, clue, "verify.start", {"officers": OFFICERS, "started": "2026-03-02"})


def test_the_ledger_wins_over_what_was_stated(desk: Desk) -> None:
    enter("湘1", "张山", date(2025, 1, 1), date(2027, 12, 31))
    start(desk, desk.clue())
    with db.reading() as session:
        assert {row.certificate: row.name for row in session.scalars(select(Officer))} == {"湘1": "张山", "湘2": "李四"}


def test_run_out_or_withdrawn_certificates_are_refused(desk: Desk) -> None:
    enter("湘1", "张三", date(2024, 1, 1), date(2026, 3, 1))  # the visit is a day later
    clue = desk.clue()
    with pytest.raises(casework.RefusedError) as found:
        start(desk, clue)
    assert (found.value.rule, found.value.name) == ("verify.start", "two_officers")
    row = enter("湘2", "李四", date(2024, 1, 1), date(2027, 1, 1))
    who = desk.who(role="lead")
    with db.transaction() as session:
        certificates.withdraw(session, who, session.get_one(Certificate, row), date(2026, 3, 2))
        known = certificates.known(session, "湘2")
        assert known is not None
        assert certificates.last_day(known) == date(2026, 3, 1)
        assert certificates.of_unit(session, known.unit_id, date(2026, 3, 2)) == []
        assert [row.number for row in certificates.of_unit(session, known.unit_id, date(2026, 3, 1))] == ["湘1", "湘2"]


@pytest.mark.parametrize(
    ("name", "number", "valid"),
    [
        ("", "湘9", (date(2025, 1, 1), date(2026, 1, 1))),
        ("张三", " ", (date(2025, 1, 1), date(2026, 1, 1))),
        ("张三", "湘9", (date(2026, 1, 2), date(2026, 1, 1))),
        ("张" * 61, "湘9", (date(2025, 1, 1), date(2026, 1, 1))),
        ("张三", "湘1", (date(2025, 1, 1), date(2026, 1, 1))),
    ],
)
def test_what_the_ledger_does_not_take(desk: Desk, name: str, number: str, valid: tuple[date, date]) -> None:
    enter("湘1", "张三", date(2025, 1, 1), date(2027, 12, 31))
    with pytest.raises(certificates.CertificateError):
        enter(number, name, *valid)


def test_a_visit_before_the_renewal_is_judged_by_the_certificate_of_its_day(desk: Desk) -> None:
    old = enter("湘1", "张三", date(2024, 1, 1), date(2026, 3, 31))
    who = desk.who(role="lead")
    with db.transaction() as session:
        certificates.withdraw(session, who, session.get_one(Certificate, old), date(2026, 4, 1))
    enter("湘1", "张三", date(2026, 4, 1), date(2029, 3, 31))
    start(desk, desk.clue())
    with db.reading() as session:
        rows = session.scalars(select(Officer).where(Officer.certificate == "湘1")).all()
        assert [row.valid_until for row in rows] == [date(2026, 3, 31)]
