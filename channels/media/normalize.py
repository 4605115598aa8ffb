"""A media report as one report: link, snapshot, clip."""

from __future__ import annotations

import html
from urllib.parse import urlsplit

from channels.contract import Field, FormSpec, NewReport, NormalizeError, Outcome, Part, PartKind, RawIntake
from channels.files import clean, content_type, decode, ending
from channels.forms import (
    CORE,
    FILES,
    LABELS,
    SECRET_REMINDER,
    dates,
    file_parts,
    form_report,
    read_form,
    readable_file,
)

MEDIA_KINDS = (
    ("paper", "报刊"),
    ("broadcast", "广播电视"),
    ("website", "网站"),
    ("microblog", "微博、公众号、短视频"),
    ("other", "其他"),
)
MAX_PAGE = 5_000_000  # bytes of a saved web page
FORM = FormSpec(
    id="media",
    title="媒体反映登记",
    fields=(
        Field("outlet", "媒体名称", required=True, max_length=200),
        Field("media_kind", "媒体类型", "select", options=MEDIA_KINDS),
        Field("headline", "标题", max_length=300),
        Field("published", "发布日期", "date", required=True),
        Field("url", "网址", "url", max_length=2_000),
        Field("snapshot", "报道全文", "textarea", max_length=100_000, help="网页会改动：请粘贴当时的全文"),
        *(Field(b.name, b.label, b.kind, max_length=b.max_length, help=b.help) for b in CORE),
        FILES,
    ),
    intro=f"登记媒体报道，网址、全文、剪报或音视频至少提供一项。{SECRET_REMINDER}",
)


def takes(found: str, end: str) -> bool:
    return readable_file(found, end) or (not found and end in (".html", ".htm"))


def page_words(source: str) -> str:
    """The words of a saved web page in one linear pass: tags out, scripts and styles skipped, blocks on own lines."""
    lower = source.lower()
    words: list[str] = []
    at = 0
    while at < len(source):
        opened = source.find("<", at)
        if opened < 0:
            words.append(source[at:])
            break
        words.append(source[at:opened])
        if lower.startswith("<!--", opened):
            closed = source.find("-->", opened)
            at = len(source) if closed < 0 else closed + 3
            continue
        closed = source.find(">", opened)
        if closed < 0:
            break
        tag = lower[opened + 1 : opened + 12].strip("/ ")
        at = closed + 1
        skipped = next((name for name in ("script", "style") if tag.startswith(name)), None)
        if skipped and lower[opened + 1] != "/":
            end = lower.find(f"</{skipped}", at)
            at = len(source) if end < 0 else end
        elif tag.startswith(("p", "div", "br", "li", "h1", "h2", "h3", "tr", "title", "article", "section")):
            words.append("\n")
    lines = (" ".join(line.split()) for line in html.unescape("".join(words)).split("\n"))
    return clean("\n".join(line for line in lines if line))


def _is_page(raw: RawIntake, index: int) -> bool:
    blob = raw.blobs[index]
    return ending(blob) in (".html", ".htm") and blob.size() <= MAX_PAGE and not content_type(blob.read())


def _link(url: str, title: str, warnings: list[str]) -> list[Part]:
    try:
        address = urlsplit(url)
        known = address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        known = False
    if not known:
        warnings.append("网址不是 http 或 https 地址，按原文保留")
        return []
    return [Part(PartKind.LINK, title, data={"url": url})]


def normalize(raw: RawIntake) -> list[Outcome]:
    """One NewReport: link, pasted text and saved pages as text, clips as sound or film, cuttings as scans."""
    values, indexes = read_form(raw)
    warnings: list[str] = []
    dates(values, {"published": "发布日期"}, warnings)
    if "media_kind" in values:
        known = dict(MEDIA_KINDS)
        values["media_kind"] = known.get(values["media_kind"], values["media_kind"])
    parts: list[Part] = []
    if "url" in values:
        parts += _link(values["url"], values.get("headline", ""), warnings)
    snapshot = "\n".join(values[box] for box in ("headline", "snapshot") if box in values)
    if snapshot:
        parts.append(Part(PartKind.TEXT, snapshot, title="报道全文", data={"snapshot": True}))
    for index in indexes:
        if _is_page(raw, index):
            source, _ = decode(raw.blobs[index].read())
            parts.append(Part(PartKind.HTML, clean(source), index, clean(raw.blobs[index].name, 200)))
            parts.append(Part(PartKind.TEXT, page_words(source), index, "网页文字"))
        else:
            parts += file_parts(raw, [index], warnings)
    title = values.get("headline") or " ".join(("媒体反映", values.get("outlet", ""))).strip()
    if not parts and not any(values.get(name) for name in LABELS):
        raise NormalizeError("媒体反映没有内容：网址、报道全文、违法事实和文件都没有")
    values.pop("snapshot", None)  # it is a part; fields hold short values
    return [NewReport(form_report(raw, values, parts, warnings, title=title, required={}))]
