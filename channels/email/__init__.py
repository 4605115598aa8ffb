"""举报电子邮件: mailboxes read by IMAP, and .eml files handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone

from channels.contract import Blob, Channel, InputRefusedError, Json, RawIntake
from channels.email.describe import describe
from channels.email.normalize import normalize
from channels.email.notify import ROUTES
from channels.email.receive import poll, poll_once
from channels.email.sandbox import Sandbox
from channels.email.settings import EmailSettings

MAX_FILE_BYTES = 64 << 20
_BEIJING = timezone(timedelta(hours=8))

__all__ = ["CHANNEL", "EmailSettings", "Sandbox", "describe", "from_files", "normalize", "poll", "poll_once"]


def from_files(blobs: Sequence[Blob], meta: Mapping[str, Json], *, source_id: str, now: datetime) -> list[RawIntake]:
    """Each .eml as one raw intake. Key: meta "external_id" (with a number for several files), else sha256 of the bytes.

    `at`: meta "at" (ISO 8601, not later than `now`), else `now`.
    """
    if not blobs:
        raise InputRefusedError("没有文件")
    at = _moment(meta, now)
    external = str(meta.get("external_id") or "").strip()
    made: list[RawIntake] = []
    for number, blob in enumerate(blobs, 1):
        size = blob.size()
        if size == 0 or (size < 4_096 and not blob.read().strip()):
            raise InputRefusedError("文件为空")
        if size > MAX_FILE_BYTES:
            raise InputRefusedError(f"邮件超过 {MAX_FILE_BYTES >> 20} MB")
        key = (external if len(blobs) == 1 else f"{external}#{number}") if external else f"sha256:{blob.sha256()}"
        original = Blob(blob.name, "message/rfc822", blob.data, "original", blob.path)
        made.append(RawIntake("email", source_id, key[:500], at, (original,), dict(meta)))
    return made


def _moment(meta: Mapping[str, Json], now: datetime) -> datetime:
    told = str(meta.get("at") or "").strip()
    if not told:
        return now
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        raise InputRefusedError("收到时间（at）不是有效的日期时间") from None
    at = at if at.tzinfo else at.replace(tzinfo=_BEIJING)
    if at > now:
        raise InputRefusedError("收到时间不能晚于现在")
    return at


CHANNEL = Channel(
    code="email",
    number="03",
    label="举报电子邮件",
    rollup="电子邮件",
    normalize=normalize,
    from_files=from_files,
    settings=EmailSettings,
    secrets={"password": "邮箱密码或授权码", "smtp_password": "SMTP 密码（与邮箱不同时）"},
    upload=True,
    accept_types=".eml,message/rfc822",
    poll=poll,
    redact=frozenset(("external_id", "folder_name", "user")),
    describe=describe,
    sandbox=Sandbox,
    notify=ROUTES,
)
