"""F07–F12, F36: Redis, PostgreSQL, disks and the key file fail under the hub; what was acknowledged stays."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy.exc import DBAPIError

from channels.contract import Blob
from channels.registry import channels
from hub import db, evidence, intake
from hub.access import sealing
from hub.jurisdiction.units import ensure_units
from hub.runtime import embedded, schema
from hub.settings import export, settings
from tests.fault.kit import UNIT, Ledger, Proxy, Zygote, count, fill, mail, many, may_mount, small_disk, until, waiting

pytestmark = pytest.mark.fault

ROOT_ONLY = pytest.mark.skipif(not may_mount(), reason="needs root and leave to mount a small volume")


@pytest.fixture
def own() -> Iterator[Path]:
    """A short private folder for servers of the test's own: sockets allow no long path."""
    folder = Path(tempfile.mkdtemp(prefix="hubf-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def accept(ledger: Ledger, name: str, data: bytes) -> intake.Accepted:
    blob = Blob(f"{name}.eml", "message/rfc822", data)
    made = channels()["email"].from_files(
        [blob], {"external_id": name}, source_id="cli:email", now=datetime.now(UTC)
    )  # fmt: skip
    done = intake.accept(made[0], unit=UNIT)
    ledger.note(name, data)  # acknowledged: from now on it may not get lost
    return done


def prepare(url: str) -> None:
    """A database of the test's own, with the unit tree."""
    export(DATABASE_URL=url)
    schema.upgrade(url)
    db.connect()
    with db.transaction() as session:
        ensure_units(session)
        sealing.check_fingerprint(session)


# ---- Redis


def test_f07_redis_flushed_killed_and_away(forked: Zygote, ledger: Ledger, rng: random.Random, own: Path) -> None:
    """Wake-ups get lost with it; the rows do not, and the sweeper wakes again."""
    valkey = embedded.start_valkey(own)
    export(REDIS_URL=valkey.url)
    try:
        forked.run("sweeper_only")
        worker = forked.run("worker", queues=["light"])
        total = many(30, 300)
        for n in range(total):
            accept(ledger, f"m{n}", mail(rng, f"m{n}", 300))
            if n in (total // 4, total // 2):
                from redis import Redis

                with Redis.from_url(valkey.url) as client:
                    client.flushall()
            if n == total * 2 // 3:
                assert valkey.process is not None
                valkey.process.kill()
                valkey.process.wait()
                shutil.rmtree(own / "valkey")  # it comes back empty
        time.sleep(many(2, 60))
        valkey = embedded.start_valkey(own)
        if not worker.alive():  # RQ's worker ends with its Redis; the supervisor starts another
            worker = forked.run("worker", queues=["light"])

        def over() -> bool:
            nonlocal worker
            if not worker.alive():
                worker = forked.run("worker", queues=["light"])
            return not waiting("normalize")

        until(over, what="everything is read without the lost wake-ups")
        ledger.check()
    finally:
        forked.end()
        valkey.stop()


def test_f07_without_redis_intake_goes_on(hub: Path, ledger: Ledger, rng: random.Random, own: Path) -> None:
    export(REDIS_URL=f"unix://{own}/nobody.sock")
    began = time.monotonic()
    for n in range(5):
        assert accept(ledger, f"m{n}", mail(rng, f"m{n}", 300)).new
    assert time.monotonic() - began < 10, "an acknowledgement never waits for Redis"
    assert waiting("normalize") == 5
    ledger.check(settled=False)


# ---- PostgreSQL


def test_f08_postgresql_stopped_at_once_again_and_again(
    forked: Zygote, ledger: Ledger, rng: random.Random, own: Path, tmp_path: Path
) -> None:
    """Immediate stop (no checkpoint, as after a crash) while a sender delivers and a worker reads."""
    server = embedded.start_postgres(own)
    prepare(server.url)
    folder, book = tmp_path / "out", tmp_path / "book"
    folder.mkdir()
    for n in range(many(120, 1500)):
        (folder / f"m{n:04d}").write_bytes(ledger.note(f"m{n:04d}", mail(rng, f"m{n:04d}", rng.choice((300, 90_000)))))
    sender = forked.run("send", folder=str(folder), ledger=str(book), patience=90)
    worker = forked.run("worker", queues=["light"], lease=3, back_off=0.5)
    sweeper = forked.run("sweeper_only")
    try:
        for _ in range(many(5, 20)):
            time.sleep(rng.uniform(0.2, 1.0))
            assert server.process is not None
            server.process.send_signal(signal.SIGQUIT)
            server.process.wait(20)
            server = embedded.start_postgres(own)
            if not worker.alive():
                worker = forked.run("worker", queues=["light"], lease=3, back_off=0.5)
        assert sender.wait(120) == len(ledger.sent)
        assert len(book.read_text().splitlines()) == len(ledger.sent)
        db.connect()

        def over() -> bool:
            nonlocal worker
            if not worker.alive():  # the last stop may have ended it; the supervisor starts another
                worker = forked.run("worker", queues=["light"], lease=3, back_off=0.5)
            return not waiting("normalize")

        until(over, 180, "everything is read")
        assert sweeper.alive()
        ledger.check()
    finally:
        forked.end()
        db.engine().dispose()
        server.stop()


def test_f09_connection_cut_at_commit(hub: Path, ledger: Ledger, rng: random.Random, own: Path) -> None:
    """Cut before COMMIT arrives: nothing is stored. Cut before its answer: stored, and the re-delivery finds it."""
    real = settings().database_url
    folder = real.split("host=")[1].replace("%2F", "/")
    outcomes: list[bool] = []

    def rule(data: bytes) -> str:
        if b"COMMIT" not in data or rng.random() < 0.4:
            return ""
        return rng.choice(("cut", "cut after"))

    with Proxy(f"{folder}/.s.PGSQL.5432", listen=f"{own}/.s.PGSQL.5432") as proxy:
        proxy.on_client = rule
        db.connect(real.replace(real.split("host=")[1], quote(str(own))))
        for n in range(many(60, 600)):
            name, data = f"m{n}", mail(rng, f"m{n}", rng.choice((300, 90_000)))
            for _ in range(50):
                try:
                    outcomes.append(accept(ledger, name, data).new)
                except DBAPIError:
                    continue
                break
            else:
                raise AssertionError("never acknowledged")
        assert proxy.cuts >= 20
        db.engine().dispose()
    db.connect(real)
    assert False in outcomes, "no answer of a COMMIT was lost: the cut came always too early"
    ledger.check(settled=False)


# ---- disks


@ROOT_ONLY
def test_f10_evidence_volume_full(hub: Path, ledger: Ledger, rng: random.Random) -> None:
    with small_disk(settings().folder("evidence"), "4m") as volume:
        assert accept(ledger, "before", mail(rng, "before", 100_000)).new
        filler = fill(volume, leave=40_000)
        late = mail(rng, "late", 300_000)
        for _ in range(3):
            with pytest.raises(OSError) as refused:
                accept(ledger, "late", late)
            assert refused.value.errno == errno.ENOSPC
        assert count() == 1
        assert not list((volume / "tmp").iterdir()), "what could not be finished is taken away"
        assert accept(ledger, "small", mail(rng, "small", 300)).new, "what fits into its row is still taken in"
        filler.unlink()
        assert accept(ledger, "late", late).new
        ledger.check(settled=False)


def test_f10_a_file_size_limit_tears_no_evidence(forked: Zygote, ledger: Ledger, rng: random.Random) -> None:
    """The same without root: the process may write files of 64 KB only (RLIMIT_FSIZE, EFBIG)."""
    big = mail(rng, "big", 300_000)
    path = forked.folder / "big"
    path.write_bytes(big)
    assert forked.run("send_limited", file=str(path), limit=64 * 1024).wait() == "EFBIG"
    assert count() == 0
    assert accept(ledger, "big", big).new
    ledger.check(settled=False)


@ROOT_ONLY
def test_f11_database_volume_full(hub: Path, ledger: Ledger, rng: random.Random, own: Path) -> None:
    server = None
    with small_disk(own / "v", "256m") as volume:
        try:
            server = embedded.start_postgres(volume)
            prepare(server.url)
            assert accept(ledger, "before", mail(rng, "before", 40_000)).new
            filler = fill(volume)
            refused, taken = 0, 0
            for n in range(800):
                try:
                    accept(ledger, f"full{n}", mail(rng, f"full{n}", 40_000))
                    taken += 1
                except DBAPIError:
                    refused += 1
                    if refused >= 3:
                        break
            assert refused, "the volume was never full"
            filler.unlink()
            if not server.alive():  # PostgreSQL ends itself when it cannot write its log; the supervisor restarts it
                server = embedded.start_postgres(volume)
            until(lambda: _taken(ledger, rng), what="intake goes on when there is room again")
            ledger.check(settled=False)
            print(f"{taken} taken before it was full")
        finally:
            db.engine().dispose()
            if server is not None:
                server.stop()


def _taken(ledger: Ledger, rng: random.Random) -> bool:
    try:
        return accept(ledger, "after", mail(rng, "after", 40_000)).new
    except DBAPIError:
        return False


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("which", ["file", "folder"])
def test_f12_fsync_fails(
    hub: Path, ledger: Ledger, rng: random.Random, monkeypatch: pytest.MonkeyPatch, which: str, code: int
) -> None:
    """A failed fsync may have dropped the pages: nothing is acknowledged, the whole file is written again."""
    real, data = os.fsync, mail(rng, "m", 200_000)

    def broken(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").resolve().is_dir() == (which == "folder"):
            raise OSError(code, os.strerror(code))
        real(handle)

    monkeypatch.setattr(evidence.os, "fsync", broken)
    for _ in range(3):
        with pytest.raises(OSError) as failed:
            accept(ledger, "m", data)
        assert failed.value.errno == code
    monkeypatch.setattr(evidence.os, "fsync", real)
    assert count() == 0
    assert not list((settings().folder("evidence") / "tmp").iterdir())
    assert accept(ledger, "m", data).new
    ledger.check(settled=False)


# ---- the key file


def test_f36_without_the_key_file_nothing_starts_and_nothing_is_stored(
    hub: Path, ledger: Ledger, rng: random.Random
) -> None:
    accept(ledger, "m", mail(rng, "m", 100_000))
    other = hub / "other.key"
    export(HUB_KEY_FILE=str(hub / "gone.key"))
    sealing.forget_keys()
    with pytest.raises(sealing.KeyFileError, match="missing"):
        accept(ledger, "n", mail(rng, "n", 300))
    sealing.make_key_file(other)
    export(HUB_KEY_FILE=str(other))
    sealing.forget_keys()
    with pytest.raises(sealing.KeyFileError, match="not the key file"), db.reading() as session:
        sealing.check_fingerprint(session)
    other.chmod(0o644)
    sealing.forget_keys()
    with pytest.raises(sealing.KeyFileError, match="open to others"):
        sealing.read_key_file(other)
    other.write_text("{")
    other.chmod(0o600)
    with pytest.raises(sealing.KeyFileError, match="damaged"):
        sealing.read_key_file(other)
