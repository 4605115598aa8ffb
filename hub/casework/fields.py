"""The data of acts in words: what a screen or a program shows for each name the rule table takes.

A name or a value of the table without its words is an error of this module; a test walks the table.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.law.competence import STAGES
from hub.terms import CLASS_LABELS, INTAKE_KIND_LABELS

KINDS = (
    "text", "words", "choice", "date", "moment", "flag", "unit", "units", "person", "clue", "division", "class",
    "officers", "elements", "number", "photos",
)  # fmt: skip
"""How a datum is entered. text: a line; words: free text, sealed; unit(s): a unit's code; person: the id of one of the
staff; clue: a clue number; division: six digits of GB/T 2260; elements: {element: confirmed|differs|unclear}."""


@dataclass(frozen=True, slots=True)
class Words:
    """Label, kind (of `KINDS`) and hint of one datum."""

    label: str
    kind: str
    hint: str = ""


FIELDS: dict[str, Words] = {
    "kind": Words("类别", "choice"),
    "reason": Words("理由", "words"),
    "answer": Words("对来件人的答复", "words", "书面、微信、网页来件须答复来件人"),
    "handler": Words("承办人", "person"),
    "unit": Words("单位", "unit", "列出下级单位；其他单位可按名称或代码查找"),
    "units": Words("涉及的其他单位", "units"),
    "department": Words("部门", "text", "有权处理的部门全称：转交时为接收部门，不予受理时为可反映的部门"),
    "how": Words("联系方式", "choice"),
    "missing": Words("缺少的要素", "choice"),
    "ground": Words("不予受理的情形", "choice"),
    "place": Words("违法行为发生地", "division", "六位行政区划代码"),
    "class": Words("违法类型", "class"),
    "main": Words("主线索编号", "clue"),
    "earlier_clue": Words("原线索编号", "clue"),
    "same_reporter": Words("同一举报人的依据", "choice"),
    "query_code": Words("查询码", "text"),
    "confirmation": Words("确认同一举报人的经过", "words"),
    "id_verified": Words("已核对证件", "flag"),
    "same_place": Words("发生地相同", "flag"),
    "same_time": Words("时间相同", "flag"),
    "same_respondent": Words("违法主体相同", "flag"),
    "same_facts": Words("主要违法事实相同", "flag"),
    "renewed": Words("原结果之后继续或再次发生", "flag", "有此情形不能按重复举报处理"),
    "new_evidence": Words("有新证据", "flag", "有此情形不能按重复举报处理"),
    "officers": Words("核查人员", "officers", "两人，各有在核查当日有效的执法证"),
    "started": Words("核查开始日期", "date"),
    "visited": Words("现场核查日期", "date"),
    "longitude": Words("经度", "number"),
    "latitude": Words("纬度", "number"),
    "crs": Words("坐标系", "choice"),
    "area": Words("面积", "number"),
    "area_unit": Words("面积单位", "choice"),
    "land_kind": Words("地类", "choice"),
    "permits": Words("审批、许可情况", "words"),
    "elements": Words("五要素核对", "elements"),
    "photos": Words("现场照片", "photos", "先存入本线索的证据材料"),
    "result": Words("核查结果", "choice"),
    "ended": Words("核查结束日期", "date"),
    "issued": Words("指定日期", "date"),
    "joined": Words("并入日期", "date"),
    "notice": Words("告知", "choice", "不选则为全部待告知的内容"),
    "told_at": Words("告知时间", "moment"),
    "evidence": Words("送达依据", "text", "如：当面口头告知、电话本人接听、挂号号码"),
    "determination": Words("判定", "choice"),
    "proof": Words("身份核验方式", "choice"),
    "name": Words("姓名", "text"),
    "contact": Words("登记的联系方式", "text"),
    "intake": Words("来件编号", "number"),
    "decline": Words("不再接收告知", "flag"),
    "case_no": Words("案件或处罚文号", "text"),
    "criterion": Words("列为重大线索的依据", "choice"),
    "importance": Words("重要程度", "choice"),
    "due": Words("办理期限", "date", "最后一日"),
    "document_no": Words("通报文号", "text"),
    "clock": Words("延长的时限", "choice"),
    "days": Words("延长的工作日数", "number"),
    "named_unit": Words("被反映人员所在单位", "unit"),
    "person": Words("回避人员", "person"),
    "number": Words("移交文书编号", "text"),
    "receiver": Words("接收单位和接收人", "text"),
    "reason_text": Words("理由", "words"),
    "words": Words("说明", "words"),
    "assisting": Words("协办单位", "units"),
    "stage": Words("转交的环节", "choice"),
    "with_identity": Words("随附举报人信息", "flag", "须先取得举报人同意"),
    "consent": Words("举报人同意的时间和方式", "words"),
    "receipt_no": Words("回执编号", "text"),
    "answer_no": Words("部门复函编号", "text"),
    "effective": Words("处罚决定生效日期", "date"),
    "published_in": Words("公开的网址或载体", "text"),
    "order_no": Words("文书编号", "text", "如：桃自然资停〔2026〕12号"),
    "addressee": Words("责令对象", "text", "单位或个人全称"),
    "conduct": Words("违法行为", "words", "写入文书：何时、何地、何种行为；不写举报人和举报内容"),
    "basis": Words("法律依据", "text", "如：《中华人民共和国土地管理法》第六十七条"),
    "copies": Words("抄送单位", "text", "用顿号分开，如：某镇人民政府、某供电所"),
    "contacted": Words("联系对象", "choice"),
    "outcome": Words("联系结果", "choice"),
    "score": Words("满意程度", "choice", "接通时填写"),
    "channel": Words("渠道", "text"),
    "sub_channel": Words("子渠道", "text"),
    "at": Words("发生时间", "moment"),
}

VALUES: dict[str, dict[str, str]] = {
    "kind": {
        **{kind.value: label for kind, label in INTAKE_KIND_LABELS.items()},
        "progress": "询问进展", "urge": "催办", "supplement": "补充", "correction": "更正", "withdrawal": "撤回",
        "objection": "异议", "thanks": "感谢",
    },
    "reason": {"crosses": "跨行政区域", "unclear": "管辖不明", "disputed": "管辖有争议"},
    "how": {
        "call": "电话", "wechat": "微信", "email": "电子邮件", "sms": "短信", "letter": "信函",
        "query_page": "查询页面公示", "visit": "当面或上门",
    },
    "missing": {"place": "违法行为发生地", "facts": "主要违法事实"},
    "ground": {code: CLASS_LABELS[code] for code in ("N1", "N2", "N3", "N4", "N5")},
    "class": {code: label for code, label in CLASS_LABELS.items() if code[0] in "TK"},
    "same_reporter": {
        "openid": "同一微信账号", "id_number": "同一证件号码（已核对）", "query_code": "持有原线索查询码",
        "confirmed": "联系方式相同并经人工确认",
    },
    "proof": {"query_code": "查询码", "name_and_contact": "姓名和登记的联系方式"},
    "result": {"R0": "不存在违法行为", "R1": "存在违法行为"},
    "determination": {
        "P1": "受理", "P2": "提请管辖", "P3": "不予受理", "P4": "重复举报", "P5": "要求补充",
    },
    "criterion": {
        "farmland": "占用耕地面积较大", "approval": "违法批地、批矿", "mining": "违法采矿情节严重",
        "danger": "危及公共安全", "leader": "领导批示", "media": "媒体关注", "group": "群体性反映", "other": "其他",
    },
    "importance": {"ordinary": "一般", "important": "重要", "major": "重大"},
    "clock": {
        "determination": "判定告知", "after_designation": "指定后告知", "escalation": "提请管辖", "result": "结果告知",
    },
    "stage": dict(STAGES),
    "contacted": {
        "reporter": "举报人", "respondent": "被反映人", "village": "村、社区", "department": "其他部门",
        "other": "其他",
    },
    "outcome": {"reached": "已联系上", "unreached": "未联系上", "refused": "对方不愿回应"},
    "score": {"5": "非常满意", "4": "满意", "3": "基本满意", "2": "不满意", "1": "非常不满意"},
    "crs": {"CGCS2000": "CGCS2000", "WGS84": "WGS84", "GCJ02": "GCJ02"},
    "area_unit": {"mu": "亩", "m2": "平方米", "ha": "公顷"},
    "land_kind": {
        "permanent_basic_farmland": "永久基本农田", "other_arable": "其他耕地", "other_agricultural": "其他农用地",
        "construction": "建设用地", "unused": "未利用地", "unknown": "不明",
    },
    "elements": {
        "place": "发生地", "respondent": "违法主体", "facts": "违法事实", "area": "面积", "permits": "审批许可",
    },
}  # fmt: skip
"""name → value → words, for data with a closed list of values."""

CHECKED = {"confirmed": "属实", "differs": "不符", "unclear": "不明"}
"""What a check of one of the five elements on site may say."""
