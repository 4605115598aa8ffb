"""Pictures of pages: opening them with limits, and the one JPEG form in which a decoded page leaves this room."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pi_heif
from PIL import Image, ImageFile, ImageOps

from transcription.contract import DecodeError, PageImage, Segment

MAX_SIDE = 2600
"""Pixels of the longer side of a page as we keep it: A4 at about 220 dpi."""
JPEG_QUALITY = 85
TALL = 2.6
"""A picture this many times taller than wide is a long screenshot: it is cut into pages."""
SLICE = 1.45  # height of such a page in widths, about that of A4
SQUARE = 1.05  # resolutions of both axes that differ by less are a scanner's rounding, not a fax
MAX_STRETCH = 4.0

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "HEIF", "AVIF")
"""No other reader of Pillow ever sees foreign bytes: some start programs (EPS) or fetch more than they should."""

Warn = Callable[[str], None]

pi_heif.register_heif_opener(thumbnails=False)


def flat(image: Image.Image) -> Image.Image:
    """`image` as RGB on white paper. 16-bit grey is scaled, not clipped; transparency becomes paper."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        step = max(1, max(image.size) // MAX_SIDE)
        values = np.asarray(image)[::step, ::step].astype(np.float32)
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        if image.mode.startswith("I;16"):
            low, high = 0.0, 65535.0
        scaled = np.nan_to_num((values - low) / max(high - low, 1.0) * 255.0)
        return Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        paper.alpha_composite(layer)
        return paper.convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def page_image(image: Image.Image, text_lines: tuple[Segment, ...] = ()) -> PageImage:
    """Our own re-encoding of a page: RGB JPEG without metadata, longer side at most `MAX_SIDE` pixels."""
    page = _fitted(image) if image.mode in ("RGB", "RGBA", "L", "LA", "CMYK") else image
    page = _fitted(flat(page))
    clean = Image.frombytes("RGB", page.size, page.tobytes())  # drops info, EXIF and profile
    buffer = io.BytesIO()
    clean.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return PageImage(buffer.getvalue(), clean.width, clean.height, text_lines)


def _fitted(image: Image.Image) -> Image.Image:
    """At most `MAX_SIDE` pixels long. Large pictures shrink before they are converted: memory is limited."""
    if max(image.size) <= MAX_SIDE:
        return image
    scale = MAX_SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def blank(width: int = 1240, height: int = 1754) -> Image.Image:
    """White paper, by default A4 at 150 dpi."""
    return Image.new("RGB", (width, height), "white")


def _check_size(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise DecodeError(f"图片过大：{image.width}×{image.height}，上限为 {max_pixels // 1_000_000} 百万像素")


def _upright(image: Image.Image, max_pixels: int) -> Image.Image:
    """Applies EXIF orientation and the ratio of the resolutions (a fax in standard mode has 204 × 98 dpi)."""
    dpi = image.info.get("dpi") if image.format == "TIFF" else None
    upright = ImageOps.exif_transpose(image)
    if not dpi:
        return upright
    across, down = float(dpi[0] or 0), float(dpi[1] or 0)
    if across <= 0 or down <= 0:
        return upright
    ratio = across / down
    if 1 / SQUARE <= ratio <= SQUARE or not 1 / MAX_STRETCH <= ratio <= MAX_STRETCH:
        return upright
    width, height = upright.size
    size = (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)
    if size[0] * size[1] > max_pixels:
        return upright
    return flat(upright).resize(size, Image.Resampling.BICUBIC)


def _load(image: Image.Image, max_pixels: int, warn: Warn) -> Image.Image:
    """The pixels. A picture that ends early is given as far as it goes, with a warning."""
    _check_size(image, max_pixels)
    if image.format in ("JPEG", "MPO"):
        image.draft("RGB", (MAX_SIDE, MAX_SIDE))
    try:
        image.load()
    except OSError:
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            image.load()
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        warn("图片不完整，只读出了一部分")
    return _upright(image, max_pixels)


def _cut(image: Image.Image) -> Iterator[Image.Image]:
    """A long screenshot as pages of about A4 shape, each cut at the calmest row near the wanted one."""
    width, height = image.size
    if height <= MAX_SIDE or height < TALL * width or width < 200:
        yield image
        return
    rough = np.asarray(image.convert("L"))[:, ::4].astype(np.int16)
    unrest = np.convolve(np.abs(np.diff(rough, axis=1)).sum(axis=1), np.ones(15), mode="same")
    step, top = round(width * SLICE), 0
    while top < height:
        bottom = top + step
        if height - bottom < step // 3:
            bottom = height
        else:
            first = bottom - step // 6
            bottom = first + int(np.argmin(unrest[first : bottom + step // 6]))
        yield image.crop((0, top, width, bottom))
        top = bottom


def open_image(data: bytes, max_pixels: int) -> Image.Image:
    """The picture, not yet decoded. Raises DecodeError for what is none or has too many pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the size is checked below; odd metadata is no reason to refuse a letter
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except Image.DecompressionBombError:
            raise DecodeError(f"图片过大，上限为 {max_pixels // 1_000_000} 百万像素") from None
        except OSError:
            raise DecodeError("图片无法读取，文件可能已损坏") from None
    _check_size(image, max_pixels)
    return image


def pictures(data: bytes, *, max_pages: int, max_pixels: int, warn: Warn) -> Iterator[Image.Image]:
    """Pages of an image file: every page of a TIFF, only the first frame of an animation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = open_image(data, max_pixels)
        if image.format != "TIFF":
            if image.format != "MPO" and getattr(image, "is_animated", False):  # MPO: a phone's photo with its preview
                warn("动态图片只读取第一帧")
            yield from _cut(_load(image, max_pixels, warn))
            return
        for number in range(max_pages + 1):
            try:
                image.seek(number)
            except EOFError:
                return
            if number == max_pages:
                warn(f"页数超过上限，只读取前 {max_pages} 页")
                return
            yield from _cut(_load(image, max_pixels, warn))


def turned(jpeg: bytes, rotation: int) -> bytes:
    """Our own page image turned clockwise by a multiple of 90 degrees; unchanged for 0."""
    if rotation % 360 == 0:
        return jpeg
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.rotate(-rotation, expand=True).save(out, "JPEG", quality=85)
    return out.getvalue()
