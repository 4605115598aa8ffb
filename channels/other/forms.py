"""The sub-channels of 08 and their forms, as data."""

from __future__ import annotations

from channels.contract import Field, FormSpec
from channels.forms import CORE, FILES, REPORTER, SECRET_REMINDER

SUB_CHANNELS = {
    "0801": "传真",
    "0802": "来访",
    "0803": "网站",
    "0804": "部门移送",
    "0805": "12345热线转办",
    "0806": "互联网+督查",
    "0807": "动态巡查",
    "0808": "卫星遥感",
    "0809": "信访",
    "0899": "其他",
}
MISC = "0899"

_RECEIVED = Field("received", "收到日期", "date", required=True, help="时限由此起算")
_FROM_UNIT = Field("from_unit", "来文单位", required=True, max_length=200)
_DOCUMENT = Field("document_no", "文号", max_length=100)
_TICKET = Field("register_no", "工单编号", max_length=100)
_DEADLINE = Field("deadline", "要求办结日期", "date")
_BOXES: dict[str, tuple[Field, ...]] = {
    "0801": (_RECEIVED, Field("fax_no", "来件传真号", "phone", max_length=50, sensitive=True), *CORE, *REPORTER),
    "0802": (_RECEIVED, Field("visitors", "来访人数", "number", max_length=10), *CORE, *REPORTER),
    "0803": (_RECEIVED, Field("url", "网址", "url", max_length=2_000), _TICKET, *CORE, *REPORTER),
    "0804": (_RECEIVED, _FROM_UNIT, _DOCUMENT, _DEADLINE, *CORE, *REPORTER),
    "0805": (_RECEIVED, _TICKET, _DEADLINE, *CORE, *REPORTER),
    "0806": (_RECEIVED, _TICKET, _DEADLINE, *CORE, *REPORTER),
    "0807": (_RECEIVED, Field("patrol", "巡查人员", max_length=200), *CORE),
    "0808": (
        _RECEIVED,
        Field("parcel_no", "图斑编号", max_length=100),
        Field("images", "影像期次", max_length=100),
        *CORE,
    ),
    "0809": (_RECEIVED, _FROM_UNIT, _TICKET, _DEADLINE, *CORE, *REPORTER),
    MISC: (_RECEIVED, *CORE, *REPORTER),
}
ON_PAPER = frozenset({"0801", "0804", "0809"})
"""Where the papers say it all: place and facts may be read from them, so the form does not insist."""


def _form(code: str) -> FormSpec:
    boxes = _BOXES[code]
    if code in ON_PAPER:
        boxes = tuple(
            Field(b.name, b.label, b.kind, max_length=b.max_length, help=b.help) if b.name in ("place", "facts") else b
            for b in boxes
        )
    title = f"{SUB_CHANNELS[code]}登记"
    return FormSpec(f"other-{code}", title, (*boxes, FILES), sub_channel=code, intro=SECRET_REMINDER)


FORMS = {code: _form(code) for code in SUB_CHANNELS}
