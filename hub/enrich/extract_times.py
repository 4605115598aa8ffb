"""Dates and times as people write and say them. All patterns are bounded and linear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_CN = "零〇一二三四五六七八九十两"
_YEAR = r"(?:(?:19|20)[0-9]{2}|[零〇一二三四五六七八九]{4}|(?<![0-9])[0-9]{2})"
_MONTH = f"(?:1[0-2]|0?[1-9]|十[一二]?|[{_CN}])"
_DAY = f"(?:3[01]|[12][0-9]|0?[1-9]|[二三]?十[一二三四五六七八九]?|[{_CN}])"
_REL = (
    "(?:大前年|前年|去年|今年|当年|本月|这个月|上个月|上月|前个月|上上个月|上个?(?:星期|周|礼拜)|"
    "这个?(?:星期|周|礼拜)|大前天|前天|昨天|昨日|今天|昨晚|昨夜|今晚|今早|今日|前几天|前些天|"
    "最近|近期|年初|年底|年前)"
)
_PART = (
    "(?:春天|夏天|秋天|冬天|春季|夏季|秋季|冬季|开春|入冬|秋后|春节|国庆节?|五一|清明|中秋|元旦|"
    "年初|年底|上半年|下半年|春耕|秋收|月初|月底|中旬|上旬|下旬|晚上|夜里|凌晨|早上|上午|下午|"
    "半夜|傍晚)"
)
DATE = re.compile(
    f"(?P<full>(?P<y>{_YEAR})年(?P<m>{_MONTH})月(?:份)?(?:(?P<d>{_DAY})[日号])?)"
    r"|(?P<num>(?<![0-9.])(?P<ny>(?:19|20)[0-9]{2})[-./](?P<nm>1[0-2]|0?[1-9])[-./](?P<nd>3[01]|[12][0-9]|0?[1-9]))"
    f"|(?P<year>{_YEAR}年(?:{_PART}){{0,2}})"
    f"|(?P<md>{_REL}?(?P<rm>{_MONTH})月(?:份)?(?:(?P<rd>{_DAY})[日号])?(?:{_PART})?)"
    f"|(?P<rel>{_REL}(?:{_PART}){{0,2}})"
    f"|(?P<since>(?:[0-9]{{1,3}}|[{_CN}几半]{{1,3}})(?:个)?(?:多)?(?:年|月|天|星期|周)(?:多)?(?:以?前|以来))"
)
_CN_DIGIT = {c: v for v, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}


@dataclass(frozen=True, slots=True)
class When:
    """`value`: YYYY-MM-DD, YYYY-MM or YYYY where the text is absolute, else the words themselves."""

    value: str
    text: str
    start: int
    end: int
    absolute: bool


def _int(words: str) -> int:
    if words.isascii():
        return int(words)
    if "十" in words:
        tens, _, ones = words.partition("十")
        return (_CN_DIGIT[tens] if tens else 1) * 10 + (_CN_DIGIT[ones] if ones else 0)
    value = 0
    for char in words:
        value = value * 10 + _CN_DIGIT[char]
    return value


def _absolute(year: str, month: str | None, day: str | None) -> str | None:
    value = _int(year)
    if value < 100:
        value += 2000 if value < 70 else 1900
    try:
        made = date(value, _int(month) if month else 1, _int(day) if day else 1)
    except ValueError:
        return None
    text = made.isoformat()
    return text if day else text[:7] if month else text[:4]


def dates(text: str) -> list[When]:
    """All dates and times named, in order of place."""
    found: list[When] = []
    for match in DATE.finditer(text):
        words, absolute = match[0], None
        if match["full"]:
            absolute = _absolute(match["y"], match["m"], match["d"])
        elif match["num"]:
            absolute = _absolute(match["ny"], match["nm"], match["nd"])
        elif match["year"]:
            absolute = _absolute(words.partition("年")[0], None, None)
            if not words.partition("年")[0].isascii() and len(words.partition("年")[0]) < 4:
                continue
        elif match["md"] and match.start() and text[match.start() - 1] in "个零〇一二三四五六七八九十0123456789":
            continue  # 三个月, 13月
        found.append(When(absolute or words, words, match.start(), match.end(), absolute is not None))
    return found
