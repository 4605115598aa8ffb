import io
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from channels.contract import Source
from channels.testing import MemoryPorts

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "8f742231b10e8888abcd99yyyzzz85a5"
PUBLIC = "https://12336.example.gov.cn"


def tone(seconds: float = 0.2, seed: int = 1, channels: int = 1) -> bytes:
    """A small 8 kHz WAV, different for each seed."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(8000)
        count = int(8000 * seconds) * channels
        file.writeframes(b"".join(struct.pack("<h", (i * 37 * seed) % 2000 - 1000) for i in range(count)))
    return out.getvalue()


@pytest.fixture
def wav() -> Callable[..., bytes]:
    return tone


@pytest.fixture
def ports() -> MemoryPorts:
    return MemoryPorts()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "recordings"
    made.mkdir()
    return made


@pytest.fixture
def source(folder: Path) -> Source:
    return Source("folder:5", "phone", "150821", {"folder": str(folder), "line": "12336"}, station="五原站")


@pytest.fixture
def twilio_source(ports: MemoryPorts) -> Source:
    made = Source(
        "twilio:1",
        "phone",
        "150821",
        {"kind": "twilio", "account_sid": ACCOUNT, "public_url": PUBLIC},
        station="五原站",
    )
    ports.configured.append(made)
    ports.secrets[made.id, "auth_token"] = TOKEN
    return made
