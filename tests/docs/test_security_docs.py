"""The threat model promises nothing that no test holds; the ASVS table is whole and names tests that exist."""

from __future__ import annotations

import csv
import re
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# OWASP ASVS 5.0.0: requirements of levels 1 and 2 by chapter.
CHAPTERS = {
    1: 27,
    2: 11,
    3: 19,
    4: 10,
    5: 9,
    6: 35,
    7: 18,
    8: 7,
    9: 7,
    10: 29,
    11: 14,
    12: 9,
    13: 13,
    14: 9,
    15: 13,
    16: 16,
    17: 7,
}
STATUS = {"tested", "done", "deploy", "later", "n/a"}


@cache
def known_tests() -> frozenset[str]:
    found = (re.findall(r"def (test_\w+)", path.read_text("utf-8")) for path in (ROOT / "tests").rglob("test_*.py"))
    return frozenset(name for names in found for name in names)


def promises() -> list[list[str]]:
    """The rows of the table of what an attacker gets."""
    text = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if len(row) == 4 and row[0] != "the attacker has"]


def test_every_cannot_is_bound_to_a_test_that_exists() -> None:
    rows = promises()
    assert len(rows) >= 20
    for has, _, cannot, proof in rows:
        named = re.findall(r"`(test_\w+)`", proof)
        assert set(named) <= known_tests(), has
        assert named or proof == "–", has
        assert not (cannot.startswith("identity") and not named), has
    assert sum(bool(re.findall(r"`test_", row[3])) for row in rows) >= 18


def asvs() -> list[dict[str, str]]:
    with (ROOT / "docs" / "asvs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_asvs_table_holds_every_requirement_of_levels_one_and_two_once() -> None:
    rows = asvs()
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids)) == 253
    assert all(re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{1,2}", number) for number in ids)
    assert Counter(row["level"] for row in rows) == {"1": 70, "2": 183}
    assert Counter(int(number.split(".")[0]) for number in ids) == CHAPTERS


def test_each_requirement_has_a_status_with_its_test_or_its_reason() -> None:
    for row in asvs():
        assert row["status"] in STATUS, row["id"]
        named = row["tests"].split()
        assert set(named) <= known_tests(), (row["id"], set(named) - known_tests())
        assert bool(named) == (row["status"] == "tested"), row["id"]
        assert named or len(row["note"]) > 5, row["id"]
    assert sum(row["status"] == "tested" for row in asvs()) >= 80
