"""`hub backup`, `hub restore`, `hub verify`: everything but the keys, which are kept apart (`hub keys backup`)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from hub.cli.attach import attached

MANIFEST, DUMP, EVIDENCE, SEALS = "manifest.json", "database.dump", "evidence", "seals.jsonl"
UNFINISHED = "restoring"  # stands in the data folder while a restore is under way: nothing starts there
BLOCK = 1024 * 1024


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    """The sealed originals: never what a write left half done."""
    yield from sorted(path for path in root.glob("??/??/*") if path.is_file())


def _postgres(tool: str, *arguments: str, stdin: Path | None = None) -> None:
    """Runs a PostgreSQL client on the database of this hub; the password goes by the environment."""
    from sqlalchemy import make_url

    from hub.runtime import embedded
    from hub.settings import settings

    url = make_url(settings().database_url)
    host = url.host or str(url.query.get("host", ""))
    given = {"PGHOST": host, "PGPORT": str(url.port or 5432), "PGUSER": url.username or "", "PGDATABASE": url.database}
    if url.password:
        given["PGPASSWORD"] = str(url.password)
    program = Path(embedded.pg_bin(settings().pg_bin)) / tool
    file = stdin.open("rb") if stdin is not None else None
    try:
        done = subprocess.run(  # noqa: S603  our own PostgreSQL client
            [str(program), *arguments], env={**os.environ, **{k: v for k, v in given.items() if v}}, stdin=file,
            capture_output=True, check=False,
        )  # fmt: skip
    finally:
        if file is not None:
            file.close()
    if done.returncode:
        raise click.ClickException(f"{tool} failed: {done.stderr.decode(errors='replace').splitlines()[:1]}")


def _put(path: Path, content: str) -> None:
    """Writes a small file durably, whole or not at all."""
    new = path.with_suffix(".new")
    with new.open("w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


@click.command()
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
def backup(target: Path) -> None:
    """Copy database and evidence to TARGET with a manifest of hashes; never the keys. Again: only what is new."""
    from hub import clock
    from hub.access import sealing
    from hub.settings import settings

    var = settings().var.resolve()
    if target.resolve().is_relative_to(var):
        raise click.UsageError("TARGET lies in the data folder")
    with attached():
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        (target / MANIFEST).unlink(missing_ok=True)  # until the new one stands there is no backup
        _postgres("pg_dump", "--format=custom", "--no-owner", f"--file={(target / DUMP).resolve()}")
        # The dump first: every original its rows name was in the store before them (QUALITY §1).
        store, copied = var / EVIDENCE, 0
        for path in _files(store):
            other = target / EVIDENCE / path.relative_to(store)
            if not other.exists() or other.stat().st_size != path.stat().st_size:
                other.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                shutil.copyfile(path, other.with_suffix(".new"))
                other.with_suffix(".new").replace(other)
                copied += 1
        if (var / "audit" / SEALS).exists():
            shutil.copyfile(var / "audit" / SEALS, target / SEALS)
        names = [target / DUMP, *([target / SEALS] if (target / SEALS).exists() else []), *_files(target / EVIDENCE)]
        listed = {str(path.relative_to(target)): [path.stat().st_size, _sha256(path)] for path in names}
        told = {"format": 1, "made": clock.real().isoformat(), "keys": sealing.fingerprint(), "files": listed}
        _put(target / MANIFEST, json.dumps(told, indent=0))
    click.echo(json.dumps({"files": len(listed), "copied": copied, "keys": told["keys"]}))


def check(source: Path) -> tuple[dict[str, Any], str]:
    """The manifest, and the first thing that does not hold ("" when all does)."""
    try:
        told: dict[str, Any] = json.loads((source / MANIFEST).read_text())
        listed = told["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}, f"{MANIFEST}: missing or damaged"
    if DUMP not in listed:
        return told, f"{DUMP}: not in the manifest"
    for name, (size, digest) in listed.items():
        path = source / name
        if not path.is_file():
            return told, f"{name}: missing"
        if path.stat().st_size != size or _sha256(path) != digest:
            return told, f"{name}: changed"
        if name.startswith(f"{EVIDENCE}/") and path.name != digest:
            return told, f"{name}: not what its name says"
    return told, ""


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
def verify(source: Path) -> None:
    """Compare every file of a backup with its manifest; exit 1 naming the first that differs."""
    told, bad = check(source)
    click.echo(json.dumps({"ok": not bad, "bad": bad, "files": len(told.get("files", {}))}))
    raise SystemExit(1 if bad else 0)


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
def restore(source: Path) -> None:
    """Restore a backup into an empty data folder (HUB_VAR); the key file must stand where it belongs already.

    Broken off anywhere, the same command begins again; until it has ended the hub does not start in this folder.
    """
    from sqlalchemy import select

    from hub import db, failpoints
    from hub.access import audit, sealing
    from hub.evidence import Store
    from hub.models import Blob
    from hub.runtime import embedded
    from hub.settings import export, settings

    options, var = settings(), settings().var.resolve()
    if options.database_url:
        raise click.UsageError("restore fills an embedded database: unset DATABASE_URL (or use pg_restore yourself)")
    begun = var / UNFINISHED
    if not begun.exists() and ((var / "pg").exists() or (var / EVIDENCE).exists()):
        raise click.UsageError(f"{var} holds data already: restore into an empty folder")
    told, bad = check(source)
    if bad:
        raise click.ClickException(f"the backup is damaged: {bad}")
    try:
        sealing.reach_keys()
    except sealing.KeyFileError as error:
        raise click.ClickException(str(error)) from None
    if sealing.fingerprint() != told["keys"]:
        raise click.ClickException(f"{options.key_path} is not the key file of this backup")
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    _put(begun, json.dumps({"keys": told["keys"], "made": told["made"]}))
    for left in (var / "pg", var / EVIDENCE, var / "audit"):  # what an earlier try left half done
        shutil.rmtree(left, ignore_errors=True)
    service = embedded.start_postgres(var, bin_setting=options.pg_bin, restoring=True)
    try:
        export(DATABASE_URL=service.url)
        failpoints.hit("restore.before_database")
        _postgres("pg_restore", "--dbname=hub", "--no-owner", "--exit-on-error", "--single-transaction",
                  str((source / DUMP).resolve()))  # fmt: skip
        for path in _files(source / EVIDENCE):
            other = var / path.relative_to(source)
            other.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(path, other)
            failpoints.hit("restore.after_file")
        if (source / SEALS).exists():
            shutil.copyfile(source / SEALS, settings().folder("audit") / SEALS)
        db.connect()
        with db.reading() as session:
            found = audit.verify(session, settings().folder("audit") / SEALS)
            named = set(session.scalars(select(Blob.address).where(Blob.address.is_not(None))))
        store = Store(var / EVIDENCE)
        lost = [address for address in named if address and not store.exists(address)]
        db.engine().dispose()
        db.forget()
        failpoints.hit("restore.before_end")
    finally:
        service.stop()
    os.sync()  # originals first, then the word that all is there
    begun.unlink()
    bad = found.bad or (f"evidence {lost[0] or ''} is missing" if lost else "")
    click.echo(json.dumps({"ok": not bad, "bad": bad, "events": found.events, "seals": found.seals,
                           "files": len(told["files"])}))  # fmt: skip
    raise SystemExit(1 if bad else 0)
