"""Learn the word weights of the class suggestion: `python bench/class_words.py` rewrites class_words.tsv.

Logistic regression over words and concepts of the project's own phrases and sentences; the same input gives the same
file. Sets kept unseen for measuring (HELD) are never read here. With `--cross` it prints five-fold figures instead.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hub.enrich import classify, words  # noqa: E402 - the project may not be installed

DATA = ROOT / "tests" / "enrich" / "data"
PHRASES = ROOT / "hub" / "enrich" / "data" / "class_phrases.tsv"
HELD = (
    "classes_blind5.tsv",
    "classes_blind10.tsv",
    "classes_blind13.tsv",
    "classes_blind15.tsv",
    "classes_blind16.tsv",
)
ROUNDS = 300
DECAY = 3e-5
LEAST = 2  # texts a word must stand in
PRUNED = 6  # hundredths: words that tell classes apart by less are left out


def samples() -> list[tuple[str, str, float]]:
    """(class, text, weight)."""
    rows: list[tuple[str, str, float]] = []
    for line in PHRASES.read_text(encoding="utf-8").splitlines():
        if line[:1] != "#":
            code, listed = line.split("\t")
            rows += [(code, phrase, 0.7) for phrase in listed.split("；") if phrase]
    for path in sorted(DATA.glob("classes*.tsv")):
        if path.name in HELD:
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and line[:1] != "#":
                code, text = line.split("\t")[:2]
                rows.append((code, text, 1.0))
    return rows


def features(text: str) -> set[str]:
    normal, found = classify.read(text)
    return words.pieces(normal) | {words.CONCEPT + name for name in found}


class _Sparse:
    """Texts by words: row i holds 1/√n at each of its n known words."""

    def __init__(self, listed: list[list[int]], width: int) -> None:
        sizes = np.array([len(words) for words in listed])
        self.height, self.width = len(listed), width
        self.column = np.array([at for words in listed for at in words])
        self.row = np.repeat(np.arange(len(listed)), sizes)
        self.value = (1 / np.sqrt(np.maximum(1, sizes)))[self.row][:, None]
        self.filled = np.flatnonzero(sizes)
        self.starts = np.concatenate(([0], np.cumsum(sizes)))[self.filled]
        self.order = np.argsort(self.column, kind="stable")
        counts = np.bincount(self.column, minlength=width)
        self.met = np.flatnonzero(counts)
        self.firsts = np.concatenate(([0], np.cumsum(counts)))[self.met]

    def times(self, weights: np.ndarray) -> np.ndarray:
        out = np.zeros((self.height, weights.shape[1]))
        out[self.filled] = np.add.reduceat(self.value * weights[self.column], self.starts)
        return out

    def back(self, wrong: np.ndarray) -> np.ndarray:
        out = np.zeros((self.width, wrong.shape[1]))
        out[self.met] = np.add.reduceat((self.value * wrong[self.row])[self.order], self.firsts)
        return out


def learn(rows: list[tuple[str, str, float]], read: list[set[str]]) -> list[str]:
    codes = [*sorted({code for code, _, _ in rows} - {words.NONE}), words.NONE]
    counts = Counter(word for found in read for word in found)
    known = {word: i for i, word in enumerate(sorted(word for word, n in counts.items() if n >= LEAST))}
    listed = [[known[word] for word in sorted(found) if word in known] for found in read]
    table = _Sparse(listed, len(known))
    gold = np.eye(len(codes))[[codes.index(code) for code, _, _ in rows]]
    share = np.array([weight for _, _, weight in rows])[:, None]
    share /= share.sum()
    weights, moved, bias = np.zeros((len(known), len(codes))), np.zeros((len(known), len(codes))), np.zeros(len(codes))
    for _ in range(ROUNDS):
        grown = np.exp((sums := table.times(weights) + bias) - sums.max(1, keepdims=True))
        wrong = (grown / grown.sum(1, keepdims=True) - gold) * share
        moved = 0.9 * moved + table.back(wrong) + DECAY * weights
        weights -= 4 * moved
        bias -= 0.4 * wrong.sum(0)
    whole = np.rint(weights * words.SCALE).astype(int)
    lines = ["\t".join(["word", *codes]), "\t".join(["", *map(str, np.rint(bias * words.SCALE).astype(int))])]
    return lines + ["\t".join([word, *map(str, whole[i])]) for word, i in known.items() if np.ptp(whole[i]) >= PRUNED]


def cross(rows: list[tuple[str, str, float]], read: list[set[str]]) -> None:
    sums: Counter[str] = Counter()
    for fold in range(5):
        train = [i for i in range(len(rows)) if i % 5 != fold or rows[i][2] < 1]
        table = words.parse(learn([rows[i] for i in train], [read[i] for i in train]))
        for i in range(fold, len(rows), 5):
            if rows[i][2] < 1 or rows[i][0] == words.NONE:
                continue
            known = [word for word in read[i] if word in table.weights and word[0] != words.CONCEPT]
            names = [word[1:] for word in read[i] if word[0] == words.CONCEPT]
            shares = table.opinion(known, names).shares
            best = sorted(shares, key=lambda code: -shares[code])[:2]
            sums["n"] += 1
            sums["top-1"] += best[0] == rows[i][0]
            sums["top-2"] += rows[i][0] in best
    print({key: round(sums[key] / sums["n"], 3) for key in ("top-1", "top-2")}, "of", sums["n"])


if __name__ == "__main__":
    material = samples()
    parsed = [features(text) for _, text, _ in material]
    if "--cross" in sys.argv:
        cross(material, parsed)
    else:
        lines = learn(material, parsed)
        head = "## Written by bench/class_words.py: hundredths of log odds, one column per class; '#' marks a concept."
        words.DATA.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
        print(len(material), "texts,", len(lines) - 2, "words")
