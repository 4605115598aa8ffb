"""Whether a text accuses a unit of the chain or one of its officers (PRODUCT §5, "Unit accused"). Pure.

A unit or an officer named beside an accusing word in one sentence is an accusation; a mere mention ("I told the
bureau", "the bureau should look into it") is none. It only ever leads to a hold that a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from hub.jurisdiction.divisions import table

BESIDE = 16  # characters between a name and what is said of it
MOST = 200_000  # characters of a text that are read

_OFFICE = (
    r"(?:规划和)?自然资源(?:和规划|与规划)?(?:分?局|厅|主管部门|部门|系统|所|执法(?:大队|支队|中队|队|局))"
    r"|国土(?:资源)?(?:管理)?(?:分?局|厅|部门|系统|所|执法(?:大队|支队|中队|队|局))"
    r"|(?:土地|土管|地矿|矿管|自规|资规)(?:管理)?(?:局|所|站|办)"
)
_MENTION = re.compile(rf"你们(?:局|所|单位|领导|内部|的人)|(?:{_OFFICE})")
_LEVELS = {"县": "county", "区": "county", "旗": "county", "市": "city", "州": "city", "盟": "city", "省": "province"}
_STRONG = (
    "受贿|索贿|行贿|贿赂|收(?:了)?(?:黑)?钱|收(?:了)?红包|收(?:了)?好处|收礼|收受|拿(?:了)?好处|好处费|吃拿卡要|索要|索取|回扣|送礼|送钱|"
    "塞钱|打点|贪污|贪腐|腐败|权钱交易|以权谋私|滥用职权|徇私|渎职|失职|玩忽职守|违纪|违法批|违规批|非法批|乱批|私批|"
    "违法审批|违规审批|违法批准|非法批准|违规发证|违法发证|违法出让|违规出让|包庇|袒护|偏袒|庇护|纵容|保护伞|"
    "通风报信|报信|走漏|泄露|泄密|勾结|串通|内鬼|一伙|穿一条裤子|官官相护|压案|压着不办|压着不查|有案不查|不作为|乱作为|"
    "刁难|打击报复|敲诈|勒索|入股|干股|参股|私吞|侵吞|挪用|截留|弄虚作假|选择性执法|睁一只眼|充当|放水|违法占地|强占|强拆|强征"
)
_ACCUSING = re.compile(_STRONG)
_BRIBING = re.compile("行贿|贿赂|送礼|送钱|塞钱|打点")
_SENTENCE = re.compile(r"[^。！？!?；;\n]+")
_TOLD = re.compile(
    r"(?:向|找|请|求|报告|报给|告诉|希望|望|要求|建议|恳请|联系|打给|反映到|反映给|举报到|举报给|投诉到|到|去|经|由|给|催)"
    r"(?:过|了|当地|我们|本地|贵)?$"
)
_NOT = re.compile(r"(?:没有|没|并非|并未|未|不是|从不|不存在|严禁|禁止|防止|杜绝|反对)$")
_OTHERS = re.compile(
    r"村(?:支书|书记|主任|长|干部|委会|委|民)|(?:镇|乡|街道)(?:长|政府|干部|领导)|支书|老板|开发商|公司|厂|派出所|有人|他们|他|邻居"
)
_WITH = re.compile(r"[和与跟同帮给替对让被及].{0,2}$|收了?$|伙同$|勾结$|串通$|包庇$|纵容$|袒护$")


@dataclass(frozen=True, slots=True)
class UnitNames:
    """A unit that might be accused: its level, the name of its place ("桃江县"), its own name as shown."""

    id: int
    level: str
    place: str
    name: str


@dataclass(frozen=True, slots=True)
class Officer:
    """A person of such a unit, by full name."""

    user_id: int
    unit_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Accusation:
    """Who is accused, and the words of the sentence. `user_id`: the officer named, none where the unit is."""

    unit_id: int
    words: str
    user_id: int | None = None


def accused(text: str, units: Sequence[UnitNames], officers: Iterable[Officer] = ()) -> list[Accusation]:
    """Units of the chain (lowest first) and officers that the text accuses, each once."""
    found: dict[tuple[int, int | None], Accusation] = {}
    body = text[:MOST]
    named = [one for one in officers if len(one.name) > 1 and one.name in body]
    for sentence in _SENTENCE.findall(body):
        if not _ACCUSING.search(sentence):
            continue
        for unit_id, start, end in _mentions(sentence, units):
            if _beside(sentence, start, end):
                found.setdefault((unit_id, None), Accusation(unit_id, sentence.strip()[:200]))
        for one in named:
            at = sentence.find(one.name)
            if at >= 0 and _beside(sentence, at, at + len(one.name)):
                accusation = Accusation(one.unit_id, sentence.strip()[:200], one.user_id)
                found.setdefault((one.unit_id, one.user_id), accusation)
    return list(found.values())


def _mentions(sentence: str, units: Sequence[UnitNames]) -> Iterator[tuple[int, int, int]]:
    """(unit, start, end) of every name of one of the units, by its place, its level or as "the bureau"."""
    for unit in units:
        for match in re.finditer(re.escape(unit.name), sentence) if unit.name else ():
            yield unit.id, match.start(), match.end()
    for match in _MENTION.finditer(sentence):
        start, meant = _whose(sentence, match.start(), units)
        if meant is not None:
            yield meant.id, start, match.end()


def _whose(sentence: str, at: int, units: Sequence[UnitNames]) -> tuple[int, UnitNames | None]:
    """Whose office begins at `at`, and where its name does. None: that of a place elsewhere."""
    before = sentence[:at]
    for unit in units:
        for name in (unit.place, _stem(unit.place)):
            if name and before.endswith(name):
                return at - len(name), unit
    if any(before[-length:] in _places() for length in range(2, 9)):
        return at, None
    lowest = units[0] if units else None
    level = _LEVELS.get(before[-1:])
    if sentence[at:].startswith(("自然资源厅", "国土厅", "国土资源厅")):
        level = "province"
    if level is None:
        return at, lowest
    return at - 1, next((unit for unit in units if unit.level == level), lowest if level == "county" else None)


def _stem(place: str) -> str:
    return place[:-1] if len(place) > 2 and place[-1] in "县区市旗省" else ""


@cache
def _places() -> frozenset[str]:
    """Every name of a province, city or county, so that another place's office is not taken for ours."""
    rows = [row.name for row in table() if row.level in ("province", "city", "county")]
    return frozenset(rows) | frozenset(stem for name in rows if len(stem := _stem(name)) > 1)


def _beside(sentence: str, start: int, end: int) -> bool:
    """Whether an accusing word about the name at [start, end) stands near it in the sentence."""
    told = _TOLD.search(sentence[:start]) is not None
    for word in _ACCUSING.finditer(sentence):
        if _NOT.search(sentence[: word.start()]):
            continue
        if word.start() >= end:
            between = sentence[end : word.start()]
            if len(between) <= BESIDE and _about(between, word[0], told=told):
                return True
        near = word.end() <= start <= word.end() + BESIDE // 2
        if near and not told and _OTHERS.search(sentence[word.end() : start]) is None:
            return True
    return False


def _about(between: str, word: str, *, told: bool) -> bool:
    """Whether what follows is said of the name: not of somebody else whom the office should look into."""
    if told:
        return _BRIBING.fullmatch(word) is not None
    other = _OTHERS.search(between)
    return other is None or _WITH.search(between[: other.start()]) is not None
