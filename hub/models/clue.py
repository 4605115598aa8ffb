"""The clue, who may see it, its clocks and confirmed values."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Sealed, Stamp, Str
from hub.terms import State

_STATES = ",".join(f"'{state}'" for state in State)
_CLOSE_REASONS = "'out_of_scope','duplicate','supplement','no_violation','violation','not_a_clue','transferred'"
_CLOCKS = "'determination','escalation','after_designation','result','hand_down','wall',"
_CLOCKS += "'major_report','letter','order','referral','transfer','publish'"
AHEAD = "extract(epoch from at - recorded_at) > 600"
"""Clues whose moment lies more than ten minutes after their record: those of a demo whose clock was moved. What a
provider dates is never taken to lie more than five minutes ahead."""


class Clue(Base):
    """One suspected violation. Free text is sealed under the clue's key; codes stand plain for filters."""

    __tablename__ = "clue"
    __table_args__ = (
        CheckConstraint(f"state in ({_STATES})", name="state"),
        CheckConstraint("determination in ('P1','P3','P4','P5')", name="determination"),
        CheckConstraint("refused_ground in ('N1','N2','N3','N4','N5')", name="refused_ground"),
        CheckConstraint("(determination is not distinct from 'P3') = (refused_ground is not null)", name="ground"),
        CheckConstraint("determination is distinct from 'P4' or duplicate_of is not null", name="duplicate"),
        CheckConstraint("result in ('R0','R1')", name="result"),
        CheckConstraint(
            "result is null or determination is not distinct from 'P1' or department is not null", name="result_of_p1"
        ),
        CheckConstraint("(state = 'closed') = (close_reason is not null)", name="closed"),
        CheckConstraint(f"close_reason in ({_CLOSE_REASONS})", name="close_reason"),
        CheckConstraint("state <> 'verifying' or determination is not distinct from 'P1'", name="verifying"),
        CheckConstraint("state <> 'to_tell' or determination is not null or department is not null", name="to_tell"),
        CheckConstraint("state <> 'transferred' or department is not null", name="transferred"),
        CheckConstraint("state <> 'merged' or main_id is not null", name="merged"),
        CheckConstraint("importance in ('ordinary','important','major')", name="importance"),
        Index("ix_clue_topics", "topics", postgresql_using="gin"),
        Index("ix_clue_ahead", "at", postgresql_where=text(AHEAD)),
        Index("ix_clue_main", "main_id", postgresql_where=text("main_id is not null")),
        Index("ix_clue_handler", "handler_id", postgresql_where=text("handler_id is not null")),
        Index("ix_clue_handler_open", "handler_id",
              postgresql_where=text("handler_id is not null and state <> 'closed'")),
        Index("ix_clue_duplicate_of", "duplicate_of", postgresql_where=text("duplicate_of is not null")),
        Index("ix_clue_supplement_of", "supplement_of", postgresql_where=text("supplement_of is not null")),
        Index("ix_clue_split_from", "split_from", postgresql_where=text("split_from is not null")),
    )  # fmt: skip
    id: Mapped[Id]
    no: Mapped[Str] = mapped_column(unique=True)
    channel: Mapped[Str]
    sub_channel: Mapped[Str] = mapped_column(server_default="")
    at: Mapped[Moment]  # base of the clocks
    recorded_at: Mapped[Stamp]
    received_unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    owner_unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    state: Mapped[Str]
    key_id: Mapped[Ref] = mapped_column(ForeignKey("data_key.id"))
    title: Mapped[Sealed]  # as sent; shown masked
    summary: Mapped[Sealed]  # masked already, for lists
    division: Mapped[str | None]  # code of the place: confirmed, else suggested
    town: Mapped[str | None]  # code of the town in it, where one is named
    division_confirmed: Mapped[bool] = mapped_column(server_default=text("false"))
    class_code: Mapped[str | None]
    class_confirmed: Mapped[bool] = mapped_column(server_default=text("false"))
    ambiguous: Mapped[bool] = mapped_column(server_default=text("false"))
    topics: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")  # hub.enrich.topics; plain for filters
    topics_confirmed: Mapped[bool] = mapped_column(server_default=text("false"))
    missing: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default="{}")
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    importance: Mapped[Str] = mapped_column(server_default="ordinary")  # set by a person; rules only propose it
    circular: Mapped[bool] = mapped_column(server_default=text("false"))  # it led to a circular of a superior (S22)
    report_mode: Mapped[Str] = mapped_column(server_default="")
    enriched: Mapped[bool] = mapped_column(server_default=text("false"))  # suggestions stand for all text known so far
    rule_version: Mapped[Str] = mapped_column(server_default="")
    state_at: Mapped[Moment | None]  # when the act happened that led to this state: no later act may be earlier
    handler_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    determination: Mapped[str | None]
    refused_ground: Mapped[str | None]
    result: Mapped[str | None]
    close_reason: Mapped[str | None]
    main_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("clue.id"))  # of the group it is a member of
    duplicate_of: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("clue.id"))
    supplement_of: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("clue.id"))
    split_from: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("clue.id"))
    department: Mapped[str | None]  # another department outside the hub that now acts on it (Art. 20)
    notices_declined: Mapped[bool] = mapped_column(server_default=text("false"))  # after a withdrawal, by its reporter
    version: Mapped[int] = mapped_column(server_default=text("1"))  # stale edits are refused by it

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  SQLAlchemy reads it as a class fact


class ClueUnit(Base):
    """A row for each unit that may see the clue, ancestors included: every list, count and search starts here."""

    __tablename__ = "clue_unit"
    __table_args__ = (
        CheckConstraint(f"state in ({_STATES})", name="state"),
        CheckConstraint("role in ('owner','receiver','ancestor','assisting')", name="role"),
        Index("ix_clue_unit_all", "unit_id", text("sort_at desc"), text("clue_id desc")),
        Index("ix_clue_unit_open", "unit_id", "open", "state", text("sort_at desc"), text("clue_id desc")),
        Index("ix_clue_unit_channel", "unit_id", "channel", text("sort_at desc"), text("clue_id desc")),
        Index("ix_clue_unit_division", "unit_id", "division", text("sort_at desc"), text("clue_id desc")),
        Index("ix_clue_unit_running", "unit_id", text("sort_at desc"), text("clue_id desc"),
              postgresql_include=["division"], postgresql_where=text("open")),
        Index("ix_clue_unit_clue", "clue_id"),
        Index("ix_clue_unit_due", "unit_id", "due", "due_last", "clue_id",
              postgresql_where=text("open and due is not null")),
    )  # fmt: skip
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"), primary_key=True)
    role: Mapped[Str]
    state: Mapped[Str]
    open: Mapped[bool]
    channel: Mapped[Str]
    division: Mapped[str | None]
    sort_at: Mapped[Moment]
    due: Mapped[date | None]  # when the first of the running clocks ends, and the last: kept by triggers of `clock`
    due_last: Mapped[date | None]


class ClueCounter(Base):
    """Serial per receiving division, date and channel; shown through a keyed permutation."""

    __tablename__ = "clue_counter"
    division: Mapped[Str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    channel: Mapped[Str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)


class Clock(Base):
    """A legal clock of a clue (PRODUCT §6). A row is never rewritten by a later one: reopening adds a number."""

    __tablename__ = "clock"
    __table_args__ = (
        UniqueConstraint("clue_id", "kind", "number"),
        CheckConstraint(f"kind in ({_CLOCKS})", name="kind"),
        CheckConstraint("ended_as in ('told','exhausted','nobody','done','superseded')", name="ended_as"),
        CheckConstraint("(stopped_at is null) = (ended_as is null)", name="stopped"),
        Index("ix_clock_due", "due", "stopped_at"),
        Index("uq_clock_running", "clue_id", "kind", unique=True, postgresql_where=text("stopped_at is null")),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    kind: Mapped[Str]
    number: Mapped[int] = mapped_column(server_default=text("1"))
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))  # who owed the act when it started
    rule: Mapped[Str] = mapped_column(server_default="")  # the act that started it
    base: Mapped[date]
    days: Mapped[int]  # extensions included; 0 where the order names the day
    extended: Mapped[int] = mapped_column(server_default=text("0"))  # working days added with approval (D6)
    due: Mapped[date]
    provisional: Mapped[bool]
    article: Mapped[Str]
    stopped_at: Mapped[Moment | None]
    ended_as: Mapped[str | None]
    late: Mapped[bool] = mapped_column(server_default=text("false"))  # once late, for ever late
    held: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # when stopped: unit id → working days held
    notice_id: Mapped[int | None] = mapped_column(BigInteger)  # the notice whose hand-over stopped it


class Value(Base):
    """What a person decided about a field: confirmed or corrected. History is kept; the newest row counts."""

    __tablename__ = "clue_value"
    __table_args__ = (Index("ix_clue_value_clue_field", "clue_id", "field", "id"),)
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    field: Mapped[Str]
    value: Mapped[Sealed]
    suggestion_id: Mapped[int | None] = mapped_column(BigInteger)
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]


class CounterDelta(Base):
    """Counts per unit as appended deltas, folded by the sweeper: no hot row."""

    __tablename__ = "counter_delta"
    __table_args__ = (Index("ix_counter_delta_unit", "unit_id", "key"),)
    id: Mapped[Id]
    unit_id: Mapped[Ref]
    key: Mapped[Str]  # all, open, state:…, channel:…
    n: Mapped[int]


class Counter(Base):
    __tablename__ = "counter"
    unit_id: Mapped[Ref] = mapped_column(primary_key=True)
    key: Mapped[Str] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)
