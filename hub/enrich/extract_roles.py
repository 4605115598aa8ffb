"""Who a name belongs to where no cue word stands before it: told by what stands around it (B1).

The second, general look beside the cue patterns of extract_names and extract_reporters. A name after a verb of report
(举报灰山港镇的丁国华) or before a deed (徐正刚家的新房子超面积) is accused; one before a verb of report
(牧民斯琴高娃反映) or with a telephone number (代表马得福, 137…) reports; whose land was taken is neither. Names joined
by 、 or 和 share their part. Where both fit the reporter wins: a reporter read as the accused would stand open.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hub.enrich.extract_cues import ACTS, DOES_AT_ONCE, HAN, KIN, OTHERS, TITLES, VICTIM
from hub.enrich.extract_mentions import (
    AND,
    DEEDS,
    END,
    HOUSE,
    LINK,
    MARK,
    OF,
    POLITE,
    TELLS,
    VERB,
    Mention,
)
from hub.enrich.extract_names import Name, owner

MAX_JOINED = 9  # names told in one breath
_LOOK = 60  # characters looked at before a name, and after
_CLAUSE = re.compile(r"[，。；！？,;!?\n：:]")
_SENTENCE = re.compile(r"[。；！？;!?\n]")
_ACCUSES = re.compile(
    r"(?:举报|反映|投诉|控告|检举|控诉|揭发|查处|状告|(?:[我要来，, ]|^)告)"
    r"(?!人|者|单位|方|内容|电话|材料|信|情况|事项|热线|中心|渠道|平台|部门|问题|如下|[了过吗]|无人|没人|多次|至今|后|到|给|给你)"
    rf"(?!的(?!就?是|人是|对象))(?:的?对?象?(?:就?是|人是)?)?[，,:： ]?(?P<mid>[{HAN}▇（）()0-9“”、 ]{{0,30}})$"
)
_STRONG = (
    "把|将|占|私自|擅自|非法|垦|挖|采|盖|建|卖|租|填|毁|圈|倒|砍|批|修|砌|搭|围|包|耕|转让|硬化|开荒|推|运砂|拉土|超|违|偷|盗|霸|未办|没批|未批|没有手续|"
    "没手续|合伙|联手|选金|选矿|洗砂|排污|堆|抽|烧|炸|种树|种上|起了|改成|改建|新房|猪场|砖厂"
)
_DEED_AHEAD = re.compile(rf"[^。；！？;\n]{{0,30}}?(?:{_STRONG})")
_SUFFERS = re.compile(r"[^，。；！？,;\n把将]{0,16}(?:被|遭|让人|给人|受害|受损)")
_TAKEN = re.compile(
    rf"(?:占|毁|挖|拆|砍|破坏|填|淹|压|推|卖|租|骗|打|冲|圈|倒|砸|震|埋)(?:用|了|坏|平|掉|到|伤|过|去)?[{HAN}▇]{{0,12}}$"
)
_THEIRS = re.compile(r"家?的?(?:[^，。；,;\n]{0,6})(?:地|田|房|林|草场|果园|承包|宅基|菜园|鱼塘|庄稼|树|坟|院)")
_OWN = re.compile(r"(?:我们?|本人|俺们?|咱们?)(?:就?是|系|叫|名叫|姓)[^，。；！？,;\n]{0,20}$")
_OWN_KIN = re.compile(
    rf"(?:我们?家?|俺|咱|本人)的?(?:[大小二三老亲前]{{0,2}})(?:{KIN}|前夫|前妻|老[公婆爸妈汉]|男人|爱人|家属)$"
)
_OWN_KIN_CALLED = re.compile(rf"(?:我们?家?|俺|咱|本人)的?(?:{KIN}|老[公婆爸妈汉]|男人|爱人)(?:叫|是|名叫|姓)$")
_LABEL = re.compile(
    r"(?:被(?:举报|反映|投诉|控告|检举)[人方]|(?:举报|反映|投诉|控告|检举)对象)"
    r"(?:姓名|名称)?[:：][^；;\n:：]{0,30}[，, ]$"
)
_KIN_OF = re.compile(rf"家?的(?:[大小二三老亲]{{0,2}})(?:{KIN})")
_JOINED = re.compile(
    rf"(?:[（(][^（）()]{{0,24}}[）)])?"
    rf"(?:[、和与及跟][ ]?(?:以及)?(?:[他她其]的?(?:{KIN})|(?:[{HAN}]{{0,6}}?(?:{TITLES})))?|"
    "以及|还有|伙同|伙着|同(?!意))"
)
_COMMA = re.compile("[，, ]")
_FAMILY_OF = re.compile("兄弟|弟兄|姐妹|[两俩三四几]人|[两俩三四五六几]家|等|[俩仨]|[两三四五]兄弟|[两三四五]?个?弟兄")
_CALLS_IN = re.compile(
    r"(?:[（(][^（）()]{0,24}[）)])(?:同志)?(?:来电|来信|来访|上门|实名|电话|联名)?(?:反映|举报|投诉|控告|检举|来电|来信|来访)(?![人者])"
)
_REACH = re.compile(
    "[（(，,。:：/ \u3000]{0,3}(?:(?:我的|本人|联系|他的|她的)?"
    "(?:电话|手机号码|手机号|手机|号码|联系方式|联系电话|微信|身份证号?码?)(?:号码?)?[是为:：， ]{0,2})?▇{7,}"
)
_DETAILS = (
    rf"(?P<who>(?:[，,、 ](?:男|女|农民|牧民|村民|居民|个体户?|无业|[{HAN}]{{1,5}}族|"
    r"(?:现年|今年|年龄)?[0-9▇]{2}多?岁(?:左右|上下)?|(?:家?住|住址|系|现住|户籍|是)[^，。；,;\n]{2,16}|"
    "身份证号?码?[:：]?▇+|(?:电话|手机)[:：]?▇+)){1,5})"
)
_GOES_ON = re.compile(
    rf"{_DETAILS}?[，, ](?:{ACTS}|搞|做|办|种|打着|趁|以|于|未|无|从|自|仗|没有|为|伙同|也|就|又|长期|"
    "这?[两三四五六几]个?人|▇)(?!映)"
)
"""…的丁国华，在水田里打了地基 / 舒良才，农民，在未取得…"""
_FAMILY_NAMED = re.compile(rf"[{HAN}]家[，, ]?$|就是$")
_THEN_TELLS = re.compile(
    rf"{_DETAILS}?[，, ](?:我们[俩两]?个?人?|现)?(?:一起|共同|一同|联名)?(?:现|特|来|今|要)?(?:实名|联名)?"
    "(?:反映|举报|投诉|控告|检举)(?![人者])"
)
_IN_WHOSE_NAME = re.compile(
    r"等?[0-9一二三四五六七八九十几多▇]{0,5}[户人名位](?:村民|农户|群众)?[，,][^。！？!?\n]{4,70}?(?:特|现|故|谨)此?向[^，。；\n]{1,8}"
    "(?:反映|举报|投诉|控告|检举|求助)"
)
"""刘炳文等十七户，因…一事，特向贵局反映."""
_COUNTED = re.compile(r"(?:^|[，,、 ])(?:一|另一|还有一|第[一二三四五])[户个家位](?:就?是|叫)$")
_RATHER = re.compile(rf"不是[{HAN}]{{2,4}}[，,、 ]?(?:而|应该|应当)?是$")  # 不是张建军，是张建民
_MEMBER_HERE = re.compile(r"(?:我们?|本人)(?:是|系)|(?:村民|居民|群众|市民|牧民|农民|职工|代表)[^，。；]{0,12}$")
_FOR = re.compile(rf"(?:替|代|帮|为)(?:[我他她俺]们?家?的?)?(?:{KIN})?$")  # 替我爸郭满仓反映
_MEMBER = re.compile(r"(?:代表|村民|居民|群众|市民|农民|牧民|社员|职工|党员|知情人|联系人|本人|业主|住户|农户)$")
_ACCUSED_ROLE = re.compile(rf"(?:被[{HAN}]{{2,4}}人?|{TITLES})[:： ]?$")
_NO_PERSON = re.compile(r"[县市区镇乡村组旗场厂矿站店路桥山河湖塘库地田局所院校湾冲坪坝沟屯庄寨垸坳]$")


def tellers(text: str, names: Sequence[Mention]) -> list[Name]:
    """Reporters among the mentions: they tell, come, or stand with their telephone number."""
    found: list[Name] = []
    for index, name in enumerate(names):
        before = text[max(0, name.start - _LOOK) : name.start]
        sentence = _SENTENCE.split(before)[-1]
        if name.left == VERB and not before.endswith("据"):
            continue
        told = name.right == TELLS or bool(_CALLS_IN.match(text, name.end))
        told = told or bool(_THEN_TELLS.match(text, name.end) and _MEMBER_HERE.search(sentence))
        told = told or bool(_IN_WHOSE_NAME.match(text, name.end))
        reached = (
            name.right == END
            and bool(_REACH.match(text, name.end))
            and (name.left == MARK or bool(_MEMBER.search(before)))
            and (text[name.end : name.end + 1] != "。" or bool(_MEMBER.search(before.rstrip("：: "))))
            and not OTHERS.search(before if name.left == MARK else sentence)
        )
        if (
            not (told or reached)
            or _ACCUSES.search(sentence)
            or _accused_role(sentence)
            or _NO_PERSON.search(name.value)
        ):
            continue
        if reached and not told and name.left == MARK and re.search(_STRONG, sentence):
            continue
        if _FOR.search(sentence):
            continue
        joined = (*_chain(text, names, index, back=True), *_chain(text, names, index))
        found += [_name(one, "反映" if told else "旁") for one in joined]
    return found


def accused(text: str, names: Sequence[Mention], known: Sequence[Name], seeds: Sequence[Name]) -> list[Name]:
    """Persons accused among the mentions; `known` are the reporters, `seeds` those accused by a cue word."""
    reporters = {name.value for name in known}
    masked = [(name.start, name.end) for name in known]
    given = {place for name in seeds for place in range(name.start, name.end)}
    found: dict[int, Name] = {}
    for index, name in enumerate(names):
        if name.right in (TELLS, POLITE):
            continue
        seeded = name.start in given
        if not seeded and not _is_accused(text, name):
            continue
        joined = (*_chain(text, names, index, back=True), *_chain(text, names, index))
        if any(one.right == TELLS for one in joined):
            continue
        for one in joined:
            free = one.value not in reporters and not any(low < one.end and one.start < high for low, high in masked)
            if free and one.start not in given and one.right not in (TELLS, POLITE):
                found[one.start] = _name(one, "句")
    return [found[start] for start in sorted(found)]


def _name(mention: Mention, cue: str) -> Name:
    return Name(mention.value, mention.start, mention.end, "natural_person", cue)


def _accused_role(sentence: str) -> bool:
    """A title before the name, which is neither that of the people at large nor kin of the reporter's own."""
    member = _MEMBER.search(sentence.rstrip(":： ")) or _OWN_KIN.search(sentence)
    return bool(_ACCUSED_ROLE.search(sentence)) and member is None


def _is_accused(text: str, name: Mention) -> bool:
    if _NO_PERSON.search(name.value):
        return False
    before = text[max(0, name.start - _LOOK) : name.start]
    sentence = _SENTENCE.split(before)[-1]
    clause = _CLAUSE.split(before)[-1]
    if owner(text, name.start, name.end):
        return False
    if (
        _OWN.search(clause)
        or _OWN_KIN_CALLED.search(clause)
        or VICTIM.match(text, name.end)
        or _KIN_OF.match(text, name.end)
    ):
        return False
    counted = _COUNTED.search(before) and re.search(_STRONG, sentence)
    if name.right == END and (
        _LABEL.search(sentence) or counted or (_RATHER.search(before) and OTHERS.search(sentence))
    ):
        return True
    suffers = bool(_SUFFERS.match(text, name.end))
    report = _ACCUSES.search(sentence)
    if report:
        taken = _TAKEN.search(report["mid"])
        return not suffers and (not taken or (report["mid"].endswith("的") and name.right not in (OF, HOUSE)))
    goes_on = _GOES_ON.match(text, name.end) if name.right == END and name.left != LINK else None
    if suffers or (name.right not in (DEEDS, HOUSE, AND) and goes_on is None) or name.left == LINK:
        return False
    if (
        goes_on is not None
        and name.left == MARK
        and not (goes_on["who"] or _FAMILY_NAMED.search(before) or before[-1:] == "、")
    ):
        return False
    if _TAKEN.search(clause) and name.left != VERB and not clause.endswith("的"):
        return False
    if name.right == HOUSE and _TAKEN.search(clause) and _THEIRS.match(text, name.end):
        return False
    if _OWN_KIN.search(clause):
        return bool(DOES_AT_ONCE.match(text, name.end))
    if name.left == MARK and not (not before or _CLAUSE.match(before[-1]) or before[-1] in " \u3000▇）)、“"):
        return False
    return bool(_DEED_AHEAD.match(text, name.end))


def _chain(text: str, names: Sequence[Mention], index: int, *, back: bool = False) -> list[Mention]:
    """The names joined to the one at `index`: those after it, or (`back`) it and those before it."""
    chain = [names[index]] if back else []
    step = -1 if back else 1
    at = index
    while 0 <= at + step < len(names) and len(chain) < MAX_JOINED:
        first, second = sorted((names[at], names[at + step]), key=lambda one: one.start)
        between = text[first.end : second.start]
        listed = _JOINED.fullmatch(between)
        if not listed and not (_COMMA.fullmatch(between) and _several(text, names, max(at, at + step))):
            break
        at += step
        chain.append(names[at])
    return chain


def _several(text: str, names: Sequence[Mention], at: int) -> bool:
    """A，B两兄弟 and A，B，C三人: the comma stands for 、 where the names are counted after the last."""
    for here, name in enumerate(names[at : at + MAX_JOINED], at):
        if _FAMILY_OF.match(text, name.end):
            return True
        if here + 1 == len(names) or not _COMMA.fullmatch(text[name.end : names[here + 1].start]):
            return False
    return False
