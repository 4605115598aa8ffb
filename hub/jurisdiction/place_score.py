"""Weighs mentions of places against each other: which of them is where the violation happened."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from hub.jurisdiction.place_match import Mention, related
from hub.jurisdiction.place_names import Names

MARGIN = 0.70
"""A rival at this share of the best score makes the result ambiguous."""
_PRIOR = 1.0
_MAX_CHAINS = 80
_SUPPORT = {"单位名称": 0.6, "受理机关": 0.8}
"""What a place that is not the place itself still says about an unclear one: a firm digs near its seat."""
_STOP = re.compile(r"[。！？；;!?\n]")
_CLAUSE = re.compile(r"[，,。！？；;!?\n]")

_HOME = re.compile(
    r"(?:家住|现住|现居|现居住|居住在|定居|暂住|住在|注册|总部|办公地?|住址|家庭地址|常住|租住|户籍|户口|籍贯|老家|出生|来自|原籍|身份证地址|联系地址|通讯地址|邮寄地址)"
    r"(?:地|所在地)?[是在为于:：]{0,2}$"
    r"|(?:^|我|我们|本人)(?:现在|目前|如今|平时)?人(?:现在|目前|都|就|也)?在$"  # 我人在呼和浩特市; not 有人在
)
_AWAY_AFTER = re.compile(
    r"[^，,。；;！？\n]{0,4}(?:打工|上班|工作(?!组)|居住|生活|读书|上学|务工|做生意|户口|户籍|买了?房|定居|养老|开店|当兵|住院)"
)
_PEOPLE_AFTER = re.compile(r"人(?![民家工大])")
_LOCATIVE = re.compile(
    r"$|[^\u4e00-\u9fff]|[的那这有某在被境内一地区乡村县城市附边省河江山农耕土林矿煤砂沙采挖偷盗非违占建毁开发出全各下属东西南北郊和与及到把也就都是很砖石水塘沟草新]|高新|经开|经济|工业|产业|保税"
)
"""What may follow a bare name of a city or province that names a place. 重庆小面馆 and 四川师傅 name none."""
_ORIGIN = re.compile(r"(?:我|本人|我们|我俩|我家)(?:原?来|现在|目前|就|都|家)?(?:是|在)$")
_VIOLATION = re.compile(
    r"(?:违法|案发|发生|占地|具体|施工|项目|事发|涉案|被占)?(?:地点|位置|地址|发生地|所在地|现场)(?:就|都|位)?[是在为于:：]*$|"
    r"(?:反映的?是?|反应的?是?|举报的?是?|投诉的?是?|位于|地处|坐落于|坐落在|发生在|地点在|在)[:：]?$"
)
_STRONG_CUE = re.compile(
    r"(?:地点|位置|位于|地处|坐落[于在]|发生在|发生地|反映的?是|反应的?是|举报的?是|投诉的?是)(?:就)?[是在为于:：]*$"
)
_FACT = re.compile(
    r"挖|采砂|采石|采矿|开采|偷采|盗采|采煤|占|建房|建厂|建了|盖|倾倒|毁|取土|排污|违建|违法|非法|擅自|越界|耕地|农田|稀土|砂场|沙场|硬化|填|"
    r"洗砂|洗沙|堆放|林地|卖地|私自|未批|烧砖|搭建|修建"
)
_COMPANY = re.compile(
    r"[^，,。；;、！？\s在有把被的从到向往]{0,16}?(?:有限责任公司|有限公司|股份公司|公司|集团|合作社|事务所|商贸)"
)
_OFFICE = re.compile(
    r"(?:人民)?(?:政府|国土资源局|国土局|自然资源局|自然资源和规划局|规划局|信访局|信访办|法院|公安局|纪委|派出所|检察院|执法大队|环保局|水利局|市长热线|12345|一二三四五)"
)
_FROM_AFTER = re.compile(r"[^。；;！？\n]{0,12}?(?:拉|运|倒|送|搬|挪|开车|嫁|来)")
_TOLD = re.compile(r"(?:向|给|找|跟|到|去|打|报)(?:过|了)?$")
_OLD_HOME_IS_PLACE = re.compile(
    r"老家(?:那边|那里|这边|那儿|的|村里|村子)?[^，,。；;]{0,6}(?:有人|被|挖|采|占|违|非法|偷)"
)
_DEED_AT_HOME = re.compile(r"[^，,。；;！？\n]{0,24}")
_NEXT_AT_HOME = re.compile(
    r"[^，,。；;！？\n]{0,10}[，,](?:那里|那边|那儿|当地|家里|家那边|村里)[^，,。；;！？\n]{0,24}"
)
_OF_HOME = re.compile("(?:反映|举报|投诉|要说)的?(?:是|一下)?(?:我|我们)?老家")


@dataclass(slots=True)
class Chain:
    """Mentions said in one breath: 内蒙古 · 五原县 · 隆兴昌镇."""

    mentions: list[Mention]
    role: float = 1.0
    cue: str = ""
    totals: dict[str, float] = field(default_factory=dict)
    passage: int = 0

    @property
    def start(self) -> int:
        return self.mentions[0].start

    @property
    def end(self) -> int:
        return self.mentions[-1].end


@dataclass(slots=True)
class Ranked:
    """A candidate with the chain that names it most strongly."""

    code: str
    score: float
    chain: Chain


def chains(names: Names, text: str, mentions: list[Mention]) -> list[Chain]:
    found: list[Chain] = []
    for mention in mentions:
        if found and _continues(found[-1].mentions, mention, text):
            found[-1].mentions.append(mention)
        else:
            found.append(Chain([mention]))
    for chain in found:
        chain.totals = _totals(names, chain.mentions)
        chain.role, chain.cue = _role(text, chain)
    for before, after in pairwise(found):
        if after.start - before.end <= 1 and after.mentions[0].town and _names_county(names, before.mentions[-1]):
            after.role *= 0.6  # a town its county does not list: moved or new, the county stands
    return [chain for chain in found if chain.role]


def _names_county(names: Names, mention: Mention) -> bool:
    written = mention.full and not mention.heard and not mention.town
    return written and any(names.level[node] == "county" for node in mention.nodes)


def _continues(before: list[Mention], mention: Mention, text: str) -> bool:
    last = before[-1]
    gap = text[last.end : mention.start]
    if len(gap) > 10 or _STOP.search(gap):
        return False
    if not related(last, mention):
        return False
    if _CLAUSE.search(gap) and any(text[m.start : m.end] == text[mention.start : mention.end] for m in before):
        return False  # 我住在桃江县，桃江县武潭镇有人挖砂: said anew, in a role of its own
    down = not last.up.isdisjoint(mention.up) and any(n in mention.up for n in last.nodes)
    return down or len(gap) <= 2


def _totals(names: Names, mentions: list[Mention]) -> dict[str, float]:
    """Every node named by the chain → the sum of what each mention gives to it or to one above it."""
    own: set[str] = set()
    for mention in mentions:
        own |= {n for n, w in mention.nodes.items() if not _overshadowed(names, mention, n, w)}
    totals = {}
    for node in own:
        line = names.above[node]
        totals[node] = sum(max((m.nodes.get(up, 0.0) for up in line), default=0.0) for m in mentions)
    return totals


def _overshadowed(names: Names, mention: Mention, node: str, weight: float) -> bool:
    """吉安 says 吉安市 rather than 吉安县 inside it."""
    if mention.town and node in mention.towns:
        return False
    return any(mention.nodes.get(up, 0.0) > weight for up in names.above[node][1:])


def _role(text: str, chain: Chain) -> tuple[float, str]:
    start, end = chain.start, chain.end
    before = text[max(0, start - 16) : start]
    cut = list(_CLAUSE.finditer(before))
    clause = before[cut[-1].end() :] if cut else before
    after = text[end : end + 40]
    if _HOME.search(clause):
        old_home = clause.rstrip("是在为于:：").endswith("老家")
        if old_home and _deed_at_home(text, end, clause):
            return 1.2, "老家"
        return 0.3, "住址"
    if _COMPANY.match(after):
        return 0.35, "单位名称"
    if clause.endswith(("从", "由")) and _FROM_AFTER.match(after):
        return 0.4, "来处"
    if _STRONG_CUE.search(clause):
        return 1.5, "地点"
    if _AWAY_AFTER.match(after):
        return 0.3, "住址"
    if _PEOPLE_AFTER.match(after):
        return (0.3, "住址") if _ORIGIN.search(clause) else (0.0, "籍贯")
    if _OFFICE.match(after):
        return (0.45, "受理机关") if _TOLD.search(clause) else (0.7, "机关")
    if len(chain.mentions) == 1 and not chain.mentions[0].full and not _LOCATIVE.match(after):
        return 0.5, "修饰"
    stop = _STOP.search(after)
    facts = _FACT.search(after[: stop.start()] if stop else after) is not None
    if _ORIGIN.search(clause):
        return (0.9, "") if facts else (0.8, "")
    if _VIOLATION.search(clause):
        return (1.3, "地点") if facts else (1.15, "地点")
    return (1.15, "") if facts else (1.0, "")


def _deed_at_home(text: str, end: int, clause: str) -> bool:
    """老家桃江县灰山港镇有人占田; 老家是桃江县的，老家那边有人挖砂; 反映我老家…: the old home is the place."""
    if _OF_HOME.search(clause) or _OLD_HOME_IS_PLACE.search(text, end, min(len(text), end + 60)):
        return True
    same = _DEED_AT_HOME.match(text, end)
    told = _NEXT_AT_HOME.match(text, end)
    return any(found and _FACT.search(found[0]) for found in (same, told))


def rank(names: Names, found: list[Chain], prior: str | None, weights: list[float] | None = None) -> list[Ranked]:
    """Candidates, the best first. `prior`: the code of the receiving unit's division. `weights`: one a chain."""
    best: dict[str, Ranked] = {}
    found, scale = _merged(found, weights or [1.0] * len(found))
    ups = [_ups(names, chain) for chain in found]
    for index, chain in enumerate(found):
        for node, total in chain.totals.items():
            line = names.above[node]
            score = total
            for other, others in enumerate(found):
                if other != index:
                    share = min(1.0, scale[other]) * (1.0 if others.role >= 0.6 else _SUPPORT.get(others.cue, 0.2))
                    score += 0.9 * share * min(1.0, max((others.totals.get(up, 0.0) for up in line), default=0.0))
                    if node in ups[other] and node not in others.totals and others.role >= 0.6:
                        score += 0.5
            score *= chain.role * scale[index]
            if node not in best or score > best[node].score:
                best[node] = Ranked(node, score, chain)
    if prior:
        for code, ranked in best.items():
            ranked.score += _PRIOR * min(1.0, ranked.chain.role) * _nearness(names, code, prior)
    return sorted(best.values(), key=lambda r: (-r.score, -len(names.above[r.code]), r.code))


def _merged(found: list[Chain], weights: list[float]) -> tuple[list[Chain], list[float]]:
    """What is said again counts a little more, not once more: the chain in the strongest role stands for all."""
    groups: dict[frozenset[str], list[int]] = {}
    for index, chain in enumerate(found):
        groups.setdefault(frozenset(chain.totals), []).append(index)
    kept: list[Chain] = []
    scale: list[float] = []
    for same in list(groups.values())[:_MAX_CHAINS]:
        first = max(same, key=lambda i: (found[i].role * weights[i] * max(found[i].totals.values(), default=0.0), -i))
        kept.append(found[first])
        scale.append(weights[first] * (1.0 + 0.1 * min(3, len(same) - 1)))
    return kept, scale


def rivals(names: Names, ranked: list[Ranked], top: Ranked) -> list[Ranked]:
    """Who stands close behind the best, what both owe to a shared area above left out."""
    out = []
    mine = names.above[top.code]
    for other in ranked:
        if other.code in mine or top.code in names.above[other.code]:
            continue
        common = 0.0
        if other.chain is top.chain:
            shared = next((up for up in mine if up in names.above[other.code]), None)
            if shared:
                line = names.above[shared]
                common = sum(max((m.nodes.get(up, 0.0) for up in line), default=0.0) for m in top.chain.mentions)
                common *= top.chain.role
        if other.score - common >= MARGIN * (top.score - common):
            out.append(other)
    return out


def _ups(names: Names, chain: Chain) -> frozenset[str]:
    return frozenset(up for node in chain.totals for up in names.above[node])


def _nearness(names: Names, code: str, prior: str) -> float:
    """1 inside the receiving unit's area, less in the same city or province."""
    line = names.above[code]
    if prior in line:
        return 1.0
    mine = names.above.get(prior, ())
    shared = [up for up in mine[1:] if up in line]
    if not shared:
        return 0.0
    return 0.75 if names.level[shared[0]] == "city" else 0.15
