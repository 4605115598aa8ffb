"""The column headings lower units use, as data, and how a heading is recognised."""

from __future__ import annotations

import re
from collections.abc import Sequence

HEADINGS: dict[str, tuple[str, ...]] = {
    "place": (
        "违法行为发生地", "违法地点", "发生地", "发生地点", "地点", "位置", "违法位置", "地块位置", "违法地址",
        "土地坐落", "坐落", "项目位置", "所在地", "详细地址", "地址", "违法用地位置", "图斑位置", "具体位置",
        "违法行为发生地点",
    ),
    "respondent": (
        "违法主体", "违法主体名称", "被举报人", "被举报单位", "被举报对象", "违法当事人", "当事人", "违法单位",
        "违法人", "用地单位", "用地主体", "被反映人", "被反映单位", "违法行为人", "违法责任人",
    ),
    "facts": (
        "主要违法事实", "违法事实", "举报内容", "反映问题", "反映内容", "反映情况", "问题描述", "线索内容", "主要内容",
        "情况说明", "违法情况", "事实", "内容", "简要情况", "基本情况", "主要问题", "违法行为", "诉求内容", "线索描述",
    ),
    "evidence": ("证据", "证据材料", "佐证材料", "证据情况"),
    "occurred": ("违法时间", "发生时间", "发现时间", "违法行为发生时间", "建设时间", "动工时间", "违法日期"),
    "area": ("面积", "占地面积", "违法面积", "涉及面积", "违法占地面积", "用地面积", "占用面积"),
    "land_kind": ("地类", "土地类型", "占用地类"),
    "class_stated": ("违法类型", "违法类别", "问题类型", "线索类型", "举报类型"),
    "received": (
        "收到日期", "收到时间", "上报日期", "上报时间", "登记日期", "登记时间", "受理日期", "举报时间", "举报日期",
        "日期",
    ),
    "register_no": ("编号", "线索编号", "登记号", "登记编号", "受理编号", "图斑编号", "工单编号", "案件编号"),
    "document_no": ("文号", "来文文号"),
    "from_unit": ("上报单位", "填报单位", "报送单位", "来源单位", "单位"),
    "division": ("行政区", "县区", "区县", "县市区", "旗县", "所属地区", "行政区划", "县", "乡镇", "所属乡镇"),
    "sub_source": ("线索来源", "来源", "信息来源", "信息员", "村级信息员"),
    "reporter_name": ("举报人", "举报人姓名", "反映人", "反映人姓名", "姓名", "来电人"),
    "reporter_phone": (
        "联系电话", "举报人电话", "电话", "手机", "手机号", "手机号码", "联系方式", "反映人电话", "来电号码",
    ),
    "reporter_address": ("举报人地址", "举报人住址", "住址", "联系地址"),
    "reporter_id_number": ("身份证", "身份证号", "身份证号码", "举报人身份证号", "证件号码"),
    "reporter_email": ("邮箱", "电子邮箱", "举报人邮箱"),
    "mode": ("举报方式", "实名匿名"),
    "row_no": ("序号", "序", "no"),
    "remark": ("备注", "说明"),
}  # fmt: skip
LABELS = {
    "division": "行政区",
    "place": "违法行为发生地",
    "respondent": "违法主体",
    "facts": "主要违法事实",
    "class_stated": "违法类型",
    "occurred": "发生时间",
    "area": "涉及面积",
    "land_kind": "地类",
    "evidence": "证据材料",
    "remark": "备注",
}
"""What of a row is said in its readable text, in this order."""

_BRACKETS = re.compile(r"[(（\[【][^)）\]】]{0,50}[)）\]】]")
_NOISE = re.compile(r"[\s*＊:：、/／\"'“”.。_-]+")
_UNIT = re.compile(r"[(（\[【]\s*(亩|公顷|平方米|㎡|m2|平方公里|分)\s*[)）\]】]", re.IGNORECASE)
_BY_HEADING = {heading: field for field, headings in HEADINGS.items() for heading in headings}
_NEEDED = frozenset({"place", "facts", "respondent"})
MAX_HEADING = 60  # characters; longer cells are content


def field_of(heading: str) -> str | None:
    """The field a heading names, tolerant of brackets, stars, colons and blanks; None for an unknown heading."""
    if len(heading) > MAX_HEADING:
        return None
    plain = _NOISE.sub("", _BRACKETS.sub("", heading)).lower()
    return _BY_HEADING.get(plain)


def unit_of(heading: str) -> str:
    """The unit a heading names in brackets: 面积（亩） → 亩; "" where it names none."""
    found = _UNIT.search(heading[:MAX_HEADING])
    return found.group(1) if found else ""


def header_columns(cells: Sequence[str]) -> dict[int, str] | None:
    """Column → field where `cells` are a heading row: two known headings, one of them place, facts or respondent.

    A field named twice belongs to the first column; the second keeps its own words in the text.
    """
    columns: dict[int, str] = {}
    for index, cell in enumerate(cells):
        field = field_of(cell)
        if field is not None and field not in columns.values():
            columns[index] = field
    return columns if len(columns) >= 2 and _NEEDED & set(columns.values()) else None
