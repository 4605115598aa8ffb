"""A wrong rule table turns a case red: every guard, need, state, role and limit of it is held by a case of its own."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.law import workflow
from hub.law.calendar import national
from hub.law.deadlines import due
from hub.law.workflow import Rule
from hub.terms import Role, State

with (Path(__file__).parent / "cases.csv").open(encoding="utf-8", newline="") as file:
    CASES = [row for row in csv.DictReader(line for line in file if not line.startswith("#")) if row["act"] != "due"]
DAYS = ("started", "ended", "last_record", "today", "issued", "received", "visited", "joined", "due", "clock_due")


def read(row: dict[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(row["data"] or "{}")
    for name in ("at", "now"):
        if name in data:
            data[name] = datetime.fromisoformat(data[name])
    for name in DAYS:
        if name in data:
            data[name] = date.fromisoformat(data[name])
    for officer in data.get("officers", ()):
        for name in ("valid_from", "valid_until"):
            if name in officer:
                officer[name] = date.fromisoformat(officer[name])
    return data


READ = [(row, read(row)) for row in CASES]


def green(row: dict[str, str], data: dict[str, Any]) -> bool:
    """Whether a case comes out as written, on the table now in force."""
    rule = workflow.rule(row["act"])
    found = workflow.refusal(row["act"], row["state"], None if row["role"] == "machine" else Role(row["role"]), data)
    if row["article"] != rule.article:
        return False
    if row["result"] == "refused":
        return found is not None and f"{found.kind}:{found.name}" == row["why"]
    if found is not None:
        return False
    if row["result"] != ("restored" if rule.restores else rule.target or row["state"]):
        return False
    if not row["base"]:
        return True
    starts = [clock for clock in rule.clocks if clock.effect in ("start", "judge")]
    return (
        bool(starts) and due(date.fromisoformat(row["base"]), starts[0].days, national()).due.isoformat() == row["why"]
    )


def mutants() -> Iterator[tuple[str, Rule]]:
    """Small wrong changes of each row."""
    for rule in workflow.rules().values():
        for guard in rule.guards:
            yield f"{rule.id}: without {guard}", replace(rule, guards=tuple(g for g in rule.guards if g != guard))
        for need in rule.needs:
            yield f"{rule.id}: without need {need.name}", replace(rule, needs=tuple(n for n in rule.needs if n != need))
        if rule.target is not None and not rule.restores:
            other = State.TRANSFERRED if rule.target != State.TRANSFERRED else State.CLOSED
            yield f"{rule.id}: other target", replace(rule, target=other)
        started = [clock for clock in rule.clocks if clock.effect in ("start", "judge")]
        for delta in (-1, 1) if started else ():
            wrong = replace(started[0], days=started[0].days + delta)
            yield (
                f"{rule.id}: {delta:+} day",
                replace(rule, clocks=tuple(wrong if clock is started[0] else clock for clock in rule.clocks)),
            )
        yield f"{rule.id}: other article", replace(rule, article="第九十九条")
        yield f"{rule.id}: nobody may", replace(rule, roles=frozenset(), machine=False)
        yield f"{rule.id}: from no state", replace(rule, sources=frozenset())


MUTANTS = list(mutants())


def test_the_table_itself_is_green() -> None:
    assert [row["id"] for row, data in READ if not green(row, data)] == []
    assert len(MUTANTS) > 150


@pytest.mark.parametrize(("name", "wrong"), MUTANTS, ids=[name for name, _ in MUTANTS])
def test_a_wrong_row_turns_a_case_red(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Rule) -> None:
    table = {**workflow.rules(), wrong.id: wrong}
    monkeypatch.setattr(workflow, "rules", lambda: table)
    assert not all(green(row, data) for row, data in READ if row["act"] == wrong.id), name
