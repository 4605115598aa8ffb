"""The call pad: what an operator types while the caller speaks (A3)."""

from __future__ import annotations

from channels.contract import Field, FormSpec

CALL_PAD = FormSpec(
    id="call-pad",
    title="接听登记",
    intro="逐项询问：违法行为发生地、违法主体、主要违法事实、证据材料。没有问到的可以留空，请勿记录涉密信息。",
    fields=(
        Field("caller", "来电号码", kind="phone", sensitive=True, max_length=64),
        Field("start", "来电时间", kind="datetime", help="接听前振铃的时间，时限从此时起算"),
        Field(
            "mode",
            "举报方式",
            kind="select",
            options=(
                ("", "未说明"),
                ("real_name", "实名"),
                ("anonymous", "匿名"),
                ("confidential", "要求保密"),
            ),
        ),
        Field("name", "举报人姓名", sensitive=True, max_length=100),
        Field("place", "违法行为发生地", help="省、市、县、乡镇、村、组或附近标志物", max_length=500),
        Field("respondent", "违法主体", help="单位或个人名称，不清楚可写“不详”", max_length=500),
        Field("facts", "主要违法事实", kind="textarea", required=True),
        Field("area", "涉及面积", help="连同单位，例如 3.5亩", max_length=100),
        Field("occurred", "发生时间", help="开始时间，是否仍在继续", max_length=200),
        Field("evidence", "证据材料", kind="textarea", help="举报人可以提供的照片、录像、合同等", max_length=5000),
        Field("files", "通话录音", kind="files", help="可选"),
    ),
    roles=("operator", "handler", "lead"),
)
