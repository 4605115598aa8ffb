"""The supervision page for programs: the board of the own area and the rows behind each of its numbers (H1–H4)."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import Any

from flask import abort, jsonify
from pydantic import Field
from werkzeug.wrappers import Response

from hub import db
from hub.supervision import board, queue
from hub.web import openapi, supervise
from hub.web.api.base import Answer, bp, refuse
from hub.web.security import me, signed_in

FILTERS = ("unit", "area", "what", "kind", "stands", "which", "since", "until", "after")
INTERNAL = frozenset({"clue_id", "by_user", "unit_id", "intake"})
"""Row ids mean nothing outside; clues go by their number."""


class BoardLine(Answer):
    """Open clues of one unit, or (`area`) of a unit with everything below it."""

    code: str
    name: str
    area: bool
    open: int
    today: int = Field(description="Due today")
    overdue: int
    soon: int = Field(description="Due within the next working days")
    oldest: str | None = Field(description="When the oldest open one was received, ISO 8601")
    days: int = Field(description="Working days since then")


class Board(Answer):
    """The own unit and each unit directly below."""

    unit: str
    lines: list[BoardLine]


class BoardRows(Answer):
    """The rows behind a number; their members depend on the list."""

    name: str
    rows: list[dict[str, Any]]
    after: str = Field(description='Give it back as "after" for the next page; empty at the end or where all is shown')


@bp.get("/supervision")
@openapi.describes(answer=Board, query=("unit",))
@signed_in(*board.SEES)
def supervision_board() -> Response:
    """Open, due today, overdue and oldest of the own unit and each below; `unit` (a code) opens a lower one."""
    with db.reading() as session:
        unit = supervise.unit_asked(session)
        lines = [_plain(line) for line in board.board(session, me(), unit)]
        response: Response = jsonify(unit=unit.code, lines=lines)
    return response


@bp.get("/supervision/<name>")
@openapi.describes(answer=BoardRows, query=FILTERS)
@signed_in(*board.SEES)
def supervision_rows(name: str) -> Response:
    """The rows of one list: clues, objections, holds, directives, major, alerts, feedback, kinds."""
    if name not in supervise.LISTS:
        abort(404)
    period = supervise.period_asked()
    if period.problem:
        refuse(period.problem, "since")
    with db.reading() as session:
        found = supervise.LISTINGS[name](session, period)
        rows = [_row(row) for row in found["rows"]]
    response: Response = jsonify(name=name, rows=rows, after=found.get("after", ""))
    return response


def _row(row: Any) -> dict[str, Any]:
    if isinstance(row, queue.Row):
        return queue.facts(row)
    if isinstance(row, tuple):  # with the words the page shows beside it
        row, words = row
        return _plain(row) | {"left": words}
    return _plain(row)


def _plain(row: Any) -> dict[str, Any]:
    assert is_dataclass(row)
    assert not isinstance(row, type)
    return {name: _value(value) for name, value in asdict(row).items() if name not in INTERNAL}


def _value(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return sorted(value) if isinstance(value, frozenset) else value
