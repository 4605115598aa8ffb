"""Files a person or `hub intake wechat` hands over: decrypted message XML, or media and texts of one report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from channels.contract import Blob, InputRefusedError, Json, RawIntake
from channels.forms import moment
from channels.wechat.kinds import part_kind, role_of
from channels.wechat.message import MAX_BYTES, MalformedError, Message, external_id, parse

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_FILES = 50
MAX_META_BYTES = 64 * 1024
_EARLIEST = datetime(2012, 8, 1, tzinfo=UTC)  # official accounts did not exist before


def from_files(blobs: Sequence[Blob], meta: Mapping[str, Json], *, source_id: str, now: datetime) -> list[RawIntake]:
    """Each message XML is one intake. Other files belong to the one message among them, or form one report together.

    `meta`: openid (joins the sender's open conversation), at (ISO 8601; default CreateTime, else now), quiet_minutes.
    """
    if not blobs:
        message = "没有文件"
        raise InputRefusedError(message)
    if len(blobs) > MAX_FILES:
        message = f"一次最多提交 {MAX_FILES} 个文件"
        raise InputRefusedError(message)
    told = _meta(meta)
    messages: list[tuple[Blob, Message]] = []
    media: list[Blob] = []
    for blob in blobs:
        data = _read(blob)
        if _looks_like_message(blob, data):
            messages.append((Blob("message.xml", "text/xml", data), _parse(data)))
        else:
            media.append(replace(blob, role=role_of(part_kind(blob, data))))
    if not messages:
        return [_report(media, told, source_id, now)]
    if media and len(messages) > 1:
        text = "媒体文件请与所属的一条消息一起提交"
        raise InputRefusedError(text)
    return [_message_intake(original, message, media, told, source_id, now) for original, message in messages]


def _meta(meta: Mapping[str, Json]) -> dict[str, Json]:
    try:
        size = len(json.dumps(dict(meta), ensure_ascii=True))
    except (TypeError, ValueError, RecursionError):
        size = MAX_META_BYTES + 1
    if size > MAX_META_BYTES or not isinstance(meta.get("openid", ""), str):
        message = "附加信息（meta）无效"
        raise InputRefusedError(message)
    return dict(meta)


def _read(blob: Blob) -> bytes:
    size = blob.size()
    if size == 0:
        message = "文件为空"
        raise InputRefusedError(message)
    if size > MAX_FILE_BYTES:
        message = f"文件超过 {MAX_FILE_BYTES // 1024 // 1024} MB 上限"
        raise InputRefusedError(message)
    return blob.read()


def _looks_like_message(blob: Blob, data: bytes) -> bool:
    head = data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return head.startswith((b"<xml", b"<?xml", b"<!doctype xml")) or blob.name.lower().endswith(".xml")


def _parse(data: bytes) -> Message:
    if len(data) > MAX_BYTES:
        text = f"微信消息超过 {MAX_BYTES // 1024} KB 上限"
        raise InputRefusedError(text)
    try:
        message = parse(data)
    except MalformedError:
        text = "不是有效的微信消息 XML"
        raise InputRefusedError(text) from None
    if message.get("Encrypt"):
        text = "这是加密的微信消息：请由公众号入口接收，或先解密再提交"
        raise InputRefusedError(text)
    if message.root != "xml" or not message.kind:
        text = "不是有效的微信消息 XML"
        raise InputRefusedError(text)
    return message


def _at(meta: Mapping[str, Json], created: datetime | None, now: datetime) -> datetime:
    """The time somebody states in `meta`, else the message's own, else now; never later (PRODUCT §4)."""
    if meta.get("at") or meta.get("received"):
        at = moment(meta, now)
        if at < _EARLIEST:
            text = "收到时间早于公众号的出现"
            raise InputRefusedError(text)
        return at
    return min(created, now) if created is not None and created >= _EARLIEST else now


def _message_intake(
    original: Blob, message: Message, media: list[Blob], meta: dict[str, Json], source_id: str, now: datetime
) -> RawIntake:
    # No remotes: a hand-over comes through no account whose token could fetch them.
    return RawIntake(
        channel="wechat",
        source_id=source_id,
        key=external_id(message, original.data),
        at=_at(meta, message.created, now),
        blobs=(original, *media),
        meta=meta,
    )


def _report(media: list[Blob], meta: dict[str, Json], source_id: str, now: datetime) -> RawIntake:
    digest = hashlib.sha256(json.dumps(meta, ensure_ascii=True, sort_keys=True).encode())
    for blob in media:
        digest.update(bytes.fromhex(blob.sha256()))
    return RawIntake(
        channel="wechat",
        source_id=source_id,
        key=f"files:{digest.hexdigest()}",
        at=_at(meta, None, now),
        blobs=tuple(media),
        meta=meta,
    )
