"""Who reported, sealed apart from the clue."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.sealing import blind, new_key
from hub.models import Clue, ClueReporter, Reporter, ReporterIndex


def add_reporter(session: Session, clue: Clue, intake_id: int, identity: dict[str, str]) -> None:
    """Seals who reported, apart from the clue. The same openid, phone, mail or id number is one reporter here."""
    known = {kind: normal(kind, identity.get(kind, "")) for kind in ("phone", "email", "openid", "id_number")}
    tokens = {kind: blind(kind, value) for kind, value in known.items() if value}
    if tokens:
        twin = session.scalars(
            select(ReporterIndex.reporter_id)
            .join(ClueReporter, ClueReporter.reporter_id == ReporterIndex.reporter_id)
            .where(ClueReporter.clue_id == clue.id, ReporterIndex.token.in_(tokens.values()))
        ).first()
        if twin is not None:
            return
    key = new_key(session, clue.received_unit_id)
    reporter = Reporter(key_id=key.id, identity=key.seal_json(identity, "reporter.identity"))
    session.add(reporter)
    session.flush()
    session.add_all([ReporterIndex(reporter_id=reporter.id, kind=kind, token=token) for kind, token in tokens.items()])
    session.add(ClueReporter(clue_id=clue.id, reporter_id=reporter.id, intake_id=intake_id))


def normal(kind: str, value: str) -> str:
    if kind == "phone":
        digits = "".join(char for char in value if char.isdigit())
        return digits[-11:] if len(digits) > 11 and digits.startswith("86") else digits
    return value.strip().lower() if kind == "email" else value.strip()
