"""Files made to hurt a reader of scans."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

from PIL import Image

DATA = Path(__file__).parent / "data"


def png(width: int, height: int) -> bytes:
    """A grey PNG of any size in few bytes: every row is zeroes, written without holding the picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    squeeze = zlib.compressobj(1)
    body = b"".join(squeeze.compress(bytes(width + 1)) for _ in range(height)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def gif(frames: int) -> bytes:
    buffer = io.BytesIO()
    pictures = [Image.new("L", (8, 8), number % 255) for number in range(frames)]
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=1)
    return buffer.getvalue()


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF of these objects (number 1 is the catalogue) with a right cross-reference table."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(
        out + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    )


def one_page(box: bytes = b"[0 0 595 842]", count: bytes = b"1", rest: bytes = b"", *more: bytes) -> bytes:
    return pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count %s >>" % count,
        b"<< /Type /Page /Parent 2 0 R /MediaBox %s %s >>" % (box, rest),
        *more,
    )


def picture_pdf(width: int, height: int) -> bytes:
    """A page showing a picture that declares this size."""
    data = zlib.compress(bytes(1_000_000), 9)
    return one_page(
        b"[0 0 595 842]", b"1", b"/Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >>",
        b"<< /Length 26 >>\nstream\nq 595 0 0 842 0 0 cm /I Do\nendstream",
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "
        b"/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (width, height, len(data), data),
    )  # fmt: skip


def nested_forms(depth: int) -> bytes:
    """Forms that each draw the next ten times."""
    forms = []
    for level in range(depth):
        body = b"/F Do " * 10
        inner = b"/Resources << /XObject << /F %d 0 R >> >>" % (6 + level) if level < depth - 1 else b""
        forms.append(
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] %s /Length %d >>\nstream\n%s\nendstream"
            % (inner, len(body), body)
        )
    return one_page(
        b"[0 0 595 842]", b"1", b"/Contents 4 0 R /Resources << /XObject << /F 5 0 R >> >>",
        b"<< /Length 5 >>\nstream\n/F Do\nendstream", *forms,
    )  # fmt: skip


def ofd(page: str, resources: str = "", parts: dict[str, bytes] | None = None) -> bytes:
    """An OFD of one page with this content, these resources and further parts by name."""
    space = 'xmlns:ofd="http://www.ofdspec.org/2016"'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "OFD.xml",
            f"<ofd:OFD {space}><ofd:DocBody><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
        )
        archive.writestr(
            "Doc_0/Document.xml",
            f"<ofd:Document {space}><ofd:CommonData><ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox>"
            "</ofd:PageArea>"
            "<ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes></ofd:CommonData>"
            '<ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages></ofd:Document>',
        )
        archive.writestr("Doc_0/DocumentRes.xml", f'<ofd:Res {space} BaseLoc="Res">{resources}</ofd:Res>')
        archive.writestr(
            "Doc_0/Pages/Page_0/Content.xml",
            f"<ofd:Page {space}><ofd:Content><ofd:Layer>{page}</ofd:Layer></ofd:Content></ofd:Page>",
        )
        for name, data in (parts or {}).items():
            archive.writestr(name, data)
    return buffer.getvalue()


def ofd_bomb() -> bytes:
    """Composite units that each hold the next twenty times."""
    unit = '<ofd:CompositeGraphicUnit ID="{0}"><ofd:Content>{1}</ofd:Content></ofd:CompositeGraphicUnit>'
    use = '<ofd:CompositeObject ID="9" ResourceID="{0}"/>'
    units = "".join(unit.format(level, use.format(level + 1) * 20) for level in range(12))
    return ofd(use.format(0), f"<ofd:CompositeGraphicUnits>{units}</ofd:CompositeGraphicUnits>")


def zip_bomb(*, lying: bool = False) -> bytes:
    """An OFD whose page is 300 MB of blanks, or one that declares only 1,000 bytes of them."""
    whole = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(ofd(""))) as given,
        zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name in given.namelist():
            with archive.open(name, "w") as part:
                part.write(given.read(name))
                for _ in range(300 if name.endswith("Content.xml") else 0):
                    part.write(b" " * 1_000_000)
    data = whole.getvalue()
    if lying:
        grown = zipfile.ZipFile(whole).getinfo("Doc_0/Pages/Page_0/Content.xml").file_size
        data = data.replace(struct.pack("<I", grown), struct.pack("<I", 1_000))
    return data


def bomb_docx() -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("word/document.xml", "w") as part,
    ):
        for _ in range(300):
            part.write(b" " * 1_000_000)
    return buffer.getvalue()


def deep_docx() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<p>" * 100_000 + "</p>" * 100_000)
    return buffer.getvalue()


def laughs() -> bytes:
    buffer = io.BytesIO()
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", f'<!DOCTYPE p [<!ENTITY a0 "x">{entities}]><p><t>&a9;</t></p>')
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    """Every hostile file by what is wrong with it."""
    photo = (DATA / "photo.jpg").read_bytes()
    fax = (DATA / "fax.tif").read_bytes()
    clean = (DATA / "clean.png").read_bytes()
    loop = bytearray(fax)
    first = struct.unpack("<I", loop[4:8])[0]
    entries = struct.unpack("<H", loop[first : first + 2])[0]
    loop[first + 2 + 12 * entries : first + 6 + 12 * entries] = struct.pack("<I", first)
    return {
        "empty": b"",
        "noise": bytes(range(256)) * 40,
        "huge.png": png(13_000, 13_000),
        "wide.png": png(60_000_000, 1),
        "large.png": png(7_700, 7_700),
        "truncated.jpg": photo[: len(photo) * 2 // 3],
        "header.jpg": photo[:20],
        "truncated.png": clean[: len(clean) // 2],
        "truncated.tif": fax[:3000],
        "loop.tif": bytes(loop),
        "frames.gif": gif(3000),
        "count.pdf": one_page(count=b"1000000"),
        "negative.pdf": one_page(count=b"-5"),
        "box.pdf": one_page(b"[0 0 14400 14400]"),
        "infinite.pdf": one_page(b"[0 0 1e38 1e38]"),
        "flat.pdf": one_page(b"[0 0 0 842]"),
        "inverse.pdf": one_page(b"[595 842 0 0]"),
        "kids.pdf": pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 >>"),
        "picture.pdf": picture_pdf(100_000, 100_000),
        "truncated.pdf": one_page()[:150],
        "polyglot.gif": b"GIF89a" + one_page(),
        "polyglot.jpg": photo + one_page() + zip_bomb()[:2000],
        "zip.ofd": zip_bomb(),
        "lying.ofd": zip_bomb(lying=True),
        "composite.ofd": ofd_bomb(),
        "broken.ofd": ofd("<ofd:TextObject")[:-40],
        "nan.ofd": ofd(
            '<ofd:TextObject Boundary="nan inf 1e400 0" Size="nan">'
            '<ofd:TextCode X="1e999" Y="x" DeltaX="g 999999999 nan">字</ofd:TextCode></ofd:TextObject>'
        ),
        "bomb.docx": bomb_docx(),
        "deep.docx": deep_docx(),
        "laughs.docx": laughs(),
        "archive.zip": deep_docx().replace(b"word/document.xml", b"word/d0cument.xml"),
        "old.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
        "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "ftyp.heic": b"\0\0\0\x18ftypheic" + bytes(200),
        "webp": b"RIFF\xff\xff\xff\xffWEBPVP8 " + bytes(50),
    }
