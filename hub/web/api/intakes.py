"""Intakes: taken in by form or file, what became of one, and what a person says it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import abort, jsonify, request
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response

from channels.contract import Channel, FormSpec, InputRefusedError, RawIntake
from channels.registry import channels
from hub import casework, db, intake
from hub.access import people
from hub.models import Intake
from hub.supervision.following import followed
from hub.terms import IntakeKind
from hub.web import forms, openapi
from hub.web.api.base import Answer, Body, bp, read, said
from hub.web.security import me, signed_in

KEY_LENGTH = 200


class FormIntake(Body):
    """A form of a manual channel; `values` by field name."""

    form: str = Field(max_length=50, description="Id of the form, e.g. referral")
    values: dict[str, str]


class AcceptedIntake(BaseModel):
    """One stored intake."""

    id: int
    new: bool = Field(description="False: this key was delivered before, nothing was stored again")


class IntakeAnswer(BaseModel):
    """What was stored. Sent only after the commit."""

    intakes: list[AcceptedIntake]


class KindBody(Body):
    """What a person says an intake is. Anything but a clue needs a reason; a written one an answer to its sender."""

    kind: IntakeKind
    reason: str = Field(default="", max_length=2000)
    answer: str = Field(default="", max_length=2000)


class IntakeFacts(Answer):
    """An intake of the own unit and the clues it became."""

    id: int
    channel: str
    state: str
    kind: str | None = Field(description="Set by a person")
    kind_suggested: str | None = Field(description="By the machine; it moves nothing")
    clues: list[str]
    proposed: bool = Field(description="A second person has still to confirm that it is no clue")


@bp.post("/intakes/<channel>")
@openapi.describes(answer=IntakeAnswer, body=FormIntake, status=201, upload=True, header="Idempotency-Key")
@signed_in(*forms.WRITERS)
def take_in(channel: str) -> Response | tuple[Response, int]:
    """A form (JSON, or multipart with files) or files alone for a channel that takes uploads.

    The same Idempotency-Key with the same body is stored once; with another body it is refused (422).
    """
    known = channels().get(channel)
    if known is None:
        abort(404, "没有这个渠道")
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key or len(key) > KEY_LENGTH or not key.isprintable():
        abort(400, f"请给出 Idempotency-Key（不超过 {KEY_LENGTH} 字）")
    with forms.received() as blobs:
        try:
            raws = _raws(known, blobs, key)
            taken = [intake.accept(raw, unit=me().unit_code, actor=me().label, strict=True) for raw in raws]
        except InputRefusedError as error:
            abort(422, str(error))
        except intake.KeyReusedError:
            abort(422, "这个 Idempotency-Key 已用于另一份内容")
    answer = jsonify(intakes=[{"id": row.intake_id, "new": row.new} for row in taken])
    return answer, 201 if any(row.new for row in taken) else 200


def _raws(channel: Channel, blobs: list[Any], key: str) -> list[RawIntake]:
    if request.mimetype == "application/json":
        told = read(FormIntake)
        form, values = told.form, told.values
    else:
        form, values = request.form.get("form", ""), request.form.to_dict()
    if not form:
        if not channel.upload:
            raise InputRefusedError("这个渠道须用表单登记：请给出 form")
        return forms.from_upload(channel, blobs, key, f"api:{channel.code}")
    spec = next((spec for spec in channel.forms if spec.id == form and not me().roles.isdisjoint(spec.roles)), None)
    if spec is None:
        abort(404, "这个渠道没有这张表单")
    stated = _stated(spec, values)
    problem, _ = forms.check(channel, spec, stated, blobs)
    if problem:
        raise InputRefusedError(problem)
    return [forms.as_intake(channel, spec, stated, blobs, key=key, source=f"api:{channel.code}")]


def _stated(spec: FormSpec, values: Mapping[str, str]) -> dict[str, str]:
    return {box.name: values.get(box.name, "").strip() for box in spec.fields if box.kind != "files"}


@bp.get("/intakes/<int:number>")
@openapi.describes(answer=IntakeFacts)
@signed_in(*people.ORIGINAL_ROLES)
def read_intake(number: int) -> Response:
    """What became of an intake of the own unit."""
    with db.reading() as session:
        rows = followed(session, me(), [number]) if number < 2**63 else []
        row = session.get(Intake, number) if rows else None
        if row is None:
            abort(404, "没有这份来件，或无权查看")
        return said(_facts(row, [no for no, _ in rows[0].clues], proposed=False))


@bp.post("/intakes/<int:number>/kind")
@openapi.describes(answer=IntakeFacts, body=KindBody)
@signed_in(*people.ORIGINAL_ROLES)
def set_kind(number: int) -> Response:
    """A person says what an intake is. Where a clue stands on it, a second person who says the same closes it."""
    given = read(KindBody)
    with db.transaction() as session:
        rows = followed(session, me(), [number]) if number < 2**63 else []
        row = session.get(Intake, number) if rows else None
        if row is None:
            abort(404, "没有这份来件，或无权办理")
        waits = casework.set_intake_kind(session, me(), row, given.kind, given.reason, given.answer)
        return said(_facts(row, [no for no, _ in rows[0].clues], proposed=waits is not None))


def _facts(row: Intake, clues: list[str], *, proposed: bool) -> IntakeFacts:
    return IntakeFacts(
        id=row.id, channel=row.channel, state=row.state, kind=row.kind, kind_suggested=row.kind_suggested, clues=clues,
        proposed=proposed,
    )  # fmt: skip
