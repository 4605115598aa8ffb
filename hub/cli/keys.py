"""`hub keys`: the master key file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from hub.cli.attach import attached


@click.group()
def keys() -> None:
    """The key file: rotate the master key, copy the file to where backups are not."""


@keys.command()
def serve() -> None:
    """Run the key process alone: it reads the key file, the hub's other processes ask it (HUB_KEYS=process)."""
    from setproctitle import setproctitle

    from hub.access import keyserver
    from hub.access.sealing import KeyFileError
    from hub.logs import configure

    configure()
    setproctitle("hub: keys")
    try:
        keyserver.run()
    except KeyFileError as error:
        raise click.ClickException(str(error)) from None


@keys.command()
def rotate() -> None:
    """Make a new master key and wrap every data key with it; killed, run it again. The hub may keep running."""
    from hub.access import rotation
    from hub.settings import settings

    with attached():
        version, done = rotation.rotate(settings().key_path)
    click.echo(json.dumps({"version": version, "wrapped": done}))


@keys.command()
def retire() -> None:
    """Take masters that no data key needs any more out of the key file. Older backups need the file of their time."""
    from hub.access import rotation
    from hub.settings import settings

    with attached():
        try:
            gone = rotation.retire(settings().key_path)
        except rotation.RotationError as error:
            raise click.ClickException(str(error)) from None
    click.echo(json.dumps({"retired": gone}))


@keys.command()
@click.argument("target", type=click.Path(path_type=Path))
def backup(target: Path) -> None:
    """Copy the key file to TARGET (0600), which must lie outside the data folder: keys and data are kept apart."""
    from hub.access.sealing import KeyFileError, read_key_file
    from hub.settings import settings

    var = settings().var.resolve()
    if target.resolve().is_relative_to(var):
        raise click.UsageError("TARGET lies in the data folder: keep the key apart from the data")
    if target.exists():
        raise click.UsageError("TARGET exists")
    try:
        read_key_file(settings().key_path)
    except KeyFileError as error:
        raise click.ClickException(str(error)) from None
    target.touch(mode=0o600)
    shutil.copyfile(settings().key_path, target)
    read_key_file(target)
    click.echo(json.dumps({"copied": target.name}))
