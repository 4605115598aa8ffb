"""Verification on site as the case desk shows it: runs, officers, visits; and photos taken into evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from channels import contract
from hub import casework, clock, intake
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import new_key, open_key
from hub.models import Blob, Certificate, Clue, Intake, IntakeClue, Officer, Part, SiteRecord, User, Verification
from hub.terms import SITE_PHOTOS, IntakeKind, IntakeState

SOURCE = SITE_PHOTOS
MOST = 200  # officers offered


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture of a visit. `view`: our working copy without EXIF, None until it is made."""

    id: int
    view: int | None


@dataclass(frozen=True, slots=True)
class Visit:
    """One site record; without the right to read originals only its day and codes."""

    visited: date
    by: str
    crs: str
    area_unit: str
    land_kind: str
    elements: dict[str, str]
    found: dict[str, Any]
    photos: tuple[Photo, ...]


@dataclass
class Run:
    """One verification of the clue."""

    number: int
    started: date
    ended: date | None
    result: str | None
    officers: list[tuple[str, str, date]]  # name, certificate, valid until
    visits: list[Visit] = field(default_factory=list)


def runs(session: Session, clue: Clue, *, original: bool) -> list[Run]:
    """Every verification of the clue, the latest first."""
    rows = session.scalars(
        select(Verification).where(Verification.clue_id == clue.id).order_by(Verification.number.desc())
    ).all()
    return [_run(session, clue, row, original=original) for row in rows]


def _run(session: Session, clue: Clue, row: Verification, *, original: bool) -> Run:
    officers = session.scalars(
        select(Officer).where(Officer.verification_id == row.id).order_by(Officer.certificate)
    ).all()
    records = session.execute(
        select(SiteRecord, User.name)
        .join(User, User.id == SiteRecord.by_user)
        .where(SiteRecord.verification_id == row.id)
        .order_by(SiteRecord.visited, SiteRecord.id)
    ).all()
    key = open_key(session, clue.key_id)
    made = Run(
        row.number, row.started, row.ended, row.result, [(o.name, o.certificate, o.valid_until) for o in officers]
    )
    for record, name in records:
        found = key.json(record.found, "site_record.found") if original else {}
        photos = _photos(session, record.photos) if original else ()
        made.visits.append(
            Visit(
                record.visited,
                name,
                record.crs,
                record.area_unit,
                record.land_kind,
                dict(record.elements),
                found,
                photos,
            )
        )
    return made


def _photos(session: Session, ids: Sequence[Any]) -> tuple[Photo, ...]:
    return tuple(Photo(number, working_copy(session, number)) for number in ids)


def working_copy(session: Session, blob_id: int) -> int | None:
    """Our own rendition of a picture: upright, without what the camera wrote into it."""
    part = session.scalars(select(Part).where(Part.blob_id == blob_id)).first()
    if part is None:
        return None
    role = f"page:{part.id}:0"
    wanted = select(Blob.id).where(Blob.intake_id == part.intake_id, Blob.origin == "rendered", Blob.role == role)
    return session.scalar(wanted)


@dataclass(frozen=True, slots=True)
class Certified:
    """A person who may verify, with the certificate."""

    name: str
    certificate: str
    valid_until: date


def known_officers(session: Session, clue: Clue) -> list[Certified]:
    """Who may verify for the holding unit: its ledger of certificates, and officers of its earlier verifications."""
    today = clock.today()
    ledger = session.execute(
        select(Certificate.name, Certificate.number, Certificate.valid_until)
        .where(Certificate.unit_id == clue.owner_unit_id, Certificate.withdrawn_on.is_(None))
        .where(Certificate.valid_until >= today)
        .order_by(Certificate.name, Certificate.number)
        .limit(MOST)
    ).all()
    before = session.execute(
        select(Officer.name, Officer.certificate, func.max(Officer.valid_until))
        .join(Verification, Verification.id == Officer.verification_id)
        .where(Verification.unit_id == clue.owner_unit_id, Officer.valid_until >= today)
        .group_by(Officer.name, Officer.certificate)
        .order_by(Officer.name, Officer.certificate)
        .limit(MOST)
    ).all()
    found: dict[str, Certified] = {}
    for name, number, until in (*ledger, *before):
        found.setdefault(number, Certified(name, number, until))
    return list(found.values())


def keep_photos(session: Session, who: Actor, clue: Clue, blobs: Iterable[contract.Blob]) -> list[int]:
    """Takes photos of a visit into the evidence of the clue, in the running transaction; ids of the originals.

    They are an intake of their own, no report: kind "other", counted apart. The worker makes working copies without
    EXIF as it does of every scan; the originals stay as they were taken.
    """
    photos = list(blobs)
    if not photos:
        return []
    key = new_key(session, clue.owner_unit_id)
    row = Intake(
        channel=clue.channel, source_id=SOURCE, unit_id=clue.owner_unit_id, at=clock.now(), key_id=key.id,
        meta=key.seal_json({"key": "", "also": [], "meta": {}}, "intake.meta"), remotes=None,
        state=IntakeState.REGISTERED, kind=IntakeKind.OTHER, kind_suggested=IntakeKind.OTHER,
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add(IntakeClue(intake_id=row.id, clue_id=clue.id))
    session.flush()
    made = []
    for number, photo in enumerate(photos):
        blob = intake.add_blob(session, row.id, key, number, photo, "raw")
        piece = contract.Part(contract.PartKind.SCAN, title=f"现场照片 {number + 1}", data={"role": "site_photo"})
        intake.add_part(session, row, key, number, piece.kind, piece, blob.id, clue)
        made.append(blob.id)
    data = {"intake": row.id, "sha256": [photo.sha256() for photo in photos]}
    audit.record(session, f"clue:{clue.id}", "evidence", actor=who.label, data=data)
    casework.announce(session, clue)
    return made
