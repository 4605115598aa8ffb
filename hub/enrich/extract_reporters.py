"""Names of reporters: cue sentences, signatures, answers to "您贵姓", names beside a telephone number (B1).

Numbers and dates are expected to be masked already. Every look around a cue is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hub.enrich.extract_cues import HAN, HONORIFIC, KIN, OTHERS, SURNAMED, TITLE
from hub.enrich.extract_names import MAX_NAMES, Name, is_han, not_a_place, own_surname, person_at, unique, word_lists
from hub.enrich.extract_senders import senders

REPORTER_CUE = re.compile(
    r"(?:我的名字叫做?|我的名字是|我名字叫|我名叫|我叫做?|我就叫|本人叫|本人姓名|本人名叫|本人系|"
    r"本人是|本人[:：]?|(?<!被)(?:实名)?(?:举报[人者]|反映[人者]|投诉[人者]|来电[人者]|来信[人者]|写信[人者]|寄[件信]人|寄信者|发[件信]人|来访人|诉求人|咨询人|报告人|控告人|"
    r"检举人|线索提供人|线索提供者|申请人|信访人|上访人|求助人|报案人|申诉人|请愿人|陈述人|留言人|留言者|发帖人|来函人|具名人|联名人|签名人|(?<!法定)代表人|联名代表|村民代表(?=[：:])|推选代表|告状人|反应人|诉求者|咨询者|求助者|(?<![人定])代表(?=[：:])|联系人)(?:代表)?"
    r"(?:[（(](?:签名|签字|签章|签名盖章|盖章|手印|捺印)[）)])?(?:的?姓名|名字|名称|信息|资料)?(?:自称|称)?(?:是|叫|为|系|姓)?|署名|具名|落款|签名|(?<![人位体板长主他她记总])姓名(?:叫做?|是|为)?|我是|我姓|本人姓|"
    r"[免敝]贵?姓?|[俺咱](?:家)?(?:姓|叫|是)|叫我|我是姓|名字(?=叫))[ \t\u3000]{0,4}[:：]?[ \t\u3000]{0,4}"
    r"(?:\n[ \t]{0,4})?"
)
REPORTER_MEMBER = re.compile(
    rf"(?:我们?|本人|俺们?|咱们?)(?:是|系)[^，。；！？,;\n]{{0,24}}?(?:村民|居民|职工|员工|业主|农民|牧民|社员|"
    rf"群众|住户|农户|党员|教师|老师|个体户|养殖户|种植户|学生|医生|司机|工人|军人|干部|老师傅|退休[干职]\w|代表|(?:原|老|退休|前任?)?(?:会计|出纳|文书|支书|村主任|队长|组长|社长|书记|民兵连长|妇女主任)|退休老师|退役军人|退伍军人|护林员|监督员|信息员|邻居|女儿|儿子|儿媳|媳妇|妻子|丈夫|老婆|弟弟|哥哥|姐姐|妹妹|侄子|侄女|父亲|母亲|孙子|孙女|女婿|村人|的人|退休工人)(?:代表|"
    rf"兼\w{2})?(?:叫|名叫|[:：])?(?=[{HAN}])"
)
TELLS = re.compile(
    rf"(?<![被将把对让给])(?:村民|居民|群众|市民|农民|牧民|职工|工人|业主|住户|教师|老师|党员|干部)(?=[{HAN}]{{2,4}}(?:来电|来信|来访)?(?:反映|举报|投诉)(?![人者]))"
)
MEMBER_OF = re.compile(
    rf"(?:我|本人)(?:是|系)[^，。；！？,;\n]{{1,24}}?[村组社屯庄队乡镇坪沟湾坳坡寨岭冲塘桥坝店集堡营峪埠]的(?=[{HAN}])"
)
SIGNATURE = re.compile(
    rf"(?m)^[ \t\u3000]{{0,40}}(?:(?:一?名?个?村民|居民|群众|市民|农民|"
    rf"牧民)[:： ]{{1,2}})?([{HAN}](?:[ \u3000]?[{HAN}]){{1,3}})[ \t\u3000]{{0,20}}$"
)
LETTER_END = re.compile(r"(?:此致|敬礼|敬上|谨上|举报人|恳请|请求|望|盼)")
ASKS_NAME = re.compile(
    r"(?:贵姓|怎么称呼|如何称呼|您的?姓名|你的?姓名|叫什么名字|您的?名字|留(?:个|一下|"
    r"下)?(?:您的)?姓?名|姓名(?:是|和|电话|、)|登记的姓名)"
)
ANSWER = re.compile(
    r"[ \t]{0,4}(?:嗯|哦|啊|好的?|行|可以|那个|就是|我|呃|喂|[，,、。 ]){0,6}(?:我叫|我是|我姓|"
    r"免贵姓?|叫我|叫|姓)?[ \t]{0,2}"
)


_SURNAME_BESIDE = re.compile(rf"(?:我|本人|免贵)?姓([{HAN}])(?=[，。,；;\s▇]|$)")
_OLD = re.compile(
    rf"(?:我|俺|本人)(?:就是|是|系)(?:[^，。；！？,;\n]{{0,14}}(?:的|那个|这个|那位))?[老小]([{HAN}])(?=[，。,；;！!\s▇啊呀嘛]|$)"
)


def _beside(text: str, end: int) -> Iterator[Name]:
    """A bare name right after a telephone or identity number: the reporter's, unless others were spoken of."""
    place = _BESIDE.match(text, end)
    if place is None:
        return
    alone = _ALONE.match(text, end)  # 15211190237 周
    if alone and alone.end() >= len(text.rstrip()) and alone[1] in word_lists().surnames:
        yield Name(alone[1], alone.start(1), alone.end(1), "natural_person", "旁")
        return
    asked = _CONTACT.search(text, max(0, end - 24), end)  # 联系▇姬女士
    low = max(0, end - 40)
    own = text[max((mark.end() for mark in _STOP.finditer(text, low, end)), default=low) : end]
    if not asked and OTHERS.search(own if _OWN_NUMBER.match(own) else text[low:end]):
        return
    family = _SURNAME_BESIDE.match(text, place.end())
    if family and family[1] in word_lists().surnames:
        yield Name(family[1], family.start(1), family.end(1), "natural_person", "旁")
        return
    polite = HONORIFIC.match(text, place.end() + 1)
    if polite and text[place.end()] in word_lists().surnames:
        yield Name(text[place.end()], place.end(), place.end() + 1, "natural_person", "旁")
        return
    person = person_at(text, place.end())
    if person and len(person[0]) > 1 and (text[person[1] : person[1] + 1] or "。") in "▇，。,；; \n）":
        yield Name(person[0], place.end(), person[1], "natural_person", "旁")


_ABOUT = re.compile(rf"(?:(?:[男女](?:性|士)?|[{HAN}]{{1,5}}族|[0-9▇]{{2}}岁)[，,、；;/ ）)]{{1,2}}){{1,4}}")
"""举报人：蒙古族，女，乌日娜."""
_FAMILIAR = re.compile(
    rf"(?:(?<!别)叫我|喊我|找我|联系我|联系|打给我|致电)[，,：: ]{{0,2}}([{HAN}])"
    rf"(?:姐|哥|叔|婶|姨|伯|嫂|总|工(?!作)|师傅|{HONORIFIC.pattern})(?=[，。,；;、！!\s▇（(吧就好]|$)"
)
_FORM = re.compile(rf"([{HAN}]{{1,2}}?)(?:某[某甲乙丙丁]?|[姐哥叔婶姨嫂])|[老小]([{HAN}])")
"""廖某, 老赵, 小邓: of a reporter the surname, as of 刘先生."""
_CONTACT = re.compile(r"联系(?:人|我|方式|电话)?[:：是 ]{0,2}▇{7,}$")
_STOP = re.compile(r"[。！？!?\n]")
_OWN_NUMBER = re.compile(
    r"[ \u3000]*(?:我的|本人)?(?:联系)?(?:电话|手机|方式|号码|微信)(?:号码|号)?(?:是|为)?[:： ]{0,2}▇"
)
_ALONE = re.compile(rf"(?:[ \u3000]|[（(])([{HAN}])(?:[）)]|(?=[。，\s]|$))")
_CALLING = re.compile(
    r"[长员户者人民师生工商兵手匠亲友属]$|书记|支书|主任|干部|会计|农民|村|镇|县|市|省|想|要|的|来|说|有|在|了|家|大队|小组|单位|公司|老乡|知道|同意|地|房"
)
_STATED = re.compile(
    rf"(?:实名(?:举报)?|署真名|我)[，,、：:] ?(?=[{HAN}]{{2,4}}[，,。；;\s▇])"  # 实名举报，宋庆生， / 我，田桂兰，
)
_FULLY = re.compile(
    rf"(?:我|俺|咱|本人)(?:叫|是|小名|外号|姓)?((?:叫|是)?[{HAN}]{{2,5}}[，,（( ]{{1,2}})(?:我的?)?"
    rf"(?:大名|真名|本名|全名|学名|户口本?上|身份证上)(?:的?名字)?[是叫为:：]{{0,2}}(?=[{HAN}]{{2,4}})"
)
"""我叫小梅，大名是刘冬梅: the name of the papers stands for the other."""
_ASKED = re.compile(
    r"(?P<ask>贵姓|怎么称呼|如何称呼|叫什么(?:名字)?)[？?。，,！ \n]{1,3}(?:(?:来电人|来电者|举报人|市民|群众)[:：] ?)?"
    r"(?:嗯|呃|哦)?[，, ]?(?:我|俺|免贵)?(?P<say>姓|叫|是)?(?=[\u4e00-\u9fff])"
)
_TOGETHER = re.compile(
    rf"(?:我们|俺们|咱们)(?:几个|[两俩三仨四五六七八九十][个位]?|几户)?(?:村民|人|邻居|农户)?[，,：: ]{{1,2}}"
    rf"(?=[{HAN}]{{2,4}}[、和][{HAN}]{{2,4}}(?:[、和][{HAN}]{{2,4}}){{0,6}}[，,。 ])"
)
_DESCRIBED = re.compile(rf"(?:本人|我是|我叫)([{HAN}]{{2,6}})(?=[，,（( ]{{1,2}}(?:男|女)(?:性|士)?[，,。）) ])")
_SEX = re.compile(
    r"(?:来电人|举报人|反映人|投诉人|来访人)[（(，, ：:]{0,2}[男女](?:性|士)?[）)，, ]{0,2}姓(?=[\u4e00-\u9fff])"
)
_AGAIN = re.compile("[，,。 ]{1,2}(?:我?叫|全名)?")
_AND = re.compile(r"(?:、|和|与|及|跟|以及|[ \u3000]{1,3})")
_BESIDE = re.compile(r"[，,、 \t\u3000]{0,3}(?:我?(?:名叫|叫)|姓名[:：是]?)?")
REPORTER_LOOSE = re.compile(
    r"(?:(?:名字|姓名)[^，。；！？,;\n叫]{0,8}|(?:我|俺|咱|本人)(?:是|系|这边|这里|"
    r"住)[^。！？\n叫]{0,24})[，, ]{1,2}[我名]?叫做?(?=[\u4e00-\u9fff])"
    r"|(?<![板长主他她记总])(?:名字|姓名)[^，。；！？,;\n叫]{0,8}叫做?(?=[\u4e00-\u9fff])"
)
_ROLE = re.compile(
    rf"[ \u3000]{{0,2}}[{HAN}]{{0,12}}?(?:军人|教师|老师|干部|村民|居民|工人|职工|代表|医生|党员|"
    rf"农民|牧民|市民|司机|书记|主任|组长|业主|学生)(?:代表)?[:： ]{{0,2}}(?=[{HAN}]{{2,4}}(?:[，。、,；; \n▇]|$))"
    rf"|(?:是|系)?[我他她]?的?(?:{KIN})(?=[{HAN}]{{2,4}}[，。、,；; \n])"
    rf"|(?:全体)?(?:村民|居民|业主|职工|群众|农户|社员|"
    rf"市民)?(?:代表)?[:： \u3000]{{1,3}}"
    rf"|[^，。；！？,;\n▇]{{2,24}}?[ \u3000](?!电话|手机|联系)(?=[{HAN}]{{2,4}}[ \u3000]{{0,3}}"
    r"(?:[，。,；;▇\n]|电话|手机|联系|$))"
)


def reporters(text: str, beside: Sequence[int] = ()) -> list[Name]:
    """Names of reporters from cue sentences; "刘先生" gives the surname alone. A fuller name replaces a surname.

    `beside`: ends of telephone and identity numbers, after which a bare name may stand.
    """
    found: list[Name] = []
    for match in REPORTER_CUE.finditer(text):
        cue = re.sub(r"[（(]\w+[）)]", "", match[0]).strip(" :：\t\u3000\n")
        about = _ABOUT.match(text, match.end())
        begin = about.end() if about else match.end()
        here = list(_reporter_at(text, begin, cue))
        role = _ROLE.match(text, begin) if cue[-1:] in _STRONG else None
        if role and (not here or here[0].end > role.end()):
            here = list(_reporter_at(text, role.end(), cue)) or here
        while here and (link := _AND.match(text, here[-1].end)):
            person = person_at(text, link.end())
            if len(here) > 8 or cue[-1:] not in _STRONG or person is None or not _closed(text, person[1]):
                break
            here.append(Name(person[0], link.end(), person[1], "natural_person", cue))
        found += here[:MAX_NAMES]
    for pattern in (REPORTER_MEMBER, MEMBER_OF):
        for match in pattern.finditer(text):
            here = list(_reporter_at(text, match.end(), "我是"))
            free = None if here else _FREE.match(text, match.end())
            if free and len(free[0]) < 7 and not _NO_NAME.search(free[0]) and not _CALLING.search(free[0]):
                here = [Name(free[0], free.start(), free.end(), "natural_person", "我是")]
            while here and len(here) < 9 and (link := _AND.match(text, here[-1].end)):
                person = person_at(text, link.end())
                if person is None or not _closed(text, person[1]):
                    break
                here.append(Name(person[0], link.end(), person[1], "natural_person", "我是"))
            found += here
    for match in REPORTER_LOOSE.finditer(text):
        found += _reporter_at(text, match.end(), "名字叫")
    for match in _FULLY.finditer(text):
        person = person_at(text, match.end())
        if person and len(person[0]) > 1:
            found = [name for name in found if not match.start(1) <= name.start < match.end()]
            found.append(Name(person[0], match.end(), person[1], "natural_person", "我叫"))
    for match in _STATED.finditer(text):
        person = person_at(text, match.end())
        if person and len(person[0]) > 1 and not is_han(text[person[1] : person[1] + 1] or "。"):
            found += _reporter_at(text, match.end(), "我叫")
    for match in _TOGETHER.finditer(text):
        found += _listed(text, match.end())
    for match in _ASKED.finditer(text):
        family = match["say"] == "姓" or (match["ask"] == "贵姓" and not match["say"])
        found += _reporter_at(text, match.end(), "我姓" if family else "答")
    for match in _DESCRIBED.finditer(text):
        if not _NO_NAME.search(match[1]) and person_at(text, match.start(1)) is None:
            found.append(Name(match[1], match.start(1), match.end(1), "natural_person", "本人"))
    for match in _SEX.finditer(text):
        found += _reporter_at(text, match.end(), "我姓")
    for match in TELLS.finditer(text):
        found += _reporter_at(text, match.end(), "反映人")
    for match in SURNAMED.finditer(text):
        if own_surname(text, match.start()) and match[1] in word_lists().surnames:
            found.append(Name(match[1], match.start(1), match.end(1), "natural_person", "姓"))
    for match in _OLD.finditer(text):
        if match[1] in word_lists().surnames:
            found.append(Name(match[1], match.start(1), match.end(1), "natural_person", "我是"))
    for end in beside:
        found += _beside(text, end)
    for match in _FAMILIAR.finditer(text):
        if match[1] in word_lists().surnames:
            found.append(Name(match[1], match.start(1), match.end(1), "natural_person", "叫我"))
    found += _signatures(text)
    found += senders(text)
    families = {name.value[:1] for name in found}
    found = [n for n in found if not (len(n.value) == 2 and n.value[0] in "老小" and n.value[1] in families)]
    return unique([_plain(name) for name in sorted(found, key=lambda name: name.start)[:MAX_NAMES]])


def _plain(name: Name) -> Name:
    """The surname of 廖某 and 老赵."""
    form = _FORM.fullmatch(name.value)
    family = form and (form[1] or form[2])
    if not form or family not in word_lists().surnames | word_lists().double:
        return name
    start = name.start + name.value.index(str(family))
    return Name(str(family), start, start + len(str(family)), name.kind, name.cue)


def _listed(text: str, place: int) -> Iterator[Name]:
    """Names one after another: 贺建华、易小平、卜友良."""
    for _ in range(9):
        person = person_at(text, place)
        if person is None or len(person[0]) < 2 or not not_a_place(text, *person):
            return
        yield Name(person[0], place, person[1], "natural_person", "我们")
        link = _AND.match(text, person[1])
        if link is None:
            return
        place = link.end()


def answered(text: str) -> list[Name]:
    """The name in an answer to "您贵姓": the answer may be the bare name."""
    match = ANSWER.match(text)
    place = match.end() if match else 0
    cue = "我姓" if match and match[0].rstrip().endswith(("姓", "贵")) else "答"
    return [_plain(name) for name in _reporter_at(text, place, cue)]


def _reporter_at(text: str, place: int, cue: str) -> Iterator[Name]:
    if place >= len(text):
        return
    dotted = _DOTTED.match(text, place)
    if dotted:  # before surnames: 阿卜杜热依木·买买提 is no 阿卜
        yield Name(dotted[0], place, dotted.end(), "natural_person", cue)
        return
    words = word_lists()
    polite = TITLE.match(text, place + 1) or TITLE.match(text, place + 2)
    family = 2 if text[place : place + 2] in words.double else 1
    surname = text[place : place + family]
    if polite and polite.start() == place + family and (surname in words.surnames or family == 2):
        yield Name(surname, place, place + family, "natural_person", cue)
        return
    if cue.endswith(("姓", "免贵")) and not cue.endswith("名"):
        if surname in words.surnames or family == 2 or cue.endswith("姓"):
            char = text[place : place + 1]
            if not char or not is_han(char) or text[place : place + 2] in ("什么", "名叫") or char == "啥":
                return
            end = place + family
            person = person_at(text, place)
            following = text[end : end + 1]
            name = text[place:end]
            if person and following and following not in words.stop and _closed(text, person[1]) and is_han(following):
                name, end = person
            yield Name(name, place, end, "natural_person", cue)
            given = _GIVEN.match(text, end) if len(name) == family else None
            if given and not _NO_NAME.search(given[1]) and given[1] not in words.never:
                yield _whole_name(place, name, given, cue)
                return
            again = _AGAIN.match(text, end)  # 我姓罗，罗廷贵
            fuller = person_at(text, again.end()) if again and text.startswith(name, again.end()) else None
            spelt = fuller and text[fuller[1] : fuller[1] + 1] == "的"  # 我姓戴，戴帽子的戴
            if again and fuller and not spelt and len(fuller[0]) > len(name) and _closed(text, fuller[1]):
                yield Name(fuller[0], again.end(), fuller[1], "natural_person", cue)
        return
    person = person_at(text, place)
    if person:
        name, end = person
        whole = _WHOLE.match(text, place)
        if (
            whole
            and not _NO_NAME.search(whole[0])
            and cue.endswith(_NAMING)
            and len(whole[0]) > len(name) > 1
            and not _closed(text, end)
        ):
            name, end = whole[0], whole.end()
        if _SOMEBODYS.match(text, end) and cue != "我叫":
            return  # 我是刘二女的儿子
        loose = cue in ("我是", "本人", "答", "本人是", "本人系", "联系人")
        if not not_a_place(text, name, end) or (loose and not _closed(text, end)):
            return
        if loose and name[-1] in _SETTLED and text[end : end + 1] in ("的", "这", "那", "人"):
            return  # 我是郑家沟的
        yield Name(name, place, end, "natural_person", cue)
        return
    if cue.endswith(_NAMING):
        free = _FREE.match(text, place)
        if free and not _NO_NAME.search(free[0]):
            yield Name(free[0], free.start(), free.end(), "natural_person", cue)


def _whole_name(place: int, surname: str, given: re.Match[str], cue: str) -> Name:
    """The name of "我姓章，立早章，叫章立秋" (where it stands) or "我姓张，单名一个伟" (put together)."""
    if given[1].startswith(surname) and len(given[1]) > len(surname):
        return Name(given[1], given.start(1), given.end(1), "natural_person", cue)
    return Name(surname + given[1], place, given.end(1), "natural_person", cue)


_SPELT = rf"(?:[，, ]{{0,2}}(?:就是)?[{HAN}]{{1,6}}的?[{HAN}]){{0,1}}"  # 弓长张, 钟表的钟
_GIVEN = re.compile(
    rf"{_SPELT}[，,、 ]{{0,2}}(?:我|名字|名)?"
    r"(?:单[名字](?:一个|是|叫|单)?|(?:全名|大名|名字|名|就)?(?:叫做?|是叫)|全名是?|名字是)"
    rf"([{HAN}]{{1,3}}?)(?:字)?(?=[，。,；;\s▇]|我|电话|手机|住|家|$)"
)
"""The given name, or the whole name, said after the surname."""
_SETTLED = "沟坡湾坳屯庄寨岭冲塘桥坝坪垸店集洼畈圩堡营梁峪埠组社队巷街"
_NO_NAME = re.compile(
    r"族$|^(?:就[这是]|[这那][个边里]|没有)|[厂场矿公司店]$|^(?:家[中里人]|全家|手[中里上])|[被把将在向了]|什么|名字|举报|反映|匿名|[我你他她不们]|保密|知情|一位|一名|有心|居民|农民|牧民|职工|市民|人士|[人者民户]$|群众|村民|代表|热心|电话|手机|情况|以上|同上|^[免贵姓无略]|隐[去匿瞒]|提供|不便|要求|户籍|联系|方式|现[居住]|许可|日期|[省市县区]"
)
_STRONG = ("系", "人", "者", "表", "款", "名", "是", "为")
_NAMING = (
    "叫",
    "叫做",
    "名字是",
    "姓名",
    "人名字",
    "人名称",
    "姓名是",
    "举报人",
    "举报者",
    "反映人",
    "反映者",
    "投诉人",
    "来信人",
    "写信人",
    "来电人",
    "联系人",
    "署名",
    "落款",
    "信访人",
    "申请人",
)
_FREE = re.compile(
    rf"[{HAN}]{{2,8}}(?:[·•][{HAN}]{{2,8}}){{0,2}}(?=[，。,；;、\s（(▇]|电话|手机|住址|住在|家住|性别|身份证|$)"
)
_DOTTED = re.compile(
    rf"[{HAN}]{{1,8}}(?:[·•・‧][{HAN}]{{1,8}}){{0,5}}[·•・‧][{HAN}]{{1,8}}?"
    rf"(?=[^{HAN}·•・‧]|电话|手机|住址|住在|家住|性别|身份证|先生|女士|[我，]|$)"
)
_WHOLE = re.compile(rf"[{HAN}]{{4,6}}(?=[，。,；;、\s（(▇]|$)")


_SOMEBODYS = re.compile(rf"家?的(?:{KIN}|邻居|同事|代理人|律师|房客|老乡|[^，。；,;\n]{{0,2}}(?:儿子|女儿|家属|后人))")


def _closed(text: str, end: int) -> bool:
    """After the name comes a mark, the end, or a word that begins a new thing."""
    following = text[end : end + 2]
    if not following or not is_han(following[0]):
        return True
    return following[0] in "我家住电手身在要想是这的来和等" or following in word_lists().follow


def _signatures(text: str) -> Iterator[Name]:
    """A line of its own near the end of a letter that is nothing but a name."""
    tail = max(0, len(text) - 400)
    for match in SIGNATURE.finditer(text, tail):
        name = re.sub(r"[ \u3000]", "", match[1])
        before = text[max(tail, match.start() - 60) : match.start()]
        if match.start() == 0 or not (LETTER_END.search(before) or "\u2587" in text[match.end() : match.end() + 14]):
            continue
        person = person_at(name + "\n", 0)
        if person and person[0] == name and name not in word_lists().never and not_a_place("", name, 0):
            yield Name(name, match.start(1), match.end(1), "natural_person", "署名")
