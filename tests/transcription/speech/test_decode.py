"""Every recording format the sources send becomes 16 kHz samples that still hold the sound."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from tests.transcription.speech.samples import RATE, encode, loudest_hertz, silk, tone, wav
from transcription.speech.decode import decode

MATRIX = [
    ("wav", "pcm_s16le", RATE, 0, "pcm_s16le"),
    ("wav", "pcm_mulaw", RATE, 0, "pcm_mulaw"),
    ("wav", "pcm_alaw", RATE, 0, "pcm_alaw"),
    ("wav", "g726", RATE, 32000, "g726"),
    ("wav", "g723_1", RATE, 6300, "g723_1"),
    ("wav", "adpcm_ima_wav", RATE, 0, "adpcm_ima_wav"),
    ("w64", "pcm_s16le", RATE, 0, "pcm_s16le"),
    ("au", "pcm_mulaw", RATE, 0, "pcm_mulaw"),
    ("mp3", "libmp3lame", 16000, 0, "mp3float"),
    ("ogg", "libopus", 48000, 0, "opus"),
    ("webm", "libopus", 48000, 0, "opus"),
    ("ipod", "aac", 16000, 0, "aac"),
    ("mpegts", "aac", 16000, 0, "aac"),
    ("asf", "wmav2", 44100, 64000, "wmav2"),
    ("flac", "flac", RATE, 0, "flac"),
    ("amr", "libopencore_amrnb", RATE, 12200, "amrnb"),
    ("3gp", "libopencore_amrnb", RATE, 12200, "amrnb"),
]


@pytest.mark.parametrize(("container", "codec", "rate", "bit_rate", "read_as"), MATRIX)
def test_formats_with_an_encoder(container, codec, rate, bit_rate, read_as):
    data = encode(container, codec, tone(2.0, 440, rate), rate=rate, bit_rate=bit_rate)
    pcm = decode(data)
    assert pcm.codec == read_as
    assert len(pcm.channels) == 1
    assert pcm.duration == pytest.approx(2.0, abs=0.15)
    assert len(pcm.channels[0]) == pytest.approx(pcm.duration * 32000, abs=64)
    assert loudest_hertz(pcm.channels[0]) == pytest.approx(440, abs=5)
    assert pcm.warnings == ()


@pytest.mark.parametrize("tencent", [True, False], ids=["wechat", "plain"])
@pytest.mark.parametrize("rate", [8000, 16000, 24000])
def test_silk(tencent, rate):
    pcm = decode(silk(tone(2.0, 440, rate), tencent=tencent, rate=rate))
    assert (pcm.codec, pcm.duration, pcm.warnings) == ("silk", 2.0, ())
    assert loudest_hertz(pcm.channels[0]) == pytest.approx(440, abs=5)


def test_silk_is_asked_for_at_the_rate_that_cannot_overrun(monkeypatch):
    """At 16 kHz the SDK writes 480 samples of a 24 kHz message into a buffer of 320: the heap breaks much later."""
    import pysilk

    asked, real = [], pysilk.decode
    monkeypatch.setattr(pysilk, "decode", lambda given, out, rate: (asked.append(rate), real(given, out, rate)))
    decode(silk(tone(1.0, rate=24000), tencent=True, rate=24000))
    assert asked == [24000]


def gsm_wav(frames: int) -> bytes:
    block = random.Random(1).randbytes(65 * frames)
    fmt = struct.pack("<HHIIHHHH", 0x31, 1, 8000, 1625, 65, 0, 2, 320)
    body = b"WAVEfmt " + struct.pack("<I", 20) + fmt + b"fact" + struct.pack("<II", 4, 320 * frames)
    body += b"data" + struct.pack("<I", len(block)) + block
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_gsm_in_wav():
    pcm = decode(gsm_wav(50))
    assert (pcm.codec, pcm.duration) == ("gsm_ms", 2.0)


def test_amr_wide_band():
    noise = random.Random(2)
    data = b"#!AMR-WB\n" + b"".join(b"\x04" + noise.randbytes(17) for _ in range(100))
    pcm = decode(data)
    assert (pcm.codec, pcm.duration) == ("amrwb", 2.0)


def test_amr_narrow_band_with_comfort_noise():
    """Silence descriptors and no-data frames (DTX) come from mobile phones; FFmpeg's own decoder gives up there."""
    speech = encode("amr", "libopencore_amrnb", tone(1.0), bit_rate=12200)
    quiet = b"\x44" + bytes(5) + b"\x7c" * 7
    pcm = decode(speech + quiet * 20 + speech[6:])
    assert pcm.duration == pytest.approx(1.0 * 2 + 20 * 8 * 0.02, abs=0.1)
    assert pcm.warnings == ()


def speex_ogg(packets: int) -> bytes:
    """RFC 5574 header, then packets of sub-mode 0 (silence)."""
    header = struct.pack("<8s20sIIIIIIiIIIIIII", b"Speex   ", b"1.2", 1, 80, 8000, 0, 4, 1, -1, 160, 0, 1, 0, 0, 0, 0)
    pages = [header, b"\x00" * 4 + b"\x00" * 4, *([b"\x00"] * packets)]
    out = b""
    for number, packet in enumerate(pages):
        flags = 2 if number == 0 else 4 if number == len(pages) - 1 else 0
        granule = max(0, number - 1) * 160
        page = b"OggS" + struct.pack("<BBqIIIBB", 0, flags, granule, 7, number, 0, 1, len(packet)) + packet
        out += page[:22] + struct.pack("<I", ogg_crc(page)) + page[26:]
    return out


def ogg_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def test_speex():
    pcm = decode(speex_ogg(100))
    assert pcm.codec == "speex"
    assert pcm.duration == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("name", "data", "codec", "seconds"),
    [
        ("2024 来电.gsm", b"".join(b"\xd5" + bytes(32) for _ in range(50)), "gsm", 1.0),
        ("a.ulaw", b"\xff" * 8000, "pcm_mulaw", 1.0),
        ("a.ALAW", b"\xd5" * 8000, "pcm_alaw", 1.0),
        ("a.sln", bytes(16000), "pcm_s16le", 1.0),
        ("a.g729", bytes(1000), "g729", 1.0),
    ],
)
def test_headerless_files_are_told_by_their_ending(name, data, codec, seconds):
    pcm = decode(data, name)
    assert (pcm.codec, pcm.duration) == (codec, pytest.approx(seconds, abs=0.05))


def test_two_channels_stay_apart():
    pcm = decode(wav(np.stack([tone(2, 440), tone(2, 880)])))
    assert [loudest_hertz(raw) for raw in pcm.channels] == [440, 880]


@pytest.mark.parametrize(
    ("left", "right", "warning"),
    [
        (1.0, 1.0, ()),
        (1.0, 0.5, ()),
        (1.0, 0.0, ("右声道无声，按单声道处理",)),
        (0.0, 1.0, ("左声道无声，按单声道处理",)),
        (0.0, 0.0, ()),
    ],
)
def test_mono_written_as_stereo_is_one_channel(left, right, warning):
    pcm = decode(wav(np.stack([tone(2) * left, tone(2) * right]).astype(np.int16)))
    assert len(pcm.channels) == 1
    assert pcm.warnings == warning
    if left or right:
        assert loudest_hertz(pcm.channels[0]) == 440


def test_one_channel_may_be_asked_for():
    assert len(decode(wav(np.stack([tone(1, 440), tone(1, 880)])), max_channels=1).channels) == 1
