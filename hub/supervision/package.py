"""The package of a case for the unit that takes it on (F10): what is known, what was done, and the hash of each file.

Nothing of a reporter goes in: originals are named by number and hash, because they may show who reported.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, clock, intake
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.casework import dossier, following, slips
from hub.casework.slips import Sheet
from hub.law import workflow
from hub.law.notices import KINDS
from hub.models import Blob, Clock, Clue, Event, Notice, StopOrder, Unit
from hub.settings import MB
from hub.supervision import case, timeline, visits
from hub.terms import STATE_LABELS, State

MOST = 200 * MB  # of photos in one package: it is put together in memory, nothing of it lies in a temporary file
_STAMP = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes
RESULTS = {"R0": "不存在违法行为", "R1": "存在违法行为"}
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png"}


def name_of(clue: Clue) -> str:
    return f"{clue.no}-案卷.zip"


def make(session: Session, who: Actor, clue: Clue) -> bytes:
    """The package as a ZIP with a list of SHA-256 (`sha256sum -c SHA256SUMS`). Written down before anything is opened.

    The caller has made sure that `who` reads the clue. Raises RefusedError: not of the unit that handles the clue, more
    photos than fit.
    """
    if who.unit_id != clue.owner_unit_id:
        raise casework.RefusedError("案卷由承办单位制作", kind="unit")
    audit.record(session, f"clue:{clue.id}", "package", actor=who.label)
    files = {
        "01-线索材料.pdf": slips.pdf(dossier.known(session, clue, "线索材料", (), ())),
        "02-办理经过.pdf": slips.pdf(_course(session, clue)),
        "03-事件记录.jsonl": _events(session, clue),
    }
    for row in following.stop_orders(session, clue):
        files |= _orders(session, clue, row)
    files |= _photos(session, clue)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in {**files, "SHA256SUMS": sums.encode()}.items():
            stored = name.startswith("photos/")
            info = zipfile.ZipInfo(name, _STAMP)
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            made.writestr(info, data)
    return out.getvalue()


def _course(session: Session, clue: Clue) -> Sheet:
    """What was done, when, by whom, with the limits and how they were kept."""
    events = [entry for entry in timeline.entries(session, clue, (), original=False) if not entry.quiet]
    sent = session.scalars(select(Notice).where(Notice.clue_id == clue.id).order_by(Notice.id))
    told = [
        [str(count), KINDS[row.kind], f"{_when(row.told_at)} 已告知" if row.told_at else "未告知"]
        for count, row in enumerate(sent, 1)
    ]
    limits = session.scalars(select(Clock).where(Clock.clue_id == clue.id).order_by(Clock.id))
    ends = [
        [str(count), f"{workflow.CLOCKS[row.kind]}（{row.article}）",
         f"自 {row.base} 至 {row.due}{'，逾期' if row.late else ''}"
         + (f"，{_when(row.stopped_at)} 结束" if row.stopped_at else "，进行中")]
        for count, row in enumerate(limits, 1)
    ]  # fmt: skip
    sites = [
        [str(run.number), f"{visit.visited} {visit.by}", "；".join(f"{k}：{v}" for k, v in visit.found.items())]
        for run in visits.runs(session, clue, original=True)
        for visit in run.visits
    ]
    rows = (
        ("线索编号", clue.no),
        ("承办单位", session.get_one(Unit, clue.owner_unit_id).name),
        ("当前状态", STATE_LABELS[State(clue.state)]),
        ("核查结果", RESULTS.get(clue.result or "", "—")),
        ("制作日期", dossier.day(clock.today())),
    )
    lists = (
        ("办理过程", [[str(n), _when(entry.at), f"{entry.label} {entry.article} {entry.actor}"]
                      for n, entry in enumerate(events, 1)]),
        ("现场核查", sites),
        ("办理时限", ends),
        ("告知", told),
    )  # fmt: skip
    shown = [one for one in lists if one[1]]
    return Sheet("线索办理经过", rows, lists=shown, foot="举报人信息依法保密，不随案卷移送。")


def _when(moment: datetime | None) -> str:
    return clock.china(moment).strftime("%Y-%m-%d %H:%M") if moment is not None else ""


def _events(session: Session, clue: Clue) -> bytes:
    """The chain of the clue as it stands: who holds it can compute each hash again."""
    rows = session.scalars(select(Event).where(Event.object == f"clue:{clue.id}").order_by(Event.seq))
    lines = [
        json.dumps(
            {
                "seq": row.seq, "act": row.act, "actor": row.actor, "at": row.at.astimezone(UTC).isoformat(),
                "recorded_at": row.received_at.astimezone(UTC).isoformat(), "data": row.data,
                "previous": row.previous.hex(), "hash": row.hash.hex(),
            },
            ensure_ascii=False,
        )
        for row in rows
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines).encode()


def _orders(session: Session, clue: Clue, row: StopOrder) -> dict[str, bytes]:
    key = open_key(session, clue.key_id)
    made = {f"orders/{row.id}-通知书.pdf": key.open(row.paper, "stop_order.paper")}
    if row.copy is not None:
        made[f"orders/{row.id}-抄送单.pdf"] = key.open(row.copy, "stop_order.copy")
    return made


def _photos(session: Session, clue: Clue) -> dict[str, bytes]:
    """Pictures that officers took; what the camera wrote into them says where and when."""
    rows = [
        row
        for taken in case.intakes_of(session, clue)
        if taken.source_id == visits.SOURCE
        for row in session.scalars(
            select(Blob).where(Blob.intake_id == taken.id, Blob.origin == "raw").order_by(Blob.id)
        )
    ]
    if sum(row.size for row in rows) > MOST:
        raise casework.RefusedError(f"现场照片合计超过 {MOST // MB} MB，请从线索页逐张下载", kind="value")
    names = {row.id: f"photos/{row.id}.{_ENDINGS.get(row.media_type, 'bin')}" for row in rows}
    return {names[row.id]: b"".join(intake.read_blob(session, row)) for row in rows}
