"""The ledger of enforcement certificates: who of a unit may verify on which day (PRODUCT F1, I9)."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.access import audit
from hub.access.people import Actor
from hub.models import Certificate, Unit, User

LONGEST = 60  # characters of a number or name


class CertificateError(ValueError):
    """An entry the ledger does not take; the message says why, in Chinese."""


def register(
    session: Session, who: Actor | None, unit: Unit, name: str, number: str, valid: tuple[date, date],
    user_id: int | None = None,
) -> Certificate:  # fmt: skip
    """Enters a certificate, valid from the first to the second day inclusive. A number in force stands once."""
    name, number = name.strip(), number.strip()
    if not name or not number or max(len(name), len(number)) > LONGEST:
        raise CertificateError(f"姓名和证号须填写，各不超过 {LONGEST} 字")
    if valid[0] > valid[1]:
        raise CertificateError("有效期起不能晚于有效期止")
    if standing(session, number) is not None:
        raise CertificateError(f"证号 {number} 已在台账中")
    if user_id is not None and session.get(User, user_id) is None:
        raise CertificateError("没有这个人员")
    row = Certificate(
        unit_id=unit.id, user_id=user_id, name=name, number=number, valid_from=valid[0], valid_until=valid[1],
        withdrawn_on=None, withdrawn_by=None, by_user=who.user_id if who else None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    data = {"certificate": row.id, "until": valid[1].isoformat()}
    audit.record(session, f"unit:{unit.id}", "certificate.register", actor=who.label if who else "system", data=data)
    return row


def withdraw(session: Session, who: Actor, row: Certificate, day: date) -> None:
    """Ends a certificate from `day` on; what was verified before stays valid."""
    if row.withdrawn_on is not None:
        raise CertificateError("该证已注销")
    row.withdrawn_on, row.withdrawn_by = day, who.user_id
    session.flush()
    data = {"certificate": row.id, "on": day.isoformat()}
    audit.record(session, f"unit:{row.unit_id}", "certificate.withdraw", actor=who.label, data=data)


def known(session: Session, number: str, day: date | None = None) -> Certificate | None:
    """The certificate of a number: the one good on `day`, else one in force before one withdrawn, the latest first.

    A renewed certificate may bear its old number: a visit is judged by the one of its day.
    """
    rows = select(Certificate).where(Certificate.number == number)
    found = session.scalars(rows.order_by(Certificate.withdrawn_on.is_not(None), Certificate.id.desc())).all()
    good = [row for row in found if day is not None and row.valid_from <= day <= last_day(row)]
    return next(iter([*good, *found]), None)


def standing(session: Session, number: str) -> Certificate | None:
    """The certificate of a number that was not withdrawn: a renewed one may bear the number of the one before."""
    row = known(session, number)
    return row if row is not None and row.withdrawn_on is None else None


def last_day(row: Certificate) -> date:
    """The last day on which it is good."""
    return row.valid_until if row.withdrawn_on is None else min(row.valid_until, row.withdrawn_on - timedelta(days=1))


def of_unit(session: Session, unit_id: int, day: date) -> list[Certificate]:
    """The certificates of a unit that are good on `day`, to choose officers from."""
    rows = select(Certificate).where(
        Certificate.unit_id == unit_id, Certificate.valid_from <= day, Certificate.valid_until >= day,
        or_(Certificate.withdrawn_on.is_(None), Certificate.withdrawn_on > day),
    )  # fmt: skip
    return list(session.scalars(rows.order_by(Certificate.name, Certificate.number)))


def ledger(session: Session, unit_id: int) -> list[Certificate]:
    """All certificates a unit ever had, those that run out first on top."""
    rows = select(Certificate).where(Certificate.unit_id == unit_id)
    return list(session.scalars(rows.order_by(Certificate.withdrawn_on.is_not(None), Certificate.valid_until)))
