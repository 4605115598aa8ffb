"""What an intake is (PRODUCT §4)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.access import audit
from hub.access.people import Actor
from hub.casework.errors import RefusedError
from hub.models import Intake
from hub.terms import IntakeKind


def set_intake_kind(session: Session, who: Actor, intake: Intake, kind: str, reason: str) -> None:
    """A person says what an intake is. Anything but a clue needs a reason (PRODUCT §4)."""
    if kind not in list(IntakeKind):
        raise RefusedError("没有这种来件类别")
    if kind != IntakeKind.CLUE and not reason.strip():
        raise RefusedError("定为非线索须写明理由")
    intake.kind = kind
    audit.record(session, f"intake:{intake.id}", "set_kind", actor=who.label, data={"kind": kind})
