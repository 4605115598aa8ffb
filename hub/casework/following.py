"""What follows the result: orders to stop (F7), penalties and their publication (F6, F12), how satisfied a reporter was
(G10). Contacts are logged by their row of the table alone (F8).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.casework import dossier, facts, slips, telling
from hub.casework.acts import effect
from hub.casework.changes import announce, lock
from hub.casework.doing import Doing
from hub.casework.errors import RefusedError
from hub.casework.fields import VALUES
from hub.casework.slips import Sheet
from hub.casework.verification import last_measured
from hub.jurisdiction.divisions import table
from hub.law.deadlines import base_day
from hub.models import Clue, ClueReporter, Notice, Satisfaction, StopOrder, Unit, Value
from hub.terms import CLASS_LABELS, State

SCORES = range(1, 6)
LAWS = {"T": "《中华人民共和国土地管理法》第六十七条", "K": "《中华人民共和国矿产资源法》"}
"""Where an order to stop rests by the first letter of the class; the article on minerals is the person's to name."""
LONGEST = 500  # characters a reporter may add to a score


def _effective(doing: Doing) -> facts.Facts:
    if not doing.data.get("effective"):
        return {}
    return {
        "effective": doing.day("effective"), "today": base_day(doing.now), "received": base_day(doing.clue.at),
    }  # fmt: skip


def _result(doing: Doing) -> facts.Facts:
    return {"result": doing.clue.result}


def _rated(doing: Doing) -> facts.Facts:
    return {"rated": not _unrated(doing.session, doing.clue)}


facts.COLLECTORS.update(
    {
        "violation_found": _result,
        "not_cleared": _result,
        "effective_in_order": _effective,
        "publish_waits": facts.waits("publish"),
        "not_rated": _rated,
    }
)


def draft(session: Session, clue: Clue) -> dict[str, str]:
    """What the data of the clue says for an order to stop: who, what, under which law. For a person to check."""
    key = open_key(session, clue.key_id)
    told = {
        row.field: key.json(row.value, "clue.value")
        for row in session.scalars(select(Value).where(Value.clue_id == clue.id).order_by(Value.id))
    }
    where = table().path(clue.division).replace("/", "") if clue.division and clue.division_confirmed else ""
    area = _measured(session, clue) or str(dossier.in_words(told.get("area", "")))
    what = CLASS_LABELS.get(clue.class_code or "", "") if (clue.class_code or "N")[0] in LAWS else ""
    conduct = "，".join(part for part in (f"在{where}{what}" if where and what else "", f"面积{area}" if area else ""))
    return {
        "addressee": dossier.in_words(told.get("respondent", "")),
        "conduct": f"{conduct.strip('，')}。" if what else "",
        "basis": LAWS.get((clue.class_code or "N")[0], ""),
    }


def _measured(session: Session, clue: Clue) -> str:
    """The area as measured, with its unit; "" where none was."""
    seen = last_measured(session, clue)
    return f"{seen[1]:g}{VALUES['area_unit'][seen[0].area_unit]}" if seen is not None and seen[1] else ""


@effect("stop_order")
def order_to_stop(doing: Doing) -> None:
    """Order and copy sheet are made and sealed now: what went out can be shown at any time."""
    session, clue = doing.session, doing.clue
    assert doing.user_id is not None
    for name in ("addressee", "conduct", "basis", "copies", "order_no"):
        if dossier.names_reporter(session, clue, str(doing.data.get(name) or "")):
            raise doing.refused("文书要送达被责令的人，其中出现了举报人的信息，请删去", "value", name)
    unit = session.get_one(Unit, clue.owner_unit_id).name
    number, day = _line(doing, "order_no"), dossier.day(base_day(doing.at))
    paper = slips.pdf(
        Sheet(
            "责令停止违法行为通知书",
            (("文书编号", number), ("责令对象", _line(doing, "addressee")), ("法律依据", _line(doing, "basis"))),
            (
                ("经查，你（单位）存在下列行为：", str(doing.data["conduct"])),
                ("", "现责令你（单位）立即停止上述行为，听候处理。如有异议，可向本机关陈述、申辩。"),
            ),
            foot=f"{unit}（印章）\n{day}\n\n送达回证：　　　　　　　送达人：　　　　　　　日期：",
        )
    )
    copies = [one for one in _line(doing, "copies").replace("，", "、").replace(",", "、").split("、") if one.strip()]
    copy = slips.pdf(_copy_sheet(number, unit, day, copies, paper)) if copies else None
    key = open_key(session, clue.key_id)
    row = StopOrder(
        clue_id=clue.id, unit_id=clue.owner_unit_id, at=doing.at, by_user=doing.user_id,
        paper=key.seal(paper, "stop_order.paper"), sha256=hashlib.sha256(paper).hexdigest(),
        copy=key.seal(copy, "stop_order.copy") if copy is not None else None,
        copy_sha256=hashlib.sha256(copy).hexdigest() if copy is not None else "",
    )  # fmt: skip
    session.add(row)
    session.flush()
    doing.noted |= {"order": row.id, "paper": row.sha256} | ({"copy": row.copy_sha256} if copy is not None else {})


def _copy_sheet(number: str, unit: str, day: str, copies: list[str], paper: bytes) -> Sheet:
    rows = [[str(count), name.strip(), "请协助制止，并将情况告知发文单位"] for count, name in enumerate(copies, 1)]
    return Sheet(
        "抄送单",
        (
            ("文书", "责令停止违法行为通知书"),
            ("文书编号", number),
            ("发文单位", unit),
            ("日期", day),
            ("校验值", f"SHA-256 {hashlib.sha256(paper).hexdigest()}"),
        ),
        lists=[("抄送单位", rows)],
        foot="本单随通知书副本发送，不含举报人信息。",
    )


def _line(doing: Doing, name: str) -> str:
    return " ".join(str(doing.data.get(name) or "").split())[:200]


def stop_paper(session: Session, who: Actor, clue: Clue, order_id: int, part: str) -> tuple[str, bytes]:
    """An order as it went out: (file name, PDF). `part`: paper, copy. Audited before it is opened.

    The caller has made sure that `who` may see the clue. Raises RefusedError: not of this clue or the person's unit.
    """
    row = session.get(StopOrder, order_id)
    sealed = None if row is None else row.paper if part == "paper" else row.copy if part == "copy" else None
    if row is None or sealed is None or row.clue_id != clue.id or row.unit_id != who.unit_id:
        raise RefusedError("没有这份文书", kind="state")
    audit.record(session, f"clue:{clue.id}", "stop_order_read", actor=who.label, data={"order": row.id, "part": part})
    plain = open_key(session, clue.key_id).open(sealed, f"stop_order.{part}")
    if hashlib.sha256(plain).hexdigest() != (row.sha256 if part == "paper" else row.copy_sha256):
        raise RefusedError("文书与登记的校验值不符", kind="state")
    return f"{clue.no}-T{row.id}-{part}.pdf", plain


def stop_orders(session: Session, clue: Clue) -> list[StopOrder]:
    """The orders to stop of the clue, the newest first."""
    return list(session.scalars(select(StopOrder).where(StopOrder.clue_id == clue.id).order_by(StopOrder.id.desc())))


@effect("revisit")
def revisit(doing: Doing) -> None:
    """A call to the first reporter who has not said a word yet."""
    if doing.data.get("score"):
        reporter = next(iter(_unrated(doing.session, doing.clue)))
        _keep(doing.session, doing.clue, reporter, int(doing.data["score"]), "", doing.at, doing.user_id)
        doing.noted["score"] = int(doing.data["score"])


def _unrated(session: Session, clue: Clue) -> list[int | None]:
    """Reporters of the clue who have not rated it, the first one first; [None]: nobody is known and nobody rated."""
    rated = set(session.scalars(select(Satisfaction.reporter_id).where(Satisfaction.clue_id == clue.id)))
    of_clue = select(ClueReporter.reporter_id).where(ClueReporter.clue_id == clue.id).order_by(ClueReporter.reporter_id)
    known: list[int | None] = list(session.scalars(of_clue)) or [None]
    return [one for one in known if one not in rated]


def may_rate(session: Session, clue: Clue, reporter_id: int | None) -> bool:
    """Whether this reporter (None: the query code of nobody known) may still rate the clue: it is over, not rated."""
    said = select(Satisfaction.id).where(Satisfaction.clue_id == clue.id)
    mine = Satisfaction.reporter_id.is_(None) if reporter_id is None else Satisfaction.reporter_id == reporter_id
    return _over(session, clue) and session.scalar(said.where(mine)) is None


def _over(session: Session, clue: Clue) -> bool:
    """Closed, or a member of a group whose result its reporter was told."""
    if clue.state != State.MERGED:
        return clue.state == State.CLOSED
    told = select(Notice.id).where(
        Notice.clue_id == clue.id, Notice.kind.in_(telling.RESULT_KINDS), Notice.told_at.is_not(None)
    )
    return session.scalar(told.limit(1)) is not None


def rate(session: Session, clue: Clue, reporter_id: int | None, score: int, words: str = "") -> None:
    """The reporter's own word from the query page; said once. Raises RefusedError."""
    if score not in SCORES:
        raise RefusedError("请在五档中选择一档", kind="value", name="score")
    clue = lock(session, {clue.id})[clue.id]
    if not _over(session, clue):
        raise RefusedError("办结以后才能评价", kind="state")
    if not may_rate(session, clue, reporter_id):
        raise RefusedError("已收到您的评价，谢谢", kind="guard", name="not_rated")
    now = clock.now()
    _keep(session, clue, reporter_id, score, words.strip()[:LONGEST], now, None)
    audit.record(session, f"clue:{clue.id}", "rated", at=now, data={"score": score})
    announce(session, clue)


def _keep(
    session: Session, clue: Clue, reporter_id: int | None, score: int, words: str, at: datetime, by: int | None
) -> None:
    key = open_key(session, clue.key_id)
    row = Satisfaction(
        clue_id=clue.id, reporter_id=reporter_id, score=score, at=at, by_user=by,
        words=key.seal(words, "satisfaction.words") if words else None,
    )  # fmt: skip
    session.add(row)
    session.flush()


@dataclass(frozen=True, slots=True)
class Rated:
    """What a reporter said, without who it was."""

    score: int
    words: str
    at: datetime
    by_call: bool


def ratings(session: Session, clue: Clue, *, words: bool) -> list[Rated]:
    """The ratings of the clue, oldest first; `words`: with what was written, for those who handle the clue."""
    key = open_key(session, clue.key_id)
    rows = session.scalars(select(Satisfaction).where(Satisfaction.clue_id == clue.id).order_by(Satisfaction.id))
    return [
        Rated(
            row.score,
            key.text(row.words, "satisfaction.words") if row.words and words else "",
            row.at,
            by_call=row.by_user is not None,
        )
        for row in rows
    ]
