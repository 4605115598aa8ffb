"""Screens and interface read clues through the one door: by the source itself, so that a new view cannot forget it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "hub" / "web"
CONTENT = frozenset({
    "Clue", "Part", "Intake", "Notice", "ClueUnit", "Segment", "Value", "ClueReporter", "Reporter", "SuggestionRow",
    "Transcript", "Opinion", "ClueNote", "Blob", "Event",
})  # fmt: skip
"""Models that hold, or lead to, what clues say."""
READING = frozenset({"select", "get", "get_one", "select_from", "join", "exists", "query"})
DOORS = frozenset({"visible", "find", "manual_intakes", "shown_intake", "unseen"})
"""`people.visible` itself and what is made of it there."""
OPENERS = frozenset({"found", "workable", "owned", "followed", "_found", "_manual", "_clue", "_blob"})
"""Functions of the web side that go through a door and hand out one clue or row, or abort with 404."""
BEHIND = frozenset({"find_quarantined", "one", "concerns", "QueryCode"})
"""Doors of their own below the screens: the N4 custodian's, a unit's tasks, an area's notices, a citizen's code."""
HANDED = {
    "console.py:_segment_conflict": "the part that its caller found",
    "console.py:corrected": "the part that its caller found",
    "files.py:_site_photo": "the blob that _blob found",
    "files.py:_sent": "the blob that _blob or _manual found",
    "reveal.py:_shown": "a row of reveal.looks, which reads through visible",
    "reveal.py:decide": "the row that reveal.decide let this lead decide on",
    "tasks.py:checked": "the task that _found found",
    "clues.py:_before": "events of the clue that its caller found",
    "clues.py:_event": "events of the clue that its caller found",
    "ops.py:metrics": "numbers without anything walled (access.unseen)",
}
"""Functions that read what somebody else found for them, and who."""


def names(tree: ast.AST) -> set[str]:
    return {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    }


def reads(tree: ast.AST) -> set[str]:
    """Models of content that the code asks the database for."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    asking = (call for call in calls if names(call.func) & READING)
    return {name for call in asking for argument in call.args for name in names(argument) & CONTENT}


def past_the_door(source: str, file: str) -> list[str]:
    """Functions that read content without a door, an opener or a reason in HANDED."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return [
        f"{file}:{one.name}"
        for one in functions
        if reads(one) and not names(one) & (DOORS | OPENERS) and f"{file}:{one.name}" not in HANDED
    ]


def test_every_read_goes_through_visible() -> None:
    found = [bad for path in sorted(WEB.rglob("*.py")) for bad in past_the_door(path.read_text("utf-8"), path.name)]
    assert found == [], "read through people.visible, people.find or desk.found"


def test_the_openers_go_through_a_door_themselves() -> None:
    """What OPENERS trusts: each function of that name reaches a door, or another opener."""
    seen = set()
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name in OPENERS:
                seen.add(node.name)
                used = names(node) - {node.name}
                assert used & (DOORS | OPENERS | BEHIND), f"{path.name}:{node.name}"
    assert seen >= {"found", "workable", "owned", "_clue", "_blob"}


def test_what_is_allowed_is_still_there() -> None:
    there = {
        f"{path.name}:{node.name}"
        for path in WEB.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert set(HANDED) <= there


@pytest.mark.parametrize(
    "source",
    ["def page(no):\n    return session.scalars(select(Clue).where(Clue.no == no)).one()",
     "def page(n):\n    return session.get_one(models.Intake, n)",
     "def page():\n    def inner():\n        return count(select(1).select_from(ClueUnit))\n    return inner()"],
)  # fmt: skip
def test_a_view_that_forgets_it_is_found(source: str) -> None:
    assert past_the_door(source, "x.py")
    assert past_the_door(source.replace("return", "people.visible(me()); return", 1), "x.py") == []
