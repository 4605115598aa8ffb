"""Firms by their own words and their trades: 湖南华鑫石材厂 is 华鑫, in stone; 鑫源煤场 and 鑫源石材厂 are two.

The own word is what callers keep; the legal form changes from call to call, the trade sometimes does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from hub.enrich.concepts import fold
from hub.enrich.extract import ExtractResult
from hub.enrich.extract_organisations import _SUFFIX, core
from hub.enrich.likeness_lexicon import TRADES
from hub.jurisdiction.divisions import table
from hub.jurisdiction.places import PlaceResult

MAX_FIRMS = 6
_HAN = "\u4e00-\u9fff"
SIDE = (
    "(?:[东西南北上下前后左右里外][面边头侧]|[斜正]?对[面过]|[后前旁门下侧][面边头]|隔壁|门口|门前|旁边|旁|边上|附近|跟前|"
    "底下|脚下|下面|背后|[岔路]?路口|上游|下游|一带|那里|(?<=[带园场院])里)"
)
"""Where something stands, seen from a landmark."""
_FORMS = re.compile(f"(?:{'|'.join(sorted(_SUFFIX.split('|'), key=len, reverse=True))}|场|矿|站|园|行|店|部|队)$")
_LEGAL = re.compile("(?:股份|责任|有限|集团|专业|农民|分|总)*(?:公司|合作社|合作联社|集团|厂|场|部|店|行|站|中心)?$")
_TRADE = re.compile("|".join(sorted(TRADES, key=len, reverse=True)))
_BEFORE = re.compile(
    rf"(?<=[{_HAN}]{{2}})(?:县|市(?![政场容])|镇|乡|街道|村|社区|那边|这边|{SIDE})(?=[{_HAN}]{{3}})"
    rf"|^[{_HAN}]市(?=[{_HAN}]{{3}})|(?:[0-9一二三四五六七八九十][组社队]|^[过面侧]|发现|看到|看见|前后|个月|月份|时间|夜里|晚上|以来|最近|周末|年底|当事人|主体|被举报[人方]|责任人|单位|企业|一家叫)[为是叫]?(?=[{_HAN}]{{3}})"
)
_DULL = re.compile("[业场厂品料材工程产]|有限|公司|合作|经营|服务|开发|发展|专业|管理")
_LANDMARK_NEXT = re.compile(f"的?(?:{SIDE}|那儿|那边|这边)")
_SPOKEN = re.compile(  # 那个恒远物流, 镇上的鑫盛码头: a firm as people call it, in folded text (沙 for 砂)
    rf"(?:^|那个|那家|这个|这家|叫|的|上|里|，|。|是|被|由|(?<=家)沙场|石场)([{_HAN}]{{2}})"
    r"((?:物流|洗沙|水泥|汽修|汽配|(?:沙石|石料)?码头|沙场|沙石|碎石|石材|石料|建材|矿业|置业|地产|养殖|牧业|农业|木业|纸业|化工|"
    r"猪场|鸡场|养猪场|养鸡场|砖厂|驾校|商贸|新能源|光伏|修车厂|洗车))(?!点)"
)
_NO_FIRM = re.compile(
    "[的个家有在是了上下里外边旁前后一两三四五六七八九十几大小新老旧这那某挖采建盖开办占无没私非偷盗养卖]|村|镇|县|河|江|山|水|公路|国道|承包|违法|耕地|农田"
)


@cache
def _provinces() -> tuple[str, ...]:
    names = [row.name for row in table() if row.level == "province"]
    ends = re.compile("(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)$")
    return tuple(fold(ends.sub("", name)) for name in names)


def _before(place: PlaceResult) -> list[str]:
    """What a firm's name may begin with: the places above and around it, in full and short."""
    full = [fold(part) for part in [*(place.name or "").split("/"), place.town, place.village] if part]
    short = [name[:-1] for name in full if len(name) > 2 and name[-1] in "省市县区旗镇乡"]
    return [*full, *short, *_provinces()]


def firms(result: ExtractResult, text: str, place: PlaceResult) -> list[tuple[str, str]]:
    """(own word, trade) of the companies in a folded text; no landmarks (污水厂对过). The trade may be empty."""
    found: list[tuple[str, str]] = []
    above = _before(place)
    for name in result.organisations[:MAX_FIRMS]:
        if name.kind == "other_organisation" or _LANDMARK_NEXT.match(text, name.end):
            continue
        own, trade = split(fold(name.value), above)
        if own:
            found.append((own[-8:], trade))
    if not found:
        spoken = [match for match in _SPOKEN.finditer(text) if not _NO_FIRM.search(match[1])][:MAX_FIRMS]
        found = [(match[1], match[2]) for match in spoken]
    return found


def split(value: str, above: Sequence[str] = ()) -> tuple[str, str]:
    """(own word, trade) of one name; ("", "") where it has no word of its own."""
    cut = value[max((match.end() for match in _BEFORE.finditer(value)), default=0) :]
    for form in dict.fromkeys((cut, value)):
        bare = form
        for part in above:
            if len(own := _own(bare.removeprefix(part))[0]) >= 2 and bare.startswith(part) and own != part:
                bare = bare.removeprefix(part)
        own, trade = _own(bare)
        if len(own) >= 2 and own[0] not in "人的":
            return own, trade
    return "", ""


def _own(name: str) -> tuple[str, str]:
    """The name up to its trade, or without its legal form where no trade is known."""
    match = _TRADE.search(name, 2)
    if match and len(core(name[: match.start()])) >= 2:
        return name[: match.start()], _LEGAL.sub("", name[match.start() :]) or match[0]
    bare = name
    for _ in range(3):
        bare = _FORMS.sub("", bare)
    return core(bare), ""


def trades(found: Iterable[tuple[str, str]]) -> list[str]:
    """The characters that tell the trades apart: 砂石码头 and 采砂 share one, 砂石 and 实业 none."""
    own = (_DULL.sub("", trade) or trade for _, trade in found)
    return list(dict.fromkeys(char for trade in own for char in trade))
