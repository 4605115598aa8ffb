"""/api/v1: the queue and intake for programs. Errors are {"error", "retry"}; changes need the CSRF header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, current_app, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.wrappers import Response

from channels.contract import Channel, FormSpec, InputRefusedError, RawIntake
from channels.registry import channels
from hub import db, intake
from hub.access import people
from hub.supervision import queue
from hub.web import forms, openapi
from hub.web.console import read_filters
from hub.web.security import me, signed_in

bp = Blueprint("api", __name__, url_prefix="/api/v1")

KEY_LENGTH = 200


class ClueRow(BaseModel):
    """A clue as lists show it: masked, nothing of a reporter."""

    no: str
    channel: str
    state: str
    place: str | None
    division: str | None = Field(description="GB/T 2260 code of the place, six digits")
    class_: str | None = Field(alias="class", description="T1–T5, K1–K5, N1–N5")
    missing: list[str] = Field(description="Missing elements: place, respondent, facts, evidence")
    at: str = Field(description="When it was received, ISO 8601")
    due: str | None = Field(description="Last day of the running clock")
    summary: str


class CluePage(BaseModel):
    """Up to 50 clues, newest first."""

    clues: list[ClueRow]
    after: str = Field(description='Give it back as "after" for the next page; empty at the end')


class FormIntake(BaseModel):
    """A form of a manual channel; `values` by field name."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    form: str = Field(max_length=50, description="Id of the form, e.g. referral")
    values: dict[str, str]


class AcceptedIntake(BaseModel):
    """One stored intake."""

    id: int
    new: bool = Field(description="False: this key was delivered before, nothing was stored again")


class IntakeAnswer(BaseModel):
    """What was stored. Sent only after the commit."""

    intakes: list[AcceptedIntake]


class ErrorAnswer(BaseModel):
    """Why not, in Chinese, and whether trying the same again can help."""

    error: str
    retry: bool


@bp.get("/clues")
@openapi.describes(answer=CluePage, query=("channel", "state", "division", "query", "after"))
@signed_in(*people.CONTENT_ROLES)
def list_clues() -> Response:
    """The queue of the signed-in person."""
    with db.reading() as session:
        rows, after = queue.page(session, me(), read_filters())
        found = [queue.facts(row) for row in rows]
    return jsonify(clues=found, after=after)


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
        told = _json()
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


def _json() -> FormIntake:
    try:
        return FormIntake.model_validate_json(request.get_data())
    except ValidationError:
        abort(422, "JSON 应为 {form, values}，values 的值为文字")


@bp.get("/openapi.json")
@openapi.describes()
@signed_in()
def document() -> Response:
    """This API as an OpenAPI 3.1 document."""
    return jsonify(openapi.document(current_app, ErrorAnswer))
