"""Telephone numbers and identity numbers in Chinese text, written or spoken.

Every pattern has bounded repeats; every routine is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

DIGITS = {c: str(v) for v, c in enumerate("0123456789")}
DIGITS |= dict(zip("零〇洞幺一拐勾二两三四五六七八九壹贰叁肆伍陆柒捌玖", "0001179223456789123456789", strict=True))
DIGITS |= dict.fromkeys("么腰妖夭", "1")  # how 幺 is written by ear
_D = "[0-9零〇洞幺么腰妖夭一拐勾二两三四五六七八九壹贰叁肆伍陆柒捌玖]"
_PAUSE = "…嗯啊呃"  # between the digits of a spoken number
_OPERATOR = (
    "(?:操作员|话务员|接线员|坐席|客服)[:：] ?(?:嗯|好的?|对的?|是的?|哦|您说|请讲|请说|继续|记下了|然后呢|还有呢)"
)
_CALLER = "(?:来电人|来电者|举报人|市民|群众)[:：] ?(?:嗯|呃|哦)?[，, ]?"
_FILLER = re.compile(  # said between groups of digits; an operator's word of patience is among it
    "然后是?|后[面头](?:的)?(?:[四五六七八][个位](?:数字?|号码?)?)?是?|中间是?|接着是?|再就是|再是|再[拨打加]|横杠|空格"
    rf"|[，,。 \n]{{0,2}}{_OPERATOR}[，,。！ \n]{{0,2}}{_CALLER}"
)
_SEP = f"(?:[ \t\n\\-\u2010-\u2015\u00b7.、,，。()（）/杠{_PAUSE}]|{_FILLER.pattern})"
RUN = re.compile(f"(?:[二两三四五六七八]个)?{_D}(?:{_SEP}{{0,3}}(?:[二两三四五六七八]个)?{_D}){{6,60}}")
_REPEAT = re.compile(f"([二两三四五六七八])个({_D})")
_LINE = "(?:电话|手机|座机|固话|联系方式|拨打|号码|回电|来电|致电|微信|[Tt][Ee][Ll])"
_CUE = re.compile(f"{_LINE}[^0-9，。；]{{0,8}}$")
_CUED = re.compile(f"{_LINE}[^0-9。；]{{0,8}}$")  # a comma may follow
_NO_PHONE = re.compile(
    r"(?:卡号|账号|帐号|账户|单号|订单|编号|发票|图号|文号|字号|证号|坐标|车牌|税号|代码|条码|批号|银行卡|[Qq][Qq])"
    r"[^0-9，。；,;\n]{0,10}$"
)
_TENTH = re.compile(
    r"[ \-\n]?[Xx×叉]|[，,、 ]?(?:大写|字母|英文)?的?(?:[Xx]|叉|[埃艾爱]克斯)"
)  # the check sign X, also spoken
_ID_CUE = re.compile(r"(?:身份证|证件|公民身份)[^0-9]{0,10}$")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_EXTENSION = f"(?:[，,、 ]{{0,2}}(?:转|分机|内线)(?:分机)?号?[:： ]?{_D}{{1,5}})?"
_ADDED = "(?:号码)?[前头]面?[要得]?(?:还要?)?[加拨打]上?|先[拨打]|要?加上?"
_CODE_AFTER = re.compile(
    f"{_EXTENSION}(?:[，,、 （(]{{1,2}}[^0-9，。；,\n零〇洞]{{1,8}})?"  # 巴彦淖尔的
    f"[，,。、； （(]{{0,2}}(?:[^0-9，。；,\n]{{0,6}}区号|{_ADDED})"
    f"(?:区号)?(?:是|为|就是|应该是)?[:：，, ]{{0,2}}({_D}{{3,4}})(?!{_SEP}{{0,1}}{_D}{{3}})"
    f"|{_EXTENSION}[，,、 （(]{{1,2}}({_D}{{3,4}})(?:的?区号|[）)])"
)
_CODE_BEFORE = re.compile(
    f"(?:区号(?:是|为)?[:： ]?({_D}{{3,4}})|({_D}{{3,4}})的?(?:区号|是区号))[，,。 ]{{0,2}}"
    "(?:然后|后面|座机|固话|本地)?(?:的)?(?:电话|号码|座机)?(?:号码?)?(?:是|为)?[:： ]?$"
)
_WRONG = "(?:不对|不是(?!我)的?|错了|(?:我?[说讲记报念搞弄打写]错)了?|更正|纠正|重说|重新说|应该是)"
_CORRECTED = re.compile(
    f"[，,。、；… \n]{{0,3}}(?:[哦啊呃嗯哎]|等等|等下|等一下|不好意思|对不起)?[，, ]?{_WRONG}[^0-9\n]{{0,12}}"
)
_LAST_FOUR = re.compile(
    f"[，,。、 ]{{0,2}}{_WRONG}[^0-9\n]{{0,4}}?(?:最后|后|末|尾)面?的?[四4]?[位个]?(?:数字?|号码?|号)?"
    f"(?:应该)?是?[:： ]?({_D}{{4}})(?!{_SEP}{{0,1}}{_D})"
)
_LAST_SAID = re.compile(  # …三三零幺，不对，是三三零七
    f"[，,。、 ]{{0,2}}(?:不对|错了|说错了|不是)[，, ]{{0,2}}(?:应该)?是?[:： ]?({_D}{{3,4}})"
    f"(?!{_SEP}{{0,1}}{_D})(?! ?[年月日号亩分米平个方吨块万千百点])"
)
_AREA_CODE = re.compile(r"0(?:10|2[0-9]|[3-9][0-9]{2})")


@dataclass(frozen=True, slots=True)
class Found:
    """A value at [start, end) of the text. `sure` is False where the check digit of an identity number fails.

    `withdrawn`: the speaker took it back ("不对，是 …"): hidden like any other, but nobody's number.
    """

    value: str
    start: int
    end: int
    sure: bool = True
    withdrawn: bool = False


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
            elif filler := _FILLER.match(text, place, match.end()):
                place = filler.end()  # 后面八个数是 holds a digit that is none of the number
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
    return _corrected(text, ids), _corrected(text, phones)


def _corrected(text: str, found: list[Found]) -> list[Found]:
    """139…，不对，是 138…: the first is withdrawn. …，不对，后四位是 2319: its end is changed."""
    out = list(found)
    for index, row in enumerate(found):
        following = found[index + 1] if index + 1 < len(found) else None
        if following and following.start - row.end <= 24 and _CORRECTED.fullmatch(text, row.end, following.start):
            out[index] = replace(row, withdrawn=True)
        elif (tail := _LAST_FOUR.match(text, row.end, row.end + 40) or _LAST_SAID.match(text, row.end)) and len(
            row.value
        ) == 11:
            said = "".join(DIGITS[c] for c in tail[1])
            out[index] = replace(row, value=row.value[: -len(said)] + said, end=tail.end())
    return out


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
        lines = alone and "\n" in digits[i + 11].gap  # a telephone, and on the next line the year of the letter
        if alone and not lines and _tight(digits, i, 15) and values[i] in "12345678" and _born(values[i + 6 : i + 12]):
            following = text[digits[i + 14].end : digits[i + 14].end + 1]
            if following not in ("X", "x"):
                yield Found(values[i : i + 15], digits[i].start, digits[i + 14].end)
                _take(digits, i, 15)
                i += 15
                continue
        i += 1


def _tight(digits: list[_Digit], start: int, length: int) -> bool:
    """Blanks and hyphens stand between the digits of one number, and at most one end of a line."""
    inside = digits[start + 1 : start + length]
    return all(not digit.gap.strip(" -\t\n") for digit in inside) and sum("\n" in d.gap for d in inside) < 2


def _long_id(text: str, digits: list[_Digit], values: str, i: int) -> tuple[Found, int] | None:
    if i + 17 > len(values) or values[i] not in "12345678" or not _born(values[i + 6 : i + 14]):
        return None
    if not _tight(digits, i, 17):
        return None
    after = digits[i + 16].end
    tail = _TENTH.match(text, after)
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
    last = ""
    if _NO_PHONE.search(text, max(0, digits[0].start - 16), digits[0].start):
        # An account or order number: nothing of it is a telephone before the next mark.
        i = next((n for n, digit in enumerate(digits) if n and digit.gap.strip(" -\t")), len(digits))
    while i < len(digits):
        if digits[i].used:
            i += 1
            continue
        found = _mobile(text, digits, i) or _landline(text, digits, i) or _other_line(text, digits, i, last)
        if found is None:
            i += 1
            continue
        value, length = found
        last, end = value, digits[i + length - 1].end
        if len(value) in (7, 8):
            behind = _CODE_AFTER.match(text, end, end + 40)
            before = _CODE_BEFORE.search(text, max(0, digits[i].start - 26), digits[i].start)
            if code := _area_code(behind):
                value, end = f"{code}-{value}", behind.end() if behind else end  # 五二一二三四五，区号零四七八
            elif code := _area_code(before):
                value = f"{code}-{value}"  # 区号零四七八，号码五二一二三四五
        yield Found(value, digits[i].start, end)
        _take(digits, i, length)
        i += length


def _area_code(match: re.Match[str] | None) -> str:
    """The code that `_CODE_AFTER` or `_CODE_BEFORE` caught, "" if it is none."""
    code = "".join(DIGITS[char] for char in match[1] or match[2]) if match else ""
    return code if _AREA_CODE.fullmatch(code) else ""


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
    """Gaps inside one number: blanks and hyphens; commas only between spoken digits, points only in 139.0478.6621."""
    breaks = [n for n in range(1, length) if "\n" in digits[i + n].gap]
    if len(breaks) > 1 or any(digits[i + n].gap.strip(" ") != "\n" for n in breaks):
        return False  # a line may end inside a number once
    if length == 11 and {n for n in range(1, 11) if digits[i + n].gap.strip(" ")} == {3, 7}:
        return True
    for digit in digits[i + 1 : i + length]:
        other = digit.gap.strip(" -\t\n()（）杠\u2010\u2011\u2012\u2013\u2014\u2015")
        if other and (text[digit.start].isascii() or _FILLER.sub("", digit.gap).strip(f" ,，、。{_PAUSE}")):
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
        joined = _joined(text, digits, i, total) or _grouped(text, digits, i, len(code), total)
        if joined and _ends(text, digits, i + total):
            return f"{code}-" + "".join(digit.value for digit in digits[i + len(code) : i + total]), total
    return None


def _grouped(text: str, digits: list[_Digit], i: int, code: int, total: int) -> bool:
    """电话，0737，8812，356: dictated as area code and halves, written down with commas, after a word for telephone."""
    gaps = {n: digits[i + n].gap.strip(" ") for n in range(1, total) if digits[i + n].gap.strip(" ")}
    said = code in gaps and gaps.keys() <= {code, code + 3, code + 4} and all(gap in "，,、" for gap in gaps.values())
    return said and bool(_CUED.search(text, max(0, digits[i].start - 16), digits[i].start))


def _other_line(text: str, digits: list[_Digit], i: int, last: str) -> tuple[str, int] | None:
    """400 and 800 numbers; local numbers of 7 or 8 digits, only after a cue word or a landline of that length."""
    if i and not digits[i].gap and not digits[i - 1].used:
        return None
    head = "".join(digit.value for digit in digits[i : i + 3])
    if head in ("400", "800") and _free(digits, i, 10) and _ends(text, digits, i + 10) and _joined(text, digits, i, 10):
        return "".join(digit.value for digit in digits[i : i + 10]), 10
    beside = len(last.partition("-")[2]) if i and digits[i - 1].used else 0
    cued = bool(beside) or bool(_CUE.search(text, max(0, digits[i].start - 16), digits[i].start))
    for length in (beside,) if beside else (8, 7):
        if not cued and not (
            _free(digits, i, length) and _area_code(_CODE_AFTER.match(text, digits[i + length - 1].end))
        ):
            continue
        if _free(digits, i, length) and (i + length == len(digits) or digits[i + length].gap):
            value = "".join(digit.value for digit in digits[i : i + length])
            if value[0] not in "01" and _joined(text, digits, i, length) and not _born(value):
                return value, length
    return None
