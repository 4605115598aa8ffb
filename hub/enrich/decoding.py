"""The tasks of the limited children: normalise a raw intake, decode audio, render pages (decision 4, first stage)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from channels import tables, wire
from channels.contract import Blob, NormalizeError, Outcome, RawIntake
from channels.registry import channel, channels
from hub.settings import settings
from hub.work.child import LimitedChild, preload_codecs
from transcription import registry
from transcription.contract import PageImage, Pcm, Segment


def _normalize(args: Any, blobs: list[bytes]) -> tuple[Any, list[bytes]]:
    raw = wire.load_raw(args, blobs)
    out: list[bytes] = []
    return [wire.dump(outcome, out) for outcome in channel(raw.channel).normalize(raw)], out


def _describe(args: Any, blobs: list[bytes]) -> tuple[Any, list[bytes]]:
    describe = channel(args["channel"]).describe
    assert describe is not None
    return describe(blobs[0], args["name"]), []


def _table(args: Any, blobs: list[bytes]) -> tuple[Any, list[bytes]]:
    blob = Blob(args["name"], "", blobs[0])
    if not tables.is_table(blob):
        raise NormalizeError("请上传 Excel（.xlsx）或 CSV 文件")
    return [[row.number, list(row.cells)] for row in tables.rows(blob)], []


def _decode_audio(args: Any, blobs: list[bytes]) -> tuple[Any, list[bytes]]:
    pcm = registry.decode_audio(blobs[0], args["name"])
    return {"duration": pcm.duration, "codec": pcm.codec, "warnings": list(pcm.warnings)}, list(pcm.channels)


def _render(args: Any, blobs: list[bytes]) -> tuple[Any, list[bytes]]:
    rendered = registry.render(blobs[0], args["name"])
    pages = list(rendered)
    about = [
        {"width": p.width, "height": p.height, "lines": [[s.text, s.confidence, s.order, s.box] for s in p.text_lines]}
        for p in pages
    ]
    return {"pages": about, "warnings": list(rendered.warnings)}, [page.jpeg for page in pages]


def _cut(args: Any, blobs: list[bytes]) -> tuple[Any, list[bytes]]:
    pages = [(int(number), int(rotation)) for number, rotation in args["pages"]]
    return {}, [registry.cut(blobs[0], pages, int(args["total"]))]


@cache
def text_child() -> LimitedChild:
    """Reads messages: 512 MB."""
    preload_codecs()
    channels()
    tasks = {"normalize": _normalize, "describe": _describe, "table": _table}
    return LimitedChild(tasks, memory=settings().mail_memory, cpu_seconds=settings().decode_seconds)


@cache
def media_child() -> LimitedChild:
    """Decodes recordings and scans: 1 GiB."""
    preload_codecs()
    registry.preload_decoders()
    tasks = {"audio": _decode_audio, "pages": _render}
    return LimitedChild(tasks, memory=settings().media_memory, cpu_seconds=settings().decode_seconds)


@cache
def paper_child() -> LimitedChild:
    """Takes pages out of scans; made only where somebody splits a file: 1 GiB."""
    preload_codecs()
    registry.preload_cutting()
    return LimitedChild({"cut": _cut}, memory=settings().media_memory, cpu_seconds=settings().decode_seconds)


def forget_children() -> None:
    """Ends the children of this process (and drops those inherited through fork)."""
    for maker in (text_child, media_child, paper_child):
        if maker.cache_info().currsize:
            maker().close()
        maker.cache_clear()


def normalize(raw: RawIntake) -> list[Outcome]:
    """What the channel understood of a raw intake. Raises RefusedError or ChildDiedError."""
    blobs: list[bytes] = []
    head = wire.dump(raw, blobs)
    answer, back = text_child().run("normalize", head, blobs)
    return [wire.load_outcome(item, back) for item in answer]


def describe(code: str, data: bytes, name: str) -> dict[str, Any]:
    """What `hub try` prints of a file of this channel."""
    answer, _ = text_child().run("describe", {"channel": code, "name": name}, [data])
    return dict(answer)


def table(data: bytes, name: str) -> list[tuple[int, list[str]]]:
    """The rows of an Excel or CSV list with their numbers. Raises RefusedError or ChildDiedError."""
    answer, _ = text_child().run("table", {"name": name}, [data])
    return [(int(number), [str(cell) for cell in cells]) for number, cells in answer]


def audio(data: bytes, name: str) -> Pcm:
    """Decoded audio. Raises RefusedError or ChildDiedError."""
    about, back = media_child().run("audio", {"name": name}, [data])
    return Pcm(tuple(back), float(about["duration"]), str(about["codec"]), tuple(map(str, about["warnings"])))


def pages(data: bytes, name: str) -> tuple[Sequence[PageImage], Sequence[str]]:
    """Rendered pages and what was cut or odd about them. Raises RefusedError or ChildDiedError."""
    about, back = media_child().run("pages", {"name": name}, [data])
    found = [_page(n, page, jpeg) for n, (page, jpeg) in enumerate(zip(about["pages"], back, strict=True))]
    return found, [str(warning) for warning in about["warnings"]]


def cut(data: bytes, pages: Sequence[tuple[int, int]], total: int) -> bytes:
    """Some pages (number from 0, degrees clockwise) of a PDF or TIFF. Raises RefusedError or ChildDiedError."""
    args = {"pages": [list(page) for page in pages], "total": total}
    return paper_child().run("cut", args, [data])[1][0]


def _page(number: int, about: dict[str, Any], jpeg: bytes) -> PageImage:
    lines = tuple(
        Segment(str(t), float(c), int(o), box=tuple(box) if box else None, page=number, source="text-layer")
        for t, c, o, box in about["lines"]
    )
    return PageImage(jpeg, int(about["width"]), int(about["height"]), lines)
