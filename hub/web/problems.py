"""Refusals of the API as RFC 9457 problem details: what forbids it, by which article, whether trying again helps."""

from __future__ import annotations

from flask import Response, json
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException

from hub.casework import RefusedError, StaleError

MEDIA_TYPE = "application/problem+json"
PAGE = "/api/v1/problems"
"""Where the types are listed; `type` is this address with the kind as fragment."""
TITLES = {
    "state": "此状态下不能办理",
    "role": "无权办理",
    "unit": "由其他单位办理",
    "missing": "缺少必需的内容",
    "value": "内容不正确",
    "guard": "规则不允许",
    "time": "时间不正确",
    "stale": "已被他人修改",
    "approval": "须经审批",
    "request": "请求无法理解",
    "sign-in": "没有登录",
    "not-found": "没有，或无权查看",
    "method": "不支持的操作",
    "size": "超过大小上限",
    "rate": "操作过于频繁",
    "failure": "系统出错",
    "unavailable": "暂时不可用",
}
"""kind → title. The first nine are refusals of the rules; the others concern the request itself."""
STATUS = {"role": 403, "unit": 403, "stale": 409}
"""kind → status of a refusal; 422 for the others."""
_OF_STATUS = {
    400: "request", 401: "sign-in", 403: "role", 404: "not-found", 405: "method", 409: "stale", 413: "size",
    422: "value", 429: "rate", 500: "failure", 503: "unavailable",
}  # fmt: skip


class Problem(BaseModel):
    """RFC 9457 problem details. `detail` is Chinese, for people; `error` repeats it for older callers."""

    type: str = Field(description=f"{PAGE}#kind")
    title: str
    status: int
    detail: str
    error: str = Field(description="The same as detail")
    retry: bool = Field(description="Whether trying again can help; where it is stale, after a look at the clue")
    rule: str | None = Field(default=None, description="Id of the act whose row of the rule table refuses")
    article: str | None = Field(default=None, description="Article of the 2017 measures; 内部规则 where none says it")
    kind: str = Field(description="state, role, unit, missing, value, guard, time, stale, approval; else the request")
    name: str | None = Field(default=None, description="The datum or the guard")
    version: int | None = Field(default=None, description="Stale: the clue's present version")


class Kind(BaseModel):
    """A type of problem."""

    type: str
    title: str
    status: int


class Kinds(BaseModel):
    """Every type of problem the API may answer with."""

    problems: list[Kind]


def kinds() -> list[Kind]:
    """The types with their status, in the order of `TITLES`."""
    of_kind = {kind: status for status, kind in _OF_STATUS.items()} | STATUS
    return [Kind(type=f"{PAGE}#{kind}", title=title, status=of_kind.get(kind, 422)) for kind, title in TITLES.items()]


def answer(status: int, detail: str, kind: str = "", *, retry: bool = False, **more: str | int | None) -> Response:
    """A problem as a response; members of `more` that are empty are left out."""
    kind = kind if kind in TITLES else _OF_STATUS.get(status, "request" if status < 500 else "failure")
    base = Problem(
        type=f"{PAGE}#{kind}", title=TITLES[kind], status=status, detail=detail, error=detail, retry=retry, kind=kind
    )
    given = {name: value for name, value in more.items() if value not in (None, "")}
    body = json.dumps(base.model_dump(exclude_none=True) | given)
    return Response(body, status=status, content_type=MEDIA_TYPE)


def refused(error: RefusedError, version: int | None = None) -> Response:
    """An act the rules do not allow. `version`: the present one, for somebody whose page was stale."""
    kind = "stale" if isinstance(error, StaleError) else error.kind or "guard"
    return answer(
        STATUS.get(kind, 422), str(error), kind, retry=kind == "stale", rule=error.rule, article=error.article,
        name=error.name, version=version,
    )  # fmt: skip


def told(error: Exception, kind: str = "guard", name: str = "") -> Response:
    """A refusal of the telling side, whose message is Chinese and for the screen."""
    return answer(422, str(error), kind, name=name)


def http(error: HTTPException, message: str) -> Response:
    """A refusal of the web server itself."""
    code = error.code or 500
    return answer(code, message, retry=code >= 500 or code == 429)
