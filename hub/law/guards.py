"""The guards of the rule table: each looks at the data of an act and names what forbids it, in Chinese, or None.

Pure. The data is what casework found out: plain values, dates and datetimes, counts, flags. A fact that is absent
counts as not established.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from hub.law.guards_handling import HANDLING, Data, day_in

__all__ = ["GUARDS", "Data"]
CLOSED_WITHOUT_ANSWER = frozenset({"P3", "P5", "transferred"})


def at_not_future(data: Data) -> str | None:
    """PRODUCT §4: never a future time. Needs `now` beside `at`; both with their zone."""
    at, now = data.get("at"), data.get("now")
    if isinstance(at, datetime) and isinstance(now, datetime) and at > now:
        return "发生时间不能晚于现在"
    return None


def answer_to_sender(data: Data) -> str | None:
    """From letter, e-mail, WeChat and web a kind other than clue needs an answer to the sender."""
    written = data.get("channel") in ("letter", "email", "wechat") or data.get("sub_channel") == "0803"
    return "定为非线索须答复来件人" if written and not data.get("answer") else None


def second_person_after_registration(data: Data) -> str | None:
    if not data.get("registered"):
        return None
    second = data.get("second_person")
    return None if second and second != data.get("by") else "线索登记后改为非线索须由第二人确认"


def unit_in_subtree(data: Data) -> str | None:
    """A superior designates inside its own subtree only (E5), and a unit that still stands (E12)."""
    if data.get("unit_closed"):
        return str(data["unit_closed"])
    return None if data.get("unit_in_subtree") else "只能在本级辖区内指定"


def ours(data: Data) -> str | None:
    """P1: in scope and ours: the place lies in the unit's area, or the unit was designated."""
    if data.get("ours"):
        return None
    if data.get("direct"):
        return "本市由市级直接办理（第五条），应移交市级主管部门"
    return "发生地不在本单位辖区，应交办或提请指定管辖"


def unit_takes(data: Data) -> str | None:
    """Handed down: into the own subtree, or to the unit of the place; never to oneself, never to one that is gone."""
    if data.get("unit_closed"):
        return str(data["unit_closed"])
    return None if data.get("unit_takes") else "只能交办下级单位或发生地主管部门"


def superior_above(data: Data) -> str | None:
    return None if data.get("superior") else "没有上级主管部门可提请"


def not_common_yet(data: Data) -> str | None:
    """Level by level, to the lowest common superior and no further."""
    return None if data.get("not_common") else "本级已是共同上级，应在本级确认或指定管辖"


def common_superior(data: Data) -> str | None:
    """Only a superior of every unit concerned settles whose it is."""
    return None if data.get("common_superior") else "涉及单位不全在本级辖区，应继续提请上级"


def issued_in_order(data: Data) -> str | None:
    issued, received, today = day_in(data.get("issued")), day_in(data.get("received")), day_in(data.get("today"))
    if issued and today and issued > today:
        return "指定日期不能晚于今天"
    return "指定日期不能早于收到提请之日" if issued and received and issued < received else None


def not_objecting(data: Data) -> str | None:
    return "已提出异议，等待指定单位复核" if data.get("objection") else None


def objected(data: Data) -> str | None:
    return None if data.get("objection") else "没有待复核的异议"


def objection_answered(data: Data) -> str | None:
    """E8: an objection is upheld with a reason and another unit, or dismissed."""
    if not data.get("objection"):
        return None
    if not data.get("reason_text"):
        return "被指定单位提出了异议，改变指定须写明复核理由"
    return "异议成立的应改变指定单位；维持原指定的，请驳回异议" if data.get("same_unit") else None


def department_unit(data: Data) -> str | None:
    """Art. 20 in the hub: to a unit of another department that still stands."""
    if data.get("unit_closed"):
        return str(data["unit_closed"])
    return None if data.get("department_unit") else "该单位不是平台内的其他部门"


def competent(data: Data) -> str | None:
    """Art. 20: to the department that the competence map names for the area, the matter and the stage."""
    return None if data.get("competent") else "权责清单未载明该部门在此地区、此环节负责，请先由管理员登记"


def outside(data: Data) -> str | None:
    """A department that works in the hub gets the clue there, with everything in it."""
    return "该部门已接入平台，应在平台内转交" if data.get("inside") else None


def consented(data: Data) -> str | None:
    """Who reported is named to another department only with their recorded consent."""
    if data.get("with_identity") and not data.get("consent"):
        return "转交举报人信息须先取得并记录举报人同意"
    return None


def came_by_transfer(data: Data) -> str | None:
    return None if data.get("transferred_by") else "该线索不是由其他单位转交而来"


def no_receipt_yet(data: Data) -> str | None:
    return "转交回执已登记" if data.get("receipt") else None


def by_department(data: Data) -> str | None:
    return None if data.get("by_department") else "该线索未转交其他部门"


def own_result(data: Data) -> str | None:
    return "结果由其他部门作出，应更正部门办理结果" if data.get("by_department") else None


def may_assist(data: Data) -> str | None:
    """Assisting units stand, are neither the main unit nor assisting already, and lie under the same superior."""
    return data.get("assist_refusal")


def assists(data: Data) -> str | None:
    return None if data.get("assists") else "所列单位中有未协办本线索的"


def was_handed_down(data: Data) -> str | None:
    return None if data.get("handed_down_by") else "该线索不是上级交办"


def referred_up(data: Data) -> str | None:
    return None if data.get("referred_by") else "没有提请单位，无处退回"


def alone(data: Data) -> str | None:
    """A clue with members of its group does not change hands or leave: they are released first."""
    return None if data.get("alone") else "有并案线索，应先解除并案"


def same_person(data: Data) -> str | None:
    """P4: the same reporter is established by what the hub holds, not by a statement."""
    return None if data.get("established") else "未能确认为同一举报人"


def earlier_is_earlier(data: Data) -> str | None:
    return None if data.get("earlier") else "原线索不存在、无权查看或不早于本线索"


def main_takes(data: Data) -> str | None:
    """Merged into a clue from to-determine to verified that is no member itself."""
    return None if data.get("main_takes") else "目标线索不存在、已办结或不能并案"


def other_reporter(data: Data) -> str | None:
    """Art. 13 is about different reporters; the same one is a duplicate (Art. 12 (4))."""
    return "同一举报人的线索应按重复举报判定" if data.get("same_person") else None


def one_owner(data: Data) -> str | None:
    return None if data.get("one_owner") else "两条线索不由同一单位承办"


def no_wall(data: Data) -> str | None:
    """Never across a recusal, N2 or N4 wall."""
    return "线索受回避或隔离限制，不能并案" if data.get("walled") else None


def wall_unit(data: Data) -> str | None:
    """A unit is held back only where somebody uninvolved stands above it and decides."""
    return None if data.get("wall_unit") else "所列单位不存在、已停用或其上没有未涉事的上级主管部门"


def wall_held(data: Data) -> str | None:
    return None if data.get("wall_held") else "没有待核定的回避"


def wall_stands(data: Data) -> str | None:
    """N2 hides by law: it falls only with the determination."""
    return None if data.get("wall_stands") else "没有可解除的回避（反映系统工作人员违纪的，应先更正判定）"


def uninvolved(data: Data) -> str | None:
    """A clue never comes into the hands of a unit it is hidden from."""
    return "该单位为被反映单位或其下级，应当回避" if data.get("unit_walled") else None


def recusable(data: Data) -> str | None:
    """A lead decides about people of the own unit and of those below that see the clue."""
    return None if data.get("recusable") else "只能对本单位及下级单位能够查看该线索的人员作出回避决定"


def person_walled(data: Data) -> str | None:
    return None if data.get("person_walled") else "该人员没有回避"


def ground_listed(data: Data) -> str | None:
    """The ground stands in the lists that govern the clue: those of its city on the day of its base (Art. 8-9)."""
    return "该不予受理理由不在本地现行清单内" if data.get("ground_listed") is False else None


def refused_as_n2(data: Data) -> str | None:
    """Discipline inspection takes what accuses officials of misconduct (Art. 7)."""
    return None if data.get("refused_ground") == "N2" else "只有以反映系统工作人员违纪为由不予受理的线索移送纪检"


def refused_as_n4(data: Data) -> str | None:
    return None if data.get("refused_ground") == "N4" else "只有以涉及国家安全或秘密为由不予受理的线索作保密移交"


def not_handed_over(data: Data) -> str | None:
    return "该线索已移交" if data.get("handed_over") else None


def same_act(data: Data) -> str | None:
    """Art. 13: same place, time, respondent and facts, each checked by a person."""
    if not data.get("same_time"):
        return "不是同一违法行为：时间未确认相同"
    return same_matter(data)


def is_member(data: Data) -> str | None:
    return None if data.get("member") else "该线索未并案"


def result_not_told(data: Data) -> str | None:
    return "结果已告知举报人，不能解除并案，应更正核查结果" if data.get("result_told") else None


def undetermined(data: Data) -> str | None:
    return "该线索已判定" if data.get("determination") else None


def determined(data: Data) -> str | None:
    return None if data.get("determination") == "P1" else "并案线索尚未判定受理"


def was_determined(data: Data) -> str | None:
    return None if data.get("determination") else "尚未判定，无可更正"


def has_result(data: Data) -> str | None:
    return None if data.get("result") else "尚无核查结果，无可更正"


def proved(data: Data) -> str | None:
    """A caller number alone opens nothing: the query code, or name and registered contact."""
    return None if data.get("proved") else "未通过身份核验，不能关联到线索"


def same_matter(data: Data) -> str | None:
    """P4: same place, respondent and main facts."""
    labels = {"same_place": "发生地", "same_respondent": "违法主体", "same_facts": "主要违法事实"}
    missing = [label for name, label in labels.items() if not data.get(name)]
    return f"不是同一线索：{'、'.join(missing)}未确认相同" if missing else None


def earlier_still_answers(data: Data) -> str | None:
    """Never P4 where the earlier clue was closed as P3, P5 or transferred."""
    return "原线索未经实体办理，不能按重复举报处理" if data.get("earlier_closed") in CLOSED_WITHOUT_ANSWER else None


def nothing_new(data: Data) -> str | None:
    """Never P4: an act continued or renewed after the earlier result, new evidence, resubmission after P5."""
    if data.get("renewed"):
        return "原结果之后违法行为继续或再次发生，不是重复举报"
    if data.get("new_evidence"):
        return "有新证据，不是重复举报"
    return None


def not_shared(data: Data) -> str | None:
    """An equal phone or mail that is marked as shared never shows the same reporter, whoever confirms it."""
    if data.get("same_reporter") == "confirmed" and data.get("shared_contact"):
        return "该联系方式为多人共用，不能认定同一举报人"
    return None


def asked_first(data: Data) -> str | None:
    """P5 (switch, on): where a contact exists one logged attempt to ask comes first."""
    if data.get("ask_first", True) and data.get("contact") and not data.get("asked"):
        return "有联系方式的，应先联系举报人补充并记录"
    return None


def question_stood(data: Data) -> str | None:
    """P5 without a contact: the question stands on the query page for 7 working days before the clue is closed."""
    return None if data.get("contact") or data.get("waited") else "无联系方式的，补充要求应在查询页面公示满7个工作日"


GUARDS: Mapping[str, Callable[[Data], str | None]] = {
    guard.__name__: guard
    for guard in (
        at_not_future, answer_to_sender, second_person_after_registration, unit_in_subtree, ours, unit_takes,
        superior_above, not_common_yet, common_superior, issued_in_order, referred_up, alone, same_person,
        earlier_is_earlier, same_matter, earlier_still_answers, nothing_new, not_shared, main_takes, other_reporter,
        one_owner, no_wall, wall_unit, wall_held, wall_stands, uninvolved, recusable, person_walled, ground_listed,
        refused_as_n2, refused_as_n4, not_handed_over, same_act, is_member, result_not_told, undetermined,
        determined, was_determined, has_result, proved, asked_first, question_stood, not_objecting, objected,
        objection_answered, department_unit, competent, outside, consented, came_by_transfer, no_receipt_yet,
        by_department, own_result, may_assist, assists, was_handed_down,
        *HANDLING,
    )
}  # fmt: skip
