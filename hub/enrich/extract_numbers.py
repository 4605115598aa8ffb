"""Telephone numbers, identity numbers and areas in Chinese text, written or spoken.

Every pattern has bounded repeats; every routine is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

MU = 10_000 / 15  # square metres of one 亩
DIGITS = {c: str(v) for v, c in enumerate("0123456789")}
DIGITS |= dict(zip("零〇洞幺一拐勾二两三四五六七八九", "0001179223456789", strict=True))
_D = "[0-9零〇洞幺一拐勾二两三四五六七八九]"
_SEP = "[ \t\\-\u2010-\u2015\u00b7.、,，()（）/杠]"
RUN = re.compile(f"(?:[二两三四五六七八]个)?{_D}(?:{_SEP}{{0,2}}(?:[二两三四五六七八]个)?{_D}){{6,60}}")
_REPEAT = re.compile(f"([二两三四五六七八])个({_D})")
_CUE = re.compile(r"(?:电话|手机|座机|固话|联系方式|拨打|号码|回电|来电|致电|微信|[Tt][Ee][Ll])[^0-9，。；]{0,8}$")
_ID_CUE = re.compile(r"(?:身份证|证件|公民身份)[^0-9]{0,10}$")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_AREA_CODE = re.compile(r"0(?:10|2[0-9]|[3-9][0-9]{2})")


@dataclass(frozen=True, slots=True)
class Found:
    """A value at [start, end) of the text. `sure` is False where the check digit of an identity number fails."""

    value: str
    start: int
    end: int
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Area:
    """Square metres, rounded; `approx` where the text itself is vague (二十几亩, 大概三亩)."""

    m2: int
    text: str
    start: int
    end: int
    approx: bool


@dataclass(slots=True)
class _Digit:
    value: str
    start: int
    end: int
    gap: str  # what stands between the digit before and this one
    used: bool = False


def check_digit(number: str) -> str:
    """The eighteenth character of an identity number (GB 11643) for its first seventeen digits."""
    return "10X98765432"[sum(int(d) * w for d, w in zip(number, _WEIGHTS, strict=False)) % 11]


def _born(digits: str) -> bool:
    year = digits if len(digits) == 8 else "19" + digits
    try:
        return date(1880, 1, 1) <= date(int(year[:4]), int(year[4:6]), int(year[6:8])) < date(2100, 1, 1)
    except ValueError:
        return False


def _runs(text: str) -> Iterator[list[_Digit]]:
    for match in RUN.finditer(text):
        digits: list[_Digit] = []
        place = last = match.start()
        while place < match.end():
            repeat = _REPEAT.match(text, place, match.end())
            if repeat:
                value = DIGITS[repeat[2]]
                times = int(DIGITS[repeat[1]])
                gap = text[last:place]
                digits += [_Digit(value, place, repeat.end(), gap if not i else "") for i in range(times)]
                place = last = repeat.end()
            elif text[place] in DIGITS:
                digits.append(_Digit(DIGITS[text[place]], place, place + 1, text[last:place]))
                place = last = place + 1
            else:
                place += 1
        yield digits


def numbers(text: str) -> tuple[list[Found], list[Found]]:
    """Identity numbers and telephone numbers, in order of place. Identity numbers are taken out first."""
    ids: list[Found] = []
    phones: list[Found] = []
    for digits in _runs(text):
        ids += _ids(text, digits)
        phones += _phones(text, digits)
    return ids, phones


def _take(digits: list[_Digit], start: int, length: int) -> None:
    for digit in digits[start : start + length]:
        digit.used = True


def _ids(text: str, digits: list[_Digit]) -> Iterator[Found]:
    values = "".join(digit.value for digit in digits)
    i = 0
    while i + 15 <= len(values):
        long = _long_id(text, digits, values, i)
        if long is not None:
            found, used = long
            yield found
            _take(digits, i, used)
            i += used
            continue
        alone = (i == 0 or digits[i].gap) and (i + 15 == len(values) or digits[i + 15].gap)
        if alone and _tight(digits, i, 15) and values[i] in "12345678" and _born(values[i + 6 : i + 12]):
            following = text[digits[i + 14].end : digits[i + 14].end + 1]
            if following not in ("X", "x"):
                yield Found(values[i : i + 15], digits[i].start, digits[i + 14].end)
                _take(digits, i, 15)
                i += 15
                continue
        i += 1


def _tight(digits: list[_Digit], start: int, length: int) -> bool:
    return all(not digit.gap.strip(" -\t") for digit in digits[start + 1 : start + length])


def _long_id(text: str, digits: list[_Digit], values: str, i: int) -> tuple[Found, int] | None:
    if i + 17 > len(values) or values[i] not in "12345678" or not _born(values[i + 6 : i + 14]):
        return None
    if not _tight(digits, i, 17):
        return None
    after = digits[i + 16].end
    tail = re.compile(r"[ \-]?[Xx×]").match(text, after)
    expected = check_digit(values[i : i + 17])
    if tail:
        number, end, used = values[i : i + 17] + "X", tail.end(), 17
    elif i + 18 <= len(values) and not digits[i + 17].gap.strip(" -\t"):
        number, end, used = values[i : i + 18], digits[i + 17].end, 18
    else:
        return None
    if number[17] == expected:
        return Found(number, digits[i].start, end), used
    begins = i == 0 or bool(digits[i].gap)
    stands_alone = begins and (i + used == len(digits) or bool(digits[i + used].gap))
    if stands_alone or (begins and _ID_CUE.search(text, max(0, digits[i].start - 20), digits[i].start)):
        return Found(number, digits[i].start, end, sure=False), used
    return None


def _phones(text: str, digits: list[_Digit]) -> Iterator[Found]:
    i = 0
    while i < len(digits):
        if digits[i].used:
            i += 1
            continue
        found = _mobile(text, digits, i) or _landline(text, digits, i) or _other_line(text, digits, i)
        if found is None:
            i += 1
            continue
        value, length = found
        yield Found(value, digits[i].start, digits[i + length - 1].end)
        _take(digits, i, length)
        i += length


def _free(digits: list[_Digit], i: int, length: int) -> bool:
    return i + length <= len(digits) and not any(digit.used for digit in digits[i : i + length])


def _starts(text: str, digits: list[_Digit], i: int) -> bool:
    """A number may begin here: a gap, another number or a glued date stands before it."""
    if i == 0 or digits[i].gap or digits[i - 1].used:
        return True
    begin = i
    while begin and not digits[begin].gap and not digits[begin - 1].used:
        begin -= 1
    glued = "".join(digit.value for digit in digits[begin:i])
    if glued in ("86", "0086", "0"):
        return True
    if len(glued) == 8 and glued[:2] in ("19", "20") and _born(glued):
        return True
    before = text[max(0, digits[begin].start - 1) : digits[begin].start]
    return len(glued) <= 2 and (before == "月" or (begin >= 2 and before in ("-", ".", "/")))


def _ends(text: str, digits: list[_Digit], end: int) -> bool:
    """A number may end before digit `end`: a gap, another number or a glued date follows."""
    if end >= len(digits) or digits[end].gap or digits[end].used:
        return True
    stop = end + 1
    while stop < len(digits) and not digits[stop].gap and not digits[stop].used:
        stop += 1
    glued = "".join(digit.value for digit in digits[end:stop])
    after = text[digits[stop - 1].end : digits[stop - 1].end + 1]
    if len(glued) == 4 and glued[:2] in ("19", "20"):
        return after in ("年", "-", ".", "/")
    if len(glued) == 8 and _born(glued) and glued[:2] in ("19", "20"):
        return True
    if len(glued) <= 2 and after in ("月", "年"):
        return True
    return len(glued) >= 11 and glued[0] in "01"


def _mobile(text: str, digits: list[_Digit], i: int) -> tuple[str, int] | None:
    if not _free(digits, i, 11) or digits[i].value != "1" or digits[i + 1].value not in "3456789":
        return None
    if not _starts(text, digits, i) or not _joined(text, digits, i, 11):
        return None
    if not _ends(text, digits, i + 11):
        begins = i == 0 or digits[i].gap
        if not (begins and _CUE.search(text, max(0, digits[i].start - 16), digits[i].start)):
            return None
    return "".join(digit.value for digit in digits[i : i + 11]), 11


def _joined(text: str, digits: list[_Digit], i: int, length: int) -> bool:
    """Gaps inside one number: blanks and hyphens; commas only between spoken digits."""
    for digit in digits[i + 1 : i + length]:
        other = digit.gap.strip(" -\t()（）杠\u2010\u2011\u2012\u2013\u2014\u2015")
        if other and (text[digit.start].isascii() or digit.gap.strip(" ,，、")):
            return False
    return True


def _landline(text: str, digits: list[_Digit], i: int) -> tuple[str, int] | None:
    if digits[i].value != "0" or not _starts(text, digits, i):
        return None
    head = "".join(digit.value for digit in digits[i : i + 4])
    match = _AREA_CODE.match(head)
    if not match:
        return None
    code = match[0]
    lengths = (8,) if len(code) == 3 else (7, 8)
    for length in lengths:
        total = len(code) + length
        if not _free(digits, i, total) or digits[i + len(code)].value in "01":
            continue
        if _joined(text, digits, i, total) and _ends(text, digits, i + total):
            return f"{code}-" + "".join(digit.value for digit in digits[i + len(code) : i + total]), total
    return None


def _other_line(text: str, digits: list[_Digit], i: int) -> tuple[str, int] | None:
    """400 and 800 numbers; local numbers of 7 or 8 digits, only after a cue word."""
    if i and not digits[i].gap and not digits[i - 1].used:
        return None
    head = "".join(digit.value for digit in digits[i : i + 3])
    if head in ("400", "800") and _free(digits, i, 10) and _ends(text, digits, i + 10) and _joined(text, digits, i, 10):
        return "".join(digit.value for digit in digits[i : i + 10]), 10
    if not _CUE.search(text, max(0, digits[i].start - 16), digits[i].start):
        return None
    for length in (8, 7):
        if _free(digits, i, length) and (i + length == len(digits) or digits[i + length].gap):
            value = "".join(digit.value for digit in digits[i : i + length])
            if value[0] not in "01" and _joined(text, digits, i, length) and not _born(value):
                return value, length
    return None


_CN = "零〇一二两俩仨三四五六七八九十百千万廿卅半几数点壹贰叁肆伍陆柒捌玖拾佰仟"
_CN_VALUE = {c: v for v, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2, "仨": 3}
_CN_VALUE |= {c: v for v, c in enumerate("壹贰叁肆伍陆柒捌玖", 1)}
_CN_UNIT = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_NUMBER = rf"(?:[0-9]{{1,12}}(?:,[0-9]{{3}}){{0,3}}(?:\.[0-9]{{1,6}})?[几十百千万亿]{{0,2}}|[{_CN}]{{1,16}})"
AREA = re.compile(
    rf"(?:(?P<low>{_NUMBER})(?:-|~|～|—|到|至|、)){{0,1}}(?P<num>{_NUMBER})(?P<vague>[多余来把]{{0,2}})个? ?"
    r"(?P<unit>平方公里|平方千米|平方米|平方|平米|㎡|[mM]²|[mM]2(?![0-9])|km²|k㎡|公顷|hm²|亩|顷|"
    r"垧|晌|分(?=地|田|多地|菜地|耕地|水田|宅基地|自留地|林地)|平(?![均时安静整原常等台民]))"
    r"(?P<tail>半|(?:零|又)?[0-9一二两三四五六七八九]{1,2}分(?:[0-9一二三四五六七八九]厘)?|"
    r"零?[0-9一二三四五六七八九]厘|"
    r"[一二三四五六七八九](?=[，。、；,.;\s左的]|$))?"
)
FRACTION = re.compile(r"([二三四五六七八九十])分之([一二两三四五六七八九])(亩)")
SIDES = re.compile(
    rf"长(?:度)?(?:约|大概|大约|有)?({_NUMBER})多?米(?:左右)?[，,、 ]?(?:，)?宽(?:度)?(?:约|大概|"
    rf"大约|有)?({_NUMBER})多?米"
)
_UNITS = {"平方公里": 1e6, "平方千米": 1e6, "km²": 1e6, "k㎡": 1e6, "公顷": 1e4, "hm²": 1e4, "亩": MU, "顷": 100 * MU}
_UNITS |= {"垧": 15 * MU, "晌": 15 * MU, "分": MU / 10}
_ABOUT = re.compile(r"(?:大概|大约|约|将近|接近|近|差不多|估计|上|至少|超过|不到|可能)[有是占了在]{0,2}$")
_AFTER = re.compile(r"(?:多|来|左右|上下|以上|不到|吧)")
_PRICE = re.compile(
    r"地?(?:的)?(?:补偿|补|给|赔|才|卖|收|租金|只|是|大概|约|要|交)?(?:了)?"
    rf"(?:[0-9.]{{1,9}}|[{_CN}]{{1,8}})[多来]?(?:万|千|百|元|块|钱)"
)


def chinese_number(words: str) -> tuple[float, bool] | None:
    """(value, vague) of a Chinese numeral; vague amounts give their named base (二十几 = 20, 两三百 = 200)."""
    vague = any(c in "几数" for c in words)
    if words == "半":
        return 0.5, False
    if "点" in words:
        whole, _, rest = words.partition("点")
        left = chinese_number(whole) if whole else (0.0, False)
        if left is None or not rest or any(c not in _CN_VALUE for c in rest):
            return None
        return left[0] + float("0." + "".join(str(_CN_VALUE[c]) for c in rest)), left[1]
    half = words.endswith("半")
    words = words.removesuffix("半").replace("廿", "二十").replace("卅", "三十")
    total = section = 0.0
    digit: float | None = None
    last_unit = 0
    for index, char in enumerate(words):
        if char in "几数":
            following = words[index + 1 : index + 2]
            digit = 1.0 if following in _CN_UNIT or following == "万" else None
        elif char in _CN_VALUE:
            if digit is not None and _CN_VALUE[char] and index and words[index - 1] in _CN_VALUE and digit:
                vague = True  # 两三百: the lower one is the named base
                continue
            digit = float(_CN_VALUE[char])
            last_unit = 0 if char in "零〇" else last_unit
        elif char in _CN_UNIT:
            unit = _CN_UNIT[char]
            if digit is None and last_unit == 100 and unit == 10:
                vague = True  # 百十来亩 speaks of a hundred
            else:
                section += (1.0 if digit is None else digit) * unit
            digit, last_unit = None, unit
        elif char == "万":
            section += digit or 0.0
            total += (section or 1.0) * 10_000
            section, digit, last_unit = 0.0, None, 10_000
        else:
            return None
    if digit is not None:
        section += digit * (last_unit / 10 if last_unit >= 100 else 1)
    value = total + section + (0.5 if half else 0.0)
    return (value, vague) if value > 0 else None


def _number(words: str) -> tuple[float, bool] | None:
    if not words[0].isdigit() or not words[0].isascii():
        return chinese_number(words)
    bare = words.rstrip("几十百千万亿")
    value = float(bare.replace(",", ""))
    vague = False
    for char in words[len(bare) :]:
        vague = vague or char == "几"
        value *= {"十": 10, "百": 100, "千": 1000, "万": 1e4, "亿": 1e8}.get(char, 1)
    return value, vague


def _tail(words: str | None, unit: str) -> float:
    """What follows the unit: 三亩半, 八亩三分, 三亩五 (in that unit)."""
    if not words or unit not in ("亩", "公顷", "垧"):
        return 0.0
    if words == "半":
        return 0.5
    value = 0.0
    fen = re.compile(r"([0-9]{1,2}|[一二两三四五六七八九])分").search(words)
    li = re.compile(r"([0-9]|[一二三四五六七八九])厘").search(words)
    if fen:
        value += (_number(fen[1]) or (0.0, False))[0] / 10
    if li:
        value += (_number(li[1]) or (0.0, False))[0] / 100
    if not fen and not li and words in _CN_VALUE:
        value += _CN_VALUE[words] / 10
    return value


def areas(text: str) -> list[Area]:
    """All areas, in order of place. A price per 亩 is no area."""
    found: list[Area] = []
    for match in FRACTION.finditer(text):
        value = _CN_VALUE[match[2]] / (_CN_VALUE.get(match[1]) or 10)
        found.append(Area(round(value * MU), match[0], match.start(), match.end(), approx=False))
    for match in SIDES.finditer(text):
        sides = [_number(match[1]), _number(match[2])]
        if sides[0] and sides[1]:
            found.append(Area(round(sides[0][0] * sides[1][0]), match[0], match.start(), match.end(), approx=True))
    covered = [(area.start, area.end) for area in found]
    for match in AREA.finditer(text):
        if any(low < match.end() and match.start() < high for low, high in covered[:50]):
            continue
        area = _area(text, match)
        if area is not None:
            found.append(area)
    return sorted(found, key=lambda area: area.start)


def _area(text: str, match: re.Match[str]) -> Area | None:
    start, unit = match.start(), match["unit"]
    if match["low"] is None and start and text[start - 1] in "0123456789.":
        return None
    first = _number(match["low"] or match["num"])
    second = _number(match["num"])
    if first is None or second is None:
        return None
    value, vague = first
    if match["low"] and value > second[0]:  # "3、5亩" of an enumeration, not a range
        value, vague = second
        start = match.start("num")
    if match["low"] and match["num"][-1:] == "万" and match["low"][-1:] != "万":
        value *= 1e4
    if unit == "分" and match["num"] == "十":
        return None
    if unit == "平" and second[0] < 10:
        return None
    tail = _tail(match["tail"], unit)
    end = match.end() if tail else match.start("unit") + len(unit)
    if (
        unit == "亩"
        and value == 1
        and not tail
        and (_PRICE.match(text, end) or text[max(0, start - 1) : start] == "钱")
    ):
        return None
    about = _ABOUT.search(text, max(0, start - 8), start) or _AFTER.match(text, end)
    approx = vague or bool(match["vague"]) or bool(match["low"]) or bool(about)
    m2 = round((value + tail) * _UNITS.get(unit, 1.0))
    if not 0 < m2 < 10**13:
        return None
    return Area(m2, text[start:end], start, end, approx)
