"""The register of incoming letters as a form."""

from __future__ import annotations

from channels.contract import Field, FormSpec
from channels.forms import CORE, MODES, SECRET_REMINDER

FORM = FormSpec(
    id="letter",
    title="举报信件登记",
    fields=(
        Field("files", "扫描件", "files", required=True, help="同一封信的各页和信封可一起选择，按文件名排列页序"),
        Field("register_no", "收文登记号", max_length=100),
        Field("received", "收文章日期", "date", required=True, help="收文章上的日期，时限由此起算"),
        Field("reporter_name", "寄信人", max_length=100, sensitive=True, help="照信封填写"),
        Field("reporter_address", "寄信地址", max_length=300, sensitive=True, help="照信封填写"),
        Field("reporter_phone", "联系电话", "phone", max_length=50, sensitive=True),
        Field(
            "signers",
            "联名信其他署名人",
            "textarea",
            max_length=5_000,
            sensitive=True,
            help="每行一人：姓名，电话，地址。寄信人为代表人，告知由代表人转达",
        ),
        Field("addressee", "收信人", max_length=200),
        Field("opened", "来件时已拆封", "checkbox"),
        Field("enclosures", "随信附件", max_length=500, help="例如：照片4张、示意图1份"),
        Field("shelf", "附件存放号", max_length=50),
        Field("receipt", "附有回执", "checkbox"),
        Field("remark", "收发室备注", max_length=500),
        Field("mode", "举报方式", "select", options=MODES),
        *(box for box in CORE if box.name in ("respondent", "occurred", "area")),
        Field("place", "违法行为发生地", max_length=500, help="信中写明的可先填，未填的由识别结果建议"),
    ),
    roles=("mailroom", "operator", "handler", "lead"),
    intro=f"一次登记一封信；多页请一并上传。{SECRET_REMINDER}",
)
