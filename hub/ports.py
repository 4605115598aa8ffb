"""The ports of ARCHITECTURE §2 on the real database: all a channel may ask of the world."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from channels.contract import RawIntake
from channels.contract import Source as Entrance
from hub import clock, db, failpoints, intake
from hub.access.sealing import blind, new_key, opened_key
from hub.jurisdiction import units
from hub.models import DataKey, IntakeKey, Source, SourceBeat, SourceCursor, Unit

_SOURCES = (
    select(Source.id, Source.channel, Unit.code, Source.settings, Source.station)
    .join(Unit, Unit.id == Source.unit_id)
    .where(Source.channel == bindparam("channel"), Source.enabled)
    .order_by(Source.id)
)
_SECRETS = (
    select(Source.secrets, DataKey.id, DataKey.unit_id, DataKey.version, DataKey.wrapped)
    .join(DataKey, DataKey.id == Source.key_id)
    .where(Source.id == bindparam("source"))
)
"""A webhook asks both for each message: single questions, with no transaction around them."""


class HubPorts:
    """One object for all channels; stateless, usable from any thread."""

    def deliver(self, raw: RawIntake) -> bool:
        return intake.accept(replace(raw, at=raw.at + clock.moved())).new

    def seen(self, source: str, keys: Iterable[str]) -> set[str]:
        tokens = {blind("intake", key): key for key in keys}
        found: set[str] = set()
        wanted = list(tokens)
        with db.reading() as session:
            for start in range(0, len(wanted), 1000):
                rows = session.scalars(
                    select(IntakeKey.token).where(
                        IntakeKey.source_id == source, IntakeKey.token.in_(wanted[start : start + 1000])
                    )
                )
                found.update(tokens[bytes(token)] for token in rows)
        return found

    def cursor(self, source: str, name: str) -> str | None:
        with db.reading() as session:
            row = session.get(SourceCursor, (source, name))
            return row.value if row else None

    def set_cursor(self, source: str, name: str, value: str) -> None:
        with db.transaction() as session:
            statement = insert(SourceCursor).values(source_id=source, name=name, value=value)
            session.execute(
                statement.on_conflict_do_update(index_elements=["source_id", "name"], set_={"value": value})
            )

    def sources(self, channel: str) -> Sequence[Entrance]:
        with db.asking() as connection:
            return [Entrance(*row) for row in connection.execute(_SOURCES, {"channel": channel})]

    def secret(self, source: str, name: str) -> str:
        with db.asking() as connection:
            row = connection.execute(_SECRETS, {"source": source}).first()
        if row is None:
            raise KeyError(name)
        sealed, key_id, unit_id, version, wrapped = row
        return str(opened_key(key_id, unit_id, version, wrapped).json(sealed, "source.secrets")[name])

    @contextmanager
    def lease(self, name: str) -> Iterator[bool]:
        number = int.from_bytes(blind("lease", name)[:7], "big")
        with db.engine().connect() as connection:
            held = bool(connection.scalar(text("select pg_try_advisory_lock(:n)"), {"n": number}))
            connection.commit()
            try:
                yield held
            finally:
                if held and not connection.invalidated:
                    connection.execute(text("select pg_advisory_unlock(:n)"), {"n": number})
                    connection.commit()

    def beat(self, source: str, ok: bool, detail: str = "") -> None:  # noqa: FBT001  the contract's signature
        with db.transaction() as session:
            statement = insert(SourceBeat).values(source_id=source, at=func.now(), ok=ok, detail=detail[:300])
            changed = {"at": func.now(), "ok": ok, "detail": detail[:300]}
            session.execute(statement.on_conflict_do_update(index_elements=["source_id"], set_=changed))

    def now(self) -> datetime:
        """The world's time: providers sign and date with it. `deliver` brings what they date to the hub's time."""
        return clock.real()

    def fail(self, name: str) -> None:
        failpoints.hit(name)


def add_source(  # what an entrance is made of
    session: Session,
    source_id: str,
    channel: str,
    unit_code: str,
    name: str,
    *,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str],
) -> None:
    """Adds or replaces a configured entrance; its secrets are sealed. Raises UnknownSourceError for an unknown unit."""
    unit = units.by_code(session, unit_code)
    if unit is None:
        raise intake.UnknownSourceError(f"no unit {unit_code}")
    key = new_key(session, unit.id)
    values = {
        "channel": channel,
        "unit_id": unit.id,
        "name": name,
        "settings": json.loads(json.dumps(dict(settings))),
        "key_id": key.id,
        "secrets": key.seal_json(dict(secrets), "source.secrets"),
        "enabled": True,
    }
    statement = insert(Source).values(id=source_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def default_unit(session: Session, channel: str) -> str | None:
    """The unit that receives what a command takes in: that of the channel's first entrance, else of any entrance."""
    query = select(Unit.code).join(Source, Source.unit_id == Unit.id).where(Source.enabled)
    own = session.scalars(query.where(Source.channel == channel).order_by(Source.id)).first()
    return own or session.scalars(query.order_by(Source.id)).first()
