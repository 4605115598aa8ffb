"""Notices, each attempt to hand them over, what reporters wish, tasks of people, local wordings, query codes."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Sequence, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.models.base import Base, Id, Moment, Ref, Stamp, Str


class Notice(Base):
    """What one told party is to be told. No subject, place or accusation in it (G11).

    state: queued (on its way), told (evidence of hand-over), undelivered (no route left), no_reporter (nobody to tell),
    recalled (taken back before it was sent).
    """

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint("party in ('reporter','leader','unit','none')", name="party"),
        CheckConstraint("state in ('queued','told','undelivered','no_reporter','recalled')", name="state"),
        CheckConstraint("(state = 'told') = (told_at is not null)", name="told"),
        CheckConstraint("(party = 'none') = (state = 'no_reporter')", name="nobody"),
        Index("uq_notice_once", "clue_id", "kind", "once", unique=True),
        Index("ix_notice_reporter", "reporter_id"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    kind: Mapped[Str]
    once: Mapped[Str]  # dedupe key: the act that asked for it and the party
    template: Mapped[Str]
    created: Mapped[Stamp]
    party: Mapped[Str] = mapped_column(server_default="reporter")
    reporter_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("reporter.id"))
    intake_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("intake.id"))  # how the party came to us
    unit_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("unit.id"))  # who owes it
    state: Mapped[Str] = mapped_column(server_default="queued")
    clock: Mapped[Str] = mapped_column(server_default="")  # the clock that being told stops
    key_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("data_key.id"))
    slots: Mapped[bytes | None]  # JSON, sealed: a receipt holds the query code
    asked_at: Mapped[Moment | None]  # on the hub's clock
    told_at: Mapped[Moment | None]
    evidence: Mapped[Str] = mapped_column(server_default="")  # codes and numbers, no identity


class Attempt(Base):
    """One try by one route. `detail` and `evidence` hold codes, never identity.

    state: queued; sending (a worker is at it: found later, its outcome is unknown); unknown (the provider may have it);
    sent; delivered; failed; skipped (route not set up, over the cap); recalled.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        CheckConstraint(
            "state in ('queued','sending','unknown','sent','delivered','failed','skipped','recalled')", name="state"
        ),
        Index("ix_attempt_notice", "notice_id"),
        Index("ix_attempt_receiver", "receiver", "received_at"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )
    received_at: Mapped[Moment] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Sequence("attempt_id_seq"), primary_key=True)
    notice_id: Mapped[Ref]
    route: Mapped[Str]
    state: Mapped[Str]
    permanent: Mapped[bool]
    detail: Mapped[Str]
    source_id: Mapped[Str] = mapped_column(server_default="")
    receiver: Mapped[bytes | None]  # keyed hash of the address, for the caps
    evidence: Mapped[Str] = mapped_column(server_default="")
    changed: Mapped[Stamp]


class AttemptKey(Base):
    """Keyed hashes of the names under which a provider reports on a notice."""

    __tablename__ = "attempt_key"
    __table_args__ = (Index("ix_attempt_key_notice", "notice_id"),)
    token: Mapped[bytes] = mapped_column(primary_key=True)
    notice_id: Mapped[Ref] = mapped_column(ForeignKey("notice.id"), primary_key=True)
    route: Mapped[Str] = mapped_column(primary_key=True)


class EarlyReport(Base):
    """A provider's report that came before we noted its number; it is looked up when the number is noted."""

    __tablename__ = "early_report"
    token: Mapped[bytes] = mapped_column(primary_key=True)
    state: Mapped[Str]
    permanent: Mapped[bool]
    detail: Mapped[Str]
    at: Mapped[Stamp]


class Wish(Base):
    """What a reporter consented to: by which routes and at what hours we may write or call. The newest row counts.

    Without a row: the own channel only. Hours are full hours of the day in China, from ≤ h < to; both none: any.
    """

    __tablename__ = "wish"
    __table_args__ = (
        CheckConstraint(
            "(hour_from is null) = (hour_to is null) and coalesce(hour_from, 0) between 0 and 23 "
            "and coalesce(hour_to, 24) between 1 and 24 and coalesce(hour_from, 0) < coalesce(hour_to, 24)",
            name="hours",
        ),
        Index("ix_wish_party", "clue_id", "reporter_id", "id"),
    )
    id: Mapped[Id]
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    reporter_id: Mapped[Ref] = mapped_column(ForeignKey("reporter.id"))
    routes: Mapped[list[Any]]
    hour_from: Mapped[int | None]
    hour_to: Mapped[int | None]
    neutral: Mapped[bool] = mapped_column(server_default=text("false"))  # words that mean nothing to others
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    at: Mapped[Stamp]


class NoticeTask(Base):
    """What people do to tell a party: call back, post a letter, write a reply."""

    __tablename__ = "notice_task"
    __table_args__ = (
        CheckConstraint("kind in ('call','letter','reply')", name="kind"),
        CheckConstraint("state in ('open','done','failed','recalled')", name="state"),
        CheckConstraint("kind <> 'letter' or state <> 'done' or reference <> ''", name="posted"),
        Index("ix_notice_task_open", "unit_id", "kind", postgresql_where=text("state = 'open'")),
        Index("uq_notice_task", "notice_id", "kind", unique=True, postgresql_where=text("state = 'open'")),
    )
    id: Mapped[Id]
    notice_id: Mapped[Ref] = mapped_column(ForeignKey("notice.id"))
    unit_id: Mapped[Ref] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[Str]
    state: Mapped[Str] = mapped_column(server_default="open")
    created: Mapped[Stamp]
    document: Mapped[bytes | None]  # PDF, sealed under the notice's key: it carries an address
    reference: Mapped[Str] = mapped_column(server_default="")  # register no. of the letter, number of the reply
    done_at: Mapped[Moment | None]
    by_user: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))


class CallTry(Base):
    """One call-back: nothing is said until the person has proved who they are."""

    __tablename__ = "call_try"
    __table_args__ = (
        CheckConstraint("outcome in ('told','no_answer','not_proved','wrong_number','refused')", name="outcome"),
        Index("ix_call_try_task", "task_id"),
    )
    id: Mapped[Id]
    task_id: Mapped[Ref] = mapped_column(ForeignKey("notice_task.id"))
    at: Mapped[Moment]
    outcome: Mapped[Str]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))


class NoticeTemplate(Base):
    """A wording installed by an administrator (origin local); those of the package stand in hub/law/data."""

    __tablename__ = "notice_template"
    id: Mapped[Str] = mapped_column(primary_key=True)
    kind: Mapped[Str]
    title: Mapped[Str]
    text: Mapped[Str]
    slots: Mapped[dict[str, Any]]
    optional: Mapped[list[Any]]
    article: Mapped[Str]
    since: Mapped[date]
    by_user: Mapped[Ref] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Stamp]


class QueryCode(Base):
    """The code a reporter asks for progress with: a keyed hash, and one of the phone's last four digits."""

    __tablename__ = "query_code"
    __table_args__ = (Index("ix_query_code_clue", "clue_id"),)
    token: Mapped[bytes] = mapped_column(primary_key=True)
    clue_id: Mapped[Ref] = mapped_column(ForeignKey("clue.id"))
    reporter_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("reporter.id"))
    tail: Mapped[bytes | None]
    created: Mapped[Stamp]
