"""Recordings of every kind, made on the spot with FFmpeg's own encoders (and by hand where it has none)."""

from __future__ import annotations

import struct
import wave
from io import BytesIO

import av
import numpy as np
import pysilk

RATE = 8000


def tone(seconds: float, hertz: float = 440.0, rate: int = RATE, level: float = 0.3) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    return (level * 32767 * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def encode(
    container: str, codec: str, rows: np.ndarray, *, rate: int = RATE, bit_rate: int = 0, options: dict | None = None
) -> bytes:
    """`rows`: int16 samples of shape (channels, n)."""
    rows = np.atleast_2d(rows)
    out = BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="stereo" if rows.shape[0] == 2 else "mono", options=options)
        if bit_rate:
            stream.bit_rate = bit_rate
        context = stream.codec_context
        context.open()
        resampler = av.AudioResampler(
            format=context.format, layout=context.layout, rate=rate, frame_size=context.frame_size or 1024
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(rows), format="s16p", layout=context.layout.name)
        frame.sample_rate = rate
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            for packet in stream.encode(piece):
                file.mux(packet)
        for packet in stream.encode(None):
            file.mux(packet)
    return out.getvalue()


def wav(rows: np.ndarray, rate: int = RATE) -> bytes:
    rows = np.atleast_2d(rows)
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(rows.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(rows.T.astype("<i2").tobytes())
    return out.getvalue()


def wav_header(
    *, data_size: int, channels: int = 1, rate: int = RATE, bits: int = 16, tag: int = 1, align: int | None = None
) -> bytes:
    """A RIFF header saying whatever it is told to say."""
    align = channels * bits // 8 if align is None else align
    fmt = struct.pack("<HHIIHH", tag, channels, rate, (rate * align) & 0xFFFFFFFF, align, bits)
    riff = min(36 + data_size, 0xFFFFFFFF)
    return (
        b"RIFF"
        + struct.pack("<I", riff)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + fmt
        + b"data"
        + struct.pack("<I", data_size)
    )


def silk(samples: np.ndarray, *, tencent: bool, rate: int = 16000) -> bytes:
    out = BytesIO()
    pysilk.encode(BytesIO(samples.astype("<i2").tobytes()), out, rate, 16000, tencent=tencent)
    return out.getvalue()


def loudest_hertz(pcm: bytes) -> float:
    """The strongest frequency of decoded 16 kHz samples: tells whether the sound survived."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.fft.rfftfreq(samples.size, 1 / 16000)[int(spectrum.argmax())])
