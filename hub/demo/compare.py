"""What became of the demo's inputs against what the manifest expects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hub.demo.inputs import Expect, Input

POINTS = ("place", "class", "missing")


def judged(expect: Expect, clue: Mapping[str, Any]) -> dict[str, bool]:
    """Point → whether the clue (a row of `hub clues --json`) is as expected. Divisions compare by county."""
    division = str(clue.get("division") or "")
    place = bool(clue.get("ambiguous")) if expect.ambiguous else division[:6] == expect.place
    found = {"place": place, "class": (clue.get("class") or "") == expect.klass}
    if expect.missing is not None:
        found["missing"] = sorted(clue.get("missing") or ()) == sorted(expect.missing)
    return found


def compared(entries: Iterable[Input], clues: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each expectation with the clue of its channel that fits best, one clue to one expectation."""
    wanted = [(entry, expect) for entry in entries for expect in entry.expect]
    left = list(clues)
    pairs = sorted(
        (
            (-sum(judged(expect, clue).values()), at, number)
            for at, (entry, expect) in enumerate(wanted)
            for number, clue in enumerate(left)
            if clue["channel"] == entry.channel
        )
    )
    chosen: dict[int, int] = {}
    for _points, at, number in pairs:
        if at not in chosen and number not in chosen.values():
            chosen[at] = number
    answer = []
    for at, (entry, expect) in enumerate(wanted):
        clue = left[chosen[at]] if at in chosen else None
        row: dict[str, Any] = {"input": entry.name, "channel": entry.channel, "no": clue["no"] if clue else None}
        points = judged(expect, clue) if clue else dict.fromkeys(POINTS[:2], False)
        row |= {"ok": all(points.values()), "wrong": [name for name, right in points.items() if not right]}
        if clue and row["wrong"]:
            row |= {"expected": {"place": expect.place, "class": expect.klass, "ambiguous": expect.ambiguous},
                    "found": {"place": clue.get("division"), "class": clue.get("class"),
                              "missing": clue.get("missing")}}  # fmt: skip
        answer.append(row)
    return answer
