"""Who acts besides the unit that holds a clue: other departments, assisting units; and rules that differ by place."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Stamp, Str


class Transfer(Base):
    """A clue sent to another department outside the hub (Art. 20), with what came back.

    state: sent (the transferring unit answers), received (its receipt is filed), answered (its result is entered),
    back (no receipt in time, or taken back). The documents are sealed under the clue's key; their hashes stand plain.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("state in ('sent','received','answered','back')", name="state"),
        CheckConstraint("stage in ('discover','verify','punish')", name="stage"),
        CheckConstraint("from_state in ('to_determine','designated')", name="from_state"),
        CheckConstraint("state <> 'received' or receipt_no <> ''", name="receipt"),
        CheckConstraint("(state = 'answered') = (result is not null)", name="answered"),
        CheckConstraint("result in ('R0','R1')", name="result"),
        CheckConstraint("(state = 'back') = (back_at is not null)", name="back"),
        Index("uq_transfer_open", "clue_id", unique=True, postgresql_where=text("state in ('sent','received')")),
        Index("ix_transfer_clue", "clue_id"),
    )
    id: Mapped[Id]
    number: Mapped[Str] = mapped_column(unique=True)
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))  # who transfers and answers until the receipt
    department: Mapped[Str]
    stage: Mapped[Str]
    from_state: Mapped[Str]
    identity: Mapped[bool]  # with the reporter's recorded consent the package names them
    state: Mapped[Str] = mapped_column(server_default="sent")
    at: Mapped[Moment]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    slip: Mapped[bytes] = mapped_column(LargeBinary)
    slip_sha256: Mapped[Str]
    package: Mapped[bytes] = mapped_column(LargeBinary)
    package_sha256: Mapped[Str]
    receipt_no: Mapped[Str] = mapped_column(server_default="")
    received_at: Mapped[Moment | None]
    answer_no: Mapped[Str] = mapped_column(server_default="")
    result: Mapped[str | None]
    answered_at: Mapped[Moment | None]
    back_at: Mapped[Moment | None]


class Competence(Base):
    """A dated row of the competence map: which department acts in an area, on a matter, at a stage (Art. 20, E11).

    `division` "": everywhere; `matter` "": any class, else a class code. `unit_id`: the department's own unit in the
    hub, none where it is outside. `contact` is an office's public address or phone.
    """

    __tablename__ = "competence"
    __table_args__ = (
        CheckConstraint("stage in ('discover','verify','punish')", name="stage"),
        CheckConstraint(
            "matter in ('','T1','T2','T3','T4','T5','K1','K2','K3','K4','K5')",
            name="matter",
        ),
        CheckConstraint("until is null or until > since", name="dates"),
        CheckConstraint("department <> '' and source <> ''", name="named"),
        Index("ix_competence_division", "division", "stage"),
    )
    id: Mapped[Id]
    division: Mapped[Str]
    matter: Mapped[Str]
    stage: Mapped[Str]
    department: Mapped[Str]
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))
    contact: Mapped[Str] = mapped_column(server_default="")
    source: Mapped[Str]  # the rule or decision it rests on
    since: Mapped[date]
    until: Mapped[date | None]  # the first day it no longer holds
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]


class LocalSwitch(Base):
    """A choice of a jurisdiction where no source settles one (D9), in force from a day on, put there by two people."""

    __tablename__ = "local_switch"
    __table_args__ = (
        CheckConstraint("confirmed_by is null or confirmed_by <> by_user", name="second_person"),
        CheckConstraint("(confirmed_by is null) = (confirmed_at is null)", name="confirmed"),
        Index("uq_local_switch_row", "unit_id", "channel", "name", "since", unique=True),
    )
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))  # its area: it and everything below
    channel: Mapped[Str] = mapped_column(server_default="")  # "": all
    name: Mapped[Str]
    value: Mapped[dict[str, Any]]  # {"value": …}
    since: Mapped[date]
    reason: Mapped[Str]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]
    confirmed_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    confirmed_at: Mapped[Moment | None]


class Assist(Base):
    """A unit that helps the main unit with a clue (E6): it sees the clue and may add records and opinions."""

    __tablename__ = "clue_assist"
    __table_args__ = (
        CheckConstraint("until is null or until >= since", name="dates"),
        Index("uq_clue_assist_open", "clue_id", "unit_id", unique=True, postgresql_where=text("until is null")),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    act: Mapped[Str]  # which act named it
    since: Mapped[Moment]
    until: Mapped[Moment | None]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class Objection(Base):
    """A designated unit objects; the designator reviews it (E8). It stops nothing.

    state: open, upheld (another unit is designated), dismissed, lapsed (the unit was designated anew or decided).
    """

    __tablename__ = "objection"
    __table_args__ = (
        CheckConstraint("state in ('open','upheld','dismissed','lapsed')", name="state"),
        CheckConstraint("(state = 'open') = (decided_at is null)", name="decided"),
        Index("uq_objection_open", "clue_id", unique=True, postgresql_where=text("state = 'open'")),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))  # who objects
    designator_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))  # who reviews
    state: Mapped[Str] = mapped_column(server_default="open")
    at: Mapped[Moment]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    decided_at: Mapped[Moment | None]
    decided_by: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class UnitPlace(Base):
    """The dated map unit ↔ places where it differs from the unit's own code: zones, branch bureaus, merged areas."""

    __tablename__ = "unit_place"
    __table_args__ = (
        CheckConstraint("until is null or until > since", name="dates"),
        UniqueConstraint("unit_id", "division", "since"),
        Index("ix_unit_place_division", "division"),
    )
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    division: Mapped[Str]  # 6 digits, 9 for a town
    since: Mapped[date]
    until: Mapped[date | None]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class UnitChange(Base):
    """What became of a unit, dated: nothing of its history is overwritten (E12)."""

    __tablename__ = "unit_change"
    __table_args__ = (
        CheckConstraint("kind in ('set_up','rename','move','close')", name="kind"),
        Index("ix_unit_change_unit", "unit_id", "since"),
    )
    id: Mapped[Id]
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[Str]
    since: Mapped[date]
    before: Mapped[dict[str, Any]]  # name, parent, as it was
    after: Mapped[dict[str, Any]]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    at: Mapped[Stamp]
