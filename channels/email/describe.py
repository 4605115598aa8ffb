"""What `hub try mail` prints for a file."""

from __future__ import annotations

import hashlib

from channels.contract import Json
from channels.email.automatic import auto_reply_allowed
from channels.email.reading import read


def describe(data: bytes, name: str) -> dict[str, Json]:
    """The facts of a mail as JSON data; never fails, whatever the bytes.

    `from` and `to` are texts ("张三 <zhang@example.cn>, …"), `date` is ISO 8601 or null, `text` is the body.
    """
    mail = read(data)
    warnings = list(dict.fromkeys(mail.warnings))
    if not data.strip():
        warnings.append("文件为空")
    elif not mail.headers.headers:
        warnings.append("没有邮件头，按纯文本读取")
    text = "\n\n".join([mail.text, *(f"【{title}】\n{words}" for title, words in mail.nested)]).strip()
    return {
        "name": name,
        "message_id": mail.message_id,
        "subject": mail.subject,
        "from": str(mail.sender),
        "to": ", ".join(str(address) for address in mail.to),
        "date": mail.date.isoformat() if mail.date else None,
        "text": text,
        "attachments": [
            {
                "name": item.name,
                "type": item.media_type,
                "size": len(item.data),
                "sha256": hashlib.sha256(item.data).hexdigest(),
            }
            for item in mail.attachments
        ],
        "auto_reply_allowed": auto_reply_allowed(mail),
        "warnings": warnings,
    }
