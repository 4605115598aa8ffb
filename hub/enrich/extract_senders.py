"""Who signs a report: "红旗村村民 罗廷贵 电话 …", "…请查处。罗廷贵 139…", the name after "此致敬礼" (B1).

A signature is a sentence of its own without a deed: at most where somebody is from and what they are, a name, and how
to reach them. Numbers and dates are masked (▇) already. The name in a signature is the reporter's, and stays sealed:
read as the accused it would stand open in every list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.enrich.extract_cues import HAN, HONORIFIC, OTHERS
from hub.enrich.extract_names import Name, is_han, not_a_place, person_at, word_lists

MAX_SIGNERS = 8
_AND = re.compile(r"(?:、|和|与|及|[ \u3000])(?=[\u4e00-\u9fff])")
_BEGIN = re.compile(
    r"(?:^|[。！？!?；;\n]|此致[ \u3000\n，,]{0,4}敬礼[！!。]?|谢谢[您你]?们?[！!。]?|属实[，,：:]?(?=[ \u3000]))"
    r"[\s\u3000”\"）)]*"
)
_WHO = (
    r"(?:一[名个位]|[这该本])?(?:普通|老|热心|受害|失地|知情|退休|留守|当地|本地)?(?:的)?"
    r"(?:村民|居民|群众|市民|农民|牧民|社员|业主|住户|农户|职工|工人|党员|教师|村民代表|知情人|知情者|老百姓|百姓|农户代表|"
    r"养殖户|种植户)(?:代表)?"
)
_FROM = re.compile(
    "(?:村|组|社|屯|队|庄|寨|街道|社区|小区|镇|乡|嘎查|号|室|街|路|县|区|市)(?:的)?(?:人(?=[ \u3000:：]))?"
)
_PLACE = re.compile(rf"[{HAN}0-9▇（）()、]{{0,28}}")
_ROLE = re.compile(rf"[ \u3000\n]{{0,2}}(?P<who>{_WHO})?[:：、，, \u3000\n]{{0,3}}(?=[{HAN}])")
_REACH = (
    r"(?:本人|我的|我)?(?:联系)?(?:电话|手机号码|手机号|手机|方式|号码|微信号|微信|邮箱|身份证号码?|身份证|[Tt][Ee][Ll])?"
    r"(?:号码?)?[:： ]{0,3}▇{7,}"  # an area is shorter
)
_MARKED = "[（(](?:本人)?(?:手印|指印|捺印|签名|签字|签章|盖章|章)[）)]"
_TAIL = re.compile(
    rf"(?P<title>[ \u3000]?(?:先生|女士|同志|大爷|师傅|老师|敬上|谨上|上|敬呈|等人?|签名|签字|{_MARKED}))?"
    rf"(?P<reach>(?:[\s\u3000,，、;；:：（(/]*{_REACH}[）)]?|[ \u3000,，][{HAN}0-9]{{2,20}}[村组社屯队庄寨号])*)"
    rf"[\s\u3000。.，,！!）)]*(?P<end>$)?"
)
_TELLS = re.compile(
    rf"(?=[{HAN}]{{2,4}}[向给](?:贵[局单]|你们?|您们?|各?位?领导|上级|有关部门|自然资源|国土|政府|12336|热线|县|市|省)"
    rf"[^，。；！？\n]{{0,12}}(?:反映|举报|投诉|控告|检举|报告))"
)
_DEED = re.compile(
    r"举报|反映|投诉|控告|检举|查处|调查|处理|处罚|违法|违规|[占挖采建卖租给是被把将由让叫和与对向系有为]"
)
_LISTED = re.compile(r"如下|名单|包括|分别|主体|当事人|[占盖建挖采]\w{0,6}的?人|负责人|嫌疑|被举报|被反映")


def senders(text: str) -> Iterator[Name]:
    """The names of those who sign, each with its place in `text`. Every look is bounded."""
    for begin in _BEGIN.finditer(text):
        if _TELLS.match(text, begin.end()):  # 罗廷贵向贵局反映
            yield from _names_at(text, begin.end())
            continue
        for place, who in _beginnings(text, begin.end()):
            signed = _names_at(text, place)
            lead = text[begin.end() : place]
            if signed and not _DEED.search(lead) and _signs(text, begin.start(), signed[-1].end, lead=lead, who=who):
                yield from signed
                break


def _beginnings(text: str, start: int) -> Iterator[tuple[int, bool]]:
    """Where a name may begin in the sentence: after each end of a place and what somebody is (True), the last first."""
    stretch = _PLACE.match(text, start)
    ends = [found.end() for found in _FROM.finditer(text, start, stretch.end() if stretch else start)]
    for place in (*reversed(ends), start):
        role = _ROLE.match(text, place)
        if role:
            yield role.end(), role["who"] is not None


def _names_at(text: str, place: int) -> list[Name]:
    """The names one after another from `place`: "周国强、李明"; of "张先生" the surname."""
    found: list[Name] = []
    while len(found) < MAX_SIGNERS:
        polite = HONORIFIC.match(text, place + 1)
        if polite and text[place] in word_lists().surnames:
            return [*found, Name(text[place], place, place + 1, "natural_person", "署名")]
        person = person_at(text, place)
        if person is None or len(person[0]) < 2 or person[0] in word_lists().never or not not_a_place(text, *person):
            break
        found.append(Name(person[0], place, person[1], "natural_person", "署名"))
        link = _AND.match(text, person[1])
        if link is None:
            break
        place = link.end()
    return found


def _signs(text: str, before: int, end: int, *, lead: str, who: bool) -> bool:
    """True where the name that ends at `end` closes its sentence: contacts, a date or nothing follow."""
    tail = _TAIL.match(text, end)
    following = text[end : end + 1]
    if tail is None or (following and tail.end() == end):
        return False
    if following and is_han(following) and not (tail["title"] or tail["reach"]):
        return False
    earlier = text[max(0, before - 40) : before]
    if _LISTED.search(earlier) or (not who and OTHERS.search(earlier)):
        return False
    if tail["reach"]:
        return bool(lead) or tail.end() >= len(text) - 60
    return tail["end"] is not None and before > 0  # nothing to reach them by: the very end, after what was said
