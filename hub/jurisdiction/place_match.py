"""Finds the mentions of places in folded text, and leaves out what only looks like one: roads, people, brands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

import ahocorasick

from hub.jurisdiction.place_names import TOWN_SUFFIX, Name, Names

MAX_MENTIONS = 400
"""More places than anybody reports about: the rest of a longer text is not read."""
_HOMOPHONE = 0.7
TOWN_END = re.compile(r"(?:民族乡|街道|镇|乡|苏木)$")
_ZONE = re.compile(r"[^，,。；;\n]{0,6}?(?:工业园区|产业园区|开发区|高新区|经开区|保税区|示范区)")
_ORDINARY = frozenset(("民族乡", "示范区", "实验区", "市辖区", "自治县", "自治州"))
_BEFORE = frozenset("省市州盟的在是到区从们我有于去住报映和及")
_SUFFIXES = frozenset("省市县区旗州盟镇乡")

# After a name without suffix these make it a road, a building, a brand or a dish.
_NOT_PLACE = re.compile(
    r"[东南西北中坡山湖江河门新老大小一二三四五六七八九十环\d]{0,2}"
    r"(?:路(?!边|旁|面|[北南桥]区)|大道|大街|街(?!道|办)|巷|胡同|高速|铁路|立交|大桥|广场|大厦|宾馆|酒店|饭店|饭庄|大排档|小区|花园|家园|公寓|"
    r"大学|学院|中学|小学|银行|书店|超市|火锅|拉面|米粉|烤鸭|小吃|菜馆|饺子|板鸭|火腿|话|牌|号(?!村)|起义|会议|精神|时报|晚报|日报|电视|卫视|重工|牌照|车牌|号牌|籍|口音|老板|师傅|老乡|小面|面馆|商人|客商|来的|"
    r"现代|汽车|大众|啤酒|白酒|茶叶|螺蛳粉|鸡|鸭)"
)
_BORROWED = re.compile(
    r"[东西南北大小新老]?(?:村(?!里|民)|社区|组|屯|厂|煤矿|铁矿|矿山|砂场|沙场|农场|林场|牧场|农庄|山庄|加油站|水库|公司|商店|街|站|寺|庙)"
)
"""永安砖厂, 新华村: what is called after a place or a virtue and may stand anywhere."""
_FULL_NOT_PLACE = re.compile(r"(?:路(?!边|旁|面|[北南桥]区)|大道|大街|小吃|拉面|火锅|米粉)")
_DIRECTION = re.compile(r"[边岸侧面头坡]")
_PERSON_BEFORE = re.compile(
    r"(?:叫|姓名|名叫|名字是|举报人|联系人|负责人|老板|书记|主任|村长|支书|镇长|局长|我是|本人|人叫|村民|农民|居民|职工|邻居|会计|队长|组长|乡长|县长|市长|村干部|包工头|男子|女子|妻子|儿子|丈夫|村霸|党员|被)[:：是叫为]?"
    r"[王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文]$"
)
_PERSON_AFTER = re.compile(r"(?:先生|女士|同志|书记|村长|主任|老板|师傅|大哥|某|本人)")
_SURNAME = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范石姚谭廖邹熊陆郝孔崔康邱秦顾侯邵孟段雷钱汤尹黎乔贺赖龚"
)


@dataclass(slots=True)
class Mention:
    """A stretch of folded text that may name a place. `nodes`: county, city or province code → weight."""

    start: int
    end: int
    nodes: dict[str, float] = field(default_factory=dict)
    towns: dict[str, str] = field(default_factory=dict)
    weak: bool = True
    town: bool = True
    heard: bool = False
    full: bool = False
    up: frozenset[str] = frozenset()


_Match = tuple[int, int, tuple[int, ...]]


def _raw(automaton: ahocorasick.Automaton, text: str) -> list[_Match]:
    return [(end + 1 - size, end + 1, numbers) for end, (size, numbers) in automaton.iter(text)]


def _leftmost_longest(found: list[_Match], taken: list[_Match]) -> list[_Match]:
    """Matches that overlap neither one another nor `taken`, the leftmost first, of these the longest."""
    kept: list[_Match] = []
    held = iter([*taken, (1 << 62, 1 << 62, ())])
    block = next(held)
    for match in sorted(found, key=lambda m: (m[0], -m[1])):
        while block[1] <= match[0]:
            block = next(held)
        if match[1] <= block[0] and (not kept or match[0] >= kept[-1][1]):
            kept.append(match)
    return kept


def _segments(names: Names, text: str, found: list[_Match]) -> list[_Match]:
    """Names with their suffix and names of counties and above come first; bare stems of towns fill what is left."""
    firm = [
        m
        for m in found
        if any(names.names[n].full or not names.names[n].town for n in m[2]) or TOWN_SUFFIX.match(text, m[1])
    ]
    kept = _leftmost_longest(firm, [])
    starts: dict[int, list[_Match]] = {}
    for match in firm:
        starts.setdefault(match[0], []).append(match)
    out: list[_Match] = []
    for match in kept:
        if out and match[0] < out[-1][1]:
            continue
        out.extend(_split(names, match, starts) or [match])
    rest = _leftmost_longest([m for m in found if m[1] - m[0] >= 2], out)
    return sorted((*out, *rest))


def _split(names: Names, match: _Match, starts: dict[int, list[_Match]]) -> list[_Match] | None:
    """安康镇坪: not the town 安康镇, but 安康 and 镇坪, which lies in it."""
    if not all(names.names[n].town for n in match[2]):
        return None
    for first in starts[match[0]]:
        if first[1] >= match[1] or all(names.names[n].town for n in first[2]):
            continue
        for second in starts.get(first[1], ()):
            if second[1] > match[1] and _lies_in(names, second, first):
                return [first, second]
    return None


def _lies_in(names: Names, inner: _Match, outer: _Match) -> bool:
    tops = {sense.node for n in outer[2] for sense in names.names[n].senses if not sense.town}
    below = (sense.node for n in inner[2] for sense in names.names[n].senses if not sense.town)
    return any(up in tops for node in below for up in names.above[node][1:])


def _trap(text: str, start: int, end: int, *, full: bool, town: bool) -> bool:
    if text[start:end] in _ORDINARY:
        return True
    after = text[end : end + 8]
    if full and not town:
        return end - start == 2 and bool(_FULL_NOT_PLACE.match(after))  # 沙县小吃
    if _NOT_PLACE.match(after) and not (full and town and not _FULL_NOT_PLACE.match(after)):
        return True
    if full:
        return False
    if text[end - 1] in "东南西北" and _DIRECTION.match(after):
        return True
    return bool(_PERSON_BEFORE.search(text[max(0, start - 8) : start]) or _person_after(text, start, after))


def _person_after(text: str, start: int, after: str) -> bool:
    return start > 0 and text[start - 1] in _SURNAME and bool(_PERSON_AFTER.match(after))


def _add(mention: Mention, name: Name, factor: float) -> None:
    for sense in name.senses:
        weight = sense.weight * factor
        if weight > mention.nodes.get(sense.node, 0.0):
            mention.nodes[sense.node] = weight
            if sense.town:
                mention.towns[sense.node] = sense.town
            else:
                mention.towns.pop(sense.node, None)


def _doubtful(names: Names, name: Name, text: str, start: int, end: int) -> bool:
    """A county's short name of two characters in the middle of words: 听说从江边, 永安砖厂."""
    if start and text[start - 1] in _SURNAME and (start < 2 or not "\u4e00" <= text[start - 2] <= "\u9fff"):
        return True  # 王海南 at the head of a clause
    if any(names.level[sense.node] != "county" for sense in name.senses):
        return False
    if _BORROWED.match(text, end, end + 6):
        return True
    if len(name.text) > 2:
        return False
    before = text[start - 1] if start else ""
    return "\u4e00" <= before <= "\u9fff" and before not in _BEFORE


def _add_stem(mention: Mention, names: Names, name: Name) -> None:
    """九堡镇 has become 九堡街道 long before people say so."""
    stem = names.stems.get(TOWN_END.sub("", name.text))
    if stem is not None:
        _add(mention, stem, 0.9)


def _written(names: Names, text: str) -> list[Mention]:
    out = []
    segments = _segments(names, text, _raw(names.written, text))
    starts = {match[0] for match in segments}
    for start, end, numbers in segments:
        mention = Mention(start, end)
        for number in numbers:
            name = names.names[number]
            if _trap(text, start, end, full=name.full, town=name.town):
                continue
            suffix = TOWN_SUFFIX.match(text, end) if name.town and not name.full and end not in starts else None
            if suffix and text[start : suffix.end()] in _ORDINARY:
                continue
            _add(mention, name, 1.25 if suffix else 1.0)
            if name.town and name.full:
                _add_stem(mention, names, name)
            if suffix:
                mention.end = max(mention.end, suffix.end())
            mention.full |= name.full or suffix is not None
            mention.town &= name.town
            mention.weak &= suffix is None and (
                name.common or (not name.full and _doubtful(names, name, text, start, end))
            )
        if not mention.nodes:
            continue
        glued = end - start == 2 and mention.full and start > 0 and not mention.town
        if glued and "\u4e00" <= text[start - 1] <= "\u9fff" and text[start - 1] not in _BEFORE:
            mention.weak = True  # 阳新县 heard as 杨新县 is no 新县
        out.append(mention)
        if len(out) >= MAX_MENTIONS:
            break
    return out


def _heard(names: Names, text: str, written: list[Mention]) -> list[Mention]:
    """Names that sound like the text but are written otherwise. Alternatives are added to written full names."""
    out: list[Mention] = []
    spans = {(m.start, m.end): m for m in written}
    covered: dict[int, Mention] = {i: m for m in written for i in range(m.start, m.end)}
    limit = written[-1].end + 64 if len(written) >= MAX_MENTIONS else len(text)
    sounds = names.syllables.of(text[:limit])
    found = [m for m in _raw(names.heard, sounds) if "\u4e00" <= text[m[0]] <= "\u9fff"]
    for start, end, numbers in found:
        other = [names.names[n] for n in numbers if _may_be_heard(names.names[n], text[start:end])]
        if not other:
            continue
        same = spans.get((start, end))
        if same is not None:
            if same.full and not same.town:
                for name in other:
                    if name.full and not name.town:
                        _alternative(same, name)
            continue
        mention = Mention(start, end, heard=True)
        for name in other:
            if not _trap(text, start, end, full=name.full, town=name.town):
                _add(mention, name, _HOMOPHONE)
                mention.full |= name.full
                mention.town &= name.town
        if not mention.nodes:
            continue
        inside = {id(m): m for m in (covered.get(i) for i in range(start, end)) if m is not None}
        if any(m.start < start or m.end > end or (not m.weak and m.end - m.start > 2) for m in inside.values()):
            continue
        sure = mention.full and not mention.town and text[end - 1] in _SUFFIXES and len(mention.nodes) <= 8
        mention.weak = not sure
        out.append(mention)
        if len(out) >= MAX_MENTIONS:
            break
    return out


def _may_be_heard(name: Name, text: str) -> bool:
    """Whether a name may have been written as `text`. Recognisers spell a level's suffix right, or as another word."""
    return name.text != text and (text[-1] not in _SUFFIXES or not name.full or name.text[-1] == text[-1])


def _alternative(mention: Mention, name: Name) -> None:
    for sense in name.senses:
        mention.nodes.setdefault(sense.node, 0.5 * sense.weight)


def mentions(names: Names, text: str) -> list[Mention]:
    """Mentions in order, without overlap; those that count only with a neighbour and have none are left out."""
    written = _written(names, text)
    heard = _heard(names, text, written)
    for mention in (*written, *heard):
        mention.up = frozenset(up for node in mention.nodes for up in names.above[node])
    every = sorted((*written, *heard), key=lambda m: (m.start, -m.end))
    kept = [m for m in every if not m.weak or _supported(m, every, text)]
    return _without_zone_towns(names, text, _disjoint(kept))


def _without_zone_towns(names: Names, text: str, found: list[Mention]) -> list[Mention]:
    """苏州工业园区娄葑街道: a development zone cuts across counties and answers to the city: its towns say nothing."""
    kept: list[Mention] = []
    for mention in found:
        before = kept[-1] if kept else None
        if before is not None and mention.town and not before.town and mention.start - before.end <= 12:
            city = any(names.level[node] == "city" for node in before.nodes)
            if city and before.nodes and _ZONE.fullmatch(text, before.end, mention.start):
                continue
        kept.append(mention)
    return kept


def related(first: Mention, second: Mention) -> bool:
    """Whether one may lie in the other."""
    if len(first.nodes) > len(second.up):
        return not second.up.isdisjoint(first.nodes) or not first.up.isdisjoint(second.nodes)
    return not first.up.isdisjoint(second.nodes) or not second.up.isdisjoint(first.nodes)


def _supported(mention: Mention, every: list[Mention], text: str) -> bool:
    for other in every:
        if other.start > mention.end + 2:
            break
        if other is mention or (other.start < mention.end and mention.start < other.end):
            continue
        gap = mention.start - other.end if other.start < mention.start else other.start - mention.end
        if not 0 <= gap <= 2 or not related(mention, other):
            continue
        if gap and re.search(r"[。！？；;!?\n]", text[min(mention.end, other.end) : max(mention.start, other.start)]):
            continue
        if mention.town and other.town:
            continue
        long = mention.heard and other.heard and gap <= 1  # at least three syllables each
        long |= gap == 0 and max((m.end - m.start for m in (mention, other) if m.town), default=0) >= 3
        long |= gap == 0 and not mention.town and not other.town and not mention.heard and not other.heard
        if mention.weak and other.weak and not (long or (mention.full and other.full)):
            continue
        return True
    return False


def _disjoint(found: list[Mention]) -> list[Mention]:
    """Of overlapping mentions the longer stays; of equal ones the written."""
    kept: list[Mention] = []
    for mention in sorted(found, key=lambda m: (m.start - m.end, m.heard, m.start)):
        if all(mention.end <= other.start or mention.start >= other.end for other in kept):
            kept.append(mention)
    kept.sort(key=lambda m: m.start)
    assert all(a.end <= b.start for a, b in pairwise(kept))
    return kept
