"""A letter as one report: its register entry, then its pages in order. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

from channels.contract import (
    Continuation,
    NewReport,
    NormalizeError,
    Outcome,
    Part,
    PartKind,
    RawIntake,
    Report,
    Sender,
)
from channels.files import clean, decode, docx_text
from channels.forms import LABELS, dates, fields_of, mode_of, read_form, readable, sender_of
from channels.letter.naming import SCANS, page_order, role_of, scan_kind

QUIET = timedelta(days=1)
"""A page scanned later than that is not taken for a page of the same letter."""
WORDS = 20  # characters from which a Word file is text, not a frame for pictures
SHOWN = {
    "register_no": "收文登记号",
    "received": "收文日期",
    "addressee": "收信人",
    "opened": "来件时已拆封",
    "enclosures": "随信附件",
} | LABELS
REGISTER = frozenset({"register_no", "received", "addressee", "opened", "enclosures"})
ENVELOPES = ("envelope", "postmark")
ROLES = ("envelope", "postmark", "sidecar")
_PHONE = re.compile(r"(?<!\d)\+?\d[\d\s-]{5,16}\d(?!\d)")
_CUTS = re.compile(r"[,，、;；\t]|\s{2,}")
MAX_SIGNERS = 500


def signers(told: str) -> tuple[Sender, ...]:
    """The other people who signed a joint letter: one a line, name, telephone and address in this order."""
    found = []
    for line in told.splitlines():
        phone = _PHONE.search(line)
        rest = line[: phone.start()] + "，" + line[phone.end() :] if phone else line
        words = [word.strip() for word in _CUTS.split(rest) if word.strip()]
        if not words:
            continue
        number = "".join(char for char in phone.group() if char.isdigit() or char == "-") if phone else ""
        found.append(Sender(name=words[0][:100], phone=number[:50], address=" ".join(words[1:])[:300]))
    return tuple(found[:MAX_SIGNERS])


def _part(raw: RawIntake, index: int, page: int, warnings: list[str]) -> Part:
    """One file as a part; `page` from 1 is its place in the letter."""
    blob = raw.blobs[index]
    data = blob.read()
    kind = scan_kind(data)
    role = blob.role if blob.role in ROLES else role_of(blob)
    about = {"role": role, "file": page}
    title = clean(blob.name, 200)
    if kind in SCANS:
        return Part(PartKind.SCAN, "", index, title, about)
    if kind == "docx":
        try:
            text = docx_text(data)
            # A Word file around a pasted photo: the scan workers read its pictures.
            return Part(PartKind.TEXT if len(text) >= WORDS else PartKind.SCAN, text, index, title, about)
        except ValueError:
            warnings.append(f"第 {page} 个文件是 Word 文档，但无法读取文字")
    elif data and not kind and role == "sidecar" and b"\x00" not in data:
        text, whole = decode(data)
        if not whole:
            warnings.append(f"第 {page} 个文件有无法识别的字符")
        return Part(PartKind.TEXT, clean(text), index, title, about)
    else:
        warnings.append(f"第 {page} 个文件{'不是可以读取的扫描件，按附件保留' if data else '是空的'}")
    return Part(PartKind.FILE, "", index, title, about)


def normalize(raw: RawIntake) -> list[Outcome]:
    """One NewReport; pages that come after their letter (meta "event": "page") are a Continuation of it.

    Raises NormalizeError where there is nothing a machine can read.
    """
    values, indexes = read_form(raw)
    warnings: list[str] = []
    dates(values, {"received": "收文日期"}, warnings)
    others = signers(values.pop("signers", ""))
    indexes.sort(key=lambda index: (raw.blobs[index].role in ENVELOPES, page_order(raw.blobs[index].name)))
    parts = [_part(raw, index, page, warnings) for page, index in enumerate(indexes, start=1)]
    if not any(part.kind is PartKind.SCAN or part.text for part in parts):
        told = any(name in LABELS for name in values)
        if not told:
            raise NormalizeError("信件中没有可以读取的扫描件" if indexes else "信件没有文件")
    entry = readable(values, {name: label for name, label in SHOWN.items() if name not in REGISTER})
    form = next((index for index, blob in enumerate(raw.blobs) if blob.role == "form"), None)
    if entry:
        parts.insert(0, Part(PartKind.TEXT, entry, form, "登记内容", {"form": True}))
    sender = sender_of(values)
    if not sender.known() and others:  # nobody is named first: the first one who signed is
        sender, others = others[0], others[1:]
    report = Report(
        parts=tuple(parts),
        sender=sender,
        others=others,
        fields=fields_of(values),
        title=" ".join(word for word in ("举报信件", values.get("register_no", "")) if word),
        mode=mode_of(values),
        warnings=tuple(warnings),
    )
    batch = raw.meta.get("batch")
    keys = (f"letter:{batch}",) if isinstance(batch, str) and batch else ()
    if keys and raw.meta.get("event") == "page":
        return [Continuation(report, keys, QUIET)]
    return [NewReport(report, keys, QUIET if keys else None)]
