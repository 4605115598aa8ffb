"""`hub doctor`: what this machine has, what is missing, what is degraded and what to do about it."""

from __future__ import annotations

import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from channels.registry import channels
from hub.access import keyclient
from hub.access.sealing import KeyFileError, read_key_file
from hub.runtime import embedded
from hub.settings import settings
from transcription import registry

LOW_DISK = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Check:
    """`state`: ok, degraded (works with less), missing (will not start)."""

    name: str
    state: str
    detail: str


def run() -> list[Check]:
    """Every check, in the order they matter."""
    return [_database(), _queue(), _key(), *_key_process(), _port(), _disk(), *_speech(), _scan(), *_channels()]


def _database() -> Check:
    options = settings()
    if options.database_url:
        return Check("database", "ok", "DATABASE_URL")
    try:
        return Check("database", "ok", f"embedded, {embedded.pg_bin(options.pg_bin)}")
    except embedded.RuntimeRefusedError as error:
        return Check("database", "missing", str(error))


def _queue() -> Check:
    if settings().redis_url:
        return Check("queue", "ok", "REDIS_URL")
    try:
        return Check("queue", "ok", f"embedded, {embedded.valkey_binary()}")
    except embedded.RuntimeRefusedError as error:
        return Check("queue", "missing", str(error))


def _key() -> Check:
    path = settings().key_path
    if settings().keys == "process" and not os.access(path.parent, os.X_OK):
        return Check("key file", "ok", f"{path} is the key process's alone")
    if not path.exists() and not (settings().var / "pg").exists():
        return Check("key file", "ok", f"{path} will be made at the first start")
    if settings().keys == "process" and not os.access(path, os.R_OK):
        return Check("key file", "ok", f"{path} is the key process's alone")
    try:
        read_key_file(path)
    except KeyFileError as error:
        return Check("key file", "missing", str(error))
    return Check("key file", "ok", str(path))


def _key_process() -> list[Check]:
    """With HUB_KEYS=process: whether it answers, and whether the file is really out of the reach of this user."""
    options = settings()
    if options.keys != "process":
        return []
    where = keyclient.socket_path()
    started = "its own service" if options.keys_socket else "`hub up`, or `hub keys serve`"
    if not keyclient.answers(where):
        return [Check("key process", "missing" if options.keys_socket else "degraded",
                      f"nothing answers on {where}: it is started by {started}")]  # fmt: skip
    if os.access(options.key_path, os.R_OK):
        return [Check("key process", "degraded", f"answers on {where}; but this user may read {options.key_path} "
                      "itself: give the process a user of its own (docs/operations.md)")]  # fmt: skip
    return [Check("key process", "ok", f"answers on {where}; this user cannot read the key file")]


def _port() -> Check:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings().host, settings().port))
        except OSError:
            return Check("port", "degraded", f"{settings().port} is in use (by a running hub, or set PORT)")
    return Check("port", "ok", str(settings().port))


def _disk() -> Check:
    folder = settings().var.resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Check("disk", "ok" if free > LOW_DISK else "degraded", f"{free / 1024**3:.1f} GiB free below {folder}")


def _speech() -> list[Check]:
    options = settings()
    vosk = Path(options.vosk_model) if options.vosk_model else None
    rows = registry.speech_status(options.speech_engine, vosk, options.models_path)
    return [Check(f"speech {row['engine']}", "ok" if row["ready"] else "degraded", str(row["detail"])) for row in rows]


def _scan() -> Check:
    ready = registry.scan_ready()
    return Check(
        "scan", "ok" if ready else "degraded", "rapidocr" if ready else "install rapidocr: scans go to the manual list"
    )


def _channels() -> list[Check]:
    found = [Check(f"channel {code}", "ok", channel.label) for code, channel in channels().items()]
    root = [Check("user", "degraded", "running as root: production uses a user of its own")] if os.getuid() == 0 else []
    return found + root
