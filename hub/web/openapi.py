"""The OpenAPI 3.1 document of /api, made from the route table, the models each view declares and the rule table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel

from hub.casework.fields import VALUES
from hub.law import workflow
from hub.terms import ROLE_LABELS, STATE_LABELS
from hub.web.problems import MEDIA_TYPE

View = TypeVar("View", bound=Callable[..., Any])
_ARGUMENT = re.compile(r"<(?:([^:<>]+):)?([^<>]+)>")
REFUSALS = {
    400: "无法理解，或缺少请求头", 401: "没有登录", 403: "角色或单位无权办理", 404: "没有，或无权查看",
    409: "已被他人修改", 413: "超过大小上限", 422: "规则不允许，或内容有误", 429: "操作过于频繁", 503: "暂时不可用",
}  # fmt: skip
_INTEGER = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}


@dataclass(frozen=True)
class Described:
    """What a view of the API takes and gives. `acts`: its body and its path name acts of the rule table."""

    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
    query: tuple[str, ...] = ()
    upload: bool = False
    header: str = ""
    optional_header: bool = False
    acts: bool = False


def describes(**facts: Any) -> Callable[[View], View]:
    """Declares a view's models for the document."""
    told = Described(**facts)

    def mark(view: View) -> View:
        view.described = told  # type: ignore[attr-defined]  # read below
        return view

    return mark


def acts() -> list[str]:
    """The acts on a clue that a person may do: values of the path of an act."""
    return [row.id for row in workflow.rules().values() if row.object == "clue" and row.roles and row.id != "register"]


def document(app: Flask, error: type[BaseModel], data_of: Callable[[workflow.Rule], dict[str, Any]]) -> dict[str, Any]:
    """Every route below /api/ with its parameters, bodies and answers; `data_of`: the schema of an act's data."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = _table(data_of)
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/"):
            continue
        view = app.view_functions[rule.endpoint]
        path = _ARGUMENT.sub(r"{\2}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(rule.endpoint, rule.rule, view, error, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "12336 线索中心", "version": "1",
            "description": "办理动作、必填内容和时限出自规则表（2017 年试行办法）；拒绝按 RFC 9457 写明依据条款。",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "hub"},
                "key": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"session": []}, {"key": []}],
    }  # fmt: skip


def _table(data_of: Callable[[workflow.Rule], dict[str, Any]]) -> dict[str, Any]:
    """What the rule table says, as schemas: states, acts, closed lists of values, the data of each act."""
    listed: dict[str, Any] = {"State": STATE_LABELS, "Act": {act: workflow.rule(act).label for act in acts()}}
    listed["Role"] = ROLE_LABELS
    for name in ("class", "ground", "result", "determination", "land_kind"):
        listed[name.title().replace("_", "")] = VALUES[name]
    made: dict[str, Any] = {
        name: {"type": "string", "enum": [str(code) for code in labels], "description": _words(labels)}
        for name, labels in listed.items()
    }
    made |= {_data_name(act): data_of(workflow.rule(act)) for act in acts()}
    return made


def _words(labels: Any) -> str:
    return "；".join(f"{code} {label}" for code, label in labels.items())


def _data_name(act: str) -> str:
    return f"Data.{act}"


def _operation(
    endpoint: str, rule: str, view: Callable[..., Any], error: type[BaseModel], schemas: dict[str, Any]
) -> dict[str, Any]:
    told: Described = getattr(view, "described", Described())
    summary, _, more = (view.__doc__ or "").strip().partition("\n")
    roles = sorted(getattr(view, "roles", ()) or ())
    refused = {"content": {MEDIA_TYPE: {"schema": _schema(error, schemas)}}}
    answers: dict[str, Any] = {str(code): {"description": words, **refused} for code, words in REFUSALS.items()}
    answer: dict[str, Any] = {"description": "成功"}
    if told.answer is not None:
        answer["content"] = {"application/json": {"schema": _schema(told.answer, schemas)}}
    answers[str(told.status)] = answer
    who = f"角色：{'、'.join(roles)}。" if roles else "登录即可。"
    made: dict[str, Any] = {
        "operationId": endpoint.partition(".")[2], "summary": summary.rstrip("."),
        "description": " ".join([who, *more.split()]), "parameters": _parameters(rule, told), "responses": answers,
    }  # fmt: skip
    if told.body is not None:
        made["requestBody"] = {"required": True, "content": _body(told, schemas)}
    return made


def _parameters(rule: str, told: Described) -> list[dict[str, Any]]:
    made = []
    for kind, name in _ARGUMENT.findall(rule):
        shape: dict[str, Any] = _INTEGER if kind == "int" else _TEXT
        if told.acts and name == "act":
            shape = {"$ref": "#/components/schemas/Act"}
        made.append({"name": name, "in": "path", "required": True, "schema": shape})
    made += [{"name": name, "in": "query", "schema": _TEXT} for name in told.query]
    if told.header:
        made.append({"name": told.header, "in": "header", "required": not told.optional_header, "schema": _TEXT})
    if told.body is not None:
        words = "Of the session; a program with a key needs none"
        made.append({"name": "X-CSRF-Token", "in": "header", "schema": _TEXT, "description": words})
    return made


def _body(told: Described, schemas: dict[str, Any]) -> dict[str, Any]:
    assert told.body is not None
    schema: dict[str, Any] = _schema(told.body, schemas)
    if told.acts:
        known = [{"$ref": f"#/components/schemas/{_data_name(act)}"} for act in acts()]
        schema = {"allOf": [schema, {"type": "object", "properties": {"data": {"anyOf": known}}}]}
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if told.upload:
        files = {"type": "array", "items": {"type": "string", "format": "binary"}}
        shape = {"type": "object", "properties": {"form": _TEXT, "files": files}, "additionalProperties": _TEXT}
        content["multipart/form-data"] = {"schema": shape}
    return content


def _schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, str]:
    """A reference to the model's schema, with what it contains moved beside it."""
    full = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    schemas.update(full.pop("$defs", {}))
    schemas[model.__name__] = full
    return {"$ref": f"#/components/schemas/{model.__name__}"}
