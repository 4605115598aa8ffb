"""Every span of a text that looks like a person's name, whatever is told of the person (B1).

A name begins with a surname, or with a syllable of a Mongolian name, goes on with characters that stand in given names,
and begins and ends where a word may: at a mark, after a place or what somebody is, before a deed. Numbers, dates and
organisations are masked (▇) already. Who a name belongs to is decided elsewhere (extract_roles).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from hub.enrich.extract_cues import ACTS, HAN, KIN, NICKNAME, TITLES
from hub.enrich.extract_names import Words, given_names, is_han, not_a_place, word_lists
from hub.jurisdiction.divisions import table

MAX_MENTIONS = 400  # a report names fewer; looking around each stays cheap
MARK, PLACE, ROLE, VERB, LINK = "mark", "place", "role", "verb", "link"
END, DEEDS, HOUSE, OF, TELLS, AND, POLITE = "end", "deed", "house", "of", "tells", "and", "polite"


@dataclass(frozen=True, slots=True)
class Mention:
    """A name at [start, end). `left`, `right`: what it begins after and ends before (the words of this module)."""

    value: str
    start: int
    end: int
    left: str
    right: str


_WHAT = (
    r"[人户主长员手夫妻工师头商记计者民总]|书记|主任|会计|"
    r"村民|居民|农户|牧户|群众|社员|村霸|老板|邻居|隔壁|对门|干部|教师|老师|党员|同伙|老乡|大户|代表|前[夫妻]|爱人|秘书|"
    r"文书|亲属|领导|股东|老总|经理|能人|司机|村委|支委|法人|队友|同学|弟弟|妹妹|姐姐|哥哥|嫂子|公公|婆婆|岳父|岳母"
)
_LEFT = (
    (MARK, re.compile(rf"(?:^|[^{HAN}])$")),
    (VERB, re.compile(
        "(?:举报|反映|投诉|控告|检举|控诉|查处|揭发|状告|[我要来了着]告|还有|据|包庇|纵容|庇护|袒护|勾结|伙同|串通|雇用|"
        "雇佣|指使|默许|放任|[叫是被由让找给为])$"
    )),
    (LINK, re.compile("[和与跟及同向]$")),
    (ROLE, re.compile(f"(?:{_WHAT}|{TITLES}|{KIN})$")),
    (PLACE, re.compile(
        "(?:的|[县市区旗镇乡村社组队屯庄寨巷街路湾冲坪岭塘桥坝沟店铺垸坳坡洼营圩埠垭洲]|嘎查|苏木|分场|"
        "[村镇乡县街队组厂矿场这那]?[里上边头])$"
    )),
)  # fmt: skip
_RIGHT = (
    (END, re.compile(rf"$|[^{HAN}·•・‧]")),
    (POLITE, re.compile("先生|女士|小姐|同志|师傅|老师")),
    (TELLS, re.compile(
        "(?:同志)?(?:实名|今天|今日|昨天|昨日|亲自|上门|打|又|多次|再次|本人)?"
        "(?:等?[0-9一二三两四五六七八九十几▇]{1,3}[户人名位](?:村民|农户|群众)?)?(?:联名|联合|共同|一起|集体)?(?:[向给][^，。；,;]{1,10}?)?"
        "(?:反映|举报|投诉|控告|检举|来电|来信|来访|来函|电话[反举投来])(?![人者])"
    )),
    (HOUSE, re.compile(
        "(?:一家|全家|家(?![乡庭具人属长族])(?!(?!的).{0,2}[村沟湾冲坪庄屯疃寨坳岭塘坡垸圩洼店镇乡])|等|夫妻|夫妇|兄弟|弟兄|姐妹|父子|母子|"
        "两口子|[两俩二三四几]人|[两俩]个?(?:口子|兄弟|弟兄|人)|[仨俩]|[二两三四五六七八九几]家)"
    )),
    (DEEDS, re.compile(
        f"(?:{ACTS}|于|以|用|拿|没有|无视|砌|砍|趁|种|借|搭|围|拆|修|养|晚上|夜里|半夜|每天|天天|长期|多次|一直|已经|"
        "平了|平掉|推平|至今|现在|目前|从|自|又|也|还|就|都|才|越|不顾|打着|伙同|勾结|串通|联合|组织|纠集|指使|违|破坏|毁|搞|办|"
        "审批|选金|做|种|经营|负责|当|任|是|有(?!人)|向|对|为|被|要|想|说|趁着|偷偷|独自|仍|仍然|拒)"
    )),
    (OF, re.compile("的|之")),
    (AND, re.compile("[和与跟及]|以及|同(?=[^意村镇])")),
)  # fmt: skip
_FAMILY_PLACE = re.compile(".家[山湾沟冲坪岭塘桥坝店铺垸坳坡洼圩埠垭洲河屯庄寨村]")  # 丘家山
_TITLED = re.compile(f".(?:{TITLES.replace('|老板|', '|')})")  # 彭科长 has no name yet
_ADDRESS = re.compile("先生|女士|同志|师傅|老师|小姐|大爷|大姐|大哥|家$")
_NOT_AFTER = re.compile(r"(?:[·•・‧]|镇政|乡政|不|没|很|最|更|非常|都|也|可以|能|会|被人|工人|老年|什么|怎么)$")


_OFFICE = tuple("主责担现上前兼历继连离到")  # 主任, 前任: no surname 任


@cache
def _pattern() -> re.Pattern[str]:
    words = word_lists()
    given, never, _ = given_names()
    one = f"(?:[{given}]|和(?=[平生顺祥荣贵明义])|为(?=[民国军华东])|有(?=[才福光亮明生财林德贵义根旺成发]))"
    other = "".join(sorted(set(never) - set(given)))
    seldom = f"(?:{one}[{HAN}](?<![{other}])|[{HAN}](?<![{other}]){one})"
    singles = "".join(sorted((words.surnames | words.further) - words.seldom))
    family = f"(?:{'|'.join(sorted(words.double))}|[{singles}])"
    return re.compile(
        rf"(?={family})(?=(?P<long>{family}(?:{NICKNAME.pattern}|{one}{{2}}))|(?P<seldom>{family}{seldom})|)"
        rf"(?=(?P<short>{family}{one})|)"
    )


@cache
def _syllables() -> re.Pattern[str]:
    """A Mongolian name: two to six characters put together from its usual parts."""
    _, _, parts = given_names()
    first = "".join(sorted({part[0] for part in parts}))
    return re.compile(rf"(?=[{first}])(?:{'|'.join(parts)}){{1,2}}[图花娜其嘎山钢夫吉旦巴格乐宝胡德桑]?")


def mentions(text: str) -> list[Mention]:
    """The name-like spans, in order of place; at most MAX_MENTIONS, the text read once."""
    found: list[Mention] = []
    for mention in islice(_mentions(text), MAX_MENTIONS):
        if not found or mention.start >= found[-1].end:
            found.append(mention)
    return found


def _mentions(text: str) -> Iterator[Mention]:
    words = word_lists()
    for start, ends, rare in _spans(text):
        before = text[max(0, start - 6) : start]
        spaced = before.rstrip(" \u3000")
        apart = len(spaced) < len(before) and bool(spaced) and is_han(spaced[-1])  # 可镇的 丁玉柱 搞土豆基地
        left = next((kind for kind, pattern in _LEFT if pattern.search(spaced if apart else before)), None)
        left = MARK if apart and left is None else left
        if left is None or _NOT_AFTER.search(before) or (text[start] == "任" and before[-1:] in _OFFICE):
            continue
        for end in ends:
            value = text[start:end]
            if _is_no_name(value, words, before) or _barred(value, left, before):
                continue
            if not not_a_place(text, value, end):
                continue
            right = next((kind for kind, pattern in _RIGHT if pattern.match(text, end)), None)
            if right is not None and (end != rare or _stands(left, right, before)):
                yield Mention(value, start, end, left, right)
                break


@cache
def _divisions() -> frozenset[str]:
    """Names of cities and counties without their last character, as people write them: 徐闻, 成安."""
    return frozenset(row.name[:-1] for row in table() if row.level in ("city", "county") and 2 < len(row.name) < 5)


def _is_no_name(value: str, words: Words, before: str) -> bool:
    """A word that only looks like a name; 孙家 is a family, 张先生 a form of address, 徐闻 a county."""
    first = value[:2]
    if value in _divisions() or (first in _divisions() and before[-1:] in tuple("省市州盟区")):
        return True
    if first in words.never or value in words.unlike or (first in words.unlike and value[2:] not in ("", "生", "军")):
        return True
    if _ADDRESS.search(value) or _TITLED.fullmatch(value):
        return True
    if len(value) == 2:
        return value[1] in "家一子老小儿大前后上下" or (value[1] in "二三四五六七八九" and value[0] in "万成方段时千百")
    return bool(_FAMILY_PLACE.fullmatch(value))


def _barred(value: str, left: str, before: str) -> bool:
    """A rare surname that begins many words is read with two characters, after what somebody is or in a list."""
    if value[0] not in word_lists().further or _syllables().fullmatch(value):
        return False
    return len(value) < 3 or (left in (MARK, PLACE) and before[-1:] not in ("、", "，"))


def _stands(left: str, right: str, before: str) -> bool:
    """A given name with a rare character in it is believed where both ends are plain."""
    return (left in (PLACE, ROLE, VERB) or before[-1:] == "、") and right in (DEEDS, HOUSE, TELLS, END)


def _spans(text: str) -> Iterator[tuple[int, tuple[int, ...], int]]:
    """Where a name may begin, the ends it may have, the likeliest first, and which of them needs more (or -1)."""
    places: dict[int, tuple[tuple[int, ...], int]] = {}
    for match in _pattern().finditer(text):
        ends = tuple(match.end(group) for group in ("long", "short", "seldom") if match[group])
        if ends:
            places[match.start()] = ends, match.end("seldom")
    for match in _syllables().finditer(text):
        if match.end() - match.start() >= 2:
            others, rare = places.get(match.start(), ((), -1))
            places[match.start()] = (match.end(), *(end for end in others if end < match.end())), rare
    return ((start, *places[start]) for start in sorted(places))
