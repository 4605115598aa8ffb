"""Names: who reports, who is accused, which organisations (B1). Cue words first, then the shape of a Chinese name.

Numbers and dates are expected to be masked already. Every look around a cue is bounded.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

DATA = Path(__file__).parent / "data" / "names.toml"
MAX_NAMES = 200  # of one kind; a report names fewer, and comparing them stays cheap
HAN = "\u4e00-\u9fff"


@dataclass(frozen=True, slots=True)
class Name:
    """A name at [start, end). `kind`: natural_person, legal_person, other_organisation. `cue`: what gave it away."""

    value: str
    start: int
    end: int
    kind: str
    cue: str = ""


@dataclass(frozen=True, slots=True)
class _Words:
    surnames: frozenset[str]
    double: frozenset[str]
    stop: frozenset[str]
    maybe: frozenset[str]
    follow: frozenset[str]
    never: frozenset[str]
    generic: frozenset[str]


@cache
def _words() -> _Words:
    with DATA.open("rb") as stream:
        data = tomllib.load(stream)
    return _Words(
        surnames=frozenset("".join(data["surnames"].split())),
        double=frozenset(data["double_surnames"].split()),
        stop=frozenset(data["stop_after"]),
        maybe=frozenset(data["maybe_after"]),
        follow=frozenset(data["follow"].split()),
        never=frozenset(data["never"].split()),
        generic=frozenset(data["generic"].split()),
    )


def _han(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


def person_at(text: str, place: int) -> tuple[str, int] | None:
    """The personal name that begins at `place`: (name, end), or None. Surname and one or two characters."""
    words = _words()
    piece = text[place : place + 7]
    if len(piece) < 2 or piece[:2] in words.never:
        return None
    if piece[0] in "老小阿":
        return _boundary(piece, place, 1) if piece[1] in words.surnames else None
    if piece[:2] in words.double:
        return _boundary(piece, place, 2)
    if piece[0] not in words.surnames:
        return None
    return _boundary(piece, place, 1)


def _boundary(piece: str, place: int, family: int) -> tuple[str, int] | None:
    """Where the given name ends: a function word, a verb, a mark; else two characters are given."""
    words = _words()
    nick = piece[0] in "老小阿" and piece[1:2] in words.surnames and family == 1
    given = piece[family : family + 2]
    if nick:
        given = piece[1:3]
        rest = piece[2:]
        if len(rest) and _han(rest[0]) and rest[0] in "大二三四五六七八九汉头":
            return piece[:3], place + 3
        return piece[:2], place + 2
    if not given or not _han(given[0]):
        return None
    if given[0] == "某":
        length = 2 if given[1:2] in ("某", "甲", "乙") else 1
        return piece[: family + length], place + family + length
    if given[0] in _NEVER_GIVEN:
        return None
    second = given[1:2]
    short = (piece[: family + 1], place + family + 1)
    if not second or not _han(second) or second in words.stop:
        return None if short[0] in words.never else short
    after = piece[family + 2 : family + 3]
    if piece[family + 1 : family + 3] in words.follow:
        return short
    if second in words.maybe and after and _han(after) and after not in words.stop and after not in "和及以":
        return short
    full = piece[: family + 2]
    return full, place + family + 2


_NEVER_GIVEN = frozenset("在把将被未与跟是的等也就都还或者啊吧呢吗这那我他她你它们个为了着过给向每说不")
_TITLES = (
    "村支部书记|支部书记|党支部书记|村党支部书记|党总支书记|村支书|老支书|支书|村书记|总支书记|"
    "村主任|村委会主任|村委主任|主任|副主任|村长|副村长|副镇长|镇长|"
    "副乡长|乡长|副县长|县长|副局长|局长|副所长|所长|科长|股长|站长|会计|文书|出纳|治保主任|"
    "妇女主任|妇联主任|大队长|小队长|队长|"
    "小组长|组长|社长|理事长|董事长|总经理|副总经理|经理|项目经理|老板娘|大老板|小老板|老板|矿长|"
    "矿主|窑主|厂长|厂主|场长|场主|法定代表人|法人代表|"
    "法人|负责人|实际控制人|控制人|合伙人|股东|包工头|工头|承包人|承包户|承包者|承包商|承租人|"
    "开发商|中间人|个体户|养殖户|种植户|种粮大户|大户|能人|司机|"
    "村官|干部|村干部|邻居|隔壁|村霸|恶霸|地霸|沙霸|当事人|违法人|违法行为人|行为人|被举报人|"
    "被反映人|被投诉人|被控告人|违法主体|嫌疑人|户主|业主|房主|地主|买主|"
    "外地人|外村人|本地人|商人|男子|嘎查长|牧民|村民|社员|农民|居民|村里的|同村的|本村的|本村|"
    "同村|外号|绰号|人称|名叫|叫做|名字叫|名字是|一个叫|有个叫|个叫|是叫|主人|车主|船主|亲戚|"
    "亲家|"
    "儿子|女婿|弟弟|哥哥|兄弟|小舅子|父亲|妻子|媳妇|侄子|外甥|堂弟|表弟|表哥|堂哥|采砂人|采沙人|"
    "转让人|出租人|卖家|买家|卖方|买方"
)
RESPONDENT_CUE = re.compile(
    rf"(?P<title>{_TITLES})(?:姓名|名字)?(?:叫做|名叫|叫|为|是|系|：|:|、)?[ \u3000]?(?=[{HAN}])"
)
NAMED = re.compile(rf"(?<![我本字爸妈父母])(?:叫他|叫做|叫|名叫|名为|姓名|外号|绰号|是个叫)[:： ]?(?=[{HAN}])")
_ACT = (
    "在|私自|非法|违法|未经|未批|擅自|强占|占用|占地|占了|霸占|侵占|强行|偷|盗|把|将|无证|违规|"
    "利用|等人|建房|盖房|卖地|卖了|挖|倒卖|越界|越权|干的|弄的|占的|盖的|一家|兄弟|夫妻|父子|"
    "两口子"
)
SURNAMED = re.compile(rf"(?<![我人本贵同老百])姓([{HAN}])(?=的|[，。,；;、]|$)")
BEFORE_FACT = re.compile(
    rf"(?:举报|反映|投诉|控告|检举|查处|是|由|被|让)(?=[{HAN}]{{2,4}}(?:[、和与][{HAN}]{{2,4}})?(?:{_ACT}))"
)
CLAUSE = re.compile(
    rf"(?:^|(?<=[，。；！？,;\n：:\s]))(?=[{HAN}]{{2,3}}(?:私自|非法|违法|未经|未批|擅自|强占|占用|"
    rf"占地|霸占|侵占|偷采|偷挖|盗采|盗挖|无证|违规|利用职务|一家|兄弟|夫妻|父子|等人|超占|越权))"
)
MASKED = re.compile(rf"[{HAN}]某[某甲乙]?")
PAIR = re.compile(r"(?:、|和|与|及|跟|以及)")

REPORTER_CUE = re.compile(
    r"(?:我的名字叫做?|我的名字是|我名字叫|我名叫|我叫做?|我就叫|本人叫|本人姓名|本人名叫|本人系|"
    r"本人是|本人[:：]?|(?<!被)(?:实名)?(?:举报人|反映人|投诉人|来电人|来信人|写信人|控告人|"
    r"检举人|申请人|信访人|上访人|求助人|报案人|联系人)"
    r"(?:的?姓名|名字|名称)?(?:是|叫|为|系)?|署名|落款|签名|(?<![人位体])姓名|我是|我姓|本人姓|"
    r"免贵姓?|叫我)[ \t\u3000]{0,4}[:：]?[ \t\u3000]{0,4}"
    r"(?:\n[ \t]{0,4})?"
)
REPORTER_MEMBER = re.compile(
    rf"(?:我|本人)(?:是|系)[^，。；！？,;\n]{{0,24}}?(?:村民|居民|职工|员工|业主|农民|牧民|社员|"
    rf"群众|住户|农户|党员|教师|老师|代表|村人|的人|退休工人)(?:叫|名叫|[:：])?(?=[{HAN}])"
)
MEMBER_OF = re.compile(rf"(?:我|本人)(?:是|系)[^，。；！？,;\n]{{2,24}}?[村组社屯庄队乡镇]的(?=[{HAN}])")
HONORIFIC = re.compile(r"(?:先生|女士|小姐|同志|大爷|大妈|大姐|大哥|师傅|老师|阿姨|叔叔|老伯|同学)")
SIGNATURE = re.compile(rf"(?m)^[ \t\u3000]{{0,40}}([{HAN}](?:[ \u3000]?[{HAN}]){{1,3}})[ \t\u3000]{{0,20}}$")
LETTER_END = re.compile(r"(?:此致|敬礼|敬上|谨上|举报人|恳请|请求|望|盼)")
ASKS_NAME = re.compile(
    r"(?:贵姓|怎么称呼|如何称呼|您的?姓名|你的?姓名|叫什么名字|您的?名字|留(?:个|一下|"
    r"下)?(?:您的)?姓?名|姓名(?:是|和|电话|、)|登记的姓名)"
)
ANSWER = re.compile(
    r"[ \t]{0,4}(?:嗯|哦|啊|好的?|行|可以|那个|就是|我|呃|喂|[，,、。 ]){0,6}(?:我叫|我是|我姓|"
    r"免贵姓?|叫我|叫|姓)?[ \t]{0,2}"
)


def _not_a_place(text: str, name: str, end: int) -> bool:
    following = text[end : end + 1]
    return not (
        (name[-1] in "县市区镇乡村旗省组盟州屯局厂人" and len(name) > 2)
        or (following and following in "县市区镇乡村旗省盟州屯局厂")
    )


def reporters(text: str) -> list[Name]:
    """Names of reporters from cue sentences; "刘先生" gives the surname alone. A fuller name replaces a surname."""
    found: list[Name] = []
    for match in REPORTER_CUE.finditer(text):
        found += _reporter_at(text, match.end(), match[0].strip(" :：\t\u3000\n"))
    for pattern in (REPORTER_MEMBER, MEMBER_OF):
        for match in pattern.finditer(text):
            found += _reporter_at(text, match.end(), "我是")
    found += _signatures(text)
    return _unique(sorted(found, key=lambda name: name.start)[:MAX_NAMES])


def answered(text: str) -> list[Name]:
    """The name in an answer to "您贵姓": the answer may be the bare name."""
    match = ANSWER.match(text)
    place = match.end() if match else 0
    cue = "我姓" if match and match[0].rstrip().endswith(("姓", "贵")) else "答"
    return list(_reporter_at(text, place, cue))


def _reporter_at(text: str, place: int, cue: str) -> Iterator[Name]:
    if place >= len(text):
        return
    words = _words()
    polite = HONORIFIC.match(text, place + 1) or HONORIFIC.match(text, place + 2)
    family = 2 if text[place : place + 2] in words.double else 1
    surname = text[place : place + family]
    if polite and polite.start() == place + family and (surname in words.surnames or family == 2):
        yield Name(surname, place, place + family, "natural_person", cue)
        return
    if cue.endswith(("姓", "免贵")) and not cue.endswith("名"):
        if surname in words.surnames or family == 2 or cue.endswith("姓"):
            char = text[place : place + 1]
            if not char or not _han(char):
                return
            end = place + family
            person = person_at(text, place)
            following = text[end : end + 1]
            name = text[place:end]
            if person and following and following not in words.stop and _closed(text, person[1]) and _han(following):
                name, end = person
            yield Name(name, place, end, "natural_person", cue)
        return
    person = person_at(text, place)
    if person:
        name, end = person
        loose = cue in ("我是", "本人", "答", "本人是", "本人系", "联系人")
        if not _not_a_place(text, name, end) or (loose and not _closed(text, end)):
            return
        yield Name(name, place, end, "natural_person", cue)
        return
    if cue.endswith(("叫", "叫做", "名字是", "姓名")) or cue in ("举报人", "联系人", "反映人", "署名"):
        free = re.compile(rf"[{HAN}]{{2,8}}(?:[·•][{HAN}]{{2,8}}){{0,2}}(?=[，。,；;、\s（(]|电话|手机|$)").match(
            text, place
        )
        named = free and (cue.endswith(("叫", "叫做", "名字是")) or "·" in free[0] or "•" in free[0])
        if free and named and not re.search(r"[厂场矿公司店]$|什么|名字|举报|反映|我|你|他", free[0]):
            yield Name(free[0], free.start(), free.end(), "natural_person", cue)


def _closed(text: str, end: int) -> bool:
    """After the name comes a mark, the end, or a word that begins a new thing."""
    following = text[end : end + 2]
    if not following or not _han(following[0]):
        return True
    return following[0] in "我家住电手身在要想是这的来和" or following in _words().follow


def _signatures(text: str) -> Iterator[Name]:
    """A line of its own near the end of a letter that is nothing but a name."""
    tail = max(0, len(text) - 400)
    for match in SIGNATURE.finditer(text, tail):
        name = re.sub(r"[ \u3000]", "", match[1])
        before = text[max(tail, match.start() - 60) : match.start()]
        if match.start() == 0 or not (LETTER_END.search(before) or "\u2587" in text[match.end() : match.end() + 14]):
            continue
        person = person_at(name + "\n", 0)
        if person and person[0] == name and name not in _words().never and _not_a_place("", name, 0):
            yield Name(name, match.start(1), match.end(1), "natural_person", "署名")


def _unique(names: list[Name]) -> list[Name]:
    kept: list[Name] = []
    for name in names:
        if any(name.value == other.value for other in kept):
            continue
        fuller = [o for o in kept if len(name.value) == 1 and o.value.startswith(name.value)]
        if fuller:
            continue
        kept = [o for o in kept if not (len(o.value) == 1 and name.value.startswith(o.value))]
        kept.append(name)
    return kept


_SUFFIX = (
    "有限责任公司|股份有限公司|有限公司|集团公司|集团总公司|总公司|分公司|公司|集团|专业合作社|"
    "农民专业合作社|合作社|合作联社|俱乐部|度假村|度假区|经营部|工程局|"
    "砂石厂|沙石厂|采石厂|石料厂|石材厂|石子厂|砖瓦厂|砖厂|水泥厂|洗煤厂|选矿厂|木材厂|板材厂|"
    "加工厂|预制厂|预制板厂|化工厂|养殖厂|家具厂|塑料厂|机械厂|冶炼厂|钢铁厂|制品厂|建材厂|"
    "饲料厂|食品厂|造纸厂|酒厂|陶瓷厂|服装厂|修理厂|汽修厂|"
    "采石场|采砂场|采沙场|石料场|砂石场|沙石场|砂场|沙场|石场|煤场|养殖场|养猪场|养鸡场|养牛场|"
    "养羊场|猪场|鸡场|农场|林场|牧场|苗圃|"
    "煤矿|铁矿|金矿|铜矿|石灰石矿|萤石矿|铅锌矿|锰矿|矿业|搅拌站|加油站|拌合站|物流园|工业园|"
    "生态园|产业园|农业园|农庄|山庄|庄园|农家乐|酒店|宾馆|饭店|驾校|医院|学校|学院|幼儿园|房地产|"
    "石业|家庭农场|商行|砂石站|收购站|指挥部|厂"
)
ORGANISATION = re.compile(_SUFFIX)
RAILWAY = re.compile(r"中(?:铁|建|交|冶|水|核|电建)(?:第)?[一二三四五六七八九十]{1,3}(?:工程)?局")
_CUT = re.compile(
    r"举报人?|反映|以|投诉|名字叫|名叫|叫做|叫|名为|批给|卖给|租给|转让给|转给|出让给|承包给|包给|"
    r"发包给|给|的|是|由|被|把|将|和|与|跟|同意|以及|在|到|向|从|对|有一?[个家]|一[个家]|这[个家]|"
    r"那[个家]|某|[个家座]|"
    r"查处|控告|检举|请|让|叫|因|为了|称|系|属于|就是|有|来自|位于|靠近|附近|旁边|边上|外来|外地|"
    r"本地|当地|私人|老板|开了|开的|建了|办了|开设|违规|违法|非法|未经|名下|及|或者|或|等|自称|"
    r"其中|于|承租方|承包方|受让方|开发商|施工方|施工单位|建设单位|被举报人|被举报单位|被举报方|单位名称|违法主体|责任主体|企业|主体|单位|变成|成为|挂靠|经过|路过|现在|出租|[a-z0-9▇\s，。；：！？、,;:!?“”\"‘’《》\[\]【】()（）]"
)
_TOWN = re.compile(r"(?:镇|乡|村|街道|社区|苏木|嘎查|[一二三四五六七八九十0-9]组|屯)(?=.{4,})")
_COMPANY = ("公司", "集团", "合作社", "俱乐部", "工程局", "局")
_MAYBE_CUT = frozenset("和向于有由从对到同与及给因叫让")
_VERB = re.compile(r"[挖采偷盗开建盖占办推倒毁拉运搞修卖租停关拆填没不了着过]")


def organisations(text: str) -> list[Name]:
    """Organisations with a name of their own; "有个砖厂" has none."""
    found = [Name(m[0], m.start(), m.end(), "legal_person", "") for m in RAILWAY.finditer(text)]
    last = 0
    matches = list(islice(ORGANISATION.finditer(text), 5 * MAX_NAMES))
    for index, match in enumerate(matches):
        following = matches[index + 1] if index + 1 < len(matches) else None
        if following and following.start() <= match.end():
            continue  # 恒基房地产|开发公司, 矿业|有限公司: the longer name ends later
        if (
            following
            and match[0] in ("矿业", "房地产", "石业", "煤矿", "铁矿", "金矿", "集团", "农业园")
            and (following.start() - match.end() <= 6 and not _CUT.search(text, match.end(), following.start()))
        ):
            continue
        name = _organisation(text, max(last, match.start() - 26), match)
        if name is not None and not any(o.start <= name.start < o.end for o in found[:40]):
            found.append(name)
            last = name.end
    return sorted(found, key=lambda name: name.start)[:MAX_NAMES]


@cache
def _generic_words() -> re.Pattern[str]:
    return re.compile("|".join(sorted((w for w in _words().generic if len(w) > 1), key=len, reverse=True)))


def _core(stem: str) -> str:
    """What is left of a name without the words any company of the trade carries."""
    core = _generic_words().sub("", stem)
    return "" if all(char in _words().generic for char in core) else core


def _organisation(text: str, low: int, match: re.Match[str]) -> Name | None:
    start = low
    for cut in _CUT.finditer(text, low, match.start()):
        if cut[0] in _MAYBE_CUT and len(_core(text[cut.end() : match.start()])) < 2:
            continue  # 向阳砖厂, 永和建材公司: the word belongs to the name
        start = cut.end()
    bare_company = match[0].endswith(_COMPANY)
    start = max((town.end() for town in _TOWN.finditer(text, start, match.end())), default=start)
    stem = text[start : match.start()]
    if not stem or not all(_han(char) or char.isalpha() for char in stem):
        return None
    core = _core(stem)
    if len(core) < 2 or stem in _words().generic:
        return None
    if not bare_company and (len(stem) > 14 or _VERB.search(core)):
        return None
    if match[0] == "厂" and text[match.end() : match.end() + 1] in ("房", "区"):
        return None
    return Name(text[start : match.end()], start, match.end(), "legal_person", match[0])


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
            if person is None or not _not_a_place(text, *person):
                return
            name, end = person
            if name in taken or any(low < end and place < high for low, high in spans):
                return
            if text[end : end + 1] in ("厂", "店"):
                return
            found.append(Name(name, place, end, "natural_person", cue))
            link = PAIR.match(text, end)
            if not link:
                return
            place = link.end()

    for match in RESPONDENT_CUE.finditer(text):
        if not _reporter_side(text, match.start()):
            add(match.end(), match["title"])
    for pattern in (NAMED, BEFORE_FACT):
        for match in pattern.finditer(text):
            add(match.end(), match[0])
    for match in CLAUSE.finditer(text):
        person = person_at(text, match.end())
        if person and re.compile(_ACT).match(text, person[1]):
            add(match.end(), "句首")
    for match in MASKED.finditer(text):
        if match[0][0] in _words().surnames and not text[max(0, match.start() - 5) : match.start()].endswith(
            ("举报人", "举报人：", "联系人", "联系人：", "我叫", "我是", "本人")
        ):
            add(match.start(), "某")
    for match in SURNAMED.finditer(text):
        if match[1] in _words().surnames and match[1] not in taken and not any(n.value == match[1] for n in known):
            before = text[max(0, match.start() - 3) : match.start()]
            if not before.endswith(("我", "本人", "我们都", "都")):
                found.append(Name(match[1], match.start(1), match.end(1), "natural_person", "姓"))
    return _unique(sorted(found, key=lambda item: item.start)[:MAX_NAMES])


def _reporter_side(text: str, place: int) -> bool:
    """True for the reporter's own introduction: "我是…村民郝贵" names no respondent."""
    before = text[max(0, place - 26) : place]
    clause = re.split(r"[，。；！？,;\n]", before)[-1]
    return bool(re.search(r"(?:我|本人)(?:是|系)", clause))
