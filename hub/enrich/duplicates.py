"""Duplicate and merge candidates of clues in PostgreSQL (C5, Art. 12-13): found by keys, scored by the trained model.

Candidates only, never a decision: nothing is closed or joined by them. The rows hold keyed numbers instead of words
(ADR 0016). Who asks sees candidates among the clues they may see; clues behind an N2 or N4 wall never appear.
`hub try duplicates` (hub/enrich/earlier.py) gives the same answers for the same texts.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Float, bindparam, delete, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from hub import clock
from hub.access.people import Actor, visible
from hub.access.sealing import derived
from hub.enrich import likeness, passages
from hub.enrich.earlier import COMPARED, NEWEST, SHOWN, WINDOW_DAYS
from hub.enrich.likeness import Sketch, moment, of_words
from hub.enrich.likeness_score import AGREE, CONFLICT, model, reasons, scores
from hub.jurisdiction.places import resolver
from hub.models import Clue, ClueReporter, ClueUnit, Likeness, LikenessKey, ReporterIndex, Unit, Wall
from hub.settings import settings
from hub.terms import Passage, Span, Suggestion

PRODUCER, FIELD = "duplicates", "duplicate"
VERSION = "duplicates-5"
SPARE = 100  # keys may lead to clues that the person does not see; so many more are asked for
WALLED = ("N2", "N4")
LATEST = (1 << 63) - 1
WORDS = {"place": "地点", "time": "时间", "respondent": "违法主体", "facts": "违法事实"}
STATES = {AGREE: "一致", CONFLICT: "不同", "unknown": "不明"}
_FIELDS = {
    "place": ("place",),
    "respondent": ("respondent", "organisation"),
    "facts": ("class",),
    "time": ("occurred",),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An earlier clue that may tell of the same act.

    `kind`: "duplicate" (the same reporter) or "merge" (another). `reasons`: place, time, respondent, facts → agree,
    conflict or unknown. `score` 0–1; at or above the setting `duplicate_threshold`.
    """

    no: str
    score: float
    kind: str
    reasons: dict[str, str]
    clue_id: int = 0

    @property
    def words(self) -> str:
        """The reasons as a Chinese sentence."""
        return "；".join(f"{WORDS[name]}{STATES[state]}" for name, state in self.reasons.items())


@lru_cache(maxsize=200_000)
def keyed(word: str) -> bytes:
    """The token of stored sketches: nothing is learned from it without the master key."""
    return hmac.digest(derived("likeness"), word.encode("utf-8", "surrogatepass"), "sha256")


def read(words: str, at: datetime, *, keys: Iterable[str] = (), prior: str | None = None) -> Sketch:
    """The sketch of a report for PostgreSQL; `prior`: division code of the receiving unit."""
    found = likeness.read(words, resolver().resolve, keys=keys, prior=prior)
    return of_words(found, moment(at.astimezone(clock.CHINA)), keyed)


def sketch(session: Session, clue: Clue) -> Sketch:
    """What a stored clue is compared by, read from its texts as they stand now."""
    words = text_of([source.passage for source in passages.of_clue(session, clue)])
    prior = session.get_one(Unit, clue.received_unit_id).code
    return read(words, clue.at, keys=reporter_keys(session, clue.id), prior=prior)


def text_of(passages: Sequence[Passage]) -> str:
    """What of a clue's passages is compared: all but what an operator said."""
    return "\n".join(passage.text for passage in passages if passage.speaker != "operator")


def reporter_keys(session: Session, clue_id: int) -> list[str]:
    """Blind keys of the clue's reporters: equal keys are the same telephone, mailbox, openid or identity number."""
    query = select(ReporterIndex.kind, ReporterIndex.token).join(
        ClueReporter, ClueReporter.reporter_id == ReporterIndex.reporter_id
    )
    return sorted(
        f"{row.kind}:{row.token.hex()}" for row in session.execute(query.where(ClueReporter.clue_id == clue_id))
    )


def remember(session: Session, clue: Clue, row: Sketch) -> None:
    """Stores the sketch of a clue in place of an earlier one; an empty one leaves nothing."""
    forget(session, clue.id)
    if not row.elements:
        return
    keys = sorted({key for key, _ in row.blocks})
    session.add(
        Likeness(clue_id=clue.id, at=clue.at, version=likeness.VERSION, sketch=likeness.pack(row.elements), keys=keys)
    )
    if keys:
        rows = [{"key": key, "clue_id": clue.id} for key in keys]
        session.execute(insert(LikenessKey).values(rows).on_conflict_do_nothing())
    session.flush()


def forget(session: Session, clue_id: int) -> None:
    """Takes a clue out of what others are compared with (N2, N4, disposal)."""
    row = session.get(Likeness, clue_id)
    if row is not None:
        session.execute(delete(LikenessKey).where(LikenessKey.key.in_(row.keys), LikenessKey.clue_id == clue_id))
        session.delete(row)
        session.flush()


def candidates(session: Session, who: Actor, clue: Clue, limit: int = SHOWN) -> list[Candidate]:
    """The earlier clues, among those the person may see, that may tell of the same act as `clue`, best first."""
    row = _stored(session, clue)
    return (
        judged(session, row, before=clue.id, who=who, limit=limit, own=reporter_keys(session, clue.id)) if row else []
    )


def candidates_for_text(
    session: Session,
    who: Actor,
    words: str,
    unit: str | None = None,
    *,
    at: datetime | None = None,
    keys: Iterable[str] = (),
    limit: int = SHOWN,
) -> list[Candidate]:
    """The same for words that are not saved yet; `unit`: division code of the receiving unit; `at`: now by default.

    `keys`: blind keys of the caller (`caller_keys`), so that a repeat by the same telephone is called a duplicate.
    """
    own = list(keys)
    row = read(words, at or clock.now(), keys=own, prior=unit)
    return judged(session, row, before=LATEST, who=who, limit=limit, own=own)


def caller_keys(session: Session, clue_ids: Sequence[int]) -> dict[int, set[str]]:
    """Clue → the blind keys of its reporters."""
    query = select(ClueReporter.clue_id, ReporterIndex.kind, ReporterIndex.token).join(
        ReporterIndex, ClueReporter.reporter_id == ReporterIndex.reporter_id
    )
    found: dict[int, set[str]] = {}
    for row in session.execute(query.where(ClueReporter.clue_id.in_(clue_ids))):
        found.setdefault(row.clue_id, set()).add(f"{row.kind}:{row.token.hex()}")
    return found


def suggest(session: Session, clue: Clue, row: Sketch, made: Sequence[Suggestion]) -> list[Suggestion]:
    """Suggestions "duplicate" for a clue, from all clues: who may read one is asked when it is shown.

    The spans are the words of this clue behind the elements that agree.
    """
    found = judged(session, row, before=clue.id, who=None, limit=SHOWN, own=reporter_keys(session, clue.id))
    return [
        Suggestion(
            FIELD, {"clue": one.clue_id, "score": one.score, "kind": one.kind, "reasons": one.reasons},
            PRODUCER, VERSION, one.score, _spans(one, made), one.words, {"model": model().version},
        )
        for one in found
    ]  # fmt: skip


def _spans(found: Candidate, made: Sequence[Suggestion]) -> tuple[Span, ...]:
    wanted = {field for name, fields in _FIELDS.items() if found.reasons[name] == AGREE for field in fields}
    return tuple(span for item in made if item.field in wanted for span in item.spans[:2])[:8]


def _stored(session: Session, clue: Clue) -> Sketch | None:
    """The stored sketch of a clue; None where there is none. One of another version is read anew for this question:
    hub/enrich/resketch.py comes to it in its turn.
    """
    row = session.get(Likeness, clue.id)
    if row is None:
        return None
    if row.version != likeness.VERSION:
        return sketch(session, clue)
    return Sketch(
        moment(row.at.astimezone(clock.CHINA)),
        likeness.unpack(row.sketch),
        tuple((key, likeness.weight(key)) for key in row.keys),
    )


HITS = text(
    "select k.clue_id, sum(a.weight) as worth"
    " from unnest(:keys, :weights) as a(key, weight) cross join lateral"
    " (select clue_id from likeness_key where key = a.key and clue_id < :before order by clue_id desc limit :newest) k"
    " group by k.clue_id order by worth desc, k.clue_id desc limit :most"
).bindparams(bindparam("keys", type_=ARRAY(BigInteger)), bindparam("weights", type_=ARRAY(Float)))


def _found(session: Session, row: Sketch, before: int, who: Actor | None) -> list[int]:
    """The clues to compare with, weightiest first, without those that are walled or not the person's to see."""
    if not row.blocks:
        return []
    keys, weights = zip(*row.blocks, strict=True)
    given = {"keys": list(keys), "weights": list(weights), "before": before}
    hits = session.execute(HITS, given | {"newest": NEWEST, "most": COMPARED + SPARE})
    ids = [hit.clue_id for hit in hits]
    query = select(Clue.id).where(Clue.id.in_(ids), ~_walled())
    if who is not None:
        seen = set(session.scalars(visible(who).with_only_columns(ClueUnit.clue_id).where(ClueUnit.clue_id.in_(ids))))
        query = query.where(Clue.id.in_(seen))
    open_ = set(session.scalars(query))
    return [number for number in ids if number in open_][:COMPARED]


def _walled() -> Any:
    behind = select(Wall.id).where(Wall.clue_id == Clue.id, Wall.state != "released", Wall.reason.in_(WALLED)).exists()
    return or_(behind, Clue.refused_ground.in_(WALLED) & Clue.refused_ground.is_not(None))


def judged(
    session: Session,
    row: Sketch,
    *,
    before: int = LATEST,
    who: Actor | None,
    limit: int = SHOWN,
    own: Sequence[str] = (),
    least: float | None = None,
) -> list[Candidate]:
    """The best clues registered before `before` that are at least so alike (default: the setting), best first.

    `who` None: among all clues, for what is stored and not shown.
    """
    ids = _found(session, row, before, who)
    columns = select(Likeness.clue_id, Likeness.at, Likeness.sketch)
    stored = session.execute(columns.where(Likeness.clue_id.in_(ids), Likeness.version == likeness.VERSION))
    least = settings().duplicate_threshold if least is None else least
    others = [(n, Sketch(moment(at.astimezone(clock.CHINA)), likeness.unpack(packed), ())) for n, at, packed in stored]
    others = [(number, other) for number, other in others if abs(row.at - other.at).days <= WINDOW_DAYS]
    others.sort(key=lambda one: -one[0])  # the same order as in memory: among equals it decides who is looked at twice
    scored = []
    for (number, _), (score, pair) in zip(others, scores(row, [other for _, other in others]), strict=True):
        if score >= least:
            scored.append((score, number, pair))
    scored.sort(key=lambda one: (-one[0], -one[1]))
    best = scored[:limit]
    numbers = [number for _, number, _ in best]
    names = {row.id: row.no for row in session.execute(select(Clue.id, Clue.no).where(Clue.id.in_(numbers)))}
    keys, mine = caller_keys(session, numbers), set(own)
    return [
        Candidate(names[n], score, "duplicate" if mine & keys.get(n, set()) else "merge", reasons(pair), n)
        for score, n, pair in best
    ]
