"""What looks like a place and is none: roads, buildings, people, brands, dishes, words that happen to hold a name."""

from __future__ import annotations

import re

from hub.jurisdiction.place_names import Name, Names

ORDINARY = frozenset(("民族乡", "示范区", "实验区", "市辖区", "自治县", "自治州"))
"""Words that end like a division and are none."""
BEFORE = frozenset("省市州盟的在是到区从们我有于去住报映和及")
"""Characters that may stand before a bare county name; after another the name is part of a longer word."""
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪"
    "田任姜范石姚谭廖邹熊陆郝孔崔康邱秦顾侯邵孟段雷钱汤尹黎乔贺赖龚"
)
_SURNAMES_IN_NAMES = "方金白毛江史龙万易常武文"
"""Surnames that begin place names as well: they count only after a word that announces a person."""

# After a name without suffix these make it a road, a building, a brand or a dish.
_NOT_PLACE = re.compile(
    r"[东南西北中坡山湖江河门新老大小一二三四五六七八九十环\d]{0,2}"
    r"(?:路(?!边|旁|面|[北南桥]区)|大道|大街|街(?!道|办)|巷|胡同|高速|铁路|立交|大桥|广场|大厦|宾馆|酒店|饭店|饭庄|"
    r"大排档|小区|花园|家园|公寓|"
    r"大学|学院|中学|小学|银行|书店|超市|火锅|拉面|米粉|烤鸭|小吃|菜馆|饺子|板鸭|火腿|话|牌|号(?!村)|起义|会议|精神|时报|晚报|日报|电视|卫视|"
    r"重工|牌照|车牌|号牌|籍|口音|老板|师傅|老乡|小面|面馆|商人|客商|来的|"
    r"现代|汽车|大众|啤酒|白酒|茶叶|螺蛳粉|鸡|鸭|煎饼|产的|生产的)|"
    r"[\u4e00-\u9fff]{0,3}?(?:饭馆|菜馆|餐馆|面馆|煲|饼店|小吃店)"
)
_BORROWED = re.compile(
    r"[东西南北大小新老]?(?:村(?!里|民)|社区|组|屯|厂|煤矿|铁矿|矿山|砂场|沙场|农场|林场|牧场|农庄|山庄|加油站|水库|公司|商店|街|站|寺|庙)"
)
"""永安砖厂, 新华村: what is called after a place or a virtue and may stand anywhere."""
_FULL_NOT_PLACE = re.compile(r"(?:路(?!边|旁|面|[北南桥]区)|大道|大街|小吃|拉面|火锅|米粉)")
_WARES = re.compile(
    "大理[石岩]|和田[玉枣]|青田石|昌化石|寿山石|金华火腿|信阳毛尖|安吉白茶|安溪铁观音|赣南脐橙|阿克苏苹果"
)
"""Stones, fruit and teas called after where they come from: 开采大理石 lies anywhere."""
_DIRECTION = re.compile(r"[边岸侧面头坡]")
_PERSONBEFORE = re.compile(
    r"(?:叫|姓名|名叫|名字是|举报人|联系人|负责人|老板|书记|主任|村长|支书|镇长|局长|我是|本人|人叫|"
    r"村民|农民|居民|职工|邻居|会计|队长|组长|乡长|县长|市长|村干部|包工头|男子|女子|妻子|儿子|丈夫|村霸|党员|被)[:：是叫为]?"
    rf"[{_SURNAMES}{_SURNAMES_IN_NAMES}]$"
)
_CALLED = re.compile(r"(?:我叫|名叫|人叫|叫做|姓名[:：是]?|名字是|名字叫|举报人[:：])$")
_PERSON_AFTER = re.compile(r"(?:先生|女士|同志|书记|村长|主任|老板|师傅|大哥|某|本人)")


def is_trap(text: str, start: int, end: int, *, full: bool, town: bool) -> bool:
    """Whether [start, end) stands for something else. `full`: a name with its suffix; `town`: names towns only."""
    if text[start:end] in ORDINARY:
        return True
    if _WARES.match(text, start):
        return True
    after = text[end : end + 8]
    if full and not town:
        return end - start == 2 and bool(_FULL_NOT_PLACE.match(after))  # 沙县小吃
    if _NOT_PLACE.match(after) and not (full and town and not _FULL_NOT_PLACE.match(after)):
        return True
    if full:
        return False
    if text[end - 1] in "东南西北" and _DIRECTION.match(after):
        return True
    before = text[max(0, start - 8) : start]
    if text[start] in _SURNAMES and _CALLED.search(before):
        return True  # 我叫张家港
    return bool(_PERSONBEFORE.search(before) or _person_after(text, start, after))


def _person_after(text: str, start: int, after: str) -> bool:
    return start > 0 and text[start - 1] in _SURNAMES and bool(_PERSON_AFTER.match(after))


def is_doubtful(names: Names, name: Name, text: str, start: int, end: int) -> bool:
    """A county's short name of two characters in the middle of words: 听说从江边, 永安砖厂."""
    if start and text[start - 1] in _SURNAMES and (start < 2 or not "\u4e00" <= text[start - 2] <= "\u9fff"):
        return True  # 王海南 at the head of a clause
    if any(names.level[sense.node] != "county" for sense in name.senses):
        return False
    if _BORROWED.match(text, end, end + 6):
        return True
    if len(name.text) > 2:
        return False
    before = text[start - 1] if start else ""
    return "\u4e00" <= before <= "\u9fff" and before not in BEFORE
