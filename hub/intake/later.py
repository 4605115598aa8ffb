"""What comes to an intake later: a fetched medium, its loss, a person who reads what the machine could not."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from channels import contract
from hub import casework
from hub.access import audit
from hub.access.sealing import open_key
from hub.intake.blobs import add_blob
from hub.intake.registering import add_part, next_number, register
from hub.models import Blob, Clue, Intake, IntakeClue, Part
from hub.terms import IntakeState


def add_fetched(session: Session, intake_id: int, blob: contract.Blob) -> None:
    """A medium arrived from its provider: it becomes an original of the intake and a part of its clue."""
    intake = session.scalars(select(Intake).where(Intake.id == intake_id).with_for_update()).one()
    key = open_key(session, intake.key_id)
    row = add_blob(session, intake.id, key, next_number(session, Blob, intake.id), blob, "fetched")
    clue = session.scalars(
        select(Clue).join(IntakeClue, IntakeClue.clue_id == Clue.id).where(IntakeClue.intake_id == intake.id)
    ).first()
    piece = contract.Part(media_kind(blob), title=blob.name)
    add_part(session, intake, key, next_number(session, Part, intake.id), piece.kind, piece, row.id, clue)
    if clue is not None:
        casework.reenrich(session, clue)
    audit.record(session, f"intake:{intake.id}", "fetched", data={"sha256": row.sha256, "role": blob.role})


def media_kind(blob: contract.Blob) -> contract.PartKind:
    """How a fetched medium is read, by its role and type."""
    if blob.role in ("recording", "voice") or blob.media_type.startswith("audio/"):
        return contract.PartKind.AUDIO
    if blob.role in ("image", "page") or blob.media_type.startswith("image/"):
        return contract.PartKind.SCAN
    return contract.PartKind.VIDEO if blob.role == "video" else contract.PartKind.FILE


def to_manual(session: Session, intake_id: int, reason: str) -> None:
    """The machine cannot read it: the intake waits on the manual list, with the reason (Z3)."""
    intake = session.scalars(select(Intake).where(Intake.id == intake_id).with_for_update()).one()
    if intake.state == IntakeState.STORED:
        intake.state, intake.reason = IntakeState.MANUAL, reason[:300]
        audit.record(session, f"intake:{intake.id}", "to_manual", data={})


def medium_lost(session: Session, intake_id: int, reason: str) -> None:
    """A medium cannot be had any more: the intake waits on the manual list, its clue goes on without it (F22)."""
    intake = session.scalars(select(Intake).where(Intake.id == intake_id).with_for_update()).one()
    intake.reason = reason[:300]
    if intake.state == IntakeState.REGISTERED:  # a message not read yet still becomes a clue first
        intake.state = IntakeState.MANUAL
    audit.record(session, f"intake:{intake.id}", "to_manual", data={"medium": "lost"})


def register_by_hand(session: Session, intake: Intake, report: contract.Report, actor: str) -> list[int]:
    """A person has read an intake of the manual list and typed what it says."""
    intake.state = IntakeState.STORED
    session.flush()
    made = register(session, intake.id, [contract.NewReport(report)])
    audit.record(session, f"intake:{intake.id}", "register_by_hand", actor=actor, data={"clues": made})
    return made
