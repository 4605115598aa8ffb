"""What a report says of each element that reports are compared by: names, places, sizes, times, kinds of deed.

Words only, no numbers: hub/enrich/likeness.py turns them into keyed tokens. Every pattern is bounded; the whole is
linear in the text. A name that is not sure is still said: the model weighs it, nobody reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from math import log
from pathlib import Path

from hub.enrich import classify
from hub.enrich.concepts import fold, sounds
from hub.enrich.extract import MASK, ExtractResult, extract
from hub.enrich.extract_names import word_lists
from hub.enrich.likeness_firms import SIDE, firms, trades
from hub.enrich.likeness_lexicon import ASIDE, MINERAL, NO_FACT, ROLE, THING, TIMES, VILLAGER
from hub.enrich.likeness_towns import told_bare
from hub.jurisdiction.divisions import table
from hub.jurisdiction.places import PlaceResult

Resolver = Callable[[str, str | None], PlaceResult]
"""(text, code of the receiving unit's division or None) → the place it speaks of."""
MAX_TEXT = 20_000
MAX_WORDS = 400  # of one kind; a report of 400 different character pairs says more than it needs
MAX_NAMES = 6  # of one kind; a list of two hundred villages is no place
NEAR, CLOSE, ROUGH = 1.12, 1.03, 1.5  # steps of an area: told by two people, as the same number, guessed
VAGUE = (-1, 2, 3, 4)  # steps of NEAR that 十几亩 or 二十多亩 may mean beside its own
LEAST_M2 = 20  # under 20 m² an area is a detail, not the size of the deed
_COMMON = frozenset((Path(__file__).parent / "data" / "common_pairs.txt").read_text("utf-8").split())
_HAN = "\u4e00-\u9fff"
_VILLAGE = re.compile(rf"([{_HAN}]{{1,7}})(?:村|社区|嘎查)(?![{_HAN}]?(?:民|支书|主任|书记|干部|里|长|委|霸|官|集体))")
_VILLAGE_END = re.compile("(?:行政村|自然村|村民委员会|村委会|居委会|嘎查|社区|村|行政|自然)$")
_HAMLET = re.compile(f"[{_HAN}](?:家[庄沟湾洼窑屯店坡寨营河塘坝岭坪冲院]|[{_HAN}](?:屯|寨|营子|庄子|铺子))")
_NOT_VILLAGE = frozenset(
    ("我们", "你们", "他们", "本", "全", "隔壁", "邻", "农", "各", "外", "这个", "那个", "某", "该", "一个", "两个",
     "几个", "同", "老家", "的", "在", "到", "附近", "有个", "新农", "行政", "那边", "这边", "自然", "我们这个", "咱",
     "咱们", "俺", "离", "进", "出", "靠")
)  # fmt: skip
_BEFORE_VILLAGE = re.compile(
    rf"[{_HAN}]{{0,6}}(?:镇|乡|县|市|区|街道|旗|苏木|在|是|到|的|举报|反映|我们|咱们|位于|把|给|由)(?=[{_HAN}])"
)
_NO_VILLAGE = re.compile("[把被将给没就让又]|[儿女都也]在")  # 没有开会就把村西头…
_GROUP = re.compile(r"([一二三四五六七八九十0-9]{1,3})(?:组|社|队)")
_LANDMARK = re.compile(rf"([{_HAN}]{{2,3}})(?:{SIDE})")
_NO_LANDMARK = re.compile("[村镇乡县市区组社队田地山河人这那我你他们是在的了家]$")
_TITLED = re.compile(  # 卢经理, 宋师傅, 王老三: a surname and what one is, no given name
    "某|总$|总[，。在把]|家$|老[板总大二三四五六七八师]|[经襄]理|师[傅父]|[书支]记|支书|主任|[村矿厂场队组镇乡县区市局所站处科校院]长|会计|"
    "工头|医生|大夫|[胖瘦瞎麻瘸秃聋]子|哑巴|大[哥姐爷妈]|女士|先生|同志"
)
_AREA_OF = re.compile("县|市|区|旗|镇|乡|街道|苏木|村|社区|嘎查|[组社队]")
_SURNAMED = re.compile(rf"姓([{_HAN}])(?=的|[{_HAN}]?[，。、])|[老小]([{_HAN}])(?=[，。家在把他])")
_SUBJECT = re.compile(
    rf"(?:(?<=看到)|(?<=[让被为是叫由]))[{_HAN}]|(?<=[，。：:、；;\s村组社里边面口侧头旁近上下游过])[{_HAN}]|^[{_HAN}]",
    re.MULTILINE,
)
_CUED = re.compile(
    "(?:反映|举报|发现|看见|看到|都是|就是|投诉|控告|村民|老板|支书|书记|主任|村长|队长|组长|会计|承包商|承包人|开发商|包工头|工头|当事人为?|主体[：:是为]|被举报人[：:是为]?|"
    "负责人[：:是为]?|矿主|厂长|场长|业主|法人|经理|邻居|名叫|叫做|(?<!我)叫|当官的|施工队)"
    rf"(?=([{_HAN}][{_HAN}]{{1,2}}))"
)
_BARE = re.compile(rf"(?:^|(?<=[，：:、；;]))([{_HAN}]{{2,3}})(?=[，。；;、])")
_AFTER_PLACE = re.compile(  # 敬老院边上余成耀，
    rf"(?:村|组|社|边上|旁边|附近|[东西南北]头|[上下]游|门口|隔壁|对面|对过)([{_HAN}][{_HAN}][^\W湾沟坝坪岭山河塘坡店铺屯寨田地林场线路桥站库厂矿人家])(?=[，。；;])"
)
_TITLE = re.compile(
    rf"([{_HAN}])(?:某+|老[板三四五六七八]|总|书记|支书|主任|经理|师傅|会计|工头|[村厂矿场队组镇乡县所局站处科校]长|"
    "家(?=[的把占盖在挖]))"
)
_DEED = re.compile(
    "正|仗|一直|带人|带着|领着|雇|组织|越界|无证|未|没|私自|把|将|占|偷|盗|炸|挖|给|非法|违法|违规|擅自|毁|倒|"
    "在(?![村镇乡县])|也|拖欠|卖|家|的[侄儿女弟兄父母亲]|超占|改|建|盖|收|承包|霸|圈|修|填|用|开|私|越权|推|往|夜里|夜间|以|于|从|又|还|硬化|打着|批|前段|最近|今年|去年|上个?月"
)
_NO_GIVEN = re.compile(
    "有[人的个关一两三没限家]?$|有[人的个关一两三没限家]|[正未没私把将占偷盗炸挖给非违擅毁倒在用往夜以了是的人这那村镇乡县个者们厂场公司石沙矿土田地于从因被让和一家在，]"
)
_NO_HEAD = re.compile("^边|[的是在把将被让有没不了一和与给说来去从向于用]")


@cache
def _mouths() -> dict[int, str]:
    """`sounds`, with n and l, hu- and f- as one besides: in much of the country they are."""
    table = sounds()
    first: dict[str, str] = {}
    pairs = ("拿拉 那辣 奶来 脑老 内类 能冷 你李 年连 娘良 鸟料 您林 宁铃 牛刘 农龙 奴路 暖乱 怒路 女吕 挪罗 "
             "花发 欢翻 黄方 回飞 婚分 胡福 灰非")  # fmt: skip
    for pair in pairs.split():
        first[table[ord(pair[0])]] = table[ord(pair[1])]
    return {code: first.get(sound, sound) for code, sound in table.items()}


def heard(word: str) -> str:
    """A word by its sounds, without tone."""
    return word.translate(_mouths())


@lru_cache(maxsize=4096)
def _towns(county: str) -> tuple[str, ...]:
    """The towns of a county as they are called: 沙河站镇 and 沙河站."""
    names = [fold(row.name) for row in table().children(county)] if county else []
    short = [name.removesuffix("街道")[: None if name[-1] not in "镇乡" else -1] for name in names]
    return tuple({name for name in (*names, *short) if len(name) > 1})


def _bare(name: str, towns: Sequence[str] = ()) -> str:
    """The own name of a village: without what stands before it and the word village."""
    name = _VILLAGE_END.sub("", _VILLAGE_END.sub("", name))
    lead = _BEFORE_VILLAGE.match(name)
    while lead:
        name = name[lead.end() :]
        lead = _BEFORE_VILLAGE.match(name)
    for town in towns:
        if len(head := name.partition(town)[2]) > 1:
            name = head
    name = _NO_VILLAGE.split(name)[-1]
    return "" if name in _NOT_VILLAGE or f"{name}村" in towns else name[-5:]


@cache
def _counties() -> frozenset[str]:
    """Counties as people call them, which may sound like a hamlet: 扎兰屯."""
    return frozenset(fold(row.name)[:-1] for row in table() if row.level == "county" and len(row.name) > 2)


def _town(text: str, place: PlaceResult, villages: Sequence[str]) -> str:
    """The town by sound: as written in full, as the resolver has it, or misheard (石堂镇 is 石塘镇).

    青花镇太平村 and 太平村 lie in no 太平镇 only because a town is called so.
    """
    names = _towns(place.code[:6] if place.code else "")
    told = [name for name in names if len(name) > 2 and name[-1] in "镇乡道" and name in text]
    if told:
        return heard(max(told, key=len))[:2]
    own = fold(place.town)
    if own and (own.rstrip("镇乡") not in villages or own in text):
        return heard(own)[:2]
    sounds = {heard(name): name for name in names if len(name) > 2 and name[-1] in "镇乡"}
    for match in _TOWN.finditer(text):
        name = next((match[0][-size:] for size in (5, 4, 3) if heard(match[0][-size:]) in sounds), "")
        if name:
            return heard(name)[:2]
    county = fold((place.name or "").split("/")[-1])
    for name in names if len(county) > 2 else ():
        starts = [f"{head}{name}" for head in (county, county[:-1])] + [f"{name}{village}" for village in villages]
        if name not in (*villages, county[:-1]) and any(start in text for start in starts):
            return heard(name)[:2]
    alone = None if names else _TOWN_ALONE.search(text)
    return heard(alone[1])[:2] if alone and alone[1] not in villages else ""


_TOWN = re.compile(f"[{_HAN}]{{2,4}}[镇乡]")
_TOWN_ALONE = re.compile(rf"(?:^|[，。：:、；;\s在是到去]|我们|咱们)([{_HAN}]{{2,3}})[镇乡](?![长里政府上干])")


def _villages(text: str, place: PlaceResult) -> list[str]:
    towns = _towns(place.code[:6] if place.code else "")
    found = [_bare(match[1], towns) for match in _VILLAGE.finditer(text)]
    found = [name for name in (*found, _bare(fold(place.village), towns)) if name]
    found = [name for name in found if not any(name != other and name.endswith(other) for other in found)]
    if not towns:  # 烟溪双烟村: the town's name may stand before the village's, and no list says where it ends
        found += [name[-size:] for name in found if len(name) > 3 for size in (3, 2)]
    hamlets = (match[0] for match in _HAMLET.finditer(text) if not _AREA_OF.search(match[0]))
    found = found or [name for name in hamlets if name not in _counties()]
    return list(dict.fromkeys(found))[:MAX_NAMES]


def _landmarks(text: str) -> list[str]:
    """What a place is told by: 老油坊旁边, 学校后面 → 油坊, 学校."""
    found = [match[1] for match in _LANDMARK.finditer(text)]
    return list(dict.fromkeys(word[-2:] for word in found if not _NO_LANDMARK.search(word)))[:MAX_NAMES]


def _short(place: PlaceResult) -> set[str]:
    """The divisions a place lies in as people call them, none of which is a person: 洪江."""
    return {fold(part)[:-1] for part in (place.name or "").split("/")}


def _persons(result: ExtractResult, text: str, place: PlaceResult) -> tuple[list[str], list[str], list[str]]:
    """(full names, their surname and next character, surnames) of the accused."""
    words = word_lists()
    full: list[str] = []
    heads: list[str] = []
    surnames: list[str] = []
    taken = [(row.start, row.end) for row in (*result.reporters, *result.organisations)]

    def cued(start: int) -> bool:
        two = text[start : start + 2]
        if two[:1] not in words.surnames or two in words.never or two in _COMMON or _NO_HEAD.search(two):
            return False
        return not any(a <= start < b for a, b in taken) and not _AREA_OF.search(text, start + 1, start + 5)

    for name in result.respondents[:MAX_NAMES]:
        if name.kind != "natural_person" or ROLE_WORD.search(name.value):
            continue
        value = fold(name.value)
        if value[0] in "老小阿" and value[1:2] in words.surnames:
            value = value[1:2]
        family = 2 if value[:2] in words.double else 1
        if len(value) <= family or _TITLED.match(value, family) or value[family:] in ("总", "家"):
            surnames.append(value[:family].rstrip("某"))
        else:
            full.append(value)
    for match in _SUBJECT.finditer(text):
        if match[0] in words.surnames and len(full) < MAX_NAMES:
            value = next((text[match.start() : match.start() + n] for n in (3, 2) if _deed(text, match.start(), n)), "")
            if value and value not in full and _is_name(value):
                full.append(value)
    for match in _CUED.finditer(text):
        if len(heads) < MAX_NAMES and cued(match.start(1)) and _is_name(match[1]) and match[1][1] not in "总家":
            heads.append(match[1][:2])
    for pattern in (_BARE, _AFTER_PLACE):
        full += [m[1] for m in pattern.finditer(text) if cued(m.start(1)) and _is_name(m[1]) and m[1] not in full]
    full += [match[1] for match in _TOLD.finditer(text) if _sounds_named(match[1]) and match[1] not in full]
    full = [name for name in full if _is_name(name) and name not in _short(place)][:MAX_NAMES]
    heads += [name[:2] for name in full]
    surnames += [name[:2] if name[:2] in words.double else name[:1] for name in [*full, *heads]]
    surnames += [m[1] or m[2] for m in _SURNAMED.finditer(text) if (m[1] or m[2]) in words.surnames][:MAX_NAMES]
    surnames += [m[1] for m in _TITLE.finditer(text) if m[1] in words.surnames and m[1] not in "于方家"][:MAX_NAMES]
    return full, list(dict.fromkeys(heads)), list(dict.fromkeys(filter(None, surnames)))


ROLE_WORD = re.compile("包工头|工头|承包|老板|书记|主任|村长|队长|组长|外地|有人|村里|施工|当官|邻居|开发|村民|负责")


def _is_name(value: str) -> bool:
    """Whether this is a surname with a given name: no word, no title, no mineral."""
    if _NO_PERSON.search(value) or value in MINERAL or value[1:] in ("总", "家"):
        return False
    return not _never(value) and not _TITLED.match(value, 1)


_NO_PERSON = re.compile("^[叫种都]|.[的都快往到就也还又天了着过]")


def _never(value: str) -> bool:
    return value[:2] in word_lists().never or value[:2] in _COMMON or bool(ROLE_WORD.match(value)) or value[0] == "边"


_TOLD = re.compile(
    rf"(?:当事人[为是]?|主体[：:是为]|被举报人[：:是为]?|(?<!一家)名?叫|叫做|村民|老板|让|被)([{_HAN}]{{2,3}})"
    "(?=[，。；;、]|等人|的人|正|一直|给|未经|无证|私自|擅自|非法|违法|于|在(?![村镇乡县]))"
)


@cache
def _family_sounds() -> frozenset[str]:
    return frozenset(heard(name) for name in word_lists().surnames)


def _sounds_named(name: str) -> bool:
    """Whether this may be a name heard wrong: its first character sounds like a surname but is none (弶然)."""
    if name[0] in "姓叫让被把将在是有和给到去来说要会能都也又还就这那":
        return False
    unknown = name[0] not in word_lists().surnames and heard(name[0]) in _family_sounds()
    return unknown and not _never(name) and not _NO_GIVEN.search(name[1:]) and not _AREA_OF.search(name)


def _deed(text: str, start: int, length: int) -> bool:
    """Whether a name of this length would stand right before a deed, and none of its characters begins one."""
    end = start + length
    given = text[start + 1 : end]
    return len(given) == length - 1 and given.isalpha() and not _NO_GIVEN.search(given) and bool(_DEED.match(text, end))


def _sizes(result: ExtractResult) -> tuple[list[str], list[str], list[str]]:
    """Steps of the areas: (told as the same number, told by two people, guessed at all); two each, so that borders do
    not part.
    """
    exact: list[int] = []
    near: list[int] = []
    rough: list[int] = []
    for area in result.areas[:MAX_NAMES]:
        if area.m2 < LEAST_M2:
            continue
        bucket = round(log(area.m2) / log(NEAR))
        vague = area.approx and any(char in area.text for char in "几多余")
        near += [bucket, bucket + 1, *(bucket + step for step in VAGUE if vague)]
        guess = round(log(area.m2) / log(ROUGH))
        rough += [] if vague else [guess, guess + 1]
        if not vague:
            close = round(log(area.m2) / log(CLOSE))
            exact += [close, close + 1]
    return tuple(list(dict.fromkeys(map(str, steps))) for steps in (exact, near, rough))  # type: ignore[return-value]


def _months(text: str) -> list[str]:
    """The months in which it is said to have happened: 三月份, 春节刚过, 秋收以后."""
    found = {month for pattern, months in TIMES for _ in [pattern.search(text)] if _ for month in months}
    for match in _MONTH.finditer(text):
        number = _NUMBERS.get(match[1]) or (int(match[1]) if match[1].isascii() else 0)
        if 1 <= number <= 12:
            found.add(number)
    return [str(month) for month in sorted(found)]


_MONTH = re.compile("(?<![0-9一二三四五六七八九十个])(1[0-2]|0?[1-9]|十[一二]|[一二三四五六七八九十])月(?!亮)")
_NUMBERS = {char: n for n, char in enumerate("零一二三四五六七八九十")} | {"十一": 11, "十二": 12}


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
    place = told_bare(folded, resolve(original, prior)) if resolve else PlaceResult()
    county = "" if place.ambiguous or not place.code else place.code[:6]
    villages, named = _villages(folded, place), firms(result, folded, place)
    companies = list(dict.fromkeys(own for own, _ in named))
    persons, heads, surnames = _persons(result, folded, place)
    answer = classify.classify(original)
    concepts = [name for name in classify.read(original)[1] if name not in NO_FACT]
    rest = _masked(folded, result, place)
    pairs = list(dict.fromkeys(p for i in range(len(rest) - 1) if (p := rest[i : i + 2]).isalnum() and MASK not in p))
    group = [match[1] for match in _GROUP.finditer(folded)][:MAX_NAMES]
    size, area, bulk = _sizes(result)
    town = _town(folded, place, villages)
    roles = [name for name, pattern in ROLE.items() if pattern.search(folded)]
    return {
        "county": [county] if county else [],
        "town": [town] if town else [],
        "village": villages,
        "village_sound": _all(villages),
        "village_parts": [char for name in villages for char in heard(name)],
        "group": group if villages else [],
        "company": _all(companies),
        "company_head": _all(dict.fromkeys(part for name in companies for part in _ends(name))),
        "company_parts": [char for name in companies for char in heard(name)],
        "trade": _all(trades(named)),
        "person": persons,
        "head": _all(heads),
        "person_parts": [char for name in persons for char in heard(name)],
        "surname": _all(surnames),
        "role": roles or (["villager"] if VILLAGER.search(folded) else []),
        "landmark": _all(_landmarks(folded)),
        "class": [answer.code] if answer.code else [],
        "field": [answer.code[0]] if answer.code else [],
        "concept": concepts,
        "thing": [name for name, pattern in THING.items() if pattern.search(folded)],
        "mineral": [MINERAL.get(name := fold(row.value), name) for row in result.minerals[:MAX_NAMES]],
        "area": area,
        "size": size,
        "bulk": bulk,
        "month": _months(folded),
        "word": pairs[:MAX_WORDS],
        "rare": [heard(pair) for pair in pairs if pair not in _COMMON][:MAX_WORDS],
        "village_said": [heard(name[-2:]) for name in villages if len(name) > 1],
        "name_said": _all([*heads, *(part for name in companies for part in _ends(name))]),
        "aside": ["aside"] if ASIDE.search(folded) else [],
        "key": [key for key in keys if key],
    }


def _ends(name: str) -> tuple[str, ...]:
    """What of a firm's own word is kept when it is shortened: the first two characters, of a long one the last too."""
    return (name[:2],) if len(name) < 5 else (name[:2], name[-2:])


def _all(names: Iterable[str]) -> list[str]:
    return [heard(name) for name in names]
