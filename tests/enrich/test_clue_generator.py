"""The synthetic clues are as acceptance wants them: banks apart, spellings apart in half of the pairs, twins."""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import clues  # noqa: E402 - bench is no package

BANKS = ("train", "develop", "test")
NAMES = ("county", "town", "village", "respondent")


@cache
def made(name: str, *, dense: bool = False) -> tuple[dict[str, Any], ...]:
    return tuple(clues.clues(name, 3000, 77, dense=dense))


def pairs(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every two reports of one act, the one made later first."""
    acts: dict[str, list[dict[str, Any]]] = {}
    for row in made(name):
        acts.setdefault(row["act"], []).append(row)
    told = [sorted(rows, key=lambda row: row["turn"]) for rows in acts.values()]
    return [(later, sooner) for rows in told for sooner, later in combinations(rows, 2)]


def phrases(name: str) -> set[str]:
    """Everything a bank may put into a text, but single characters."""
    bank = clues.bank(name)
    found = {*bank["stems"].split(), *bank["villages"].split()}
    for part in ("details", "sentences", "heads", "tails", "times", "roles", "titles"):
        found.update(bank[part])
    for part in (*bank["acts"].values(), *bank["trades"].values()):
        found.update(part)
    return found - {""}


@pytest.mark.parametrize(("left", "right"), list(combinations(BANKS, 2)))
def test_banks_share_no_wording_no_name_and_no_county(left: str, right: str) -> None:
    assert not phrases(left) & phrases(right)
    for part in ("surnames", "given"):
        assert not set(clues.bank(left)[part]) & set(clues.bank(right)[part]), part
    assert not {row.code for row in clues.counties(left)} & {row.code for row in clues.counties(right)}
    assert not {row["text"] for row in made(left)} & {row["text"] for row in made(right)}


def test_the_words_of_the_model_hold_no_wording_of_the_test_bank() -> None:
    lexicon = (ROOT / "hub/enrich/likeness_lexicon.py").read_text("utf-8")
    lexicon += (ROOT / "hub/enrich/likeness_words.py").read_text("utf-8")
    lexicon += (ROOT / "hub/enrich/likeness_firms.py").read_text("utf-8")
    bank = clues.bank("test")
    told = [*bank["sentences"], *(deed for deeds in bank["acts"].values() for deed in deeds), *bank["tails"]]
    pieces = {text[i : i + 5] for text in told for i in range(len(text) - 4) if "{" not in text[i : i + 5]}
    assert not [piece for piece in pieces if piece in lexicon]
    assert not [name for name in (*bank["stems"].split(), *bank["villages"].split()) if name in lexicon]


@pytest.mark.parametrize("name", BANKS)
def test_half_of_the_pairs_share_neither_sentence_nor_spelling(name: str) -> None:
    found: Counter[str] = Counter()
    for later, sooner in pairs(name):
        a, b = later["told"], sooner["told"]
        shared = {what for what in (*NAMES[1:], "sentence", "deed") if what in a and a[what] == b.get(what)}
        found.update(pairs=1, apart=not shared, **{f"same {what}": 1 for what in shared})
    assert found["pairs"] > 1000
    assert found["apart"] / found["pairs"] >= 0.5, found


@pytest.mark.parametrize("name", BANKS)
def test_a_repeat_told_otherwise_spells_every_name_otherwise(name: str) -> None:
    """The texts themselves are looked at, not only what the generator says of them."""
    looked = 0
    for later, sooner in pairs(name):
        if not later["different"]:
            continue
        assert later["told"].get("town", "") != sooner["told"].get("town")
        for what in ("village", "respondent"):
            if (spelled := sooner["told"].get(what)) and len(spelled) > 2:
                assert spelled not in later["text"], (what, later["text"], sooner["text"])
        looked += 1
    assert looked > 300


@pytest.mark.parametrize("name", BANKS)
@pytest.mark.parametrize("dense", [False, True])
def test_three_in_ten_acts_have_a_twin_that_is_not_the_same(name: str, *, dense: bool) -> None:
    rows = made(name, dense=dense)
    acts = {row["act"]: row["hard"] for row in rows}
    assert sum(acts.values()) / len(acts) >= 0.3
    assert sum(row["hard"] for row in rows) / len(rows) >= 0.3
    if dense:
        assert len({row["county"] for row in rows}) == 1


def test_twins_are_of_both_kinds() -> None:
    """Same village and deed by another, and the same accused in another village."""
    import random

    writer, kinds = clues.Writer("test", random.Random(3)), Counter[str]()
    for number in range(200):
        act = writer.act(number)
        twin = writer.twin(act, number + 1000)
        assert twin.county == act.county
        assert twin.kind == act.kind
        same_village, same_accused = twin.village == act.village, twin.respondent == act.respondent
        assert same_village != same_accused
        kinds["other accused" if same_village else "other village"] += 1
    assert min(kinds.values()) > 60


def test_the_same_seed_gives_the_same_clues() -> None:
    assert list(clues.clues("train", 50, 5)) == list(clues.clues("train", 50, 5))
