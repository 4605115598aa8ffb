"""Earlier reports that may tell of the same act: "duplicate" (same reporter) or "merge" (another one) (C5, Art. 12–13).

Candidates only, never a decision. A report is compared with earlier ones of the same county inside a window of days;
each element agrees, conflicts or is unknown, and the sum of their weights is squashed to a score. Text likeness alone
never suffices: the same village with another fact is the usual error.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rapidfuzz import fuzz

from hub.enrich.classify import classify
from hub.enrich.concepts import fold
from hub.enrich.extract import MASK, extract

VERSION = "duplicates-1"
PRODUCER = "duplicates"
WINDOW_DAYS = 400
THRESHOLD = 0.5
MAX_TEXT = 20_000
MAX_COMPARED = 600  # newest first, per row

AGREE, CONFLICT, UNKNOWN = "agree", "conflict", "unknown"
Resolver = Callable[[str], str | None]
"""A text → the division code of the place it speaks of (6 to 12 digits), None where none or several are found."""

# (agree, conflict) of each feature; unknown counts nothing.
WEIGHTS = {
    "county": (0.7, -5.0),
    "town": (0.6, -2.2),
    "village": (2.0, -3.2),
    "group": (0.6, -1.4),
    "organisation": (2.4, -2.0),
    "person": (2.2, -1.3),
    "class": (0.9, -1.1),
    "mineral": (0.5, -1.2),
    "thing": (1.3, -1.7),
    "area": (0.9, -0.5),
}
BIAS = -2.6
LIKENESS = 5.5  # times bigram cosine above 0.2
SAME_REPORTER = 0.8
AGEING = -0.25  # times log(1 + months between)

_HAN = "\u4e00-\u9fff"
_TOWN = re.compile(rf"([{_HAN}]{{2,4}}?)(?:镇|乡|街道|苏木)")
_VILLAGE = re.compile(rf"([{_HAN}]{{1,5}})(?:村|社区|嘎查)(?![{_HAN}]?(?:民|支书|主任|书记|干部|里|长|委|霸|官|集体))")
_GROUP = re.compile(r"([一二三四五六七八九十0-9]{1,3})(?:组|社|队)")
_NOT_VILLAGE = frozenset(
    [
        "我们",
        "你们",
        "他们",
        "本",
        "全",
        "隔壁",
        "邻",
        "农",
        "各",
        "外",
        "这个",
        "那个",
        "某",
        "该",
        "一个",
        "两个",
        "几个",
        "同",
        "老家",
        "的",
        "在",
        "到",
        "附近",
        "有个",
        "新农",
    ]
)
_BEFORE_VILLAGE = re.compile(
    rf"[{_HAN}]{{0,5}}(?:镇|乡|县|市|区|街道|旗|苏木|在|是|到|的|举报|反映|我们|位于|把|给|由)"
)
_THINGS = {
    "pond": "鱼塘|虾塘|挖塘|养鱼|藕塘",
    "house": "盖房|建房|房子|住宅|别墅|楼房|小楼|宅基地",
    "plant": "厂房|建厂|工厂|加工厂|洗煤厂|仓库|冷库|搅拌站",
    "farm": "养殖场|养猪|猪场|鸡场|羊圈|牛场|养牛|养鸡|养羊",
    "parking": "停车场|加油站|驾校|广场|公园|物流园|练车",
    "sand": "挖沙|采沙|抽沙|河沙|沙场|沙石|沙子",
    "stone": "采石|石料|石头|石材|大理石|花岗岩|炸山|开山",
    "brick": "砖厂|烧砖|砖窑|粘土|黏土",
    "soil": "取土|卖土|挖土|表土|黑土|拉土",
    "coal": "煤矿|煤窑|挖煤|采煤|洗煤|原煤|煤",
    "rare": "稀土",
    "metal": "铁矿|金矿|铜矿|铅锌|锰矿|铝土",
    "waste": "垃圾|渣土|煤矸石|废渣|矿渣|建筑垃圾",
    "grave": "坟|墓",
    "tree": "种树|树苗|苗木|草皮|草坪",
    "sale": "卖地|卖给|倒卖|转让|小产权|以租代征|租给",
    "pay": "补偿|征地款|青苗费",
    "restore": "复垦|复耕",
    "idle": "闲置|荒着|晒太阳",
    "solar": "光伏|风电",
}
_THING = {name: re.compile(words) for name, words in _THINGS.items()}


@dataclass(frozen=True, slots=True)
class Features:
    """What a report is compared by. Sets are empty and strings "" where the text says nothing."""

    id: str
    at: datetime
    key: str
    county: str
    towns: frozenset[str]
    villages: frozenset[str]
    groups: frozenset[str]
    organisations: frozenset[str]
    persons: frozenset[str]
    code: str
    minerals: frozenset[str]
    things: frozenset[str]
    areas: tuple[int, ...]
    bigrams: Mapping[str, int]
    norm: float


def _villages(text: str) -> frozenset[str]:
    found = set()
    for match in _VILLAGE.finditer(text):
        name = match[1]
        lead = _BEFORE_VILLAGE.match(name)
        name = name[lead.end() :] if lead else name
        if name and name not in _NOT_VILLAGE:
            found.add(name[-3:])
    return frozenset(found)


def _time(value: Any) -> datetime:
    """The time of a row; ValueError where it is none. Times without a zone are compared as they stand."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime.fromisoformat(str(value).strip().upper()).replace(tzinfo=None)


def features(row: Mapping[str, Any], resolve: Resolver | None = None) -> Features:
    """Features of a row {"id","text","received_at","reporter_key"?}; ValueError for a row without id or time."""
    if "id" not in row or "received_at" not in row:
        raise ValueError("a row needs id, text and received_at")
    original = str(row.get("text") or "")[:MAX_TEXT]
    text = fold(original)
    result = extract(original)
    named = [name for name in result.respondents if name.kind == "natural_person" and len(name.value) > 1]
    masked = list(text)
    private = [(item.start, item.end) for item in (*result.phones, *result.ids)]
    for start, end in (*private, *((name.start, name.end) for name in result.reporters)):
        masked[start:end] = MASK * (end - start)
    words = "".join(masked)
    bigrams = Counter(
        words[i : i + 2] for i in range(len(words) - 1) if words[i : i + 2].isalnum() and MASK not in words[i : i + 2]
    )
    return Features(
        id=str(row["id"]),
        at=_time(row["received_at"]),
        key=str(row.get("reporter_key") or ""),
        county=((resolve(original) or "")[:6] if resolve else ""),
        towns=frozenset(m[1][-3:] for m in _TOWN.finditer(text)),
        villages=_villages(text),
        groups=frozenset(m[1] for m in _GROUP.finditer(text)),
        organisations=frozenset(fold(name.value) for name in result.organisations),
        persons=frozenset(fold(name.value) for name in named),
        code=classify(original).code or "",
        minerals=frozenset(fold(row.value) for row in result.minerals),
        things=frozenset(name for name, pattern in _THING.items() if pattern.search(text)),
        areas=tuple(area.m2 for area in result.areas),
        bigrams=bigrams,
        norm=math.sqrt(sum(count * count for count in bigrams.values())),
    )


def _compare(left: frozenset[str], right: frozenset[str]) -> str:
    if not left or not right:
        return UNKNOWN
    return AGREE if left & right else CONFLICT


def _similar(left: frozenset[str], right: frozenset[str], least: float) -> str:
    """Names heard or written a little differently still agree."""
    if not left or not right:
        return UNKNOWN
    for a in left:
        for b in right:
            if a == b or fuzz.ratio(a, b) >= least or (min(len(a), len(b)) >= 4 and fuzz.partial_ratio(a, b) >= 95):
                return AGREE
    return CONFLICT


def _ends(left: frozenset[str], right: frozenset[str]) -> str:
    """Village and town names: one may carry the words before it."""
    if not left or not right:
        return UNKNOWN
    return AGREE if any(a.endswith(b) or b.endswith(a) for a in left for b in right) else CONFLICT


def _close_areas(left: Sequence[int], right: Sequence[int]) -> str:
    if not left or not right:
        return UNKNOWN
    return AGREE if any(abs(a - b) <= 0.25 * max(a, b) for a in left[:20] for b in right[:20]) else CONFLICT


def likeness(left: Features, right: Features) -> float:
    """Cosine of character bigrams, 0–1."""
    if not left.norm or not right.norm:
        return 0.0
    small, large = sorted((left.bigrams, right.bigrams), key=len)
    dot = sum(count * large.get(bigram, 0) for bigram, count in small.items())
    return dot / (left.norm * right.norm)


def compare(later: Features, earlier: Features) -> tuple[float, dict[str, str]]:
    """(score 0–1, reasons per element: place, time, respondent, facts → agree | conflict | unknown)."""
    parts = {
        "county": UNKNOWN
        if not later.county or not earlier.county
        else (AGREE if later.county == earlier.county else CONFLICT),
        "town": _ends(later.towns, earlier.towns),
        "village": _ends(later.villages, earlier.villages),
        "group": _compare(later.groups, earlier.groups),
        "organisation": _similar(later.organisations, earlier.organisations, 82),
        "person": _similar(later.persons, earlier.persons, 99),
        "class": _compare(frozenset({later.code} - {""}), frozenset({earlier.code} - {""})),
        "mineral": _compare(later.minerals, earlier.minerals),
        "thing": _compare(later.things, earlier.things),
        "area": _close_areas(later.areas, earlier.areas),
    }
    if parts["village"] == UNKNOWN and parts["group"] == AGREE:
        parts["group"] = UNKNOWN  # "二组" of which village?
    days = max((later.at - earlier.at).days, 0)
    score = BIAS + LIKENESS * (likeness(later, earlier) - 0.2) + AGEING * math.log1p(days / 30)
    for name, state in parts.items():
        agree, conflict = WEIGHTS[name]
        score += agree if state == AGREE else conflict if state == CONFLICT else 0.0
    if later.key and later.key == earlier.key:
        score += SAME_REPORTER
    reasons = {
        "place": _joined(parts, ("village", "town", "county", "group")),
        "time": AGREE if days <= 60 else UNKNOWN,
        "respondent": _joined(parts, ("organisation", "person")),
        "facts": _joined(parts, ("thing", "class", "mineral")),
    }
    return 1 / (1 + math.exp(-max(min(score, 30.0), -30.0))), reasons


def _joined(parts: Mapping[str, str], names: Sequence[str]) -> str:
    states = [parts[name] for name in names]
    if states[0] == CONFLICT or (CONFLICT in states and AGREE not in states):
        return CONFLICT
    return AGREE if AGREE in states else UNKNOWN


class Index:
    """Earlier reports, found again by county, village, town, organisation, person and reporter."""

    def __init__(self) -> None:
        self._rows: list[Features] = []
        self._by: dict[tuple[str, str], list[int]] = defaultdict(list)

    def add(self, row: Features) -> None:
        position = len(self._rows)
        self._rows.append(row)
        for block in _blocks(row):
            self._by[block].append(position)

    def candidates(self, row: Features, limit: int = 5) -> list[dict[str, Any]]:
        """The best earlier reports at or above THRESHOLD, best first."""
        positions: set[int] = set()
        for block in _blocks(row):
            positions.update(self._by.get(block, ())[-MAX_COMPARED:])
        found: list[dict[str, Any]] = []
        for position in sorted(positions, reverse=True)[:MAX_COMPARED]:
            earlier = self._rows[position]
            if earlier.at > row.at or (row.at - earlier.at).days > WINDOW_DAYS:
                continue
            score, reasons = compare(row, earlier)
            if score >= THRESHOLD:
                same = bool(row.key) and row.key == earlier.key
                kind = "duplicate" if same else "merge"
                found.append({"id": earlier.id, "score": round(score, 3), "kind": kind, "reasons": reasons})
        return sorted(found, key=lambda item: -item["score"])[:limit]


def _blocks(row: Features) -> Iterable[tuple[str, str]]:
    if row.county:
        yield "county", row.county
    if row.key:
        yield "key", row.key
    for field in ("villages", "towns", "organisations", "persons"):
        for value in getattr(row, field):
            yield field, value[-2:] if field in ("villages", "towns") else value


def candidates(
    rows: Iterable[Mapping[str, Any]], resolve: Resolver | None = None, limit: int = 5
) -> list[dict[str, Any]]:
    """The answer of `hub try duplicates` (PRODUCT §11): per row its candidates among the rows before it.

    Raises ValueError for a row without id or with an unreadable time.
    """
    index = Index()
    answers: list[dict[str, Any]] = []
    for row in rows:
        current = features(row, resolve)
        answers.append({"id": row["id"], "candidates": index.candidates(current, limit)})
        index.add(current)
    return answers
