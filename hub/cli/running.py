"""Commands that run the hub or parts of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

import click

from hub.settings import settings


def _fail(error: Exception) -> click.ClickException:
    return click.ClickException(str(error))


@click.command()
@click.option("--demo/--no-demo", default=None, help="Load and serve the demo county (default: HUB_DEMO).")
@click.option("--reload", is_flag=True, help="Restart when a source file changes (development).")
def up(demo: bool | None, reload: bool) -> None:
    """Run everything: database, queue, web, workers, pollers."""
    from hub.access.sealing import KeyFileError
    from hub.logs import configure
    from hub.runtime import embedded, processes
    from hub.runtime.supervisor import Supervisor

    configure()
    options = settings()
    with_demo = options.demo if demo is None else demo
    supervisor = Supervisor(options, [])
    try:
        supervisor.prepare()
        processes.first_rows()
        supervisor.children += processes.children()
        announce: Callable[[], None] = _ready_when_healthy(options.host, options.port)
        if with_demo:
            from hub import demo as county

            supervisor.children += county.children()
            announce = _ready_when_healthy(options.host, options.port, county.loaded)
        if reload:
            announce = _reloading(supervisor, announce)
        supervisor.watch(announce)
    except (embedded.RuntimeRefusedError, KeyFileError) as error:
        raise _fail(error) from None
    finally:
        supervisor.stop()


def _ready_when_healthy(host: str, port: int, also: Callable[[], bool] | None = None) -> Callable[[], None]:
    """Prints READY once /healthz answers and, with the demo, every demo clue has its suggestions."""
    import httpx

    state = {"done": False, "next": 0.0}
    url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '') else host}:{port}"  # noqa: S104  compares, binds nothing

    def check() -> None:
        if state["done"] or time.monotonic() < state["next"]:
            return
        state["next"] = time.monotonic() + 0.25
        try:
            healthy = httpx.get(f"{url}/healthz", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return
        if healthy and (also is None or also()):
            state["done"] = True
            click.echo(f"READY {url}")
            sys.stdout.flush()

    return check


def _reloading(supervisor: object, announce: Callable[[], None]) -> Callable[[], None]:
    from pathlib import Path

    from hub.runtime.supervisor import Supervisor

    assert isinstance(supervisor, Supervisor)
    roots = [Path(__file__).parents[2] / name for name in ("hub", "channels", "transcription")]

    def newest() -> float:
        return max(
            f.stat().st_mtime for root in roots for f in root.rglob("*") if f.suffix in (".py", ".html", ".css", ".js")
        )

    state = {"seen": newest(), "next": time.monotonic()}

    def check() -> None:
        announce()
        if time.monotonic() < state["next"]:
            return
        state["next"] = time.monotonic() + 1
        now = newest()
        if now > state["seen"]:
            click.echo("source changed: restarting", err=True)
            supervisor.stop()
            if supervisor.lock is not None:
                supervisor.lock.close()
            for name in ("DATABASE_URL", "REDIS_URL"):
                if any(service.url == os.environ.get(name) for service in supervisor.services):
                    del os.environ[name]
            os.execv(sys.argv[0], sys.argv)  # noqa: S606  the same command again, with the new code

    return check


@click.command()
def web() -> None:
    """Run the web server alone (needs DATABASE_URL and REDIS_URL)."""
    from hub.runtime import processes

    _needs_servers()
    processes.web()


@click.command()
@click.argument("queues", nargs=-1, required=True)
def worker(queues: tuple[str, ...]) -> None:
    """Run a worker for QUEUES: light, text, speech, scan."""
    from hub.runtime import processes

    _needs_servers()
    unknown = set(queues) - {"light", "text", "speech", "scan"}
    if unknown:
        raise click.UsageError(f"no such queue: {', '.join(sorted(unknown))}")
    processes.worker(list(queues))


@click.command()
def poll() -> None:
    """Run pollers, sweeper and sealer alone."""
    from hub.runtime import processes

    _needs_servers()
    processes.beat()


def _needs_servers() -> None:
    """Both servers are named, the key file is there and is the one of this database."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from hub import db
    from hub.access.sealing import KeyFileError, check_fingerprint, check_keys

    missing = [
        name
        for name, value in (("DATABASE_URL", settings().database_url), ("REDIS_URL", settings().redis_url))
        if not value
    ]
    if missing:
        raise click.ClickException(f"set {' and '.join(missing)}; `hub up` starts everything by itself")
    try:
        check_keys()
        db.connect()
        with db.transaction() as session:
            check_fingerprint(session)
    except KeyFileError as error:
        raise _fail(error) from None
    except ProgrammingError:
        raise click.ClickException("the database has no schema yet: run `hub db upgrade`") from None
    except OperationalError:
        raise click.ClickException("the database of DATABASE_URL does not answer") from None
    finally:
        db.engine().dispose()
        db.forget()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Show binaries, models, keys, ports, and what is degraded."""
    import json
    from dataclasses import asdict

    from hub.runtime import checks

    rows = checks.run()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
    else:
        for row in rows:
            click.echo(f"{row.state:9} {row.name:14} {row.detail}")
    sys.exit(1 if any(row.state == "missing" for row in rows) else 0)


@click.group()
def models() -> None:
    """Model weights: list, verify, fetch by pinned sha256."""


@models.command("list")
def models_list() -> None:
    """Show the known models and which are present."""
    import json
    from dataclasses import asdict

    from transcription import models as known

    for row in known.catalogue(settings().models_path):
        click.echo(json.dumps(asdict(row), ensure_ascii=False, default=str))


@models.command("verify")
@click.argument("name")
def models_verify(name: str) -> None:
    """Check a model's files against their pinned hashes."""
    from transcription import models as known

    try:
        ok = known.verify(name, settings().models_path)
    except known.ModelFetchError as error:
        raise _fail(error) from None
    click.echo("ok" if ok else "missing or changed")
    sys.exit(0 if ok else 1)


@models.command("fetch")
@click.argument("name")
@click.option("--url", default=None, help="Another address of the same file; its sha256 must match.")
def models_fetch(name: str, url: str | None) -> None:
    """Download a model (needs network) and check its hash before use."""
    from transcription import models as known

    try:
        click.echo(str(known.fetch(name, settings().models_path, url)))
    except (known.ModelFetchError, OSError) as error:
        raise _fail(error) from None
