"""Names of persons: who reports, who is accused (B1). Cue words first, then the shape of a Chinese name.

Numbers and dates are expected to be masked already. Every look around a cue is bounded.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data" / "names.toml"
MAX_NAMES = 200  # of one kind; a report names fewer, and comparing them stays cheap
HAN = "\u4e00-\u9fff"
HONORIFIC = re.compile(r"(?:先生|女士|小姐|同志|大爷|大妈|大姐|大哥|师傅|老师|阿姨|叔叔|老伯|同学)")
TITLE = re.compile(
    f"(?:{HONORIFIC.pattern}|奶奶|爷爷|大叔|大婶|书记|主任|经理|会计|校长|医生|大夫|队长|组长|律师|记者)(?![的家])"
)
"""After "举报人" or "联系人"; elsewhere 李书记 is as likely the accused."""


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
    "[和以推盖圈去到霸无]|才(?:[来去]|知道|发现|开始|同意|刚|能|会|肯)|有[个一二三两人关几地钱]|进[了来村山]|来[了我这村挖到]|利用|强[行拆挖买砍迫]|"
    "建[房厂了养起猪别仓的在成楼大]|开[了始挖采着的厂矿沙石荒办设发车店酒饭超农洗修加起家]|同[意村他]|用[挖铲机车水建推土假]|生产|"
    "出[租卖售钱让动面来资]|承[包租建]|转[让包手租给卖]|平[整了掉地]|修[路建房了的养起]|兴[建办]"
)
NICKNAME = re.compile(
    "瘸子|麻子|瞎子|聋子|胖子|瘦子|矮子|秃子|拐子|驼子|跛子|哑巴|歪嘴|光头|大炮|大头|大嘴|大胆|老板|[大二三四五六七八九]毛|[老小][大二三四五六七八九幺]"
)
_NEVER_GIVEN = frozenset("氏在把将被未与跟是的等也就都还或者啊吧呢吗这那我他她你它们个为了着过给向每说不")
_YET_GIVEN = frozenset(
    first + second
    for first, seconds in (("向", "东阳荣前明红军华辉春"), ("为", "民国军华"), ("在", "明兴华荣勇武林平国文贵"))
    for second in seconds
)
TITLES = (
    "村支部书记|支部书记|党支部书记|村党支部书记|党总支书记|村支书|老支书|支书|村书记|总支书记|书记|"
    "村主任|村委会主任|村委主任|主任|副主任|村长|副村长|副镇长|镇长|"
    "副乡长|乡长|副县长|县长|副局长|局长|副所长|所长|科长|股长|站长|会计|文书|出纳|治保主任|"
    "妇女主任|妇联主任|大队长|小队长|队长|"
    "小组长|组长|社长|理事长|董事长|总经理|副总经理|经理|项目经理|老板娘|大老板|小老板|老板|矿长|"
    "矿主|窑主|厂长|厂主|场长|场主|法定代表人|法人代表|"
    "法人|负责人|实际控制人|控制人|合伙人|股东|包工头|工头|承包人|承包户|承包者|承包商|承租人|"
    "开发商|中间人|个体户|养殖户|种植户|种粮大户|大户|能人|司机|"
    "举报对象|投诉对象|反映对象|检举对象|村官|干部|村干部|邻居|隔壁|村霸|恶霸|地霸|沙霸|当事人|违法人|违法行为人|行为人|被举报人|"
    "被反映人|被投诉人|被控告人|违法主体|嫌疑人|户主|业主|房主|地主|买主|"
    "地痞|流氓|混混|屠夫|木匠|瓦匠|泥瓦匠|个体工商户|工商户|商贩|贩子|二流子|老赖|户主|嘎查达|苏木达|老[大二三四五六幺]|外地人|外村人|本地人|商人|男子|嘎查长|牧民|村民|社员|农民|居民|村里的|同村的|本村的|本村|"
    "同村|同镇|同乡|同组|同队|邻村|外号|绰号|人称|名叫|叫做|名字叫|名字是|一个叫|有个叫|个叫|是叫|主人|车主|船主|亲戚|"
    "亲家|"
    "儿子|女婿|弟弟|哥哥|兄弟|小舅子|堂叔|表叔|堂伯|叔叔|舅舅|姑父|姐夫|妹夫|大舅哥|父亲|妻子|媳妇|侄子|外甥|堂弟|表弟|表哥|堂哥|采砂人|采沙人|"
    "转让人|出租人|卖家|买家|卖方|买方"
)
RESPONDENT_CUE = re.compile(
    rf"(?P<title>{TITLES})(?:姓名|名字)?(?:叫做|名叫|叫|为|是|系|的|：|:|、)?[ \u3000]?(?=[{HAN}])"
)
NAMED = re.compile(
    rf"(?<![我本字爸妈父母就])(?:叫他|叫做|叫|名叫|名为|姓名|外号|绰号|是个叫|大名|真名|全名)[:： ]?(?=[{HAN}])"
)
ACTS = (
    "在|占|盖|建了|建起|开了|雇|带人|带头|找人|填|推|开荒|取土|抽沙|采|卖|租|圈|合伙|他|她|私自|非法|违法|未经|未批|擅自|强占|占用|占地|占了|霸占|侵占|强行|偷|盗|把|将|无证|违规|"
    "利用|等人|建房|盖房|卖地|卖了|挖|倒卖|越界|越权|干的|弄的|占的|盖的|开的|挖的|建的|搞的|包的|卖的|填的|倒的|一家|兄弟|夫妻|父子|"
    "两口子|合谋|联手|一起|霸着|抢占|乱挖|私挖|私采|私盖|偷建|抢建|雇人|请人|拿着|开铲车|开挖机"
)
_DEED = re.compile(ACTS)
SURNAMED = re.compile(rf"(?<![我人本贵同老百咱俺家])姓([{HAN}])(?=的|[，。,；;、]|$)")
BEFORE_FACT = re.compile(
    rf"(?:举报|反映|投诉|控告|检举|查处|是|由|被|让)(?=[{HAN}]{{2,4}}(?:[、和与][{HAN}]{{2,4}})?(?:{ACTS}))"
)
CLAUSE = re.compile(
    rf"(?:^|(?<=[，。；！？,;\n：:\s]))(?=[{HAN}]{{2,3}}(?:私自|非法|违法|未经|未批|擅自|强占|占用|"
    rf"占地|霸占|侵占|偷采|偷挖|盗采|盗挖|无证|违规|利用职务|一家|兄弟|夫妻|父子|等人|超占|越权))"
)
KIN = (
    "夫弟|夫兄|妻弟|妻舅|叔父|叔叔|伯父|姑父|舅舅|堂兄|表兄|弟媳|嫂子|婶子|小舅子|舅子|姐夫|妹夫|女婿|儿媳|儿子|女儿|侄子|侄儿|外甥|哥哥|弟弟|姐姐|妹妹|大哥|老婆|老公|丈夫|妻子|爱人|"
    "媳妇|父亲|母亲|爸爸|妈妈|爷爷|堂弟|堂哥|表弟|表哥|亲戚|连襟|亲家|[哥弟爹爸妈叔伯]"
)
OTHERS_KIN = re.compile(rf"(?:[他她其]的?|和|跟|与|同)(?:{KIN})(?=[{HAN}])")
TRADE = re.compile(rf"[开养卖做搞干包跑贩][{HAN}]{{1,5}}的(?=[{HAN}]{{2,4}}(?:{ACTS}))")
FROM_PLACE = re.compile(
    rf"(?:村里|县里|镇里|乡里|市里|我们村|我村|咱村|本村|同村|邻村|外村|隔壁村|对面村|上头村|队里|组里|我们组|本组|我们队|镇上|街上|老街|屋后|隔壁|对门|"
    rf"[{HAN}]{{1,3}}[村组屯庄街镇乡旗社冲湾坪坳岭塘桥坝寨沟店铺垸]|嘎查|社区)"
    rf"(?:的|有个|有一个|一个)?(?=[{HAN}]{{2,4}}(?:[、和与][{HAN}]{{2,4}})?(?:{ACTS}))"
)
BEHIND = re.compile(
    rf"(?:幕后|背后|真正|实际|老板|主谋|带头|牵头|指使|为首|主使|其实)[^，。；！？,;\n]{{0,16}}[的是](?=[{HAN}]{{3}}(?:[，。；,;\s]|$))"
)
_NICKED = "(?:老板|村霸|沙霸|头目|矿主|包工头)"
DOER = re.compile(
    rf"(?:占[地田]?|盖[房楼]?|建[房厂]?|[挖采][沙土石矿煤山]?|开[矿厂荒]?|卖[地]?|填|倒|出面|挑头|干这事|搞)的(?:人)?(?:就是|是|叫)"
    rf"(?:[{HAN}]{{1,6}}[村组镇乡屯队]的?(?:村民)?)?(?=[{HAN}]{{2,4}}(?:[，。、；,;\s]|$))"
)
"""占地的是前进村孟凡, 出面的是冯小兵."""
ALIAS = re.compile(
    rf"(?:{_NICKED}(?=[“\"「『‘])|外号|绰号|人称|诨号|诨名|花名|小名|江湖人称|号称|(?:都|大家|村里人|人家|别人)(?:管他)?叫他)"
    rf"(?:叫做?|是|为|[:：])? ?"
    rf"(?:[“\"「『‘]([{HAN}]{{2,5}})[”\"」』’]|([{HAN}]{{2,4}}?)(?=的|这个|那个|这人|带|在|把|领|组织|雇|[，。；、,;\s)）]|$))"
)
STYLED = re.compile(
    rf"(?:^|(?<=[，。；、,;\s▇是的个有给由被跟和找]))([{HAN}])(老板|总)(?=[，。；,;\s]|$|[在把将占开挖建卖盖租找雇带和跟私非没未叫偷强弄搞])"
)
VICTIM = re.compile(
    r"[^，。；,;]{0,3}家?的?[^，。；,;]{0,8}被(?!关|罚|处罚|查|抓|拘|判|举报|责令|勒令|通报|免|撤|取缔|叫停)"
)
MASKED = re.compile(rf"[{HAN}]某[某甲乙]?")
PAIR = re.compile(rf"(?:、|和|与|及|跟|以及)(?:[他她其](?:的)?(?:{KIN}|邻居|儿子))?")
RECEIVER = re.compile(
    rf"(?:卖|租|转|转卖|转让|转租|转包|承包|发包|包|出租|出让|批|划|送|让)给了?(?:同村|本村|邻村|外村|村民|老板|外地|外来|(?:[他她其]的?|自己的?)?(?:亲属|亲戚|朋友|{KIN}))?的?(?=[{HAN}])"
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
        if _MY_KIN.search(text, max(0, match.start() - 4), match.end()) and not _does(text, match.end()):
            continue  # 我儿子吴海去年摔伤了
        if match["title"] in _CALLED and OWN_NAME.search(text, max(0, match.start() - 12), match.start()):
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
        if person and len(person[0]) > 1 and _TAKES.match(text, person[1]):
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
    return bool(_TOOK.search(text, max(0, start - 16), start) and _LAND_OF.match(text, end))


def _by_name(text: str, name: Name, ends: set[int]) -> bool:
    """叫夏国良，外号夏胖子: one person, who has been named."""
    also = _ALSO.search(text, max(0, name.start - 10), name.start)
    return also is not None and also.start() in ends


DOES_AT_ONCE = re.compile(
    "占|挖|采|盖|建|卖|租|填|毁|圈|倒|砍|批|砌|搭|围|强|偷|盗|霸|私|擅|非法|违|未经|未批|没经|把|将|带人|雇|侵|超|开荒|硬化|伙同|勾结|"
    "[，,][他她](?:把|将|占|在|私|非法|强)"
)
"""What those of the reporter's own family must have done to be accused."""
_MY_KIN = re.compile(rf"我(?:们?家?的?)?(?:[大小二三老亲]?)(?:{KIN})(?:叫|名叫|是)?$")
_TOOK = re.compile(
    rf"(?:租用?|占用?|侵占|强占|霸占|毁坏?|毁|挖|拆|破坏|填|淹|压|推平?|征用?|买|骗取?)了?(?:[{HAN}]{{0,4}}[村组社队])?(?:村民|农户|牧民|邻居|[他她])?$"
)
_LAND_OF = re.compile("家?的?(?:承包|自留|责任|口粮|宅基|[山田林草荒菜果]|耕地|土地|鱼塘|房|院|坟|地(?!$))")
_ALSO = re.compile('[，,（( ]{0,2}(?:外号|绰号|人称|诨号|诨名|花名|小名|号称)(?:叫做?|是|为|[:：])? ?[“"「『‘]?$')
_CALLED = ("外号", "绰号", "人称")
_TAKES = re.compile("[，。；,;\\s]|$|[建盖开挖办搞堆种养做采经]")
OWN_NAME = re.compile(
    r"(?:名字|姓名|(?<!举报)(?<!反映)(?<!投诉)(?<!控告)(?<![告是])我(?!要?(?:举报|反映|投诉|控告|检举|告)))"
    rf"(?![^，。；！？,;\n]{{0,8}}(?:{TITLES})[，, ]{{0,2}}$)[^，。；！？,;\n]{{0,8}}[，, ]{{0,2}}$"
)
OTHERS = re.compile(r"[他她]|老板|支书|主任|村长|对方|那人|那个|队长|书记|人家|包工头")


def _acts(text: str, place: int) -> bool:
    """Whether at `place` stands a person, or several (季昌明、季昌盛), of whom a deed is told."""
    for _ in range(4):
        person = person_at(text, place)
        if person is None:
            return False
        if _DEED.match(text, person[1]):
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
    return bool(re.search(r"我|本人|电话|号码|手机|联系", clause)) and not OTHERS.search(clause)


def _reporter_side(text: str, place: int) -> bool:
    """True for the reporter's own introduction: "我是…村民郝贵" names no respondent."""
    before = text[max(0, place - 26) : place]
    clause = re.split(r"[，。；！？,;\n]", before)[-1]
    return bool(re.search(r"(?:我们?|本人|俺们?|咱们?)(?:是|系)", clause))
