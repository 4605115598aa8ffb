"""What every part of the API shares: its blueprint, bodies read into models, refusals as problem details."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from flask import Blueprint, abort, jsonify, request
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub import casework, notify
from hub.access import people
from hub.law.notices import TemplateError
from hub.models import Clue
from hub.notify.tasks import TaskError
from hub.web import problems
from hub.web.security import me

bp = Blueprint("api", __name__, url_prefix="/api/v1")
Model = TypeVar("Model", bound=BaseModel)
_WHY = {"missing": "缺少这一项", "extra_forbidden": "没有这一项", "json_invalid": "不是 JSON"}


class Body(BaseModel):
    """What a request gives. Unknown members are refused, and nothing of it is repeated in an error."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Answer(BaseModel):
    """What an answer holds, read from the views of hub.supervision."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


def read(model: type[Model]) -> Model:
    """The JSON body; a problem naming the member where it is not what the model says."""
    data = request.get_data()
    if b"\\u0000" in data:  # PostgreSQL takes no NUL in text
        refuse("文字含有不能保存的字符")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        known = [str(step) for step in first["loc"] if step in model.model_fields]
        name = known[0] if known else ""
        refuse(f"{name or '请求体'}：{_WHY.get(first['type'], '内容不正确')}", name)


def refuse(detail: str, name: str = "", status: int = 422) -> NoReturn:
    """Ends the request with a problem of kind "value"."""
    abort(problems.answer(status, detail, "value", name=name))


def found(session: Session, no: str) -> Clue:
    """The clue, or 404 whether it does not exist or is not for this person."""
    clue = people.find(session, me(), no)
    if clue is None:
        abort(404, "没有这条线索，或无权查看")
    return clue


def owned(session: Session, no: str) -> Clue:
    """A clue whose originals are open to this person: it is their unit's to work on. Else 404."""
    clue = found(session, no)
    if not people.reads_original(me(), clue):
        abort(404, "没有这条线索，或无权办理")
    return clue


def said(answer: BaseModel) -> Response:
    """A model as JSON by its public names."""
    response: Response = jsonify(answer.model_dump(mode="json", by_alias=True))
    return response


@bp.errorhandler(casework.RefusedError)
def _refused(error: Any) -> Response:
    return problems.refused(error)


@bp.errorhandler(notify.NoticeRefusedError)
def _notice_refused(error: Any) -> Response:
    return problems.told(error, "value", error.slot)


@bp.errorhandler(notify.RecallError)
@bp.errorhandler(TaskError)
def _not_now(error: Any) -> Response:
    return problems.told(error, "state")


@bp.errorhandler(notify.WishError)
@bp.errorhandler(TemplateError)
def _not_so(error: Any) -> Response:
    return problems.told(error, "value")
