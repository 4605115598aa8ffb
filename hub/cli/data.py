"""Commands on the data: migrate, take in files, list clues, verify the audit chain, configure entrances and people."""

from __future__ import annotations

import json
import mimetypes
import sys
from pathlib import Path
from typing import Any

import click

from hub.cli.attach import attached


@click.group("db")
def db_group() -> None:
    """The database schema."""


@db_group.command("upgrade")
def db_upgrade() -> None:
    """Bring the schema to the newest revision, with the unit tree; refuse a key file of another database."""
    from hub.runtime import processes, schema
    from hub.settings import settings

    with attached():
        schema.upgrade(settings().database_url)
        processes.first_rows()
        click.echo("at head")


@click.command("intake")
@click.argument("channel")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--meta", default="{}", help='Transport facts as JSON, e.g. {"caller": "…", "external_id": "…"}.')
@click.option(
    "--unit", default=None, help="Receiving unit's division code (default: the unit of the channel's entrance)."
)
def intake_command(channel: str, files: tuple[Path, ...], meta: str, unit: str | None) -> None:
    """Take FILES in through CHANNEL's own path; prints one JSON line per intake."""
    from channels.contract import Blob, InputRefusedError
    from channels.registry import channels
    from hub import clock, db, intake
    from hub.ports import default_unit

    known = channels().get(channel)
    if known is None:
        raise click.UsageError(f"no such channel: {channel} (have {', '.join(channels())})")
    try:
        facts = json.loads(meta)
    except ValueError:
        raise click.UsageError("--meta is not JSON") from None
    if not isinstance(facts, dict):
        raise click.UsageError("--meta must be a JSON object")
    blobs = [
        Blob(file.name, mimetypes.guess_type(file.name)[0] or "application/octet-stream", path=file) for file in files
    ]
    with attached():
        try:
            raws = known.from_files(blobs, facts, source_id=f"cli:{channel}", now=clock.now())
        except InputRefusedError as error:
            click.echo(json.dumps({"error": str(error)}, ensure_ascii=False))
            sys.exit(2)
        with db.reading() as session:
            code = unit or default_unit(session, channel)
        if code is None:
            raise click.UsageError("no entrance is configured: name the receiving unit with --unit")
        for raw in raws:
            accepted = intake.accept(raw, unit=code, actor="cli")
            click.echo(json.dumps({"intake": accepted.intake_id, "new": accepted.new, "key_sha256": _digest(raw.key)}))


def _digest(key: str) -> str:
    import hashlib

    return hashlib.sha256(key.encode()).hexdigest()[:16]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--text", "with_text", is_flag=True, help="Add the masked text.")
def clues(as_json: bool, with_text: bool) -> None:
    """List the queue, newest first."""
    from hub import db
    from hub.supervision import listing

    with attached(), db.reading() as session:
        for row in listing.rows(session, with_text=with_text):
            click.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(row))


def _line(row: dict[str, Any]) -> str:
    return f"{row['no']}  {row['channel']:<11} {row['state']:<13} {row['class'] or '—':<3} {row['place'] or '—'}"


@click.group("audit")
def audit_group() -> None:
    """The event log."""


@audit_group.command("verify")
def audit_verify() -> None:
    """Check chains, seals, heads and exported seals; names the first bad row."""
    from hub import db
    from hub.access import audit
    from hub.settings import settings

    with attached(), db.reading() as session:
        found = audit.verify(session, settings().folder("audit") / "seals.jsonl")
    click.echo(json.dumps({"ok": found.ok, "bad": found.bad, "events": found.events, "seals": found.seals,
                           "unsealed": found.unsealed}, ensure_ascii=False))  # fmt: skip
    sys.exit(0 if found.ok else 1)


@click.group()
def source() -> None:
    """Entrances of channels: mailboxes, folders, AppIDs, telephone accounts."""


@source.command("add")
@click.argument("channel")
@click.argument("name")
@click.option("--unit", required=True, help="Receiving unit's division code.")
@click.option(
    "--set", "settings_", multiple=True, metavar="KEY=VALUE", help="A setting of the channel (see its README)."
)
@click.option("--secret", multiple=True, metavar="KEY=VALUE", help="A password, token or key; sealed. VALUE '-' asks.")
def source_add(channel: str, name: str, unit: str, settings_: tuple[str, ...], secret: tuple[str, ...]) -> None:
    """Add or replace the entrance CHANNEL:NAME."""
    from pydantic import ValidationError

    from channels.registry import channels
    from hub import db
    from hub.intake import UnknownSourceError
    from hub.ports import add_source

    known = channels().get(channel)
    if known is None:
        raise click.UsageError(f"no such channel: {channel}")
    values = {key: _value(text) for key, text in (_pair(item) for item in settings_)}
    secrets = {
        key: click.prompt(key, hide_input=True) if text == "-" else text
        for key, text in (_pair(item) for item in secret)
    }
    try:
        checked = known.settings(**values)
    except ValidationError as error:
        raise click.UsageError(
            "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        ) from None
    with attached(), db.transaction() as session:
        try:
            add_source(
                session,
                f"{channel}:{name}",
                channel,
                unit,
                name,
                settings=checked.model_dump(mode="json"),
                secrets=secrets,
            )
        except UnknownSourceError as error:
            raise click.UsageError(str(error)) from None
    click.echo(f"{channel}:{name}")


@source.command("list")
def source_list() -> None:
    """List the entrances with the last sign of life of their pollers."""
    from sqlalchemy import select

    from hub import db
    from hub.models import Source, SourceBeat, Unit

    with attached(), db.reading() as session:
        query = (
            select(Source, Unit.code, SourceBeat).join(Unit).outerjoin(SourceBeat, SourceBeat.source_id == Source.id)
        )
        for row, code, beat in session.execute(query.order_by(Source.id)):
            state = None if beat is None else {"at": beat.at.isoformat(), "ok": beat.ok, "detail": beat.detail}
            click.echo(
                json.dumps({"id": row.id, "unit": code, "enabled": row.enabled, "poller": state}, ensure_ascii=False)
            )


def _pair(item: str) -> tuple[str, str]:
    key, separator, value = item.partition("=")
    if not separator:
        raise click.UsageError(f"{item}: KEY=VALUE expected")
    return key, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@click.group()
def user() -> None:
    """People who sign in."""


@user.command("add")
@click.argument("login")
@click.option("--name", required=True)
@click.option("--unit", required=True, help="Division code of the unit.")
@click.option("--role", "roles", multiple=True, required=True)
@click.password_option()
def user_add(login: str, name: str, unit: str, roles: tuple[str, ...], password: str) -> None:
    """Add a person with roles in a unit."""
    from hub import db
    from hub.access import staff

    with attached(), db.transaction() as session:
        try:
            staff.add(session, login, name, password, unit, roles)
        except staff.StaffError as error:
            raise click.UsageError(str(error)) from None
    click.echo(login)
