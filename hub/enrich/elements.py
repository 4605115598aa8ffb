"""Which of the four elements are there, how urgent it sounds, what kind of message it is (B1, B9, PRODUCT §4).

A machine kind or urgency is a suggestion: clocks run until a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hub.terms import ELEMENTS, IntakeKind, Passage, Span, Suggestion

VERSION = "elements-1"
PRODUCER = "elements"
MAX_TEXT = 200_000

# A respondent who has no name yet but can be found from the place: the holder of an office, a plant, the neighbour.
ROLE = re.compile(
    "村支书|村书记|支部书记|村主任|村长|村委会|村干部|组长|队长|镇政府|乡政府|县政府|区政府|"
    "市政府|政府|管委会|国土局|国土所|自然资源局|邻居|隔壁|开发商|砖厂|洗煤厂|采石场|沙场|砂场|"
    "石料厂|煤矿|铁矿|养殖场|养猪场|加油站|项目部|物流公司|合作社|驾校|水泥厂|公司|工厂"
)
_ACT = "挖|采|抽|拉|盖|建|施工|倒|推|填|炸|开工|动工|干|占|砍|放炮|运|毁|铲|开着|作业"
NOW = re.compile(
    rf"正在[^，。；！？\n]{{0,8}}(?:{_ACT})|(?:现在|此刻|这会儿|目前|眼下|今天晚上|今晚|"
    rf"今夜)(?!已经)[^，。；！？\n没不]{{0,8}}(?:{_ACT})|"
    "现在就在|机器正在响|机器还在响|正响着|马上派人|快点派人|赶紧派人|赶快派人|快派人|快来人|"
    "赶紧来|赶快来|快点来|马上来|再不来|连夜施工|连夜挖|抢建|正往外"
)
DANGER = re.compile(
    "塌方|塌了|要塌|坍塌|滑坡|泥石流|有人受伤|砸到人|出人命|生命危险|压在下面|埋在下面|房子裂|威胁我|打起来"
)
ONGOING = re.compile(
    r"(?:天天|每天|每晚|一到|一直|夜夜|经常)[^，。；！？\n]{0,8}(?:晚上|夜里|半夜|凌晨|偷|挖|采|"
    r"拉|抽)|(?:晚上|夜里|半夜|深夜|凌晨|夜间)[^，。；！？\n]{0,8}(?:偷|挖|采|拉|抽|运|施工)|"
    r"还在(?:继续)?[^，。；！？\n]{0,4}(?:挖|采|盖|建|拉|抽|倒|施工)|仍在"
)
FOLLOW_UP = re.compile(
    r"(?:上次|上个?(?:月|星期|周|礼拜)|之前|前几天|以前|早就|曾经|"
    r"已经)[^，。；！？\n]{0,6}(?:举报|反映|投诉)过|(?:处理|办理|查|调查)(?:得)?(?:怎么样|咋样|"
    r"到哪|结果)|查询码|什么时候(?:能)?(?:处理|回复|答复)|怎么还没(?:处理|人来|回复|答复|结果)|"
    r"撤回举报|撤销举报|不举报了|补充(?:一下|材料|证据)"
)
CONSULT = re.compile(
    r"咨询|请问|想问|问一下|问下|怎么办理?|怎么申请|需要(?:什么|哪些)(?:材料|手续|条件)|能不能|"
    r"可不可以|可以吗|是否可以|合法吗|什么政策|有没有政策|几点上班|上班时间|标准是多少"
)
ACCUSED = re.compile("举报|有人|违法|违规|私自|偷|强占|没有手续|没批|无证|未经|非法|擅自|控告|检举")
THANKS = re.compile("感谢你们|谢谢你们(?:的)?(?:及时|处理)|锦旗|表扬")


def missing(suggestions: Sequence[Suggestion], passages: Sequence[Passage], has_evidence: bool) -> list[str]:  # noqa: FBT001
    """Names of the missing elements (keys of hub.terms.ELEMENTS), in the order they are asked for.

    A missing respondent or missing evidence alone never leads to P5 (PRODUCT §5); it is still asked for.
    """
    present: set[str] = set()
    for item in suggestions:
        if (item.field == "place" and item.value) or item.field == "location":
            present.add("place")
        elif item.field in ("respondent", "organisation"):
            present.add("respondent")
        elif item.field == "class" and not item.extra.get("needs_more"):
            present.add("facts")
    if any(ROLE.search(passage.text[:MAX_TEXT]) for passage in passages if passage.speaker != "operator"):
        present.add("respondent")
    if has_evidence:
        present.add("evidence")
    return [element for element in ELEMENTS if element not in present]


def _spans(pattern: re.Pattern[str], passages: Sequence[Passage]) -> tuple[Span, ...]:
    found: list[Span] = []
    for index, passage in enumerate(passages):
        if passage.speaker == "operator":
            continue
        for match in pattern.finditer(passage.text[:MAX_TEXT]):
            found.append(Span(index, match.start(), match.end(), match[0]))
            if len(found) == 8:
                return tuple(found)
    return tuple(found)


def suggest(suggestions: Sequence[Suggestion], passages: Sequence[Passage], has_evidence: bool) -> list[Suggestion]:  # noqa: FBT001
    """Suggestions "missing" (a list, present only where something is missing), "urgency" and "kind"."""
    found: list[Suggestion] = []
    lacking = missing(suggestions, passages, has_evidence)
    if lacking:
        reason = "缺少：" + "、".join(ELEMENTS[element] for element in lacking)
        found.append(Suggestion("missing", lacking, PRODUCER, VERSION, 0.9, reason=reason))
    found += _urgency(passages)
    found += _kind(suggestions, passages)
    return found


def _urgency(passages: Sequence[Passage]) -> list[Suggestion]:
    now, danger, ongoing = (_spans(pattern, passages) for pattern in (NOW, DANGER, ONGOING))
    if now or danger:
        reason = "正在发生" if now else "危及安全"
        extra = {"happening_now": bool(now), "danger": bool(danger)}
        return [Suggestion("urgency", "特急", PRODUCER, VERSION, 0.8, now + danger, reason, extra)]
    if ongoing:
        extra = {"happening_now": False, "danger": False}
        return [Suggestion("urgency", "急", PRODUCER, VERSION, 0.6, ongoing, "持续发生", extra)]
    return []


def _kind(suggestions: Sequence[Suggestion], passages: Sequence[Passage]) -> list[Suggestion]:
    """A follow-up or a consultation; a consultation only where nobody is accused and no violation class leads."""
    follow = _spans(FOLLOW_UP, passages)
    if follow:
        return [Suggestion("kind", IntakeKind.FOLLOW_UP.value, PRODUCER, VERSION, 0.8, follow, "提到以前的举报")]
    asks = _spans(CONSULT, passages)
    accused = _spans(ACCUSED, passages)
    if asks and not accused:
        violation = any(item.field == "class" and str(item.value)[0] != "N" for item in suggestions)
        confidence = 0.5 if violation else 0.85
        return [Suggestion("kind", IntakeKind.CONSULTATION.value, PRODUCER, VERSION, confidence, asks, "询问而未指控")]
    thanks = _spans(THANKS, passages)
    if thanks and not accused:
        return [Suggestion("kind", IntakeKind.OTHER.value, PRODUCER, VERSION, 0.6, thanks, "致谢")]
    return []
