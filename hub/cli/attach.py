"""How a command reaches the data of a running (or stopped) hub on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from hub import clock, db
from hub.access.sealing import KeyFileError, KeysAwayError, reach_keys
from hub.logs import configure
from hub.runtime import embedded, schema
from hub.settings import export, settings


@contextmanager
def attached() -> Iterator[None]:
    """Connects to the configured or running embedded servers; starts PostgreSQL for the command where none runs."""
    configure()
    options, started = settings(), []
    var = options.var.resolve()
    try:
        if not options.database_url:
            url = running_postgres()
            if url is None:
                if not (var / "pg").exists():
                    raise click.ClickException(f"no hub data in {var}: start it once with `make run` or `hub up`")
                service = embedded.start_postgres(var, bin_setting=options.pg_bin)
                started.append(service)
                url = service.url
                schema.upgrade(url)
            export(DATABASE_URL=url)
        socket = embedded.socket_folder(var) / "valkey.sock"
        if not options.redis_url and socket.exists():
            export(REDIS_URL=f"unix://{socket}")
        reach_keys()
        clock.follow(settings().clock_file)
        db.connect()
        try:
            yield
        finally:
            db.engine().dispose()
    except (embedded.RuntimeRefusedError, KeyFileError, KeysAwayError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        db.forget()
        for service in started:
            service.stop()


def running_postgres() -> str | None:
    """The URL of the embedded PostgreSQL of this data folder, if it answers."""
    import psycopg

    sockets = embedded.socket_folder(settings().var.resolve())
    try:
        psycopg.connect(host=str(sockets), user="hub", dbname="hub", connect_timeout=3).close()
    except psycopg.Error:
        return None
    return f"postgresql+psycopg://hub@/hub?host={sockets}"
