"""Verification on site: two officers, records of each visit, an end of its own day, one of two results (Art. 14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access import certificates
from hub.access.sealing import open_key
from hub.casework import facts
from hub.casework.acts import effect
from hub.casework.doing import Doing, day_of
from hub.models import Blob, Clue, IntakeClue, Officer, SiteRecord, Verification

ELEMENTS = ("place", "respondent", "facts", "area", "permits")
"""The five elements checked on site (F2); each confirmed, differs or unclear."""
_CHECKED = ("confirmed", "differs", "unclear")


def _verification(doing: Doing) -> facts.Facts:
    """The running verification with its officers and last visit; nothing where none runs."""
    if doing.rule.id == "verify.start":
        found = {name: doing.day(name) for name in ("started",) if doing.data.get(name)}
        officers = [
            {**one, **{name: day_of(one.get(name)) for name in ("valid_from", "valid_until")}} | _ledger(doing, one)
            for one in doing.data.get("officers") or ()
            if isinstance(one, dict)
        ]
        running = running_verification(doing.session, doing.clue) is not None
        return {**found, "officers": officers, "running": running}
    row = running_verification(doing.session, verified_with(doing))
    if row is None:
        return {"officers": (), "started": None}
    officers = [
        {"certificate": one.certificate, "valid_from": one.valid_from, "valid_until": one.valid_until}
        for one in doing.session.scalars(select(Officer).where(Officer.verification_id == row.id))
    ]
    visits = doing.session.scalars(select(SiteRecord.visited).where(SiteRecord.verification_id == row.id)).all()
    days = {name: doing.day(name) for name in ("visited", "ended") if doing.data.get(name)}
    return {"officers": officers, "started": row.started, "last_record": max(visits, default=None), **days}


def _ledger(doing: Doing, officer: Mapping[str, Any]) -> facts.Facts:
    """What the ledger of certificates knows of a number: it wins over what was stated."""
    day = doing.day("started") if doing.data.get("started") else None
    row = certificates.known(doing.session, str(officer.get("certificate") or "").strip(), day)
    if row is None:
        return {}
    return {"name": row.name, "valid_from": row.valid_from, "valid_until": certificates.last_day(row)}


def verified_with(doing: Doing) -> Clue:
    """The clue whose verification it is: for a member's own result that of its group."""
    main_id = doing.clue.main_id if doing.rule.id == "result.own" else None
    return doing.clue if main_id is None else doing.session.get_one(Clue, main_id)


def running_verification(session: Session, clue: Clue) -> Verification | None:
    return session.scalars(
        select(Verification).where(Verification.clue_id == clue.id, Verification.ended.is_(None))
    ).first()


facts.COLLECTORS.update({"two_officers": _verification, "verification_runs": _verification})


@effect("verify.start")
def start(doing: Doing) -> None:
    """The task: two named officers with certificates valid that day."""
    session, clue = doing.session, doing.clue
    last = session.scalar(select(func.max(Verification.number)).where(Verification.clue_id == clue.id)) or 0
    assert doing.user_id is not None
    row = Verification(
        clue_id=clue.id, number=last + 1, unit_id=clue.owner_unit_id, started=doing.day("started"), ended=None,
        result=None, by_user=doing.user_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    for officer in doing.facts["officers"]:
        if not str(officer.get("name") or "").strip():
            raise doing.refused("核查人员须写明姓名", "value", "officers")
        session.add(
            Officer(
                verification_id=row.id, certificate=str(officer["certificate"])[:60], name=str(officer["name"])[:60],
                valid_from=officer.get("valid_from"), valid_until=officer["valid_until"],
            )
        )  # fmt: skip
    session.flush()
    doing.noted["verification"] = row.id


@effect("verify.record")
def record(doing: Doing) -> None:
    """One visit: when, where in which coordinate system, how large, what land, which permits, what was found."""
    session, clue, data = doing.session, doing.clue, doing.data
    row = running_verification(session, clue)
    assert row is not None
    assert doing.user_id is not None
    key = open_key(session, clue.key_id)
    found = {name: data.get(name) for name in ("longitude", "latitude", "area", "permits", "words") if data.get(name)}
    session.add(
        SiteRecord(
            verification_id=row.id, visited=doing.day("visited"), crs=_coordinates(doing),
            area_unit=str(data.get("area_unit") or ""), land_kind=str(data.get("land_kind") or ""),
            elements=_elements(doing), found=key.seal_json(found, "site_record.found"), photos=_photos(doing),
            by_user=doing.user_id,
        )
    )  # fmt: skip
    _limits(doing)
    session.flush()
    doing.noted["verification"] = row.id


def _limits(doing: Doing) -> None:
    data = doing.data
    if data.get("area_unit") not in (None, "", "mu", "m2", "ha") or (data.get("area") and not data.get("area_unit")):
        raise doing.refused("面积须写明单位：亩、平方米或公顷", "value", "area_unit")
    kinds = ("permanent_basic_farmland", "other_arable", "other_agricultural", "construction", "unused", "unknown")
    if data.get("land_kind") not in (None, "", *kinds):
        raise doing.refused("没有这种地类", "value", "land_kind")
    area = data.get("area")
    if area is not None and (isinstance(area, bool) or not isinstance(area, (int, float)) or not 0 < area < 1e9):
        raise doing.refused("面积不正确", "value", "area")


def _coordinates(doing: Doing) -> str:
    data = doing.data
    x, y, crs = data.get("longitude"), data.get("latitude"), str(data.get("crs") or "")
    if x is None and y is None and not crs:
        return ""
    inside = isinstance(x, (int, float)) and isinstance(y, (int, float)) and 73 <= x <= 136 and 3 <= y <= 54
    if not inside or crs not in ("CGCS2000", "WGS84", "GCJ02"):
        raise doing.refused("坐标须为我国范围内的经纬度并写明坐标系", "value", "crs")
    return crs


def _elements(doing: Doing) -> dict[str, Any]:
    given = doing.data.get("elements") or {}
    if not isinstance(given, dict) or any(k not in ELEMENTS or v not in _CHECKED for k, v in given.items()):
        raise doing.refused("五要素核对的内容不正确", "value", "elements")
    return dict(given)


def _photos(doing: Doing) -> list[int]:
    """Photos are blobs of an intake of this clue: they went through the evidence store like any original."""
    given = list(doing.data.get("photos") or ())
    known = set(
        doing.session.scalars(
            select(Blob.id)
            .join(IntakeClue, IntakeClue.intake_id == Blob.intake_id)
            .where(IntakeClue.clue_id == doing.clue.id, Blob.id.in_([n for n in given if isinstance(n, int)]))
        )
    )
    if set(given) != known:
        raise doing.refused("照片须先存入本线索的证据材料", "value", "photos")
    return sorted(known)


def last_measured(session: Session, clue: Clue) -> tuple[SiteRecord, float] | None:
    """The last site record that has an area, with the area in its own unit; None where none was measured."""
    record = session.scalars(
        select(SiteRecord)
        .join(Verification, Verification.id == SiteRecord.verification_id)
        .where(Verification.clue_id == clue.id, SiteRecord.area_unit != "")
        .order_by(SiteRecord.id.desc())
    ).first()
    if record is None:
        return None
    found = open_key(session, clue.key_id).json(record.found, "site_record.found")
    return record, float(found.get("area") or 0)


@effect("verify.end")
def end(doing: Doing) -> None:
    row = running_verification(doing.session, doing.clue)
    assert row is not None
    row.ended, row.result = doing.day("ended"), str(doing.data["result"])
    doing.clue.result = row.result
    doing.noted["verification"] = row.id
    doing.session.flush()
