"""Train and measure the duplicate model: `python bench/train_duplicates.py [--clues 6000] [--keep]`.

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
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "bench"))

import clues  # noqa: E402 - the project may not be installed

from hub.enrich import earlier, likeness, likeness_score, likeness_words  # noqa: E402
from hub.jurisdiction.divisions import table  # noqa: E402
from hub.jurisdiction.places import resolver  # noqa: E402

PAIRS = ROOT / "hub" / "enrich" / "data" / "common_pairs.txt"
ROUNDS, DEPTH, RATE, LEAF, RIDGE = 120, 5, 0.12, 40, 4.0
BINS = 24
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

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.index = earlier.Index()
        self.wanted: list[set[int]] = []
        self.found: list[list[int]] = []
        rows_of, same, seen = [], [], {}
        resolve = resolver().resolve
        for place, row in enumerate(rows):
            sketch = earlier.read(row, resolve)
            self.found.append(self.index.found(sketch))
            self.wanted.append(set(seen.get(row["act"], ())))
            rows_of += likeness_score.table(sketch, [self.index.rows[other] for other in self.found[-1]])
            same += [other in self.wanted[-1] for other in self.found[-1]]
            seen.setdefault(row["act"], []).append(place)
            self.index.add(row["id"], sketch)
        self.table, self.same = np.array(rows_of, dtype=np.float32), np.array(same, dtype=float)


def material(count: int) -> list[Set]:
    """Sets of the training bank: all counties with copies elsewhere, three counties of different density, and other
    deeds of the same accused.
    """
    wide = list(clues.clues("train", count, 1))
    sets = [Set(sorted([*wide, *copies(wide)], key=lambda row: row["received_at"]))]
    for seed, share in ((2, 0.25), (3, 0.5), (4, 1.0)):
        sets.append(Set(list(clues.clues("train", int(count * share), seed, dense=True))))
    sets.append(Set(list(clues.clues("train", count // 3, 5, neighbours=True))))
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
    """Where a feature may be cut: between all its values where these are few, else at equal shares of the rows."""
    values = np.unique(column)
    return values[:-1] if len(values) <= BINS + 8 else np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1]))


def sample(table: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of one act and those that look alike; of the others one in THIN, counted so many times."""
    sums = table[:, likeness_score.NAMES.index("agreed")] - table[:, likeness_score.NAMES.index("differing")]
    kept = (same > 0) | (sums >= 1)
    chosen = kept | (np.random.default_rng(1).random(len(same)) < 1 / THIN)
    return table[chosen], same[chosen], np.where(kept, 1.0, THIN)[chosen]


def learn(table: np.ndarray, same: np.ndarray) -> dict[str, Any]:
    """Boosted trees on the logistic loss; features of RISING may only raise the score, those of FALLING lower it."""
    table, same, weight = sample(table, same)
    cuts = [edges(column) for column in table.T]
    binned = np.stack([np.searchsorted(c, column, side="left") for c, column in zip(cuts, table.T, strict=True)])
    binned = binned.astype(np.uint8)
    rising = np.array(
        [(name in likeness_score.RISING) - (name in likeness_score.FALLING) for name in likeness_score.NAMES]
    )
    mean = float((same * weight).sum() / weight.sum())
    bias = float(np.log(mean / (1 - mean)))
    total = np.full(len(same), bias)
    trees = []
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-total))
        tree, step = _tree(binned, cuts, weight * (p - same), weight * p * (1 - p), rising)
        trees.append(tree)
        total += step
    return {"version": "", "features": list(likeness_score.NAMES), "bias": round(bias, 4), "trees": trees}


def _tree(binned: np.ndarray, cuts: list[np.ndarray], grad: np.ndarray, curve: np.ndarray, rising: np.ndarray) -> Any:
    nodes: list[list[float]] = []
    step = np.zeros(len(grad))

    def value(rows: np.ndarray) -> float:
        return float(-grad[rows].sum() / (curve[rows].sum() + RIDGE))

    def grow(rows: np.ndarray, depth: int, low: float, high: float) -> int:
        place = len(nodes)
        own = min(max(value(rows), low), high)
        nodes.append([-1, round(RATE * own, 5), 0, 0])
        best = _split(binned, cuts, grad, curve, rising, rows, (low, high)) if depth < DEPTH else None
        if best is None:
            step[rows] = RATE * own
            return place
        feature, cut, left_value, right_value = best
        goes = binned[feature][rows] <= cut
        middle = (left_value + right_value) / 2
        bounds = ((low, min(high, middle)), (max(low, middle), high)) if rising[feature] else ((low, high),) * 2
        bounds = bounds[::-1] if rising[feature] < 0 else bounds
        left = grow(rows[goes], depth + 1, *bounds[0])
        right = grow(rows[~goes], depth + 1, *bounds[1])
        nodes[place] = [feature, round(float(cuts[feature][cut]), 5), left, right]
        return place

    grow(np.arange(len(grad)), 0, -8.0, 8.0)
    return nodes, step


def _split(binned: np.ndarray, cuts: list[np.ndarray], grad: np.ndarray, curve: np.ndarray, rising: np.ndarray,
           rows: np.ndarray, bounds: tuple[float, float]) -> tuple[int, int, float, float] | None:  # fmt: skip
    own_grad, own_curve = grad[rows], curve[rows]
    g_all, h_all = own_grad.sum(), own_curve.sum()
    best, found = 1e-3 + g_all**2 / (h_all + RIDGE), None
    for feature, edges in enumerate(cuts):
        size = len(edges) + 1
        column = binned[feature][rows]
        g = np.cumsum(np.bincount(column, own_grad, size))[:-1]
        h = np.cumsum(np.bincount(column, own_curve, size))[:-1]
        n = np.cumsum(np.bincount(column, minlength=size))[:-1]
        left, right = -g / (h + RIDGE), -(g_all - g) / (h_all - h + RIDGE)
        gain = g**2 / (h + RIDGE) + (g_all - g) ** 2 / (h_all - h + RIDGE)
        gain[(n < LEAF) | (len(rows) - n < LEAF)] = -1
        if rising[feature]:
            gain[(np.clip(left, *bounds) - np.clip(right, *bounds)) * rising[feature] > 0] = -1
        if len(gain) and gain.max() > best:
            cut = int(gain.argmax())
            best, found = gain[cut], (feature, cut, float(left[cut]), float(right[cut]))
    return found


def measure(data: Set, least: float) -> dict[str, float]:
    """Figures of the candidates that are shown at a threshold; `top-3` counts the order without it."""
    score = likeness_score.judge
    n: Counter[str] = Counter()
    place = 0
    for row, found, wanted in zip(data.rows, data.found, data.wanted, strict=True):
        scored = sorted(((score(data.table[place + i]), p) for i, p in enumerate(found)), reverse=True)
        place += len(found)
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
    options.add_argument("--clues", type=int, default=6000)
    options.add_argument("--keep", action="store_true")
    given = options.parse_args()
    if not given.keep:
        PAIRS.write_text("\n".join(common_pairs()) + "\n", "utf-8")
        likeness_words._COMMON = frozenset(common_pairs())  # noqa: SLF001 - as the next start reads it
        made_of = material(given.clues)
        made = learn(np.concatenate([one.table for one in made_of]), np.concatenate([one.same for one in made_of]))
        made["version"] = f"{likeness.VERSION}/{sum(len(one.rows) for one in made_of)}"
        likeness_score.DATA.write_text(json.dumps(made, separators=(",", ":")) + "\n", "utf-8")
        likeness_score.model.cache_clear()
        pairs, same = sum(len(one.same) for one in made_of), sum(int(one.same.sum()) for one in made_of)
        print(f"{made['version']}: {pairs} pairs, {same} of the same act")
    for name, dense in (("test", False), ("test, one dense county", True)):
        data = Set(list(clues.clues("test", given.clues // (1 + dense), 3, dense=dense)))
        hard = sum(row["hard"] for row in data.rows) / len(data.rows)
        print(f"{name}: {len(data.rows)} clues, {hard:.0%} with a twin that is not the same, {len(data.same)} pairs")
        for least in (0.3, 0.4, 0.5, 0.6, 0.7):
            print(f"  from {least}:", measure(data, least))


if __name__ == "__main__":
    main()
