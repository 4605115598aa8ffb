"""PDF pages: pixels through pdfium, and the text layer with its places where there is one."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from itertools import islice

import pypdfium2 as pdfium
from pypdfium2 import raw

from transcription.contract import DecodeError, PageImage, Segment
from transcription.scan.raster import MAX_SIDE, Warn, blank, page_image

TEXT_LAYER = 20
"""Characters from which a page needs no reading by pixels."""
MAX_CHARACTERS = 50_000  # of one page's text layer
SHOWN_DPI = 200
SHORT_SIDE_OF_INTEREST = 1600  # a page of odd small size is still rendered this large
WATERMARK = 0.25
"""A text layer lower than this share of a page that is otherwise a picture is an app's imprint, not the letter."""


def open_pdf(data: bytes) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise DecodeError("文件有密码，无法读取；请向来信人索取密码或无密码的文件") from None
        raise DecodeError("PDF 无法读取，文件可能已损坏") from None


def _lines(page: pdfium.PdfPage, width: int, height: int) -> list[Segment]:
    """Lines of the text layer in the order of the file, boxes as fractions of the upright page.

    pdfium marks the end of a line by a generated line break; places are mapped through the page's own rotation.
    """
    textpage = page.get_textpage()
    count = min(textpage.count_chars(), MAX_CHARACTERS)
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    x, y = ctypes.c_int(), ctypes.c_int()
    found: list[Segment] = []
    text: list[str] = []
    places: list[tuple[int, int]] = []

    def end_line() -> None:
        line = "".join(text).strip()
        inside = [(px, py) for px, py in places if 0 <= px <= width and 0 <= py <= height]
        if line and inside:  # words beside the page are not part of what the sender sees
            xs, ys = zip(*inside, strict=True)
            box = (min(xs) / width, min(ys) / height, max(xs) / width, max(ys) / height)
            found.append(Segment(line, 1.0, order=len(found), box=box, source="text-layer"))
        text.clear()
        places.clear()

    pending = 0  # high surrogate: pdfium counts UTF-16 units
    for index in range(count):
        code = raw.FPDFText_GetUnicode(textpage, index)
        if 0xD800 <= code < 0xDC00:
            pending = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((pending - 0xD800) << 10) + (code - 0xDC00) if pending else 0xFFFD
        pending = 0
        if code in (0x0A, 0x0D):
            end_line()
            continue
        text.append(chr(code) if code >= 0x20 else "")
        if code <= 0x20 or not raw.FPDFText_GetCharBox(textpage, index, left, right, bottom, top):
            continue
        for across, up in ((left.value, bottom.value), (right.value, top.value)):
            if raw.FPDF_PageToDevice(page, 0, 0, width, height, 0, across, up, x, y):
                places.append((x.value, y.value))
    end_line()
    return found


def usable(lines: list[Segment]) -> bool:
    """Whether a text layer can stand for the page: enough characters, and most of them really characters."""
    characters = [char for line in lines for char in line.text if not char.isspace()]
    broken = sum(char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or not char.isprintable() for char in characters)
    return len(characters) >= TEXT_LAYER and broken <= 0.2 * len(characters)


def imprint(lines: list[Segment], picture_share: float) -> bool:
    """Whether these lines are only the imprint of a scanning app on a page that is one picture."""
    height = sum(line.box[3] - line.box[1] for line in lines if line.box)
    spread = {round(line.box[1] * 20) for line in lines if line.box}
    return picture_share > 0.5 and height < WATERMARK and len(spread) <= 2


def _pictures(page: pdfium.PdfPage, size: tuple[float, float], max_pixels: int) -> float:
    """Share of the page that its largest picture covers. Raises DecodeError where a picture has too many pixels."""
    share = 0.0
    for item in islice(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4), 500):
        across, down = item.get_px_size()
        if across * down > max_pixels:
            raise DecodeError(f"PDF 内的图片过大，上限为 {max_pixels // 1_000_000} 百万像素")
        left, bottom, right, top = item.get_bounds()
        share = max(share, abs((right - left) * (top - bottom)) / (size[0] * size[1]))
    return share


def _page(page: pdfium.PdfPage, max_pixels: int) -> PageImage:
    size = page.get_size()
    if not all(math.isfinite(side) and side > 0 for side in size) or size[0] * size[1] > max_pixels:
        raise DecodeError("PDF 页面尺寸过大，无法读取")
    longest = max(size)
    wanted = min(max(longest * SHOWN_DPI / 72, SHORT_SIDE_OF_INTEREST), MAX_SIDE)
    picture_share = _pictures(page, size, max_pixels)
    image = page.render(scale=wanted / longest, may_draw_forms=True).to_pil()
    lines = _lines(page, image.width, image.height)
    if not usable(lines) or imprint(lines, picture_share):
        lines = []
    return page_image(image, tuple(lines))


def pages(data: bytes, *, max_pages: int, max_pixels: int, warn: Warn) -> Iterator[PageImage]:
    """Each page of a PDF. A page that cannot be read leaves a blank one and a warning, so that numbers stay right."""
    document = open_pdf(data)
    try:
        declared = len(document)
        if declared > max_pages:
            warn(f"页数超过上限，只读取前 {max_pages} 页（文件声明 {declared} 页）")
        if document.get_formtype() == raw.FORMTYPE_ACRO_FORM:
            document.init_forms()
        missing, refused, given = 0, "", 0
        for number in range(min(declared, max_pages)):
            try:
                page = document[number]
                image = _page(page, max_pixels)
                page.close()
            except (pdfium.PdfiumError, DecodeError) as error:
                # Pages that a lying count promises come last and never load: they are not given as blanks.
                missing += 1
                refused = refused or (str(error) if isinstance(error, DecodeError) else "")
                continue
            for _ in range(missing):
                yield page_image(blank())
            if missing:
                warn(f"第 {number - missing + 1} 至 {number} 页无法读取{'：' + refused if refused else ''}")
            missing, given = 0, given + 1
            yield image
        if not given:
            raise DecodeError(refused or "PDF 中没有可以读取的页")
        if missing:
            warn(f"文件声明 {declared} 页，读出 {given} 页")
    finally:
        document.close()
