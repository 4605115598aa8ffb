"""The OpenAPI 3.1 document of /api, made from the route table and the models each view declares."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel

View = TypeVar("View", bound=Callable[..., Any])
_ARGUMENT = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
REFUSALS = {
    400: "无法理解，或缺少请求头", 401: "没有登录", 404: "没有，或无权查看", 413: "超过大小上限", 422: "内容有误",
    503: "暂时不可用",
}  # fmt: skip


@dataclass(frozen=True)
class Described:
    """What a view of the API takes and gives."""

    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
    query: tuple[str, ...] = ()
    upload: bool = False
    header: str = ""


def describes(**facts: Any) -> Callable[[View], View]:
    """Declares a view's models for the document."""
    told = Described(**facts)

    def mark(view: View) -> View:
        view.described = told  # type: ignore[attr-defined]  # read below
        return view

    return mark


def document(app: Flask, error: type[BaseModel]) -> dict[str, Any]:
    """Every route below /api/ with its parameters, bodies and answers."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/"):
            continue
        view = app.view_functions[rule.endpoint]
        told: Described = getattr(view, "described", Described())
        path = _ARGUMENT.sub(r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(
                rule.endpoint, rule.rule, view, told, error, schemas
            )
    return {
        "openapi": "3.1.0",
        "info": {"title": "12336 线索中心", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "hub"}},
        },
        "security": [{"session": []}],
    }


def _operation(
    endpoint: str, rule: str, view: Callable[..., Any], told: Described, error: type[BaseModel], schemas: dict[str, Any]
) -> dict[str, Any]:
    summary, _, more = (view.__doc__ or "").strip().partition("\n")
    text = {"type": "string"}
    parameters = [{"name": name, "in": "path", "required": True, "schema": text} for name in _ARGUMENT.findall(rule)]
    parameters += [{"name": name, "in": "query", "schema": text} for name in told.query]
    if told.header:
        parameters.append({"name": told.header, "in": "header", "required": True, "schema": text})
    if told.body is not None:
        parameters.append({"name": "X-CSRF-Token", "in": "header", "required": True, "schema": text})
    refused = {"content": {"application/json": {"schema": _schema(error, schemas)}}}
    answers: dict[str, Any] = {str(code): {"description": words, **refused} for code, words in REFUSALS.items()}
    answer: dict[str, Any] = {"description": "成功"}
    if told.answer is not None:
        answer["content"] = {"application/json": {"schema": _schema(told.answer, schemas)}}
    answers[str(told.status)] = answer
    made: dict[str, Any] = {
        "operationId": endpoint.partition(".")[2], "summary": summary, "description": " ".join(more.split()),
        "parameters": parameters, "responses": answers,
    }  # fmt: skip
    if told.body is not None:
        content: dict[str, Any] = {"application/json": {"schema": _schema(told.body, schemas)}}
        if told.upload:
            files = {"type": "array", "items": {"type": "string", "format": "binary"}}
            shape = {"type": "object", "properties": {"form": text, "files": files}, "additionalProperties": text}
            content["multipart/form-data"] = {"schema": shape}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, str]:
    """A reference to the model's schema, with what it contains moved beside it."""
    full = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(full.pop("$defs", {}))
    schemas[model.__name__] = full
    return {"$ref": f"#/components/schemas/{model.__name__}"}
