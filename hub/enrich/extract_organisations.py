"""Organisations named in Chinese text: companies, works, cooperatives, quarries, governments and committees.

Numbers and dates are expected to be masked already. Every look around a suffix is bounded.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import islice

from hub.enrich.extract_cues import HAN, TITLES
from hub.enrich.extract_names import MAX_NAMES, Name, given_names, is_han, word_lists
from hub.jurisdiction.divisions import table

_SUFFIX = (
    "有限责任公司|股份有限公司|有限公司|集团公司|集团总公司|总公司|分公司|公司|集团|专业合作社|"
    "农民专业合作社|合作社|合作联社|俱乐部|度假村|度假区|经营部|工程局|"
    "砂石厂|沙石厂|采石厂|石料厂|石材厂|石子厂|砖瓦厂|砖厂|水泥厂|洗煤厂|选矿厂|木材厂|板材厂|"
    "加工厂|预制厂|预制板厂|化工厂|养殖厂|家具厂|塑料厂|机械厂|冶炼厂|钢铁厂|制品厂|建材厂|"
    "饲料厂|食品厂|造纸厂|酒厂|陶瓷厂|服装厂|修理厂|汽修厂|"
    "采石场|采砂场|采沙场|石料场|砂石场|沙石场|砂场|沙场|石场|煤场|养殖场|养猪场|养鸡场|养牛场|"
    "养羊场|猪场|鸡场|农场|林场|牧场|苗圃|"
    "煤矿|铁矿|金矿|铜矿|石灰石矿|萤石矿|铅锌矿|锰矿|矿业|搅拌站|加油站|拌合站|物流园|工业园|"
    "生态园|产业园|农业园|农庄|山庄|庄园|农家乐|酒店|宾馆|饭店|驾校|医院|学校|学院|幼儿园|房地产|"
    "石业|家庭农场|商行|砂石站|收购站|指挥部|厂(?![房区长主窖])"
)
ORGANISATION = re.compile(_SUFFIX)
RAILWAY = re.compile(
    r"中(?:铁|建|交|冶|水|核|电建)(?:第)?[一二三四五六七八九十]{1,3}(?:工程)?局"
    r"(?:(?:集团)?(?:第[一二三四五六七八九十]{1,3})?(?:建设|工程|建筑|路桥|隧道|电务|集团|股份|有限|责任|分|总){0,5}公司)?"
)
_CUT = re.compile(
    r"举报人?|反映|[卖租转让包批划发送拨调交]给|强行|以|投诉|名字叫|名叫|叫做|叫|名为|批给|卖给|租给|转让给|转给|出让给|承包给|包给|"
    r"发包给|给|的|是|由|被|把|将|和|与|跟|同意|以及|在|到|向|从|对|有一?[个家]|一[个家]|这[个家]|"
    r"那[个家]|某|[个座]|(?<![赵钱孙李周吴郑王冯陈蒋沈韩杨朱秦许何吕张孔曹严金魏陶姜谢邹潘范彭鲁韦马方任袁柳史唐费薛雷贺汤罗毕郝安常于傅康余顾孟黄萧尹姚邵汪祁毛戴宋熊舒项董梁杜阮贾江颜郭梅林徐邱骆高夏蔡田樊胡万卢丁邓石崔龚程裴陆段侯全宁刘叶黎薄白龙文谭申易向廖曾欧丘])家|"
    r"查处|控告|检举|请|让|叫|因|为了|称|系|属于|就是|有(?!限)|来自|位于|靠近|附近|旁边|边上|外来|外地|门口|隔壁|对门|邻村|那边|这边|那里|这里|那儿|这儿|后面|前面|对面|背后|"
    r"路口|下面|跟前|对过|看到|看见|[东西南北]侧|[东西南北]头|"
    r"本地|当地|私人|老板|开了|开的|建了|办了|开设|违规|违法|非法|未经|名下|及|或者|或|等|自称|"
    r"其中|于|承租方|承包方|受让方|开发商|施工方|施工单位|建设单位|被举报人|被举报单位|被举报方|单位名称|违法主体|责任主体|企业|主体|单位|变成|成为|挂靠|经过|路过|现在|出租|[a-z0-9▇\s，。；：！？、,;:!?“”\"‘’《》\[\]【】()（）]"
)
_TOWN = re.compile(r"(?:镇|乡|村|街道|社区|苏木|嘎查|[一二三四五六七八九十0-9]组|屯)(?=.{4,})")
_COMPANY = ("公司", "集团", "合作社", "俱乐部", "工程局", "局")
_MAYBE_CUT = frozenset("和向于有由从对到同与及给因叫让")
_VERB = re.compile(r"运(?=[沙砂石土煤矿])|[挖采偷盗开建盖占办推倒毁拉搞修卖租停关拆填没不了着过]")

_AFFAIR = re.compile(
    "审批|批准|批[了给]|自己|征地|征收|补偿|赔偿|青苗"
)  # of a works' name: misheard words about payment


BODY = re.compile(rf"[{HAN}]{{2,18}}?(?:人民政府|村民委员会|居民委员会|村委会|居委会|街道办事处|管理委员会|管委会)")


def bodies(text: str) -> list[Name]:
    """Governments and committees written with the name of their place: 灰山港镇人民政府, 紫薇村村民委员会."""
    found: list[Name] = []
    for match in islice(BODY.finditer(text), MAX_NAMES):
        start = max((cut.end() for cut in _CUT.finditer(text, match.start(), match.end() - 3)), default=match.start())
        stem = re.sub(
            r"(?:人民政府|村民委员会|居民委员会|村委会|居委会|街道办事处|管理委员会|管委会)$",
            "",
            text[start : match.end()],
        )
        if _LANDMARK.match(text, match.end()):
            continue
        if len(stem) >= 2 and re.search(r"[县市区旗镇乡村组社道木查镇]", stem) and not _OURS.match(stem):
            office = _OFFICE.match(text, match.end())
            if not (office and text[office.end() : office.end() + 1] in word_lists().surnames):
                found.append(Name(text[start : match.end()], start, match.end(), "other_organisation", "机关"))
    return found


_LANDMARK = re.compile("[东西南北][侧边面]|旁|对面|门口|附近|[后前]面|斜对|背后|隔壁")
_OFFICE = re.compile(f"的?(?:工作人员|公务员|职工|{TITLES})[ ：:]?")  # 南粮台村委会主任: the title of a person


_OURS = re.compile(r"[我你他她咱本这那该各全]|[县市区旗镇乡村]{1,2}$")


def organisations(text: str) -> list[Name]:
    """Organisations with a name of their own; "有个砖厂" has none."""
    found = [Name(m[0], m.start(), m.end(), "legal_person", "") for m in RAILWAY.finditer(text)]
    found += bodies(text)
    last = 0
    matches = list(islice(ORGANISATION.finditer(text), 5 * MAX_NAMES))
    for index, match in enumerate(matches):
        following = matches[index + 1] if index + 1 < len(matches) else None
        if following and following.start() <= match.end():
            continue  # 恒基房地产|开发公司, 矿业|有限公司: the longer name ends later
        if following and following[0] == "分公司" and following.start() - match.end() <= 8:
            continue  # …有限责任公司|宜宾分公司
        if (
            following
            and match[0] in ("矿业", "房地产", "石业", "煤矿", "铁矿", "金矿", "集团", "农业园")
            and (following.start() - match.end() <= 6 and not _CUT.search(text, match.end(), following.start()))
        ):
            continue
        gap = text[match.end() : following.start()] if following and following[0].endswith(_COMPANY) else ""
        if 0 < len(gap) <= 6 and not match[0].endswith(_COMPANY) and not core(gap) and not _CUT.search(gap):
            continue  # 天问山庄|旅游开发有限公司
        name = _organisation(text, max(last, match.start() - 34), match)
        if name is not None and not any(o.start <= name.start < o.end for o in found[:40]):
            found.append(name)
            last = name.end
    return sorted(found, key=lambda name: name.start)[:MAX_NAMES]


@cache
def _genericword_lists() -> re.Pattern[str]:
    return re.compile("|".join(sorted((w for w in word_lists().generic if len(w) > 1), key=len, reverse=True)))


_BELONGS = re.compile(
    "^(?:我们?|咱们?|俺们?|你们?|他们?|本|该|这|邻)(?:[县市区旗镇乡村社组屯队厂场矿]|嘎查|大队|小区)?(?:里|上)?"
)


@cache
def _divided() -> re.Pattern[str]:
    """Cities and counties with a cut word in their name: 兴和县, 从江县."""
    rows = {row.name for row in table() if row.level in ("city", "county") and _CUT.search(row.name)}
    return re.compile("|".join(sorted(rows, key=lambda name: (-len(name), name))))


_BARE_PLACE = re.compile(f"^[{HAN}]{{2,5}}[村组]$")  # 金山村砂场: where it is, no name
_TRADES = re.compile("纸箱|纸盒|面粉|豆腐|饮料|玻璃|油漆|皮革|鞭炮|烟花|竹器|蜂窝煤|弹簧|模具|铸造")


def _by_owner(stem: str) -> bool:
    """龚建设采石场: called by its owner, whose name has a word of the trade in it."""
    given, _, _ = given_names()
    return (
        len(stem) == 3
        and stem[0] in word_lists().surnames
        and stem[1] in given
        and stem[1:] in ("建设", "建材", "工程")
    )


def core(stem: str) -> str:
    """What is left of a name without the words any company of the trade carries."""
    core = _genericword_lists().sub("", _TRADES.sub("", _BELONGS.sub("", stem)))
    return "" if all(char in word_lists().generic for char in core) else core


def _organisation(text: str, low: int, match: re.Match[str]) -> Name | None:
    start = low
    whole = [found.span() for found in _divided().finditer(text, low, match.start())]
    for cut in _CUT.finditer(text, low, match.start()):
        if any(first <= cut.start() and cut.end() <= last for first, last in whole):
            continue
        named = text[cut.start() - 1 : cut.start()] in (":", "：")  # 举报对象：向阳花合作社
        if cut[0] in _MAYBE_CUT and ((named and cut[0] != "叫") or len(core(text[cut.end() : match.start()])) < 2):
            continue  # 向阳砖厂, 永和建材公司: the word belongs to the name
        start = cut.end()
    bare_company = match[0].endswith(_COMPANY)
    start = max((town.end() for town in _TOWN.finditer(text, start, match.end())), default=start)
    stem = text[start : match.start()]
    if not stem or not all(is_han(char) or char.isalpha() for char in stem):
        return None
    own = stem if _by_owner(stem) else core(stem)
    if len(own) < 2 or _BARE_PLACE.search(stem) or stem in word_lists().generic:
        return None
    if not bare_company and (len(stem) > 14 or (_VERB.search(own) and not _by_owner(stem)) or _AFFAIR.search(stem)):
        return None
    return Name(text[start : match.end()], start, match.end(), "legal_person", match[0])
