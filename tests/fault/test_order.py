"""The order that keeps every promise, each step seen for itself: the named tests of the planted durability bugs."""

from __future__ import annotations

import contextlib
import io
import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from sqlalchemy import func, select, update

from channels.contract import Blob, RawIntake
from channels.email import receive, sandbox, sandbox_session
from channels.registry import channels
from channels.wechat.sandbox import Sandbox as WeChat
from hub import db, evidence, failpoints, intake
from hub import worker as _worker  # noqa: F401  registers the handlers
from hub.models import Intake, Work
from hub.ports import HubPorts
from hub.settings import settings
from hub.work import rows, sweeper
from tests.fault.kit import UNIT, Ledger, count, entrance, mail, until

pytestmark = pytest.mark.fault


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


def raw(ledger: Ledger, name: str, data: bytes) -> RawIntake:
    blob = Blob(f"{name}.eml", "message/rfc822", ledger.note(name, data))
    return channels()["email"].from_files(
        [blob], {"external_id": name}, source_id="cli:email", now=datetime.now(UTC)
    )[0]  # fmt: skip


# ---- the evidence store


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int]]:
    """What the store asks of the disk, in order: (fsync | rename, path, size at that moment)."""
    made: list[tuple[str, str, int]] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(handle: int) -> None:
        made.append(("fsync", str(Path(f"/proc/self/fd/{handle}").readlink()), os.fstat(handle).st_size))
        fsync(handle)

    def noted_rename(self: Path, target: Path) -> Path:
        made.append(("rename", str(target), self.stat().st_size))
        return rename(self, target)

    monkeypatch.setattr(evidence.os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    return made


def test_evidence_is_on_disk_before_it_gets_its_name(tmp_path: Path, calls: list[tuple[str, str, int]]) -> None:
    store = evidence.Store(tmp_path)
    stored = store.put(io.BytesIO(bytes(200_000)), bytes(32))
    names = [name for name, _, _ in calls]
    moved = names.index("rename")
    path = store._path(stored.address)
    assert calls[moved][1] == str(path)
    synced = [(at, size) for name, at, size in calls[:moved] if name == "fsync" and at.startswith(f"{tmp_path}/tmp/")]
    assert [size for _, size in synced] == [path.stat().st_size], "the whole file is synced before it is renamed"


def test_the_folder_is_synced_after_the_rename(tmp_path: Path, calls: list[tuple[str, str, int]]) -> None:
    store = evidence.Store(tmp_path)
    for _ in range(2):  # also where the folders exist already
        path = store._path(store.put(io.BytesIO(b"same" * 50_000), bytes(32)).address)
        moved = [name for name, _, _ in calls].index("rename")
        after = [at for name, at, _ in calls[moved + 1 :] if name == "fsync"]
        assert str(path.parent) in after, "a rename is lost with the power unless its folder is synced"
        before = [at for name, at, _ in calls[:moved] if name == "fsync"]
        assert {str(path.parent.parent), str(tmp_path)} <= set(before), "so are new folders"
        calls.clear()
        path.unlink()
        path.parent.rmdir()
        path.parent.parent.rmdir()


def test_a_torn_write_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def torn(handle: int) -> None:
        os.ftruncate(handle, os.fstat(handle).st_size - 100) if os.path.isfile(f"/proc/self/fd/{handle}") else None  # noqa: PTH113
        real(handle)

    monkeypatch.setattr(evidence.os, "fsync", torn)
    with pytest.raises(OSError, match="short write"):
        evidence.Store(tmp_path).put(io.BytesIO(bytes(200_000)), bytes(32))


# ---- accept


@pytest.mark.parametrize(
    "point",
    ["intake.before_blobs", "evidence.before_fsync", "evidence.before_fsync_folder", "intake.before_commit",
     "db.before_commit", "intake.after_commit", "db.after_commit"],
)  # fmt: skip
def test_an_intake_is_stored_whole_or_not_at_all(hub: Path, ledger: Ledger, rng: random.Random, point: str) -> None:
    """It fails on the way, and the sender delivers again."""
    delivery = raw(ledger, "m", mail(rng, "m", 150_000))
    failpoints.arm(f"{point}=raise")
    with pytest.raises(failpoints.FailpointError):
        intake.accept(delivery, unit=UNIT)
    failpoints.arm("")
    stored = "after_commit" in point
    assert count(Intake) == stored
    assert intake.accept(delivery, unit=UNIT).new is not stored
    ledger.check(settled=False)


def test_what_is_acknowledged_has_its_work_row(hub: Path, ledger: Ledger, rng: random.Random) -> None:
    """Redis is only the wake-up: with every wake-up lost the work is still known."""
    made = intake.accept(raw(ledger, "m", mail(rng, "m", 300)), unit=UNIT)
    with Redis.from_url(settings().redis_url) as client:
        client.flushall()
    with db.reading() as session:
        row = session.scalars(select(Work)).one()
        assert (row.handler, row.args, row.state) == ("normalize", {"intake": made.intake_id}, "pending")


def test_the_same_delivery_eight_times_at_once_is_one_intake(hub: Path, ledger: Ledger, rng: random.Random) -> None:
    for n in range(5):
        delivery = raw(ledger, f"m{n}", mail(rng, f"m{n}", 90_000))
        gate = threading.Barrier(8)

        def deliver(delivery: RawIntake = delivery, gate: threading.Barrier = gate) -> intake.Accepted:
            gate.wait()
            return intake.accept(delivery, unit=UNIT)

        with ThreadPoolExecutor(8) as pool:
            answers = [future.result() for future in [pool.submit(deliver) for _ in range(8)]]
        assert len({answer.intake_id for answer in answers}) == 1
        assert sum(answer.new for answer in answers) == 1
    ledger.check(settled=False)


# ---- mail


class Refusing(HubPorts):
    """Ports whose storage is away; remembers what was marked read when it was asked."""

    def __init__(self, box: sandbox.Sandbox) -> None:
        self.box, self.marked = box, 0

    def deliver(self, raw: RawIntake) -> bool:
        self.marked += sum("\\Seen" in m.flags for m in self.box.folder("INBOX").mails)
        raise OSError("storage is away")


@pytest.fixture
def box(hub: Path, tmp_path: Path) -> Iterator[sandbox.Sandbox]:
    with sandbox.Sandbox(tmp_path / "imap") as made:
        options = {"host": "127.0.0.1", "port": made.port, "tls": "none", "user": made.user, "timeout_seconds": 5}
        entrance("email:1", "email", options, {"password": made.password})
        yield made


def test_a_mail_is_not_marked_read_before_it_is_stored(
    box: sandbox.Sandbox, ledger: Ledger, rng: random.Random
) -> None:
    uid = box.append(ledger.note("m", mail(rng, "m", 300)))
    ports = Refusing(box)
    (source,) = ports.sources("email")
    with pytest.raises(OSError, match="storage is away"):
        receive.poll_once(ports, source)
    assert ports.marked == 0
    assert box.flags(uid) == set()
    assert receive.poll_once(HubPorts(), source) == 1
    assert "\\Seen" in box.flags(uid)
    ledger.check(settled=False)


def test_fetching_a_mail_marks_nothing(box: sandbox.Sandbox, ledger: Ledger, rng: random.Random) -> None:
    """BODY.PEEK[]: who looks into the mailbox sees what the hub has, not what it once looked at."""
    uids = [box.append(ledger.note(f"m{n}", mail(rng, f"m{n}", 3_000))) for n in range(2)]
    ports = Refusing(box)
    (source,) = ports.sources("email")
    with contextlib.suppress(OSError):
        receive.poll_once(ports, source)
    assert [box.flags(uid) for uid in uids] == [set(), set()]


def test_a_mail_cut_by_the_server_is_fetched_again(
    box: sandbox.Sandbox, ledger: Ledger, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.append(ledger.note("m", mail(rng, "m", 90_000)))
    real, cuts = sandbox_session._section, [1]

    def cut(stored: sandbox.Stored, match: object) -> bytes:
        answer = real(stored, match)  # type: ignore[arg-type]
        if not cuts or b"<0>" not in answer[:40]:
            return answer
        cuts.pop()
        head, _, body = answer.partition(b"\r\n")
        half = body[: len(body) * 2 // 3]
        return head[: head.index(b"{")] + b"{%d}\r\n" % len(half) + half

    monkeypatch.setattr(sandbox_session, "_section", cut)
    (source,) = HubPorts().sources("email")
    with pytest.raises(receive.TransferError):
        receive.poll_once(HubPorts(), source)
    assert count(Intake) == 0
    assert receive.poll_once(HubPorts(), source) == 1
    ledger.check(settled=False)


# ---- webhooks


def test_wechat_is_not_answered_before_the_commit(hub: Path, ledger: Ledger) -> None:
    from hub.app import create_app

    secrets = {"token": "tok", "aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "app_secret": "s"}
    entrance("wechat:1", "wechat", {"app_id": "wx0123456789abcdef"}, secrets)
    server = WeChat("wx0123456789abcdef", secrets["token"], secrets["aes_key"], secrets["app_secret"])
    client = create_app().test_client()

    def post() -> int:
        query, body = server.sealed(xml, "o" * 28)
        return client.post("/hooks/wechat/wechat:1", query_string=query, data=body).status_code

    try:
        xml = ledger.note("1", server._xml("o" * 28, "text", {"Content": "占用耕地", "MsgId": "1"}))
        failpoints.arm("intake.before_commit=raise")
        assert post() == 503, "told to ask again"
        failpoints.arm("")
        assert count(Intake) == 0
        assert post() == 200
        ledger.check(settled=False)
    finally:
        server.stop()


# ---- work


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_the_end_of_work_and_its_effect_are_one_transaction(
    hub: Path, ledger: Ledger, rng: random.Random, nth: int
) -> None:
    """Whichever commit fails: afterwards either both are there or neither."""
    made = intake.accept(raw(ledger, "m", mail(rng, "m", 300)), unit=UNIT)
    job = rows.claim("light")
    assert job is not None
    failpoints.arm(f"db.before_commit=raise@{nth}")
    with contextlib.suppress(failpoints.FailpointError):
        rows.run(job)
    failpoints.arm("")
    with db.reading() as session:
        left = session.scalar(select(func.count()).select_from(Work).where(Work.handler == "normalize"))
        registered = session.get_one(Intake, made.intake_id).state == "registered"
    assert registered == (left == 0), "the row is gone, its effect is not there: lost in silence"
    if left:
        with db.transaction() as session:
            session.execute(update(Work).values(state="pending", run_at=func.now()))
        again = rows.claim("light")
        assert again is not None
        rows.run(again)
    ledger.check()


def test_the_sweeper_wakes_for_rows_nobody_was_told_of(hub: Path, ledger: Ledger, rng: random.Random) -> None:
    """All wake-ups were lost with Redis, and one row's worker died: both rows are offered again."""
    intake.accept(raw(ledger, "m", mail(rng, "m", 300)), unit=UNIT)
    with db.transaction() as session:
        rows.put(session, "enrich", {"clue": 0})
        session.execute(
            update(Work)
            .where(Work.handler == "enrich")
            .values(state="running", lease_until=func.now() - rows.timedelta(seconds=1))
        )
    stop, wanted = threading.Event(), []
    with Redis.from_url(settings().redis_url) as client:
        client.flushall()
        thread = threading.Thread(target=sweeper.sweep, args=(stop, wanted.append, lambda: None), kwargs={"tick": 0.1})
        thread.start()
        try:
            until(lambda: {"light", "text"} <= set(wanted), what="the sweeper looks")
            woken = [len(Queue(name, connection=client)) for name in ("light", "text")]
        finally:
            stop.set()
            thread.join()
    assert woken == [1, 1], "one wake-up each, not one a tick"


def test_a_lease_that_ran_out_is_given_to_another(hub: Path) -> None:
    with db.transaction() as session:
        rows.put(session, "enrich", {"clue": 0})
    assert rows.claim("text") is not None
    assert rows.claim("text") is None, "a live lease belongs to its worker"
    with db.transaction() as session:
        session.execute(update(Work).values(lease_until=func.now() - rows.timedelta(seconds=1)))
    time.sleep(0.01)
    assert rows.claim("text") is not None
