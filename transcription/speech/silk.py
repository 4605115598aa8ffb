"""SILK v3 voice messages: WeChat's (leading 0x02) and plain ones (Skype SILK SDK file layout).

The file is a magic and frames, each a little-endian 16-bit length and that many bytes; 0xFFFF ends it. The library
trusts the lengths, so the frames are walked here first and only whole, plausible ones are handed over.

The SDK writes a frame at its *internal* rate into the caller's buffer before it resamples, and the binding sizes that
buffer by the rate asked for: asking for 16 kHz of a 24 kHz message (WeChat's usual) writes 320 bytes past the end. So
24 kHz, the highest internal rate, is always asked for and we resample ourselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import av
import numpy as np

from transcription.contract import DecodeError, Pcm
from transcription.speech.pcm import RATE, Collector, Samples

_MAGIC = b"#!SILK_V3"
_FRAMES_PER_SECOND = 50
_MAX_FRAME = 1024  # SKP_Silk_SDK: MAX_ARITHM_BYTES; the decoder refuses more
_END = 0xFFFF
_SDK_RATE = 24_000  # never less, see above


def is_silk(data: bytes) -> bool:
    return data[:9] == _MAGIC or data[:10] == b"\x02" + _MAGIC


def decode_silk(data: bytes, max_seconds: float) -> Pcm:
    """Decode one voice message. A damaged tail is left out with a warning."""
    import pysilk  # noqa: PLC0415 - a compiled module only the decoding child needs

    offset = len(_MAGIC) + (data[:1] == b"\x02")
    clean = BytesIO()
    clean.write(_MAGIC)
    whole, frames, limit = True, 0, int(max_seconds * _FRAMES_PER_SECOND)
    while offset < len(data) and frames <= limit:
        size = int.from_bytes(data[offset : offset + 2], "little")
        if size == _END:
            break
        if size > _MAX_FRAME or offset + 2 + size > len(data):
            whole = False
            break
        if size:  # an empty frame stands for a packet that was never received
            clean.write(data[offset : offset + 2 + size])
            frames += 1
        offset += 2 + size
    if not frames:
        raise DecodeError("SILK 语音里没有可读的数据")
    clean.seek(0)
    heard = BytesIO()
    try:
        pysilk.decode(clean, heard, _SDK_RATE)
    except pysilk.SilkError as error:
        whole = False
        if not heard.tell():
            raise DecodeError("SILK 语音已损坏，无法解码") from error
    raw = heard.getvalue()
    collector = Collector(max_seconds)
    for rows in _to_rate(np.frombuffer(raw[: len(raw) // 2 * 2], "<i2")):
        collector.add(rows)
    return collector.finish("silk", [] if whole else ["录音文件不完整，只处理了能读的部分"])


def _to_rate(samples: Samples) -> Iterator[Samples]:
    resampler = av.AudioResampler(format="s16p", layout="mono", rate=RATE)
    for at in range(0, samples.size, _SDK_RATE):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + _SDK_RATE], format="s16p", layout="mono")
        frame.sample_rate = _SDK_RATE
        yield from (out.to_ndarray() for out in resampler.resample(frame))
    yield from (out.to_ndarray() for out in resampler.resample(None))
