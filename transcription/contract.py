"""What a transcript is, for audio and scans alike.

Two stages (ADR 0004): **decode** foreign bytes to PCM or page pixels in the limited child (`decode` functions return
only bytes and plain numbers), **recognise** our own pixels and PCM in a model worker.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol


class DecodeError(Exception):
    """The bytes are not a readable recording or scan. The message is for staff, in Chinese, without content.

    `permanent`: decoding the same bytes again cannot help.
    """

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


class EngineUnavailableError(Exception):
    """No usable engine or model on this machine; the message says what to install or set."""


@dataclass(frozen=True, slots=True)
class Word:
    start: float  # seconds
    end: float
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A turn of a call or a line of a page.

    Audio: `start`, `end` in seconds, `channel` 0 or 1. Page: `page` from 0, `box` (x0, y0, x1, y1) as fractions 0…1 of
    the upright page, `order` in reading order. `source`: speech, ocr, stamp, text-layer.
    """

    text: str
    confidence: float
    order: int = 0
    start: float = 0.0
    end: float = 0.0
    channel: int = 0
    page: int = 0
    box: tuple[float, float, float, float] | None = None
    words: tuple[Word, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page as recognised: pixels after turning upright by `rotation` degrees clockwise."""

    width: int
    height: int
    rotation: int = 0
    source: str = "ocr"  # ocr | text-layer
    retype: bool = False  # mean confidence below 0.90: better typed by a person


@dataclass(frozen=True, slots=True)
class Transcript:
    kind: str  # speech | scan
    engine: str
    model: str  # name + short sha256 of the weights
    segments: tuple[Segment, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    duration: float = 0.0  # seconds, audio
    channels: int = 0
    pages: tuple[Page, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)  # read from the form of a page: barcode, postmark, phone …
    warnings: tuple[str, ...] = ()

    def text(self) -> str:
        return "\n".join(segment.text for segment in self.segments)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Pcm:
    """Decoded audio: 16-bit little-endian mono at 16 kHz, one bytes object a channel (1 or 2)."""

    channels: tuple[bytes, ...]
    duration: float  # seconds
    codec: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageImage:
    """A decoded page. `jpeg` is our own re-encoding (RGB, no metadata); `text_lines` come from a text layer."""

    jpeg: bytes
    width: int
    height: int
    text_lines: tuple[Segment, ...] = ()


class SpeechEngine(Protocol):
    name: str
    model: str

    def transcribe(self, pcm: Pcm) -> Transcript: ...
