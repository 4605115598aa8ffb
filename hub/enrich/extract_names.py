"""Names of persons: who reports, who is accused (B1). Cue words first, then the shape of a Chinese name.

Numbers and dates are expected to be masked already. Every look around a cue is bounded.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hub.enrich.extract_cues import (
    ACCUSING,
    ALIAS,
    ALSO,
    BEFORE_FACT,
    BEHIND,
    CALLED,
    CLAUSE,
    DEED,
    DOER,
    DOES_AT_ONCE,
    FROM_PLACE,
    HAN,
    LAND_OF,
    MASKED,
    MY_KIN,
    NAMED,
    NICKNAME,
    OTHERS,
    OTHERS_KIN,
    OWN_NAME,
    PAIR,
    RECEIVER,
    RESPONDENT_CUE,
    STYLED,
    SURNAMED,
    TAKES,
    TOOK,
    TRADE,
    VICTIM,
)

DATA = Path(__file__).parent / "data" / "names.toml"
MAX_NAMES = 200  # of one kind; a report names fewer, and comparing them stays cheap


@dataclass(frozen=True, slots=True)
class Name:
    """A name at [start, end). `kind`: natural_person, legal_person, other_organisation. `cue`: what gave it away."""

    value: str
    start: int
    end: int
    kind: str
    cue: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    surnames: frozenset[str]
    double: frozenset[str]
    stop: frozenset[str]
    maybe: frozenset[str]
    follow: frozenset[str]
    never: frozenset[str]
    generic: frozenset[str]
    seldom: frozenset[str]
    unlike: frozenset[str]
    further: frozenset[str]


@cache
def word_lists() -> Words:
    with DATA.open("rb") as stream:
        data = tomllib.load(stream)
    return Words(
        surnames=frozenset("".join(data["surnames"].split())),
        double=frozenset(data["double_surnames"].split()),
        stop=frozenset(data["stop_after"]),
        maybe=frozenset(data["maybe_after"]),
        follow=frozenset(data["follow"].split()),
        never=frozenset(data["never"].split()),
        generic=frozenset(data["generic"].split()),
        seldom=frozenset(data["seldom"]),
        unlike=frozenset(data["unlike"].split()),
        further=frozenset(data["further"]),
    )


@cache
def given_names() -> tuple[str, str, tuple[str, ...]]:
    """Characters of Han given names, those that never stand in one beside them, and the parts of Mongolian names."""
    with DATA.open("rb") as stream:
        data = tomllib.load(stream)
    given, never = ("".join(data[key].split()) for key in ("given", "not_given"))
    return given, never, tuple(sorted(data["syllables"].split(), key=lambda part: (-len(part), part)))


def is_han(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


def person_at(text: str, place: int) -> tuple[str, int] | None:
    """The personal name that begins at `place`: (name, end), or None. Surname and one or two characters."""
    words = word_lists()
    piece = text[place : place + 7]
    if len(piece) < 2 or piece[:2] in words.never or _NO_PERSON.match(piece):
        return None
    if piece[0] in "老小阿":
        if piece[0] == "阿" and is_han(piece[1]) and piece[1] not in "姨妈爸公婆拉里富尔克勒訇胶":
            return piece[:2], place + 2
        return _boundary(piece, place, 1) if piece[1] in words.surnames else None
    if piece[:2] in words.double:
        return _boundary(piece, place, 2)
    if piece[0] not in words.surnames:
        return None
    return _boundary(piece, place, 1)


_CONTACT = "电话|手机|地址|姓名|名字|联系|身份|住址|号码|单位|微信"
_NO_PERSON = re.compile(
    f"戴(?:金|墨镜|眼镜|帽|口罩|手|头盔|安全)|[和与及](?:{_CONTACT})|位?征地|[^{HAN}]|.{{0,2}}(?:征地|补偿|拆迁|征收)"
)
_AND_CONTACT = re.compile(f"[和与及跟](?:{_CONTACT})")


def _boundary(piece: str, place: int, family: int) -> tuple[str, int] | None:
    """Where the given name ends: a function word, a verb, a mark; else two characters are given."""
    words = word_lists()
    nick = piece[0] in "老小阿" and piece[1:2] in words.surnames and family == 1
    given = piece[family : family + 2]
    if nick:
        given = piece[1:3]
        rest = piece[2:]
        if len(rest) and is_han(rest[0]) and rest[0] in "大二三四五六七八九汉头幺":
            return piece[:3], place + 3
        return piece[:2], place + 2
    if not given or not is_han(given[0]):
        return None
    if given[0] == "某":
        length = 2 if given[1:2] in ("某", "甲", "乙") else 1
        return piece[: family + length], place + family + length
    if given[0] in _NEVER_GIVEN and given not in _YET_GIVEN:
        return None
    if _HOUSE.match(piece, family):
        return None
    label = NICKNAME.match(piece, family)
    if label:
        return piece[: label.end()], place + label.end()
    second = given[1:2]
    short = (piece[: family + 1], place + family + 1)
    if not second or not is_han(second) or second in words.stop:
        return None if short[0] in words.never else short
    if _AND_CONTACT.match(piece, family + 1):
        return short  # 张三和电话: two things asked for
    after = piece[family + 2 : family + 3]
    if piece[family + 1 : family + 3] in words.follow or (second == piece[0] and after and is_han(after)):
        return short  # 李刚李强: the next name begins
    if after and is_han(after) and after not in words.stop and _BEGINS_DEED.match(piece, family + 1):
        return short
    full = piece[: family + 2]
    return full, place + family + 2


_HOUSE = re.compile("家(?:兄弟|父子|夫妻|两口|姐妹|老|的|人|里)")  # 聂家兄弟: the family, not a person
# A character that may end a given name or begin the deed (陈建国 / 陈建了房): the deed where this word is one.
_BEGINS_DEED = re.compile(
    "[和以推盖圈去到霸无]|管[账钱着事理]|才(?:[来去]|知道|发现|开始|同意|刚|能|会|肯)|有[个一二三两人关几地钱]|进[了来村山]|来[了我这村挖到]|利用|强[行拆挖买砍迫]|"
    "建[房厂了养起猪别仓的在成楼大]|开[了始挖采着的厂矿沙石荒办设发车店酒饭超农洗修加起家]|同[意村他]|用[挖铲机车水建推土假]|生产|"
    "出[租卖售钱让动面来资]|承[包租建]|转[让包手租给卖]|平[整了掉地]|修[路建房了的养起]|兴[建办]"
)
_NEVER_GIVEN = frozenset("氏在把将被未与跟是的等也就都还或者啊吧呢吗这那我他她你它们个为了着过给向每说不")
_YET_GIVEN = frozenset(
    first + second
    for first, seconds in (("向", "东阳荣前明红军华辉春"), ("为", "民国军华"), ("在", "明兴华荣勇武林平国文贵"))
    for second in seconds
)


def not_a_place(text: str, name: str, end: int) -> bool:
    following = text[end : end + 1]
    return not (
        (name[-1] in "县市区镇乡村旗省组盟州屯局厂人" and len(name) > 2)
        or (following and following in "县市区镇乡村旗省盟州屯局厂")
    )


def _surname(name: Name) -> bool:
    return len(name.value) == 1 or name.value in word_lists().double


def unique(names: list[Name]) -> list[Name]:
    kept: list[Name] = []
    for name in names:
        if any(name.value == other.value for other in kept):
            continue
        fuller = [o for o in kept if _surname(name) and o.value.startswith(name.value)]
        if fuller:
            continue
        kept = [o for o in kept if not (_surname(o) and name.value.startswith(o.value))]
        kept.append(name)
    return kept


def people(text: str, known: list[Name], barred: list[tuple[int, int]]) -> list[Name]:
    """Persons accused, from titles and cue words; reporters (`known`) and masked stretches are left out."""
    taken = {name.value for name in known}
    spans = [(name.start, name.end) for name in known] + barred
    found: list[Name] = []
    seen: set[int] = set()

    def add(place: int, cue: str) -> None:
        while place not in seen:
            seen.add(place)
            person = person_at(text, place)
            if person is None or not not_a_place(text, *person):
                return
            name, end = person
            if name in taken or any(low < end and place < high for low, high in spans):
                return
            if text[end : end + 1] in ("厂", "店") or VICTIM.match(text, end) or owner(text, place, end):
                return
            found.append(Name(name, place, end, "natural_person", cue))
            link = PAIR.match(text, end)
            if not link and text[end : end + 1] != name[0]:
                return
            place = link.end() if link else end

    for match in RESPONDENT_CUE.finditer(text):
        if MY_KIN.search(text, max(0, match.start() - 4), match.end()) and not _does(text, match.end()):
            continue  # 我儿子吴海去年摔伤了
        if match["title"] in CALLED and OWN_NAME.search(text, max(0, match.start() - 12), match.start()):
            continue  # 我叫张三，外号 …
        if not _reporter_side(text, match.start()):
            add(match.end(), match["title"])
    for match in NAMED.finditer(text):
        if not OWN_NAME.search(text, max(0, match.start() - 12), match.start()):
            add(match.end(), match[0])
    for match in ALIAS.finditer(text):
        group = 1 if match[1] else 2
        own = OWN_NAME.search(text, max(0, match.start() - 12), match.start())
        if match[group] not in taken and not own and not _reporter_side(text, match.start()):
            found.append(Name(match[group], match.start(group), match.end(group), "natural_person", "绰号"))
            seen.update(range(match.start(group), match.end(group)))
    for match in RECEIVER.finditer(text):
        person = person_at(text, match.end())
        if person and len(person[0]) > 1 and TAKES.match(text, person[1]):
            add(match.end(), match[0])
    for pattern in (BEFORE_FACT, OTHERS_KIN, BEHIND, DOER):
        for match in pattern.finditer(text):
            if match[0] == "是" and _reporter_side(text, match.end()):
                continue
            add(match.end(), match[0])
    for match in (*FROM_PLACE.finditer(text), *TRADE.finditer(text)):
        if _acts(text, match.end()) and not _reporter_side(text, match.start()):
            add(match.end(), match[0])
    found += [
        Name(match[0], match.start(), match.end(), "natural_person", match[2])
        for match in STYLED.finditer(text)
        if match[1] in word_lists().surnames
    ]
    for match in CLAUSE.finditer(text):
        if _acts(text, match.end()):
            add(match.end(), "句首")
    for match in MASKED.finditer(text):
        if match[0][0] in word_lists().surnames and not text[max(0, match.start() - 5) : match.start()].endswith(
            ("举报人", "举报人：", "联系人", "联系人：", "我叫", "我是", "本人")
        ):
            add(match.start(), "某")
    for match in SURNAMED.finditer(text):
        if match[1] in word_lists().surnames and match[1] not in taken and not any(n.value == match[1] for n in known):
            before = text[max(0, match.start() - 3) : match.start()]
            if not before.endswith(("司机", "我", "本人", "我们都", "都", "我是")) and not own_surname(
                text, match.start()
            ):
                found.append(Name(match[1], match.start(1), match.end(1), "natural_person", "姓"))
    found = sorted(found, key=lambda item: item.start)[:MAX_NAMES]
    ends = {name.end for name in found}
    return unique([name for name in found if not _by_name(text, name, ends)])


def _does(text: str, place: int) -> bool:
    person = person_at(text, place)
    return person is not None and bool(DOES_AT_ONCE.match(text, person[1]))


def owner(text: str, start: int, end: int) -> bool:
    """租用村民黄立新家的山地: whose land it is that was taken or let, no one accused."""
    return bool(TOOK.search(text, max(0, start - 16), start) and LAND_OF.match(text, end))


def _by_name(text: str, name: Name, ends: set[int]) -> bool:
    """叫夏国良，外号夏胖子: one person, who has been named."""
    also = ALSO.search(text, max(0, name.start - 10), name.start)
    return also is not None and also.start() in ends


def _acts(text: str, place: int) -> bool:
    """Whether at `place` stands a person, or several (季昌明、季昌盛), of whom a deed is told."""
    for _ in range(4):
        person = person_at(text, place)
        if person is None:
            return False
        if DEED.match(text, person[1]):
            return True
        link = PAIR.match(text, person[1])
        if link is None:
            return False
        place = link.end()
    return False


def own_surname(text: str, place: int) -> bool:
    """In "我的号码是 …，姓牛" a bare surname after the reporter's own words is the reporter's."""
    before = text[max(0, place - 30) : place].rstrip(" ，,、")
    clause = re.split(r"[，。；！？,;\n]", before)[-1]
    if _CALLER.search(clause):
        return True
    return bool(re.search(r"我|本人|电话|号码|手机|联系", clause)) and not OTHERS.search(clause)


_CALLER = re.compile("电话那头|来电[人者]|打(?:来)?电话的")


def _reporter_side(text: str, place: int) -> bool:
    """True for the reporter's own introduction: "我是…村民郝贵" names no respondent."""
    before = text[max(0, place - 26) : place]
    clause = re.split(r"[，。；！？,;\n]", before)[-1]
    own = re.search(r"(?:我们?|本人|俺们?|咱们?)(?:是|系)", clause)
    return own is not None and not ACCUSING.search(clause, own.end())
