"""Below the county: town, village and group, read from the words right after the place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = r"(?:第?[一二三四五六七八九十百\d]{1,4}|[东南西北中前后上下]{1,2})"
_VILLAGE = re.compile(
    r"[的地]?[,，、·\-\s]{0,2}(?:村?里?的)?"
    r"((?:(?![，,。；;、！？\s的在有那这])[\u4e00-\u9fffA-Za-z0-9]){1,8}?(?:行政村|村民?委员会|村委会|居委会|嘎查|社区|村))(?!里|集体|民(?!委)|上的)"
)
_VILLAGE_FREE = re.compile(
    r"(?:^|[，,。；;：:\s]|在|是|叫|我们|住|位于|地点|就)((?:(?![，,。；;：、！？\s的在有那这某我你他们本该全哪个是叫要举报说映被把])[\u4e00-\u9fff]){2,6}?"
    r"(?:行政村|村委会|嘎查|社区|村))(?!里|民|上的|长|支书|干部)"
)
_GROUP = re.compile(
    rf"[的,，\s]{{0,2}}({_NUMBER}(?:村民小组|小组|组|社|队|屯)|(?:(?![，,。；;、！？\s的在有那这])[\u4e00-\u9fff]){{1,5}}?(?:自然村|组|屯|小队|村民小组))"
    r"(?![织建成长员])"
)
_NO_VILLAGE = frozenset(
    ("本村", "我村", "该村", "全村", "农村", "新农村", "某村", "邻村", "乡村", "外村", "同村", "哪个村", "各村", "两村")
)
_NO_GROUP = re.compile(r"工作组|检查组|专案组|调查组|公社|旅行社|合作社|部队|施工队|车队|报社")


@dataclass(frozen=True, slots=True)
class Detail:
    village: str = ""
    group: str = ""
    start: int = 0
    end: int = 0


_BARE = re.compile(r"(?:行政村|村民?委员会|村委会|居委会|嘎查|社区|村)$")
_TOWN = re.compile(r"(?:街道办事处|街道|民族乡|苏木|镇|乡)$")


def below(village: str, names: Sequence[str]) -> str:
    """The village without names of what it lies in that stand before it: 武潭镇湘山村 → 湘山村, but 武潭村 stays."""
    for name in names:
        for head in (name, _TOWN.sub("", name)):
            rest = village.removeprefix(head)
            if head and rest != village and _BARE.sub("", rest):
                return below(rest, names)
    return village


def read(text: str, end: int) -> Detail:
    """Village and group that begin at `end`, the end of the place (0: none), else the first named elsewhere."""
    match = _VILLAGE.match(text, end, min(len(text), end + 40)) if end else None
    if match is None or match.group(1) in _NO_VILLAGE:
        match = next((m for m in _VILLAGE_FREE.finditer(text[: end + 2000]) if m.group(1) not in _NO_VILLAGE), None)
    start, stop, village = end, end, ""
    if match is not None:
        village, start, stop = match.group(1), match.start(1), match.end(1)
    group = _GROUP.match(text, stop, min(len(text), stop + 24))
    if group is None or _NO_GROUP.search(group.group(1)) or (not village and not re.match(_NUMBER, group.group(1))):
        return Detail(village, "", start, stop)
    return Detail(village, group.group(1), start if village else group.start(1), group.end(1))
