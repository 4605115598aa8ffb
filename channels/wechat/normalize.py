"""A stored WeChat message, form or file hand-over as outcomes. Pure: no input or output, no clock, no network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta

from channels.contract import (
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
from channels.files import clean
from channels.forms import file_parts, form_report, mode_of, place_parts, read_form
from channels.wechat.form import BOXES
from channels.wechat.kinds import part_of
from channels.wechat.message import CITIZEN_KINDS, MalformedError, Message, correlation_key, parse, person_key
from channels.wechat.settings import DEFAULT_QUIET_MINUTES, MAX_QUIET_MINUTES

_MEDIA = frozenset({"image", "voice", "video", "shortvideo"})
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
        return _message(message_, raw)
    return [_files(raw)]


def _quiet(meta: Mapping[str, Json]) -> timedelta:
    minutes = meta.get("quiet_minutes")
    if isinstance(minutes, int) and not isinstance(minutes, bool) and 1 <= minutes <= MAX_QUIET_MINUTES:
        return timedelta(minutes=minutes)
    return timedelta(minutes=DEFAULT_QUIET_MINUTES)


def _message(message: Message, raw: RawIntake) -> list[Outcome]:
    if message.kind == "event":
        return _event(message)
    if message.kind not in CITIZEN_KINDS:
        # Kept with whatever words it has, so that a person can still make a clue of it.
        words = "\n".join(filter(None, (clean(message.get(name)) for name in ("Content", "Title", "Description"))))
        said = (Part(PartKind.TEXT, words),) if words else ()
        return [NonClue("other", "暂不识别的微信消息类型", Report(parts=said, sender=Sender(openid=message.openid)))]
    if not message.openid:
        text = "微信消息缺少发送者"
        raise NormalizeError(text)
    warnings: list[str] = []
    parts = _parts(message, warnings)
    parts += [part_of(blob, index, warnings) for index, blob in enumerate(raw.blobs) if index]
    if message.kind in _MEDIA and len(raw.blobs) == 1 and not raw.remotes:
        warnings.append("消息没有附带可取回的媒体文件")
    report = Report(parts=tuple(parts), sender=Sender(openid=message.openid), warnings=tuple(warnings))
    return [Continuation(report, (correlation_key(message.openid),), _quiet(raw.meta))]


def _parts(message: Message, warnings: list[str]) -> list[Part]:
    """What the message itself says; its medium comes behind."""
    if message.kind == "text":
        text = clean(message.get("Content"))
        if not text:
            warnings.append("文字消息没有内容")
        return [Part(PartKind.TEXT, text)] if text else []
    if message.kind == "voice":
        heard = clean(message.get("Recognition"))
        return [Part(PartKind.TEXT, heard, title="微信语音识别")] if heard else []
    if message.kind == "location":
        return _location(message, warnings)
    if message.kind == "link":
        return _link(message, warnings)
    return []


def _link(message: Message, warnings: list[str]) -> list[Part]:
    title, description, url = (clean(message.get(name)) for name in ("Title", "Description", "Url"))
    text = "\n".join(filter(None, (title, description)))
    if url.lower().startswith(("http://", "https://")):
        return [Part(PartKind.LINK, text, title=title, data={"url": url})]
    warnings.append("链接地址无效")
    return [Part(PartKind.TEXT, text, title=title)] if text else []


def _location(message: Message, warnings: list[str]) -> list[Part]:
    """WeChat sends GCJ-02, latitude as Location_X; the label is the sender's chosen place in words."""
    label = clean(message.get("Label"))
    lat, lon = _degrees(message.get("Location_X"), 90), _degrees(message.get("Location_Y"), 180)
    if lat is None or lon is None:
        warnings.append("位置坐标无效")
        return [Part(PartKind.TEXT, label, title="位置")] if label else []
    data = {"lat": lat, "lon": lon, "system": "GCJ02", "label": label}
    return [Part(PartKind.LOCATION, label, title="位置", data=data)]


def _degrees(text: str, limit: int) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= limit else None


def _event(message: Message) -> list[Outcome]:
    event = message.get("Event").lower()
    number = message.get("MsgID")
    if event == "templatesendjobfinish" and number.isascii() and number.isdigit():
        status = message.get("Status").lower().replace(" ", "")
        if status == "success":
            return [DeliveryReport(number, "delivered")]
        blocked = status == "failed:userblock"
        return [DeliveryReport(number, "failed", permanent=blocked, detail="用户拒收" if blocked else "发送失败")]
    reason = _EVENTS.get(event, "其他微信事件")
    said: list[Outcome] = [NonClue("other", reason, Report(sender=Sender(openid=message.openid)))]
    if event == "unsubscribe" and message.openid:  # what was just sent to this person is not read any more
        said.insert(0, DeliveryReport(person_key(message.openid), "failed", permanent=True, detail="已取消关注"))
    return said


def _files(raw: RawIntake) -> Outcome:
    openid = raw.meta.get("openid")
    sender = Sender(openid=clean(openid, 64)) if isinstance(openid, str) else Sender()
    warnings: list[str] = []
    parts = tuple(part_of(blob, index, warnings) for index, blob in enumerate(raw.blobs))
    report = Report(parts=parts, sender=sender, warnings=tuple(warnings))
    if sender.openid:
        return Continuation(report, (correlation_key(sender.openid),), _quiet(raw.meta))
    return NewReport(report)


def _form(raw: RawIntake) -> Outcome:
    said, indexes = read_form(raw)
    values = {BOXES.get(name, name): value for name, value in said.items()}
    warnings: list[str] = []
    if mode_of(values) == "anonymous" and (values.get("reporter_name") or values.get("reporter_phone")):
        warnings.append("匿名举报但留有姓名或电话")
    parts = [*place_parts(values), *file_parts(raw, indexes, warnings)]
    return NewReport(form_report(raw, values, parts, warnings))
