"""Learns classes from confirmed decisions (`hub learn`): a label after 200 of its decisions, where it beats the rules.

What is learned is a correction of the rules' share by keyed words (hub/enrich/learned.py). Five-fold cross-validation
decides: the F1 of the label must be higher and the decisions gained must outweigh those lost beyond chance (sign test,
one-sided 5 %). Decisions of equal texts never stand on both sides of a fold. Words of fewer than three decisions are
left out. Texts are opened for the run and forgotten; what stays is the table of numbers. Behind a wall nothing is read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from hub import db
from hub.access import audit, walls
from hub.enrich import classify, learned, passages
from hub.models import Clue, LearnedModel, Wall
from hub.models.learning import LABELS
from hub.settings import settings
from hub.work.rows import Job

NEEDED = 200  # decisions of a label
READ_AT_MOST = 20_000  # newest decisions read
FOLDS = 5
LEAST = 3  # decisions a word must stand in
ROUNDS, STEP, INERTIA, DECAY = 200, 2.0, 0.9, 4e-4
PRUNED = 0.02  # weights below it change nothing
CERTAIN = 1.645  # of the standard deviation of a fair coin

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Decision:
    """A confirmed decision without its text: keyed words, the rules' shares, what the rules answered, its fold."""

    label: str
    words: tuple[int, ...]
    shares: dict[str, float]
    ruled: str | None
    fold: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one label: its state, figures and the model. `state`: few, refused or adopted."""

    label: str
    positives: int
    decisions: int
    state: str
    rules_score: float = 0.0
    learned_score: float = 0.0
    gained: int = 0
    lost: int = 0
    data: bytes = b""


def decision(label: str, text: str) -> Decision:
    """A labelled text as it is learned from."""
    hidden = learned.masked(text)
    fold = hashlib.sha256(hidden.encode("utf-8", "surrogatepass")).digest()[0] % FOLDS
    return Decision(
        label, tuple(learned.features(text)), classify.shares(text), classify.classify(text).code, fold
    )  # fmt: skip


def decisions(session: Session) -> list[Decision]:
    """The newest confirmed decisions whose texts may be read: the class a person set, or the ground of a refusal."""
    open_wall = select(Wall.id).where(Wall.clue_id == Clue.id, walls.live()).exists()
    query = (
        select(Clue)
        .where(or_(Clue.class_confirmed, Clue.refused_ground.is_not(None)), ~open_wall)
        .order_by(Clue.id.desc()).limit(READ_AT_MOST)
    )  # fmt: skip
    found = []
    for clue in session.scalars(query):
        label = clue.refused_ground or clue.class_code
        if label not in LABELS or walls.quarantined(session, clue.id):
            continue
        sources = passages.of_clue(session, clue)
        text = "\n".join(words for _, words in classify.heard([source.passage for source in sources]))
        if text.strip():
            found.append(decision(label, text))
    return found


class _Table:
    """Decisions as a sparse matrix: row i holds 1/√n at each of its n words that are common enough."""

    def __init__(self, rows: Sequence[Decision]) -> None:
        counts = Counter(word for row in rows for word in row.words)
        self.numbers = sorted(word for word, n in counts.items() if n >= LEAST)
        known = {word: at for at, word in enumerate(self.numbers)}
        listed = [[known[word] for word in row.words if word in known] for row in rows]
        self.row = np.repeat(np.arange(len(rows)), [len(words) for words in listed])
        self.column = np.array([at for words in listed for at in words], dtype=np.int64)
        sizes = np.array([1 / sqrt(max(1, len(row.words))) for row in rows])
        self.value: Floats = sizes[self.row]
        self.height = len(rows)

    def times(self, weights: Floats) -> Floats:
        return np.bincount(self.row, self.value * weights[self.column], self.height).astype(np.float64, copy=False)

    def back(self, wrong: Floats) -> Floats:
        return np.bincount(self.column, self.value * wrong[self.row], len(self.numbers)).astype(np.float64, copy=False)


def _fit(table: _Table, gold: Floats, offset: Floats, use: Floats) -> tuple[float, Floats]:
    """(bias, weights) of the logistic correction on the rows of `use`; the same input gives the same numbers."""
    weights, moved = np.zeros(len(table.numbers)), np.zeros(len(table.numbers))
    bias = 0.0
    count = max(1.0, float(use.sum()))
    for _ in range(ROUNDS):
        wrong = (1 / (1 + np.exp(-(offset + bias + table.times(weights)))) - gold) * use / count
        moved = INERTIA * moved + table.back(wrong) + DECAY * weights
        weights = weights - STEP * moved
        bias -= STEP * float(wrong.sum())
    return bias, weights


def _f1(rights: int, said: int, there: int) -> float:
    return 2 * rights / (said + there) if said + there else 0.0


def _answers(rows: Sequence[Decision], label: str, changes: Floats) -> list[bool]:
    """Whether each row is answered with the label once its change counts, by the rule of `learned.answer`."""
    found = []
    for row, change in zip(rows, changes, strict=True):
        limited = max(-learned.STRONGEST, min(learned.STRONGEST, float(change)))
        code, share = learned.combined(row.shares, {label: limited})[0]
        found.append(code == label and (row.ruled is not None or share >= learned.SPEAKS))
    return found


def judge(rows: Sequence[Decision], label: str) -> Outcome:
    """Cross-validates one label and fits the model that would be used. Needs no database."""
    positives = sum(row.label == label for row in rows)
    if positives < NEEDED:
        return Outcome(label, positives, len(rows), "few")
    table = _Table(rows)
    gold = np.array([float(row.label == label) for row in rows])
    offset = np.array([learned.logit(row.shares[label]) for row in rows])
    folds = np.array([row.fold for row in rows])
    changes = np.zeros(len(rows))
    for fold in range(FOLDS):
        use = (folds != fold).astype(float)
        bias, weights = _fit(table, gold, offset, use)
        changes = np.where(folds == fold, bias + table.times(weights), changes)
    truth = [row.label == label for row in rows]
    ruled, taught = [row.ruled == label for row in rows], _answers(rows, label, changes)
    gained = sum(t == g != r for t, g, r in zip(taught, truth, ruled, strict=True))
    lost = sum(r == g != t for t, g, r in zip(taught, truth, ruled, strict=True))
    scores = [
        _f1(sum(a and g for a, g in zip(said, truth, strict=True)), sum(said), positives) for said in (ruled, taught)
    ]
    better = scores[1] > scores[0] and gained - lost > CERTAIN * sqrt(gained + lost)
    bias, weights = _fit(table, gold, offset, np.ones(len(rows)))
    kept = {n: float(w) for n, w in zip(table.numbers, weights, strict=True) if abs(w) >= PRUNED}
    state = "adopted" if better else "refused"
    figures = (round(scores[0], 4), round(scores[1], 4), gained, lost)
    return Outcome(label, positives, len(rows), state, *figures, learned.pack(bias, kept))


def learn(rows: Sequence[Decision]) -> list[Outcome]:
    """Every label that may be learned, in order."""
    return [judge(rows, label) for label in LABELS]


def keep(session: Session, outcomes: Iterable[Outcome], *, actor: str = "cli") -> list[LearnedModel]:
    """Stores a new version of every label that had enough decisions, in place of the one adopted before.

    Where the new version is refused the rules speak alone again: on today's decisions they are the better.
    """
    made = []
    for one in outcomes:
        if one.state == "few":
            continue
        last = session.scalar(select(func.max(LearnedModel.version)).where(LearnedModel.label == one.label)) or 0
        _end(session, one.label, "replaced")
        row = LearnedModel(
            label=one.label, version=last + 1, state=one.state, reader=learned.reader(), decisions=one.decisions,
            positives=one.positives, rules_score=one.rules_score, learned_score=one.learned_score, gained=one.gained,
            lost=one.lost, weights=one.data,
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(
            session, "learning", "learn", actor=actor,
            data={"label": row.label, "version": row.version, "state": row.state, "positives": row.positives},
        )  # fmt: skip
        made.append(row)
    return made


def nightly(job: Job) -> None:
    """The work of a night (HUB_LEARN_HOUR): what `hub learn` does, without a row where nothing new came of it.

    What a person withdrew stays withdrawn until a person runs `hub learn`.
    """
    with db.reading() as session:
        found = learn(decisions(session)) if settings().learned_classes else []
    with db.transaction() as session:
        keep(session, [one for one in found if _news(session, one)], actor="beat")
        job.done(session)


def _news(session: Session, one: Outcome) -> bool:
    query = select(LearnedModel).where(LearnedModel.label == one.label).order_by(LearnedModel.version.desc()).limit(1)
    last = session.scalar(query)
    if last is None:
        return True
    if last.state == "withdrawn":
        return False
    known = last.reader, last.state, last.decisions, last.positives, last.gained, last.lost, last.weights
    return known != (learned.reader(), one.state, one.decisions, one.positives, one.gained, one.lost, one.data)


def withdraw(session: Session, label: str, *, actor: str = "cli") -> bool:
    """Takes the adopted version of a label out of use; whether there was one. The rules speak alone again."""
    ended = _end(session, label, "withdrawn")
    if ended:
        audit.record(session, "learning", "withdraw", actor=actor, data={"label": label})
    return ended


def _end(session: Session, label: str, state: str) -> bool:
    query = update(LearnedModel).where(LearnedModel.label == label, LearnedModel.state == "adopted")
    return bool(session.execute(query.values(state=state).returning(LearnedModel.id)).all())
