"""Decoding: every kind of file becomes upright pages of our own JPEG."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen import canvas

from transcription.contract import DecodeError, PageImage
from transcription.scan.pages import kind_of, render
from transcription.scan.raster import MAX_SIDE

LINE = "东坪村砖厂违法占用耕地三十五亩，请依法查处，电话13900001234"
MEDIA = (
    '<ofd:MultiMedias><ofd:MultiMedia ID="7" Type="Image"><ofd:MediaFile>a.png</ofd:MediaFile></ofd:MultiMedia>'
    "</ofd:MultiMedias>"
)
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def picture(width: int = 400, height: int = 300, mode: str = "RGB") -> Image.Image:
    """White with a black mark in the upper left corner."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).rectangle((0, 0, width // 4, height // 4), fill="black")
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def pixels(page: PageImage) -> Image.Image:
    image = Image.open(io.BytesIO(page.jpeg))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert image.size == (page.width, page.height)
    assert not image.getexif()
    assert not image.info.get("icc_profile")
    return image


def marked(page: PageImage) -> str:
    """In which corner the mark stands."""
    grey = np.asarray(pixels(page).convert("L"))
    h, w = grey.shape
    corners = {"nw": grey[: h // 5, : w // 5], "ne": grey[: h // 5, -w // 5 :], "sw": grey[-h // 5 :, : w // 5],
               "se": grey[-h // 5 :, -w // 5 :]}  # fmt: skip
    return min(corners, key=lambda corner: corners[corner].mean())


def pdf(
    *pages: tuple[str, Image.Image | None], size: tuple[float, float] = (595, 842), encrypt: object = None
) -> bytes:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    buffer = io.BytesIO()
    paper = canvas.Canvas(buffer, pagesize=size, encrypt=encrypt)
    for text, image in pages:
        if image is not None:
            paper.drawImage(ImageReader(image), 0, 0, *size)
        paper.setFont("STSong-Light", 14)
        for row, line in enumerate(text.split("\n")):
            paper.drawString(72, size[1] - 100 - row * 30, line)
        paper.showPage()
    paper.save()
    return buffer.getvalue()


def docx(body: str, **media: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')
        for name, data in media.items():
            archive.writestr(f"word/media/{name}.png", data)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF"])
def test_pictures(kind: str) -> None:
    data = saved(picture(), kind)
    assert kind_of(data) == kind.lower()
    [page] = render(data, "name.pdf")
    assert (page.width, page.height, marked(page)) == (400, 300, "nw")


def test_heic_is_turned_as_the_phone_held_it(sample) -> None:
    [page] = render(sample("phone.heic"))
    assert (page.width, page.height) == (1100, 900)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "I;16", "I", "LA"])
def test_modes(mode: str) -> None:
    if mode.startswith("I"):
        grey = np.asarray(picture(mode="L")).astype(np.uint16 if mode == "I;16" else np.int32) * 257
        image = Image.fromarray(grey)
    else:
        image = picture(mode=mode)
    [page] = render(saved(image, "TIFF"))
    assert marked(page) == "nw"
    assert pixels(page).getpixel((390, 290)) > (250, 250, 250)


def test_transparent_ground_is_paper() -> None:
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    [page] = render(saved(image, "PNG"))
    assert pixels(page).getpixel((150, 150)) > (250, 250, 250)


@pytest.mark.parametrize(("orientation", "corner"), [(1, "nw"), (3, "se"), (6, "ne"), (8, "sw"), (99, "nw")])
def test_exif_orientation(orientation: int, corner: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    [page] = render(saved(picture(), "JPEG", exif=exif))
    assert marked(page) == corner
    assert (page.width > page.height) == (orientation not in (6, 8))


def test_large_pictures_are_bounded() -> None:
    [page] = render(saved(picture(5200, 1300), "PNG"))
    assert (page.width, page.height) == (MAX_SIDE, 650)


def test_fax_resolution_is_made_square(sample) -> None:
    [page] = render(sample("fax.tif"))
    assert (page.width, page.height) == (1728, round(1100 * 204 / 98))
    [page] = render(saved(picture(), "TIFF", dpi=(300, 299)))
    assert (page.width, page.height) == (400, 300)
    [page] = render(saved(picture(), "TIFF", dpi=(1, 4000)))
    assert (page.width, page.height) == (400, 300), "no scanner has such a resolution"


def test_every_page_of_a_tiff_up_to_the_limit() -> None:
    frames = [picture(100 + number, 80) for number in range(5)]
    data = saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert [page.width for page in render(data)] == [100, 101, 102, 103, 104]
    seen: list[int] = []
    pages = render(data, max_pages=3, on_page=seen.append)
    assert [page.width for page in pages] == [100, 101, 102]
    assert seen == [0, 1, 2]
    assert pages.warnings == ["页数超过上限，只读取前 3 页"]


def test_a_long_screenshot_is_cut_between_its_lines() -> None:
    image = Image.new("RGB", (600, 6000), "white")
    draw = ImageDraw.Draw(image)
    for top in range(20, 5980, 40):
        for left in range(20, 560, 20):
            draw.rectangle((left, top, left + 10, top + 24), fill="black")
    pages = list(render(saved(image, "PNG")))
    assert len(pages) > 4
    assert sum(page.height for page in pages) == 6000
    for page in pages:
        grey = np.asarray(pixels(page).convert("L"))
        assert grey[0].mean() > 250
        assert grey[-1].mean() > 250


def test_pdf_with_text_has_lines_with_places() -> None:
    [page] = render(pdf((f"{LINE}\n第二行", None)))
    assert [line.text for line in page.text_lines] == [LINE, "第二行"]
    first, second = page.text_lines
    assert first.source == "text-layer"
    assert first.box == pytest.approx((72 / 595, 88 / 842, first.box[2], 103 / 842), abs=0.01)
    assert second.box[1] == pytest.approx(first.box[1] + 30 / 842, abs=0.01)
    assert 0.5 < first.box[2] < 1
    assert max(page.width, page.height) == pytest.approx(2339, abs=2)


def test_pdf_scan_has_none_and_a_watermark_is_none() -> None:
    pages = list(
        render(pdf(("", picture()), ("由扫描软件扫描创建二〇二四年版本下载请到应用商店", picture()), ("短", None)))
    )
    assert [len(page.text_lines) for page in pages] == [0, 0, 0]
    assert [marked(page) for page in pages[:2]] == ["nw", "nw"]


def test_pdf_words_beside_the_page_are_not_read() -> None:
    buffer = io.BytesIO()
    paper = canvas.Canvas(buffer, pagesize=(595, 842))
    paper.setFont("STSong-Light", 14)
    paper.drawString(72, 2000, LINE)
    paper.save()
    [page] = render(buffer.getvalue())
    assert page.text_lines == ()


def test_turned_pdf_page() -> None:
    data = pdf((LINE, None)).replace(b"/Rotate 0", b"/Rotate 90")
    [page] = render(data)
    assert page.width > page.height
    [line] = page.text_lines
    x0, y0, x1, y1 = line.box
    assert (y1 - y0) * page.height > (x1 - x0) * page.width, "the text runs down the turned page"
    assert x0 > 0.8


def test_pdf_page_limit_and_small_pages() -> None:
    pages = render(pdf(*[("", None)] * 5, size=(100, 140)), max_pages=2)
    assert [max(page.width, page.height) for page in pages] == [1600, 1600]
    assert "5 页" in pages.warnings[0]


def test_pdf_with_password_says_so() -> None:
    with pytest.raises(DecodeError, match="文件有密码") as caught:
        list(render(pdf((LINE, None), encrypt=StandardEncryption("secret", strength=128))))
    assert caught.value.permanent
    [page] = render(pdf((LINE, None), encrypt=StandardEncryption("", "owner", canPrint=0)))
    assert page.text_lines, "an owner's password locks printing, not reading"


def test_docx_text_in_order_with_tables_and_pictures() -> None:
    body = (
        "<w:p><w:r><w:t>标题</w:t></w:r></w:p>"
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>举报人</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>某某</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        "<w:p><w:r><w:t>一</w:t><w:br/><w:t>二</w:t><w:tab/><w:t>三</w:t></w:r><w:del><w:r><w:delText>删</w:delText></w:r></w:del></w:p>"
    )
    pages = list(render(docx(body, a=saved(picture(), "PNG"), b=saved(picture(20, 20), "PNG"), c=b"broken")))
    assert [line.text for line in pages[0].text_lines] == ["标题", "举报人", "某某", "一", "二 三"]
    assert [line.order for line in pages[0].text_lines] == [0, 1, 2, 3, 4]
    assert len(pages) == 2
    assert marked(pages[1]) == "nw"


def test_ofd_text_and_pictures() -> None:
    from tests.transcription.scan.hostile import ofd  # the builder of OFD files

    text = (
        '<ofd:TextObject ID="3" Boundary="20 40 150 10" Size="5"><ofd:TextCode X="0" Y="5" DeltaX="g 20 5">'
        "青石乡有人非法采砂毁坏河堤请依法查处并告知结果</ofd:TextCode></ofd:TextObject>"
        '<ofd:TextObject ID="2" Boundary="20 20 100 10" Size="6">'
        '<ofd:TextCode X="0" Y="6">举报信</ofd:TextCode></ofd:TextObject>'
        '<ofd:ImageObject ID="4" Boundary="0 200 40 30" CTM="40 0 0 30 0 0" ResourceID="7"/>'
    )
    data = ofd(text, MEDIA, {"Doc_0/Res/a.png": saved(Image.new("RGB", (40, 30), "black"), "PNG")})
    assert kind_of(data) == "ofd"
    [page] = render(data)
    assert [line.text for line in page.text_lines] == ["举报信", "青石乡有人非法采砂毁坏河堤请依法查处并告知结果"]
    title, line = page.text_lines
    assert title.box == pytest.approx((20 / 210, 20.7 / 297, 38 / 210, 26.7 / 297), abs=0.01)
    assert line.box[2] > 0.6
    shown = pixels(page)
    assert shown.getpixel((round(20 / 210 * page.width), round(215 / 297 * page.height))) < (60, 60, 60)
    assert shown.getpixel((round(60 / 210 * page.width), round(215 / 297 * page.height))) > (250, 250, 250)


def test_ofd_page_that_is_one_picture_is_left_to_recognition() -> None:
    from tests.transcription.scan.hostile import ofd

    whole = '<ofd:ImageObject ID="4" Boundary="0 0 210 297" CTM="210 0 0 297 0 0" ResourceID="7"/>'
    data = ofd(whole, MEDIA, {"Doc_0/Res/a.png": saved(picture(210, 297), "PNG")})
    [page] = render(data)
    assert page.text_lines == ()
    assert marked(page) == "nw"


def test_turned_for_the_screen() -> None:
    from transcription.scan.raster import page_image, turned

    page = page_image(picture())
    assert turned(page.jpeg, 0) == page.jpeg
    assert marked(PageImage(turned(page.jpeg, 90), 300, 400)) == "ne", "clockwise"
