"""Registers what the names of work rows stand for, and is the RQ entrance of the workers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from channels.contract import FetchError, Remote
from channels.registry import channel
from hub import casework, db, failpoints, intake
from hub.access.sealing import open_key
from hub.enrich import decoding, resketch, run, transcribe
from hub.mailroom import pages as scans
from hub.mailroom import taking
from hub.models import Intake
from hub.notify import sending
from hub.ports import HubPorts
from hub.supervision import redacting
from hub.work import drain as draining
from hub.work.rows import QUEUES, Handler, Job, register

ATTEMPTS_OF_FETCH = 6  # a recording may be 404 for minutes at first; media stay three days at the provider


def normalize(job: Job) -> None:
    """Handler: args {"intake": id}. Raw → outcomes → clue."""
    with db.reading() as session:
        raw = intake.load(session, job.args["intake"])
    outcomes = decoding.normalize(raw)
    failpoints.hit("normalize.before_register")
    with db.transaction() as session:
        intake.register(session, job.args["intake"], outcomes)
        job.done(session)


def fetch(job: Job) -> None:
    """Handler: args {"intake": id, "remote": index}. Brings a medium from its provider, at once (A7)."""
    ports = HubPorts()
    with db.reading() as session:
        row = session.get_one(Intake, job.args["intake"])
        assert row.remotes is not None
        about = open_key(session, row.key_id).json(row.remotes, "intake.remotes")[job.args["remote"]]
        code, source_id = row.channel, row.source_id
    source = next((source for source in ports.sources(code) if source.id == source_id), None)
    getter = channel(code).fetch
    if source is None or getter is None:
        raise FetchError("渠道来源已停用，媒体无法取回", permanent=True)
    blob = getter(ports, source, Remote(**about))
    with db.transaction() as session:
        intake.add_fetched(session, job.args["intake"], blob)
        job.done(session)


def notify(job: Job) -> None:
    """Handler: args {"notice": id}. The next step of a notice: one try by one route."""
    sending.run(job, HubPorts())


def told(job: Job) -> None:
    """Handler: args {"notice": id, "at": ISO, "evidence": codes}. Being told stops the clock the notice names."""
    args = job.args
    with db.transaction() as session:
        casework.note_told(session, args["notice"], datetime.fromisoformat(args["at"]), args["evidence"])
        job.done(session)


def undelivered(job: Job) -> None:
    """Handler: args {"notice": id, "exhausted": bool, "at": ISO}. What was told is not told any more, or never was."""
    args = job.args
    with db.transaction() as session:
        moment = datetime.fromisoformat(args["at"])
        casework.note_undelivered(session, args["notice"], moment, exhausted=args["exhausted"])
        job.done(session)


def learn(job: Job) -> None:
    """Handler: args {}. Learns classes from the confirmed decisions as `hub learn` does, by night."""
    from hub.enrich import learning  # numpy, for this work alone  # noqa: PLC0415

    learning.nightly(job)


def register_handlers() -> None:
    """Ties every name in hub.work.rows.QUEUES to its function."""
    register(
        Handler(
            "normalize", QUEUES["normalize"], normalize,
            dead=lambda session, args, reason: intake.to_manual(session, args["intake"], reason),
        )
    )  # fmt: skip
    register(
        Handler(
            "fetch", QUEUES["fetch"], fetch, attempts=ATTEMPTS_OF_FETCH,
            dead=lambda session, args, reason: intake.medium_lost(session, args["intake"], reason),
        )
    )  # fmt: skip
    register(Handler("notify", QUEUES["notify"], notify, dead=sending.parked, lease=sending.LEASE))
    register(Handler("told", QUEUES["told"], told))
    register(Handler("undelivered", QUEUES["undelivered"], undelivered))
    register(Handler("enrich", QUEUES["enrich"], run.enrich))
    register(Handler("resketch", QUEUES["resketch"], resketch.resketch))
    long = timedelta(seconds=120)
    register(Handler("learn", QUEUES["learn"], learn, lease=timedelta(minutes=30)))
    register(Handler("transcribe", QUEUES["transcribe"], transcribe.transcribe, dead=transcribe.unreadable, lease=long))
    register(Handler("beep", QUEUES["beep"], redacting.redact, lease=long))
    register(Handler("black", QUEUES["black"], redacting.redact, lease=long))
    register(Handler("scan_pages", QUEUES["scan_pages"], scans.render, dead=scans.unreadable, lease=long))
    register(Handler("take_letter", QUEUES["take_letter"], taking.run, dead=taking.stopped))
    register(Handler("read_scan", QUEUES["read_scan"], transcribe.read_scan, dead=transcribe.unreadable, lease=long))


register_handlers()


def started(queues: Sequence[str]) -> None:
    """What a worker of these queues looks for once, before its first row: clues that an older release compared."""
    if QUEUES["resketch"] in queues:
        with db.transaction() as session:
            resketch.begin(session)


def drain(queue: str) -> int:
    """The RQ job: a wake-up for one queue. Returns how many rows it ran."""
    return draining.drain(queue)
