"""The guided form behind the account's menu (H5): the four elements, then who reports. Staff may enter it too."""

from __future__ import annotations

from channels.contract import Field, FormSpec

BOXES = {"since": "occurred", "name": "reporter_name", "phone": "reporter_phone"}
"""The short names of this form's boxes → the names all forms share (channels.forms)."""

FORM = FormSpec(
    id="wechat-h5",
    title="微信平台举报",
    intro="请尽量写明违法行为发生地、违法主体和主要违法事实，并附上证据材料。请勿填写涉密信息。",
    fields=(
        Field(
            "place",
            "违法行为发生地",
            required=True,
            max_length=500,
            help="省、市、县（区）、乡镇、村，越具体越好",
        ),
        Field("respondent", "违法主体", max_length=500, help="被举报的单位或个人；不清楚可不填"),
        Field("facts", "主要违法事实", kind="textarea", required=True),
        Field("evidence", "证据材料说明", kind="textarea", help="照片、录音、文件等能证明什么"),
        Field("since", "违法行为发生时间", max_length=100, help="不记得确切日期可写大概时间"),
        Field("name", "举报人姓名", max_length=100, sensitive=True),
        Field("phone", "联系电话", kind="phone", max_length=40, sensitive=True),
        Field(
            "mode",
            "举报方式",
            kind="select",
            options=(("real_name", "实名"), ("anonymous", "匿名")),
        ),
        Field("files", "证据文件", kind="files", help="图片、录音、视频或文档"),
    ),
)
