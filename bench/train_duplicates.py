"""Train and measure the duplicate model: `python bench/train_duplicates.py [--clues 3000] [--keep]`.

Writes hub/enrich/data/common_pairs.txt (character pairs of ordinary wording) and hub/enrich/data/likeness.json
(gradient-boosted trees with monotone constraints, in numpy) from the training bank of bench/clues.py, then prints
figures on the test bank, which shares no wording and no county with it. `--keep` only measures.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "bench"))

import clues  # noqa: E402 - the project may not be installed

from hub.enrich import earlier, likeness, likeness_score, likeness_words  # noqa: E402
from hub.enrich.likeness_lexicon import THING  # noqa: E402
from hub.jurisdiction.divisions import table  # noqa: E402
from hub.jurisdiction.places import resolver  # noqa: E402

PAIRS = ROOT / "hub" / "enrich" / "data" / "common_pairs.txt"
ROUNDS, DEPTH, RATE, LEAF, RIDGE = {"first": 150, "second": 110}, 5, 0.12, 40, 4.0
BINS = 24
SIZE = BINS + 9
THIN = 8


def common_pairs() -> list[str]:
    """Character pairs that stand in several of the project's own phrases: what says nothing of one act."""
    texts = [part for line in (ROOT / "hub/enrich/data/class_phrases.tsv").read_text("utf-8").splitlines()
             for part in line.split("\t")[-1].split("；")]  # fmt: skip
    for path in sorted((ROOT / "tests/enrich/data").glob("classes_[dl]*.tsv")):
        texts += [line.split("\t")[1] for line in path.read_text("utf-8").splitlines() if line[:1] not in ("", "#")]
    bank = clues.bank("train")
    texts += [*bank["sentences"], *bank["heads"], *bank["tails"]] * 2
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({text[i : i + 2] for i in range(len(text) - 1)})
    return sorted(pair for pair, n in counts.items() if n >= 2 and all("\u4e00" <= c <= "\u9fff" for c in pair))


class Set:
    """Clues with their sketches, and every pair that the keys bring together."""

    def __init__(self, rows: list[dict[str, Any]], wear: int = 0) -> None:
        self.rows = rows
        self.index = earlier.Index()
        self.wanted: list[set[int]] = []
        self.found: list[list[int]] = []
        self.starts: list[int] = []
        rows_of: list[np.ndarray] = []
        same: list[bool] = []
        seen: dict[str, list[int]] = {}
        resolve, maker = resolver().resolve, random.Random(wear)
        for place, row in enumerate(rows):
            words = likeness.read(row["text"], resolve, keys=[row["reporter_key"]] if row["reporter_key"] else [])
            words = worn(words, maker) if wear else words
            sketch = likeness.of_words(words, likeness.moment(row["received_at"]))
            self.found.append(self.index.found(sketch))
            self.wanted.append(set(seen.get(row["act"], ())))
            pairs = likeness_score.table(sketch, [self.index.rows[other] for other in self.found[-1]])
            self.starts.append(len(same))
            rows_of += [np.array(pairs, dtype=np.float32)] if pairs else []
            same += [other in self.wanted[-1] for other in self.found[-1]]
            seen.setdefault(row["act"], []).append(place)
            self.index.add(row["id"], sketch)
        self.table, self.same = np.concatenate(rows_of), np.array(same, dtype=float)

    @cached_property
    def scored(self) -> list[list[tuple[float, int]]]:
        """Of each report the rows it is compared with by score, best first."""
        made = []
        for place, found in enumerate(self.found):
            rows = self.table[self.starts[place] : self.starts[place] + len(found)].tolist()
            others = [self.index.rows[other] for other in found]
            given = likeness_score.weigh(rows, self.index.rows[place], others)
            made.append(sorted(zip(given, found, strict=True), reverse=True))
        return made

    def looked(self) -> tuple[np.ndarray, np.ndarray]:
        """(features of the second look, same) of each report's likeliest rows, by the trees of the first look."""
        made, same = [], []
        for place, found in enumerate(self.found):
            start = self.starts[place]
            rows = self.table[start : start + len(found)].tolist()
            best, odds = likeness_score.likeliest(rows)
            made += likeness_score.among([rows[i] for i in best], [odds[i] for i in best],
                                         [self.index.rows[found[i]] for i in best])  # fmt: skip
            same += [self.same[start + i] for i in best]
        return np.array(made, dtype=np.float32), np.array(same)


NAMES = {
    "village": ("village", "village_sound", "village_parts"),
    "firm": ("company", "company_head", "company_parts"),
    "person": ("person", "head", "person_parts", "surname"),
    "deed": ("thing", "concept"), "size": ("area", "size", "bulk"),
}  # fmt: skip
UNREAD = {"deed": 0.1, "landmark": 0.1, "mineral": 0.1, "village": 0.03, "firm": 0.05, "trade": 0.1, "person": 0.06,
          "town": 0.03, "size": 0.03}  # fmt: skip
STRAYED = {"deed": 0.04, "mineral": 0.12, "firm": 0.01, "trade": 0.03, "person": 0.02, "role": 0.06,
           "field": 0.02}  # fmt: skip
"""Elements that are left unread, or read as something else, in such shares of the training reports: other people's
wording is read less well than that of the bank."""


def worn(words: dict[str, list[str]], maker: random.Random) -> dict[str, list[str]]:
    """A report as it might be read if it were worded in a way that nobody thought of."""
    words = dict(words)
    for what in dict.fromkeys([*UNREAD, *STRAYED]):
        chance = maker.random() - UNREAD.get(what, 0)
        if chance >= STRAYED.get(what, 0):
            continue
        other = "" if chance < 0 else maker.choice(list(THING)) if what == "deed" else chr(0xF000 + maker.randrange(99))
        for name in NAMES.get(what, (what,)):
            words[name] = [other] if other and words[name] and name != "concept" else []
    return words


def material(count: int) -> dict[str, list[Set]]:
    """Sets of the training bank for each look: all counties with copies elsewhere, counties of different density, and
    other deeds of the same accused. The second look is learned on reports that the first has not seen.
    """
    sets: dict[str, list[Set]] = {"first": [], "second": []}
    for seed, (look, shares) in enumerate((("first", (0.25, 1.0, 2.5)), ("second", (0.5, 2.0)))):
        wide = list(clues.clues("train", count, 1 + 10 * seed))
        sets[look].append(Set(sorted([*wide, *copies(wide)], key=lambda row: row["received_at"]), wear=5))
        for place, share in enumerate(shares):
            dense = clues.clues("train", int(count * share), 10 * seed + 2 + place, dense=True)
            sets[look].append(Set(list(dense), wear=7 + place))
        sets[look].append(Set(list(clues.clues("train", count // 2, 10 * seed + 5, neighbours=True)), wear=6))
    return sets


def copies(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One report in four once more as another act in another county, some days later: the same words elsewhere."""
    maker, others = random.Random(6), clues.counties("train")
    made = []
    for row in rows:
        if maker.random() < 0.25:
            county = maker.choice(others)
            told = row["told"]["county"]
            if row["text"].count(told) != 1 or county.code == row["county"]:
                continue
            at = datetime.fromisoformat(row["received_at"]) + timedelta(days=maker.random() * 20)
            above = table().parent(county.code)
            name = (above.name if above and above.level == "city" else "") + county.name
            made.append(row | {"id": f"{row['id']}/copy", "act": f"{row['act']}/{county.code}", "reporter_key": "",
                               "text": row["text"].replace(told, name), "other": False, "hard": False,
                               "received_at": at.isoformat(timespec="seconds"), "county": county.code})  # fmt: skip
    return made


def edges(column: np.ndarray) -> np.ndarray:
    """Where a feature may be cut: between all its values where these are few, else at equal shares of the rows.

    Halfway between two values, so that no rounding moves a row to the other side.
    """
    values = np.unique(column)
    places = np.arange(len(values) - 1)
    if len(values) > BINS + 8:
        shares = np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1], method="lower")
        places = np.unique(np.minimum(np.searchsorted(values, shares), len(values) - 2))
    return (values[places].astype(float) + values[places + 1]) / 2


def sample(table: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of one act and those that look alike; of the others one in THIN, counted so many times."""
    sums = table[:, likeness_score.NAMES.index("agreed")] - table[:, likeness_score.NAMES.index("differing")]
    kept = (same > 0) | (sums >= 2)
    chosen = kept | (np.random.default_rng(1).random(len(same)) < 1 / THIN)
    return table[chosen], same[chosen], np.where(kept, 1.0, THIN)[chosen]


def learn(look: str, table: np.ndarray, same: np.ndarray, weight: np.ndarray) -> dict[str, Any]:
    """Boosted trees on the logistic loss; features of RISING may only raise the score, those of FALLING lower it."""
    names = [*likeness_score.NAMES, *(likeness_score.AMONG if look == "second" else ())]
    cuts = [edges(column) for column in table.T]
    binned = np.stack([np.searchsorted(c, column, side="left") for c, column in zip(cuts, table.T, strict=True)])
    binned = binned.astype(np.uint8)
    rising = np.array([(name in likeness_score.RISING) - (name in likeness_score.FALLING) for name in names])
    mean = float((same * weight).sum() / weight.sum())
    bias = float(np.log(mean / (1 - mean)))
    total = np.full(len(same), bias)
    trees = []
    for _ in range(ROUNDS[look]):
        p = 1 / (1 + np.exp(-total))
        tree, step = _tree(binned, cuts, weight * (p - same), weight * p * (1 - p), rising)
        trees.append(tree)
        total += step
    return {"features": names, "bias": round(bias, 4), "trees": trees}


def _tree(binned: np.ndarray, cuts: list[np.ndarray], grad: np.ndarray, curve: np.ndarray, rising: np.ndarray) -> Any:
    nodes: list[list[float]] = []
    step = np.zeros(len(grad))

    def value(rows: np.ndarray) -> float:
        return float(-grad[rows].sum() / (curve[rows].sum() + RIDGE))

    def counted(rows: np.ndarray) -> np.ndarray:
        """Sums of gradient, curve and rows by feature and bin."""
        own_grad, own_curve = grad[rows], curve[rows]
        made = np.zeros((3, len(cuts), SIZE))
        for feature in range(len(cuts)):
            column = binned[feature][rows]
            made[0, feature] = np.bincount(column, own_grad, SIZE)
            made[1, feature] = np.bincount(column, own_curve, SIZE)
            made[2, feature] = np.bincount(column, minlength=SIZE)
        return made

    def grow(rows: np.ndarray, sums: np.ndarray | None, depth: int, low: float, high: float) -> int:
        place = len(nodes)
        own = min(max(value(rows), low), high)
        nodes.append([-1, round(RATE * own, 5), 0, 0])
        best = _split(sums, cuts, rising, len(rows), (low, high)) if sums is not None else None
        if best is None:
            step[rows] = RATE * own
            return place
        feature, cut, left_value, right_value = best
        goes = binned[feature][rows] <= cut
        parts = rows[goes], rows[~goes]
        middle = (left_value + right_value) / 2
        bounds = ((low, min(high, middle)), (max(low, middle), high)) if rising[feature] else ((low, high),) * 2
        bounds = bounds[::-1] if rising[feature] < 0 else bounds
        below: list[np.ndarray | None] = [None, None]
        if depth + 1 < DEPTH:  # the smaller part is counted, the other is the rest
            small = int(len(parts[1]) < len(parts[0]))
            below[small] = counted(parts[small])
            below[1 - small] = sums - below[small]
        left = grow(parts[0], below[0], depth + 1, *bounds[0])
        right = grow(parts[1], below[1], depth + 1, *bounds[1])
        nodes[place] = [feature, round(float(cuts[feature][cut]), 5), left, right]
        return place

    every = np.arange(len(grad))
    grow(every, counted(every), 0, -8.0, 8.0)
    return nodes, step


def _split(sums: np.ndarray, cuts: list[np.ndarray], rising: np.ndarray, count: int,
           bounds: tuple[float, float]) -> tuple[int, int, float, float] | None:  # fmt: skip
    g_all, h_all = sums[0, 0].sum(), sums[1, 0].sum()
    best, found = 1e-3 + g_all**2 / (h_all + RIDGE), None
    for feature, edges in enumerate(cuts):
        g, h, n = (np.cumsum(part[: len(edges) + 1])[:-1] for part in sums[:, feature])
        left, right = -g / (h + RIDGE), -(g_all - g) / (h_all - h + RIDGE)
        gain = g**2 / (h + RIDGE) + (g_all - g) ** 2 / (h_all - h + RIDGE)
        gain[(n < LEAF) | (count - n < LEAF)] = -1
        if rising[feature]:
            gain[(np.clip(left, *bounds) - np.clip(right, *bounds)) * rising[feature] > 0] = -1
        if len(gain) and gain.max() > best:
            cut = int(gain.argmax())
            best, found = gain[cut], (feature, cut, float(left[cut]), float(right[cut]))
    return found


def measure(data: Set, least: float) -> dict[str, float]:
    """Figures of the candidates that are shown at a threshold; `top-3` counts the order without it."""
    n: Counter[str] = Counter()
    for row, scored, wanted, found in zip(data.rows, data.scored, data.wanted, data.found, strict=True):
        order = [p for _, p in scored]
        shown = [p for s, p in scored if s >= least][: earlier.SHOWN]
        n.update(pairs=len(wanted), met=len(wanted & set(found)), shown=len(shown), right=len(wanted & set(shown)))
        n.update(repeats=bool(wanted), top1=bool(wanted & set(order[:1])), top3=bool(wanted & set(order[:3])))
        n.update(shown3=bool(wanted & set(shown[:3])))
        n.update(other=row["other"] and bool(wanted), other_right=row["other"] and bool(wanted & set(shown)))
        n.update(diff=row["different"] and bool(wanted), diff_right=row["different"] and bool(wanted & set(shown)))
    share = lambda a, b: round(n[a] / max(n[b], 1), 3)  # noqa: E731
    return {"precision": share("right", "shown"), "recall": share("right", "pairs"),
            "met by keys": share("met", "pairs"), "top-1": share("top1", "repeats"),
            "top-3": share("top3", "repeats"), "top-3 shown": share("shown3", "repeats"),
            "other reporter": share("other_right", "other"), "other wording": share("diff_right", "diff")}  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--clues", type=int, default=3000)
    options.add_argument("--keep", action="store_true")
    given = options.parse_args()
    if not given.keep:
        PAIRS.write_text("\n".join(common_pairs()) + "\n", "utf-8")
        likeness_words._COMMON = frozenset(common_pairs())  # noqa: SLF001 - as the next start reads it
        sets = material(given.clues)
        version = f"{likeness.VERSION}/{sum(len(one.rows) for made_of in sets.values() for one in made_of)}"
        made: dict[str, Any] = {"version": version}
        for look in ("first", "second"):
            parts = [(one.table, one.same) if look == "first" else one.looked() for one in sets[look]]
            table_, same = (np.concatenate(part) for part in zip(*parts, strict=True))
            table_[:, likeness_score.NAMES.index("key")] = 0  # who reports is weighed by hand, not learned
            rows = sample(table_, same) if look == "first" else (table_, same, np.ones(len(same)))
            made[look] = learn(look, *rows)
            print(f"{version}, {look} look: {len(same)} pairs, {int(same.sum())} of the same act", flush=True)
            likeness_score.DATA.write_text(json.dumps(made, separators=(",", ":")) + "\n", "utf-8")
            likeness_score.model.cache_clear()
    for name, dense in (("test", False), ("test, one dense county", True)):
        data = Set(list(clues.clues("test", given.clues // (1 + dense), 3, dense=dense)))
        hard = sum(row["hard"] for row in data.rows) / len(data.rows)
        print(f"{name}: {len(data.rows)} clues, {hard:.0%} with a twin that is not the same, {len(data.same)} pairs")
        for least in (0.3, 0.4, 0.5, 0.6, 0.7):
            print(f"  from {least}:", measure(data, least))


if __name__ == "__main__":
    main()
