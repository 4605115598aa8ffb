"""Areas in Chinese text, written or spoken: 八亩三分, 2000多平, 0.5公顷, 长80米宽35米.

Every pattern has bounded repeats; every routine is linear in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MU = 10_000 / 15  # square metres of one 亩


@dataclass(frozen=True, slots=True)
class Area:
    """Square metres, rounded; `approx` where the text itself is vague (二十几亩, 大概三亩)."""

    m2: int
    text: str
    start: int
    end: int
    approx: bool


_CN = "零〇一二两俩仨三四五六七八九十百千万廿卅半几数点壹贰叁肆伍陆柒捌玖拾佰仟"
_CN_VALUE = {c: v for v, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2, "仨": 3}
_CN_VALUE |= {c: v for v, c in enumerate("壹贰叁肆伍陆柒捌玖", 1)}
_CN_UNIT = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_NUMBER = rf"(?:[0-9]{{1,12}}(?:,[0-9]{{3}}){{0,3}}(?:\.[0-9]{{1,6}})?[几十百千万亿]{{0,2}}|[{_CN}]{{1,16}})"
_PLOT = r"(?:多|来|把)?(?:一点|点|些)?儿?的?(?:[耕水旱菜林荒好薄坡园责承口自宅]\w{0,3})?(?:地|田|园子|塘)"
AREA = re.compile(
    rf"(?:(?P<low>{_NUMBER})(?:-|~|～|—|到|至|、)){{0,1}}(?P<num>{_NUMBER})(?P<vague>[多余来把]{{0,2}})个? ?"
    r"(?P<unit>平方公里|平方千米|平方米|平方|平米|㎡|[mM]²|[mM]2(?![0-9])|km²|k㎡|km2|公顷|[hH][mM](?:²|2(?![0-9]))|"
    rf"公亩|亩|顷|垧|晌|分(?={_PLOT})|厘(?={_PLOT})|平(?![均时安静整原常等台民]))"
    r"(?P<tail>半|(?:零|又)?[0-9一二两三四五六七八九壹贰叁肆伍陆柒捌玖]{1,2}分(?:[0-9一二三四五六七八九壹贰叁肆伍陆柒捌玖]厘|半)?|"
    r"零?[0-9一二三四五六七八九]厘|"
    r"[一二三四五六七八九](?=[，。、；,.;\s左的]|$))?"
)
FEN = re.compile(
    r"(?P<num>(?:[0-9](?:\.[0-9]{1,2})?|[一二两三四五六七八九]{1,2}))(?P<vague>[多来]?)分"
    r"(?P<li>[0-9一二三四五六七八九]厘|半)?(?:多|左右)?(?=[，。；、,;！!?？\s的]|$)"
)
_LAND = re.compile("(?:[^当内本各]|^)地(?![方点区址])|田|菜园|园子|院子|宅基|塘|晒坪")
_INTEREST = re.compile("[利息贷]")
_SCORE = re.compile("[点时扣考得评打第加.]$")
FRACTION = re.compile(r"([二三四五六七八九十])分之([一二两三四五六七八九])(亩)")
_METRES = rf"(?:约|大概|大约|差不多|有|是|为|各|将近){{0,2}}({_NUMBER})[多来]?(?:米|[mM](?![²2]))(?:左右|多)?"
_MARK = r"[ ，,、和及;；/]{0,2}"
SIDES = (
    re.compile(
        rf"(?:长|东西长?|南北长?|从?东到西|从?南到北)度?{_METRES}长?{_MARK}(?:宽|南北[宽长]?|东西[宽长]?|从?南到北|从?东到西)度?{_METRES}"
    ),
    re.compile(rf"宽度?{_METRES}{_MARK}长度?{_METRES}"),
    re.compile(rf"长度?({_NUMBER}){_MARK}宽度?{_METRES}"),
    re.compile(rf"{_METRES}长{_MARK}(?:宽度?{_METRES}|{_METRES}宽)"),
    re.compile(rf"{_METRES}宽{_MARK}{_METRES}长"),
    re.compile(
        rf"(?:长|宽)?({_NUMBER})[多来]?(?:米|[mM](?![²2]))? ?(?:×|x|X|\*|✕|╳|乘以?) ?"
        rf"(?:长|宽)?({_NUMBER})[多来]?(?:米|[mM](?![²2]))"
    ),
)
SQUARE = re.compile(rf"({_NUMBER})[多来]?米见方")
LOOSE = re.compile(
    r"(?:个把|亩把|(?<![0-9一二三四五六七八九十两百千万几数])亩半)亩?(?=地|田|的|多|左右|吧|[，。,；;\s]|$)"
)
_UNITS = {
    "平方公里": 1e6,
    "平方千米": 1e6,
    "km²": 1e6,
    "k㎡": 1e6,
    "公顷": 1e4,
    "公亩": 100.0,
    "亩": MU,
    "顷": 100 * MU,
}
_UNITS |= {"垧": 15 * MU, "晌": 15 * MU, "分": MU / 10, "厘": MU / 100, "km2": 1e6}
_ABOUT = re.compile(r"(?:大概|大约|约|将近|接近|近|差不多|估计|上|至少|超过|不到|可能)[有是占了在]{0,2}$")
_AFTER = re.compile(r"(?:多|来|左右|上下|以上|不到|吧)")
_PRICE = re.compile(
    r"[地田]?(?:的)?(?:补偿|补|给|赔|才|卖|收|租金|只|是|大概|约|要|交)?(?:了)?"
    rf"(?:[0-9.]{{1,9}}|[{_CN}]{{1,8}})[多来]?(?:万|千|百|元|块|钱)"
)


def chinese_number(words: str) -> tuple[float, bool] | None:
    """(value, vague) of a Chinese numeral; vague amounts give their named base (二十几 = 20, 两三百 = 200)."""
    vague = any(c in "几数" for c in words)
    span = re.match(r"(.{1,2}几)[二三四五六七八九]?[十百千]", words)
    if span and len(words) > len(span[1]) + 1:
        words = span[1]  # 十几二十: the lower one is the named base
    if words == "半":
        return 0.5, False
    if "点" in words:
        whole, _, rest = words.partition("点")
        if rest[1:] and rest[-1] in "百千万":  # 一点二万
            part = chinese_number(words[:-1])
            return part and (part[0] * (_CN_UNIT.get(rest[-1]) or 10_000), part[1])
        left = chinese_number(whole) if whole.strip("零〇") else (0.0, False)
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
    fen = re.compile(r"([0-9]{1,2}|[一二两三四五六七八九壹贰叁肆伍陆柒捌玖])分").search(words)
    li = re.compile(r"([0-9]|[一二三四五六七八九壹贰叁肆伍陆柒捌玖])厘").search(words)
    if fen:
        value += (_number(fen[1]) or (0.0, False))[0] / 10
    if li:
        value += (_number(li[1]) or (0.0, False))[0] / 100
    if not fen and not li and words in _CN_VALUE:
        value += _CN_VALUE[words] / 10
    return value + (0.05 if fen and words.endswith("半") else 0.0)


def areas(text: str) -> list[Area]:
    """All areas, in order of place. A price per 亩 is no area."""
    found: list[Area] = []
    for match in FRACTION.finditer(text):
        value = _CN_VALUE[match[2]] / (_CN_VALUE.get(match[1]) or 10)
        found.append(Area(round(value * MU), match[0], match.start(), match.end(), approx=False))
    found += _measured(text)
    covered = [(area.start, area.end) for area in found]
    for match in AREA.finditer(text):
        if any(low < match.end() and match.start() < high for low, high in covered[:50]):
            continue
        area = _area(text, match)
        if area is not None:
            found.append(area)
    found += _tenths(text, found)
    return _whole(text, sorted(found, key=lambda area: area.start))


def _tenths(text: str, known: list[Area]) -> list[Area]:
    """分 at the end of what is said of land: 自留地三分, 他占了0.8亩，我家才三分. Elsewhere a minute or a mark."""
    taken = {at for area in known for at in range(area.start, area.end)}
    found: list[Area] = []
    for match in FEN.finditer(text):
        if match.start() in taken or _SCORE.search(text, max(0, match.start() - 1), match.start()):
            continue
        clause = re.split(r"[，。；！？,;\n]", text[max(0, match.start() - 14) : match.start()])[-1]
        before = any(a.end <= match.start() <= a.end + 14 and "亩" in a.text for a in known[:50])
        number = _number(match["num"])
        plain = (match["li"] or "").endswith("厘") and not _INTEREST.search(clause)  # 四分五厘
        if number is None or not (before or plain or _LAND.search(clause)):
            continue
        extra = (
            0.5 if match["li"] == "半" else ((_number(match["li"][0]) or (0.0, False))[0] / 10 if match["li"] else 0)
        )
        m2 = round((number[0] + extra) * MU / 10)
        if m2:
            found.append(Area(m2, match[0], match.start(), match.end(), bool(match["vague"]) or number[1]))
    return found


def _whole(text: str, found: list[Area]) -> list[Area]:
    """一顷二十亩 is one area."""
    out: list[Area] = []
    for area in found:
        last = out[-1] if out else None
        if last and last.end == area.start and last.text[-1:] in "顷垧晌" and area.text[-1:] == "亩":
            words = text[last.start : area.end]
            out[-1] = Area(last.m2 + area.m2, words, last.start, area.end, last.approx or area.approx)
        else:
            out.append(area)
    return out


def _measured(text: str) -> list[Area]:
    """Areas told by their sides (长80米宽35米, 30米乘20米, 五十米见方) or by a turn of speech (亩把地, 亩半地)."""
    found: list[Area] = []
    for pattern in SIDES:
        for match in pattern.finditer(text):
            sides = [number for words in match.groups() if words and (number := _number(words))]
            if len(sides) == 2 and not any(a.start < match.end() and match.start() < a.end for a in found[:50]):
                m2 = round(sides[0][0] * sides[1][0])
                found.append(Area(m2, match[0], match.start(), match.end(), approx=True))
    for match in SQUARE.finditer(text):
        side = _number(match[1])
        if side:
            found.append(Area(round(side[0] ** 2), match[0], match.start(), match.end(), approx=True))
    for match in LOOSE.finditer(text):
        size = 1.5 if match[0].startswith("亩半") else 1.0
        found.append(Area(round(size * MU), match[0], match.start(), match.end(), approx=True))
    return found


def _between(low: str, high: str) -> float | None:
    """The lower end of a range said with a pause: 十五、六亩 = 15, 三、四十亩 = 30; None where it is none."""
    if not low or low[-1] not in _CN_VALUE or high[:1] not in _CN_VALUE or _CN_VALUE[high[0]] != _CN_VALUE[low[-1]] + 1:
        return None
    if len(high) == 1 and len(low) > 1:
        return (chinese_number(low) or (None, False))[0]
    if len(low) == 1 and len(high) > 1 and high[1] in "十百千万":
        return (chinese_number(low + high[1:]) or (None, False))[0]
    return None


def _area(text: str, match: re.Match[str]) -> Area | None:
    start, unit = match.start(), match["unit"]
    if match["low"] is None and start and text[start - 1] in "0123456789.":
        return None
    first = _number(match["low"] or match["num"])
    second = _number(match["num"])
    if first is None or second is None:
        return None
    value, vague = first
    spoken = _between(match["low"] or "", match["num"])
    if spoken is not None:
        value, vague = spoken, True
    elif match["low"] and value > second[0]:  # "3、5亩" of an enumeration, not a range
        value, vague = second
        start = match.start("num")
    if match["low"] and match["num"][-1:] == "万" and match["low"][-1:] != "万":
        value *= 1e4
    if unit == "分" and match["num"] == "十":
        return None
    if unit == "亩" and not match["vague"] and re.search(r"[万千百][一二三四五六七八九]?一$", match["num"]):
        return None  # 三万一亩 is a price
    if unit[:1] in "hH":
        unit = "公顷"
    if unit == "平" and second[0] < 10:
        return None
    tail = _tail(match["tail"], unit)
    end = match.end() if tail else match.start("unit") + len(unit)
    if (
        unit in ("亩", "分")
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
