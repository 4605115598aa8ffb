"""What a report is compared by: keyed tokens of its elements, and the keys under which alike reports are found.

Every comparison is one of equal tokens, so the same function serves texts in memory and sealed rows in PostgreSQL: a
`Sketch` holds no words, only numbers made with a key. Names stand as written, by sound (王有财 and 王友才 are one)
and by the sounds of their characters, so that a name heard or shortened a little differently still agrees in part.
"""

from __future__ import annotations

import hmac
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import log
from pathlib import Path

from hub.enrich import classify
from hub.enrich.concepts import fold, sounds
from hub.enrich.extract import MASK, ExtractResult, extract
from hub.enrich.extract_names import word_lists
from hub.enrich.extract_organisations import core
from hub.jurisdiction.places import PlaceResult

VERSION = "likeness-2"
UNREAD = "N4"
MAX_TEXT = 20_000
MAX_WORDS = 400  # of one kind in a sketch; a report of 400 different characters pairs says more than it needs
WEIGHTS = (0.5, 1.5, 2.0, 2.5, 3.0, 4.0, 0.0, 0.0)  # of block keys; halves, so that sums are exact
ABOUT = (-1, 2, 3, 4)  # steps of 12 % that 十几亩 or 大约十五亩 may mean beside its own
MAX_NAMES = 6  # of one kind; a list of two hundred villages is no place
ELEMENTS = (
    "county", "town", "village", "village_sound", "village_parts", "group", "company", "company_parts", "person",
    "person_sound", "person_parts", "surname", "role", "class", "concept", "thing", "mineral", "area", "word", "rare",
    "key",
)  # fmt: skip
_COMMON = frozenset((Path(__file__).parent / "data" / "common_pairs.txt").read_text("utf-8").split())
_HAN = "\u4e00-\u9fff"
_VILLAGE = re.compile(rf"([{_HAN}]{{1,5}})(?:村|社区|嘎查)(?![{_HAN}]?(?:民|支书|主任|书记|干部|里|长|委|霸|官|集体))")
_VILLAGE_END = re.compile("(?:行政村|自然村|村民委员会|村委会|居委会|嘎查|社区|村)$")
_NOT_VILLAGE = frozenset(
    ("我们", "你们", "他们", "本", "全", "隔壁", "邻", "农", "各", "外", "这个", "那个", "某", "该", "一个", "两个",
     "几个", "同", "老家", "的", "在", "到", "附近", "有个", "新农")
)  # fmt: skip
_BEFORE_VILLAGE = re.compile(
    rf"[{_HAN}]{{0,5}}(?:镇|乡|县|市|区|街道|旗|苏木|在|是|到|的|举报|反映|我们|位于|把|给|由)"
)
_GROUP = re.compile(r"([一二三四五六七八九十0-9]{1,3})(?:组|社|队)")
_SURNAMED = re.compile(rf"姓([{_HAN}])(?=的|[{_HAN}]?[，。、])|[老小]([{_HAN}])(?=[，。家在把他])")
_SUBJECT = re.compile(
    rf"(?:(?<=看到)|(?<=[让被为是叫由]))[{_HAN}]|(?<=[，。：:、；\s村组社里边面口侧头旁近])[{_HAN}]|^[{_HAN}]",
    re.MULTILINE,
)
_DEED = re.compile(
    "正|一直|带人|带着|领着|雇|组织|越界|无证|未|没|私自|把|将|占|偷|盗|炸|挖|给|非法|违法|违规|擅自|毁|倒|在(?![村镇乡县])|用|开|私|越权|推|往|夜里|夜间|以"
)
_MINERALS = {
    "沙": "河沙 海沙 山沙 沙石 沙子", "石": "石料 石头 花岗岩 大理石 石灰石 石灰岩 玄武岩 片石 青石 卵石 鹅卵石",
    "煤": "煤 煤炭 原煤 煤矿", "土": "黏土 粘土 页岩 高岭土 瓷土",
}  # fmt: skip
_MINERAL = {word: name for name, listed in _MINERALS.items() for word in listed.split()}
_ROLES = {
    "village": "村主任|村支书|村书记|支部书记|支书|村长|村干部|村里当官|村委会主任|村里干部",
    "developer": "开发商|承包商|房地产商",
    "boss": "外地老板|镇上的老板|老板|矿主|厂长",
    "builder": "包工头|施工队|工头|工程队",
    "official": "镇政府|乡政府|县政府|区政府|管委会|国土所|国土局|镇长|乡长|所长|局长|县长",
    "neighbour": "邻居|隔壁|同村|本村村民",
}
_THINGS = {
    "pond": "鱼塘|虾塘|挖塘|养鱼|藕塘|水产|养虾|塘养|虾池|鱼池",
    "house": "盖房|建房|房子|住宅|别墅|楼房|小楼|宅基地|住房|民房|层楼|地基",
    "plant": "厂房|建厂|工厂|加工厂|仓库|冷库|搅拌站|库房|车间|钢构",
    "farm": "养殖|养猪|猪场|鸡场|羊圈|牛场|养牛|养鸡|养羊|猪舍|鸡舍|鸡棚|圈养|牲口",
    "parking": "停车|加油站|驾校|广场|公园|物流|练车|货车|货场",
    "sand": "挖沙|采沙|抽沙|河沙|沙场|沙石|沙子|沙全|船采|吸沙",
    "stone": "采石|石料|石头|石材|大理石|花岗岩|炸山|开山|石场|放炮|石子",
    "brick": "砖厂|烧砖|砖窑|粘土|黏土|红砖|制砖|砖坯|窑厂",
    "soil": "取土|卖土|挖土|表土|黑土|拉土|黄土|熟土|土都卖|土全卖|土卖|运土",
    "coal": "煤矿|煤窑|挖煤|采煤|洗煤|原煤|煤",
    "rare": "稀土|注液|药水|浸矿|池浸",
    "metal": "铁矿|金矿|铜矿|铅锌|锰矿|铝土|矿洞|铁粉",
    "waste": "垃圾|渣土|煤矸石|废渣|矿渣|固体废物|废料",
    "grave": "坟|墓",
    "tree": "种树|树苗|苗木|草皮|草坪",
    "sale": "卖地|卖给|倒卖|转让|小产权|以租代征|租给|出让|往外卖|转手",
    "approve": "批地|越权|批准占|审批|批给|不该他批|超越权限",
    "pay": "补偿|征地款|青苗费",
    "restore": "复垦|复耕",
    "idle": "闲置|荒着|晒太阳",
    "solar": "光伏|风电",
}
_NO_FACT = frozenset(
    ("ACCUSE", "SOMEONE", "ARREARS", "AUTH", "ISSUE", "NOTCARE", "CITY", "BUILD", "ANYLAND", "OFFICIAL", "TAXSAFE",
     "AREAUNIT")
)  # fmt: skip
_ROLE = {name: re.compile(words) for name, words in _ROLES.items()}
_THING = {name: re.compile(words) for name, words in _THINGS.items()}

Resolver = Callable[[str, str | None], PlaceResult]
"""(text, code of the receiving unit's division or None) → the place it speaks of."""
Token = Callable[[str], bytes]
"""A word → at least eight bytes that stand for it."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """A report as numbers. `elements`: name of ELEMENTS → tokens; `blocks`: (key, weight) under which it is found."""

    at: datetime
    elements: dict[str, frozenset[int]]
    blocks: tuple[tuple[int, float], ...]


@lru_cache(maxsize=200_000)
def plain_token(word: str) -> bytes:
    """The token of texts in memory: nothing is stored, so no secret is needed."""
    return hmac.digest(b"likeness", word.encode("utf-8", "surrogatepass"), "sha256")


def pack(elements: dict[str, frozenset[int]]) -> bytes:
    """The tokens as bytes: the sizes of all elements, then 4 bytes a token."""
    rows = [sorted(elements.get(name, ())) for name in ELEMENTS]
    flat = [token for row in rows for token in row]
    return struct.pack(f"<{len(rows)}H{len(flat)}I", *map(len, rows), *flat)


def unpack(data: bytes) -> dict[str, frozenset[int]]:
    """The elements of `pack`; ValueError where the bytes are not a sketch of this version."""
    head = len(ELEMENTS)
    try:
        sizes = struct.unpack_from(f"<{head}H", data)
        numbers = struct.unpack_from(f"<{sum(sizes)}I", data, 2 * head)
    except struct.error:
        raise ValueError("not a sketch of this version") from None
    found, place = {}, 0
    for name, size in zip(ELEMENTS, sizes, strict=True):
        if size:
            found[name] = frozenset(numbers[place : place + size])
            place += size
    return found


def _villages(text: str, place: PlaceResult) -> list[str]:
    named = _VILLAGE_END.sub("", fold(place.village))
    if named and named not in _NOT_VILLAGE:
        return [named[-5:]]
    found = []
    for match in _VILLAGE.finditer(text):
        lead = _BEFORE_VILLAGE.match(match[1])
        name = match[1][lead.end() :] if lead else match[1]
        if name and name not in _NOT_VILLAGE:
            found.append(name[-4:])
    return found[:MAX_NAMES]


def _companies(result: ExtractResult, place: PlaceResult) -> list[str]:
    """The own words of companies: without trade, legal form and the place before them."""
    found = []
    for name in result.organisations[:MAX_NAMES]:
        if name.kind == "other_organisation":
            continue
        value = fold(name.value)
        for part in filter(None, [*(place.name or "").split("/"), place.town, place.village]):
            value = value.rpartition(part)[2] or value
        own = core(value)
        if len(own) >= 2:
            found.append(own[:8])
    return found


def _persons(result: ExtractResult, text: str) -> tuple[list[str], list[str]]:
    """(full names, surnames) of the accused."""
    words = word_lists()
    full, surnames = [], []
    for name in result.respondents[:MAX_NAMES]:
        if name.kind != "natural_person":
            continue
        value = fold(name.value)
        if value[0] in "老小阿" and value[1:2] in words.surnames:
            value = value[1:2]
        family = 2 if value[:2] in words.double else 1
        if len(value) <= family or "某" in value:
            surnames.append(value[:family].rstrip("某"))
        else:
            full.append(value)
            surnames.append(value[:family])
    for match in _SUBJECT.finditer(text):
        if match[0] in words.surnames and len(full) < MAX_NAMES:
            value = next((text[match.start() : match.start() + n] for n in (3, 2) if _deed(text, match.start(), n)), "")
            if value and value not in full and value not in words.never:
                full.append(value)
                surnames.append(value[:1])
    surnames += [m[1] or m[2] for m in _SURNAMED.finditer(text) if (m[1] or m[2]) in words.surnames][:MAX_NAMES]
    return full, [name for name in surnames if name]


def _deed(text: str, start: int, length: int) -> bool:
    """Whether a name of this length would stand right before a deed, and none of its characters begins one."""
    end = start + length
    given = text[start + 1 : end]
    return len(given) == length - 1 and given.isalpha() and not _NO_GIVEN.search(given) and bool(_DEED.match(text, end))


_NO_GIVEN = re.compile("[正未没私把将占偷盗炸挖给非违擅毁倒在用往夜以了是的有人这那村镇乡县个者们厂场公司石沙矿土田地]")


def _masked(text: str, result: ExtractResult, place: PlaceResult) -> str:
    """The text without what other elements say already, and without what names its sender."""
    characters = list(text)
    spans = [(start, end) for start, end, _ in place.spans]
    spans += [(row.start, row.end) for row in (*result.phones, *result.ids)]
    spans += [(row.start, row.end) for row in (*result.reporters, *result.organisations, *result.respondents)]
    spans += [(area.start, area.end) for area in result.areas] + [(when.start, when.end) for when in result.dates]
    if place.village and (at := text.find(fold(place.village))) >= 0:
        spans.append((at, at + len(place.village)))
    for start, end in spans:
        characters[start:end] = MASK * (min(end, len(characters)) - start)
    return "".join(characters)


def read(
    text: str, resolve: Resolver | None = None, *, keys: Iterable[str] = (), prior: str | None = None
) -> dict[str, list[str]]:
    """The words of each element of a report. `keys` stand for its reporters; without `resolve` no division is known.

    Linear in the text; at most MAX_TEXT characters are read; never raises for a text.
    """
    original = text[:MAX_TEXT]
    folded = fold(original)
    result = extract(original)
    place = resolve(original, prior) if resolve else PlaceResult()
    county = "" if place.ambiguous or not place.code else place.code[:6]
    villages, companies = _villages(folded, place), _companies(result, place)
    persons, surnames = _persons(result, folded)
    answer = classify.classify(original)
    concepts = [name for name in classify.read(original)[1] if name not in _NO_FACT]
    rest = _masked(folded, result, place)
    pairs = list(dict.fromkeys(p for i in range(len(rest) - 1) if (p := rest[i : i + 2]).isalnum() and MASK not in p))
    heard = str.translate
    group = [match[1] for match in _GROUP.finditer(folded)][:MAX_NAMES]
    sizes = [(round(log(max(area.m2, 1)) / log(1.12)), area.approx) for area in result.areas[:MAX_NAMES]]
    buckets = [bucket + step for bucket, _ in sizes for step in (0, 1)]
    buckets += [bucket + step for bucket, approx in sizes if approx for step in ABOUT]
    return {
        "county": [county] if county else [],
        "town": [heard(fold(place.town), sounds())[:2]] if place.town else [],
        "village": villages,
        "village_sound": [heard(name, sounds()) for name in villages],
        "village_parts": [char for name in villages for char in heard(name, sounds())],
        "group": group if villages else [],
        "company": [heard(name, sounds()) for name in companies],
        "company_parts": [char for name in companies for char in heard(name, sounds())],
        "person": persons,
        "person_sound": [heard(name, sounds()) for name in persons],
        "person_parts": [char for name in persons for char in heard(name, sounds())],
        "surname": [heard(name, sounds()) for name in surnames],
        "role": [name for name, pattern in _ROLE.items() if pattern.search(folded)],
        "class": [answer.code] if answer.code else [],
        "concept": concepts,
        "thing": [name for name, pattern in _THING.items() if pattern.search(folded)],
        "mineral": [_MINERAL.get(name := fold(row.value), name) for row in result.minerals[:MAX_NAMES]],
        "area": [str(bucket) for bucket in dict.fromkeys(buckets)],
        "word": pairs[:MAX_WORDS],
        "rare": [heard(pair, sounds()) for pair in pairs if pair not in _COMMON][:MAX_WORDS],
        "key": [key for key in keys if key],
    }


def of_words(words: Mapping[str, Sequence[str]], at: datetime, token: Token = plain_token) -> Sketch:
    """The sketch of what `read` found; an empty one, like nothing, for what sounds like a state secret (N4)."""
    if UNREAD in words["class"]:
        return Sketch(at, {}, ())
    elements = {
        name: frozenset(int.from_bytes(token(f"{name}\0{word}")[:4]) for word in listed)
        for name, listed in words.items()
        if listed
    }
    return Sketch(at, elements, _blocks(words, token))


def _blocks(words: Mapping[str, Sequence[str]], token: Token) -> tuple[tuple[int, float], ...]:
    """Under which keys a report lies and is looked for, with what each is worth; the rarest weigh most."""
    area = next(iter(words["county"]), "")
    town = next(iter(words["town"]), "")
    things = list(words["thing"]) or list(words["class"])
    found: dict[str, float] = {}

    def add(worth: float, *parts: str) -> None:
        found["\0".join(parts)] = worth

    for name in words["village_sound"]:
        add(4, "v", area or town, name)
        if len(name) > 2:
            add(2.5, "v", area or town, name[-2:])
        for thing in things[:2]:
            add(1.5, "vt", area, thing, name[-2:])
    for name in words["company"]:
        add(4, "c", area, name)
        add(2, "c2", name[:2] if len(name) > 3 else name, *(things[:1]))
    for name in words["person_sound"]:
        add(4, "p", area, name)
        add(2, "p2", name, *(things[:1]))
    for name in words["surname"]:
        for thing in things[:2]:
            add(2, "s", area, thing, name)
    for thing in things[:2]:
        if town:
            add(2, "t", area, town, thing)
        for bucket in list(words["area"])[:2]:
            add(1.5, "a", area, thing, bucket)
        add(0.5, "h", area, thing)
    for key in words["key"]:
        add(3, "k", key)
    return tuple(
        ((int.from_bytes(token(f"block\0{name}")[:8], signed=True) & ~7) | WEIGHTS.index(worth), float(worth))
        for name, worth in found.items()
    )


def weight(key: int) -> float:
    """What a hit under this key is worth: it stands in the lowest three bits."""
    return WEIGHTS[key & 7]


def moment(value: object) -> datetime:
    """The time of a row; ValueError where it is none. Times without a zone are compared as they stand."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime.fromisoformat(str(value).strip().upper()).replace(tzinfo=None)
