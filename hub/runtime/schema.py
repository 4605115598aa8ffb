"""Brings the database to the newest revision, under an advisory lock and with timeouts."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import migrations
from hub.db import normal

LOCK = 12336


def config(url: str) -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(str(migrations.__file__)).parent))
    made.set_main_option("sqlalchemy.url", normal(url).replace("%", "%%"))
    return made


def upgrade(url: str, revision: str = "head") -> None:
    """Runs the migrations up to `revision`. Two processes at once: the second waits, then finds nothing to do."""
    engine = create_engine(normal(url))
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        try:
            command.upgrade(config(url), revision)
        finally:
            connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()
    engine.dispose()
