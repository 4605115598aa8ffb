"""Recognition of the sample pages: characters, places, order, fields. About two CPU seconds a page."""

import io
import subprocess
import sys
from pathlib import Path
from unicodedata import normalize

import pytest
from PIL import Image
from rapidfuzz.distance import Levenshtein

from transcription.contract import DecodeError, PageImage, Segment, Transcript
from transcription.scan.pages import render
from transcription.scan.raster import page_image
from transcription.scan.recognise import Reader, describe

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def error_rate(wanted: str, transcript: Transcript) -> float:
    """Character error rate without blanks; the words of a stamp are not the letter's."""
    got = "".join("".join(line.text.split()) for line in transcript.segments if line.source != "stamp")
    wanted = "".join(wanted.split())
    return Levenshtein.distance(wanted, got) / len(wanted)


def turned(data: bytes, degrees: float) -> bytes:
    """The page turned clockwise on the glass."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    buffer = io.BytesIO()
    image.rotate(-degrees, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def words(page_lines: tuple[Segment, ...]) -> list[str]:
    return [line.text for line in page_lines]


@pytest.mark.parametrize(
    ("name", "limit"),
    [("columns.png", 0.01), ("vertical.png", 0.03), ("stamp.jpg", 0.01), ("photo.jpg", 0.01), ("fax.tif", 0.01),
     ("phone.heic", 0.01)],
)  # fmt: skip
def test_characters_and_order(reader, sample, texts, name: str, limit: float) -> None:
    transcript = reader.read(render(sample(name)))
    assert error_rate(texts[name], transcript) <= limit
    assert [line.order for line in transcript.segments] == list(range(len(transcript.segments)))
    assert not transcript.pages[0].retype
    assert transcript.warnings == ()


def test_clean_page_has_lines_in_their_places(reader, sample, texts) -> None:
    transcript = reader.read(render(sample("clean.png")))
    assert error_rate(texts["clean.png"], transcript) <= 0.01
    assert len(transcript.segments) == 15
    heights = [line.box[1] for line in transcript.segments]
    assert heights == sorted(heights)
    for row, line in enumerate(transcript.segments):
        assert line.box[0] == pytest.approx(110 / 1240, abs=0.01)
        assert line.box[1] == pytest.approx((120 + 72 * row) / 1754, abs=0.012)
        assert line.source == "ocr"
        assert 0.9 < line.confidence <= 1
    assert transcript.fields == {"phone": "13900001234", "date": "2024-04-18"}
    assert transcript.engine == "rapidocr"
    assert len(transcript.model.split()[-1]) == 12


@pytest.mark.parametrize(("name", "degrees"), [("photo.jpg", 90), ("clean.png", 180), ("vertical.png", 270)])
def test_turned_pages_are_read_upright(reader, sample, texts, name: str, degrees: int) -> None:
    transcript = reader.read(render(turned(sample(name), degrees)))
    assert transcript.pages[0].rotation == 360 - degrees
    assert error_rate(texts[name], transcript) <= 0.01
    straight = Image.open(io.BytesIO(sample(name))).size
    assert (transcript.pages[0].width, transcript.pages[0].height) == straight


@pytest.mark.parametrize(("name", "degrees"), [("columns.png", 5), ("clean.png", -3)])
def test_skewed_pages_keep_their_order(reader, sample, texts, name: str, degrees: int) -> None:
    transcript = reader.read(render(turned(sample(name), degrees)))
    assert error_rate(texts[name], transcript) <= 0.01


def test_stamp_hides_nothing_and_is_told_apart(reader, sample, texts) -> None:
    transcript = reader.read(render(sample("stamp.jpg")))
    written = [line.text for line in transcript.segments if line.source == "ocr"]
    folded = [normalize("NFKC", text) for text in written]  # whether a colon is wide is not the stamp's doing
    assert folded == [normalize("NFKC", text) for text in texts["stamp.jpg"].split("\n")]
    assert transcript.fields["phone"] == "13800005678"


def test_envelope(reader, sample) -> None:
    transcript = reader.read(render(turned(sample("envelope.jpg"), 20)))
    assert transcript.fields == {"barcode": "XA123456785CN", "barcode_check": "ok", "postcode": "015000"}


def test_pages_with_a_text_layer_are_not_read_again(reader) -> None:
    lines = (Segment("电话0478-5212345", 1.0, box=(0.1, 0.1, 0.5, 0.2), source="text-layer"),)
    blank = page_image(Image.new("RGB", (300, 400), "white"))
    seen: list[int] = []
    pages = [PageImage(blank.jpeg, 300, 400, lines), blank, PageImage(blank.jpeg, 300, 400, lines)]
    transcript = reader.read(pages, seen.append, warnings=["第一"])
    assert [page.source for page in transcript.pages] == ["text-layer", "ocr", "text-layer"]
    assert [(line.page, line.order, line.box) for line in transcript.segments] == [
        (0, 0, (0.1, 0.1, 0.5, 0.2)),
        (2, 1, (0.1, 0.1, 0.5, 0.2)),
    ]
    assert seen == [0, 1, 2]
    assert transcript.fields == {"phone": "0478-5212345"}
    assert transcript.warnings == ("第一",)
    assert not transcript.pages[1].retype, "a blank page needs no typing"


@pytest.mark.parametrize("size", [(1, 1), (2600, 1), (3, 2600), (40, 30)])
def test_tiny_pages(reader, size: tuple[int, int]) -> None:
    transcript = reader.read([page_image(Image.new("RGB", size, "white"))])
    assert transcript.segments == ()


def test_pixels_that_are_none(reader) -> None:
    with pytest.raises(DecodeError):
        reader.read([PageImage(b"none", 1, 1)])


def test_unreadable_writing_is_flagged(reader, sample) -> None:
    image = Image.open(io.BytesIO(sample("vertical.png"))).convert("L")
    small = image.crop((300, 90, 900, 700)).resize((60, 61)).resize((600, 610))
    transcript = reader.read([page_image(small)])
    assert transcript.pages[0].retype
    assert any("人工" in warning for warning in transcript.warnings)


def test_describe_is_the_printed_form(reader, sample) -> None:
    told = describe(sample("envelope.jpg"), "信封.jpg", reader)
    assert set(told) >= {"pages", "text", "fields"}
    [page] = told["pages"]
    assert {"width", "height", "rotation", "source", "lines"} <= set(page)
    assert (page["width"], page["height"], page["rotation"], page["source"]) == (1240, 620, 0, "ocr")
    for line in page["lines"]:
        assert {"order", "box", "text", "confidence"} <= set(line)
        assert len(line["box"]) == 4
    assert "巴彦淖尔市自然资源局" in told["text"]
    assert describe(b"nothing", "a.pdf", reader) == {
        "error": "不支持的文件类型，请上传 PDF、TIFF、JPEG、PNG、HEIC、OFD 或 DOCX"
    }


def test_the_engine_calls_nobody() -> None:
    """onnxruntime ≥ 1.25 phones home unless told not to: no process of ours opens a socket."""
    program = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.sendto'):\n"
        "        raise SystemExit(f'network: {event}')\n"
        "sys.addaudithook(hook)\n"
        "from transcription.scan import models\n"
        "import os; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'\n"
        "assert 'onnxruntime' not in sys.modules, 'the switch must stand before the import'\n"
        "models.Recogniser(); models.Orientation()\n"
        "print(sum('socket' in line for line in os.popen(f'ls -l /proc/{os.getpid()}/fd').read().splitlines()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "0"
