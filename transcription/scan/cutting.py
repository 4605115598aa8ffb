"""Pages taken out of a scan without loss, and what the mailroom sees of a page: a small picture, its barcodes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pypdfium2 as pdfium
from PIL import Image

from transcription.contract import DecodeError
from transcription.scan import raster
from transcription.scan.pages import MAX_PIXELS, kind_of
from transcription.scan.pdf import open_pdf

SPLIT = frozenset({"pdf", "tiff"})
_PACKED = frozenset({"group3", "group4", "tiff_lzw", "packbits", "tiff_adobe_deflate"})


def cut(data: bytes, pages: Sequence[tuple[int, int]], total: int) -> bytes:
    """A PDF or TIFF of the given pages (number from 0, degrees clockwise), their content as it was.

    `total`: how many pages were shown of the file; where it holds another number (a long picture was shown as several
    pages) it cannot be cut. Runs in the limited child. Raises DecodeError, also for other kinds of files.
    """
    kind = kind_of(data)
    if kind not in SPLIT:
        raise DecodeError("这种文件不能拆分")
    try:
        return _pdf(data, pages, total) if kind == "pdf" else _tiff(data, pages, total)
    except (pdfium.PdfiumError, OSError, ValueError, IndexError, EOFError, SyntaxError) as error:
        raise DecodeError(f"文件无法拆分（{type(error).__name__}）") from None


def _pdf(data: bytes, pages: Sequence[tuple[int, int]], total: int) -> bytes:
    source = open_pdf(data)
    if len(source) != total:
        raise DecodeError("页数与显示的不一致，不能拆分")
    made = pdfium.PdfDocument.new()
    made.import_pages(source, [number for number, _ in pages])
    for place, (_, rotation) in enumerate(pages):
        page = made[place]
        page.set_rotation((page.get_rotation() + rotation) % 360)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _tiff(data: bytes, pages: Sequence[tuple[int, int]], total: int) -> bytes:
    image = raster.open_image(data, MAX_PIXELS)
    if getattr(image, "n_frames", 1) != total:
        raise DecodeError("页数与显示的不一致，不能拆分")
    frames = []
    for number, rotation in pages:
        image.seek(number)
        packed = str(image.info.get("compression") or "")
        frame = image.copy()
        frame.info = {"dpi": image.info["dpi"]} if image.info.get("dpi") else {}
        if rotation:
            dpi = frame.info.get("dpi")
            frame = frame.rotate(-rotation, expand=True)
            if dpi:
                frame.info["dpi"] = dpi if rotation == 180 else (dpi[1], dpi[0])
        frame.encoderinfo = {  # how Pillow writes this frame
            "compression": packed if packed in _PACKED else "tiff_adobe_deflate", **frame.info,
        }  # fmt: skip
        frames.append(frame)
    out = io.BytesIO()
    first, *rest = frames
    first.save(out, "TIFF", save_all=True, append_images=rest, **first.encoderinfo)
    return out.getvalue()


def small(jpeg: bytes, side: int) -> bytes:
    """Our own page image as a JPEG whose longer side has at most `side` pixels."""
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
        image.draft("RGB", (side, side))
        image.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=2.0)
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", quality=70)
    return out.getvalue()


def codes(jpeg: bytes) -> list[str]:
    """What the barcodes of our own page image say (Code 128, QR and others), at first sight only."""
    import numpy as np  # noqa: PLC0415  with the engine's own readers, in the scan worker

    from transcription.scan.fields import barcodes  # noqa: PLC0415

    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
        return barcodes(np.asarray(image.convert("L"), dtype=np.uint8), characters=1_000_000)
