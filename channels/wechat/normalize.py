"""A stored WeChat message, form or file hand-over as outcomes. Pure: no input or output, no clock, no network."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import timedelta

from channels.contract import (
    Blob,
    Continuation,
    DeliveryReport,
    Json,
    NewReport,
    NonClue,
    NormalizeError,
    Outcome,
    Part,
    PartKind,
    RawIntake,
    Report,
    Sender,
)
from channels.wechat.form import ANONYMOUS, FORM, REAL_NAME
from channels.wechat.kinds import part_kind
from channels.wechat.message import CITIZEN_KINDS, MalformedError, Message, correlation_key, parse
from channels.wechat.settings import DEFAULT_QUIET_MINUTES, MAX_QUIET_MINUTES

MAX_FORM_BYTES = 1024 * 1024
MAX_TEXT_BYTES = 1024 * 1024

_EVENTS = {
    "subscribe": "关注公众号",
    "unsubscribe": "取消关注公众号",
    "scan": "扫描带参数二维码",
    "location": "上报地理位置",
    "click": "点击菜单",
    "view": "点击菜单链接",
    "view_miniprogram": "点击菜单小程序",
    "scancode_push": "菜单扫码",
    "scancode_waitmsg": "菜单扫码",
    "pic_sysphoto": "菜单拍照",
    "pic_photo_or_album": "菜单发图",
    "pic_weixin": "菜单发图",
    "location_select": "菜单选择位置",
    "masssendjobfinish": "群发结果",
}


def normalize(raw: RawIntake) -> list[Outcome]:
    """Raises NormalizeError where the stored bytes cannot be read; nothing else."""
    if not raw.blobs:
        message = "没有可读的内容"
        raise NormalizeError(message)
    first = raw.blobs[0]
    if first.role == "form":
        return [_form(raw)]
    if first.role == "original" and first.media_type == "text/xml":
        try:
            message_ = parse(first.read())
        except MalformedError:
            text = "微信消息不是有效的 XML"
            raise NormalizeError(text) from None
        return [_message(message_, raw)]
    return [_files(raw)]


def _quiet(meta: Mapping[str, Json]) -> timedelta:
    minutes = meta.get("quiet_minutes")
    if isinstance(minutes, int) and not isinstance(minutes, bool) and 1 <= minutes <= MAX_QUIET_MINUTES:
        return timedelta(minutes=minutes)
    return timedelta(minutes=DEFAULT_QUIET_MINUTES)


def _message(message: Message, raw: RawIntake) -> Outcome:
    if message.kind == "event":
        return _event(message)
    if message.kind not in CITIZEN_KINDS:
        # Kept with whatever words it has, so that a person can still make a clue of it.
        words = "\n".join(filter(None, (message.get(name) for name in ("Content", "Title", "Description"))))
        said = (Part(PartKind.TEXT, words),) if words else ()
        return NonClue("other", "暂不识别的微信消息类型", Report(parts=said, sender=Sender(openid=message.openid)))
    if not message.openid:
        text = "微信消息缺少发送者"
        raise NormalizeError(text)
    parts, warnings = _parts(message)
    media = _media(raw.blobs, start=1)
    if message.kind in ("image", "voice", "video", "shortvideo") and not media:
        warnings = (*warnings, "媒体文件尚未取回")
    report = Report(parts=parts + media, sender=Sender(openid=message.openid), warnings=warnings)
    return Continuation(report, (correlation_key(message.openid),), _quiet(raw.meta))


def _parts(message: Message) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """What the message itself says; its medium comes behind."""
    if message.kind == "text":
        text = message.get("Content")
        return ((Part(PartKind.TEXT, text),), ()) if text else ((), ("文字消息没有内容",))
    if message.kind == "voice":
        heard = message.get("Recognition")
        return ((Part(PartKind.TEXT, heard, title="微信语音识别"),), ()) if heard else ((), ())
    if message.kind == "location":
        return _location(message)
    if message.kind == "link":
        title, description, url = (message.get(name) for name in ("Title", "Description", "Url"))
        text = "\n".join(filter(None, (title, description)))
        safe = url if url.lower().startswith(("http://", "https://")) else ""
        link = Part(PartKind.LINK, text, title=title, data={"url": safe})
        return (link,), (() if safe else ("链接地址无效",))
    return (), ()


def _location(message: Message) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """WeChat sends GCJ-02, latitude as Location_X; the label is the sender's chosen place in words."""
    label = message.get("Label")
    words: tuple[Part, ...] = (Part(PartKind.TEXT, label, title="位置"),) if label else ()
    lat, lon = _degrees(message.get("Location_X"), 90), _degrees(message.get("Location_Y"), 180)
    if lat is None or lon is None:
        return words, ("位置坐标无效",)
    data = {"lat": lat, "lon": lon, "system": "GCJ02", "label": label}
    return (*words, Part(PartKind.LOCATION, title="位置", data=data)), ()


def _degrees(text: str, limit: int) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= limit else None


def _event(message: Message) -> Outcome:
    event = message.get("Event").lower()
    number = message.get("MsgID")
    if event == "templatesendjobfinish" and number.isascii() and number.isdigit():
        status = message.get("Status").lower().replace(" ", "")
        if status == "success":
            return DeliveryReport(number, "delivered")
        blocked = status == "failed:userblock"
        return DeliveryReport(number, "failed", permanent=blocked, detail="用户拒收" if blocked else "发送失败")
    reason = _EVENTS.get(event, "其他微信事件")
    return NonClue("other", reason, Report(sender=Sender(openid=message.openid)))


def _media(blobs: tuple[Blob, ...], start: int) -> tuple[Part, ...]:
    return tuple(_medium(blob, index) for index, blob in enumerate(blobs) if index >= start)


def _medium(blob: Blob, index: int) -> Part:
    data = blob.read()
    kind = part_kind(blob, data[:16])
    if kind is not PartKind.TEXT:
        return Part(kind, blob=index, title=blob.name)
    text = _decode(data) if len(data) <= MAX_TEXT_BYTES else None
    if text is None:
        return Part(PartKind.FILE, blob=index, title=blob.name)
    return Part(PartKind.TEXT, text, blob=index, title=blob.name)


def _decode(data: bytes) -> str | None:
    for charset in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(charset)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text
    return None


def _files(raw: RawIntake) -> Outcome:
    openid = raw.meta.get("openid")
    sender = Sender(openid=openid) if isinstance(openid, str) else Sender()
    report = Report(parts=_media(raw.blobs, start=0), sender=sender)
    if sender.openid:
        return Continuation(report, (correlation_key(sender.openid),), _quiet(raw.meta))
    return NewReport(report)


def _form(raw: RawIntake) -> Outcome:
    body = raw.blobs[0].read()
    try:
        values = json.loads(body) if len(body) <= MAX_FORM_BYTES else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        text = "表单内容无法读取"
        raise NormalizeError(text)
    said = {field.name: _said(values.get(field.name)) for field in FORM.fields}
    labels = {field.name: field.label for field in FORM.fields}
    parts = tuple(
        Part(PartKind.TEXT, said[name], title=labels[name])
        for name in ("place", "respondent", "facts", "evidence", "since")
        if said[name]
    )
    fields = {name: said[name] for name in ("place", "respondent", "facts", "evidence") if said[name]}
    if said["since"]:
        fields["occurred"] = said["since"]
    mode = said["mode"] if said["mode"] in (REAL_NAME, ANONYMOUS) else ""
    warnings = ("匿名举报但留有姓名或电话",) if mode == ANONYMOUS and (said["name"] or said["phone"]) else ()
    report = Report(
        parts=parts + _media(raw.blobs, start=1),
        sender=Sender(name=said["name"], phone=said["phone"]),
        fields=fields,
        mode=mode,
        warnings=warnings,
    )
    return NewReport(report)


def _said(value: Json) -> str:
    return value.strip() if isinstance(value, str) else ""
