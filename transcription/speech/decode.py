"""Recordings to PCM with FFmpeg (PyAV): what call recorders, phones, WeChat and media clips write.

Runs inside the limited child on foreign bytes: reads memory only (no names, no temporary files, no network) and raises
only `DecodeError`. What is left of a damaged file is given with a warning.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import av
import av.error
import numpy as np

from transcription.contract import DecodeError, Pcm
from transcription.speech.pcm import RATE, Collector, Samples
from transcription.speech.silk import decode_silk, is_silk

MAX_SECONDS = 4 * 3600.0
MAX_BYTES = 600_000_000  # one working day of G.711; more cannot be a call
MAX_WORK_SECONDS = 300.0

# FFmpeg also knows play lists (hls, concat, dash …) that open other files and addresses: only containers of sound.
_FORMATS = (
    "wav,w64,mp3,ogg,mov,mp4,m4a,3gp,asf,flac,amr,amrnb,amrwb,aac,caf,aiff,au,"
    "matroska,webm,avi,flv,mpegts,mpeg,voc,wv,ape"
)
# Headerless files as Asterisk and Cisco write them, told by their ending alone: (format, options).
_RAW: dict[str, tuple[str, dict[str, str]]] = {
    ".gsm": ("gsm", {"sample_rate": "8000"}),
    ".ulaw": ("mulaw", {"sample_rate": "8000", "ch_layout": "mono"}),
    ".ul": ("mulaw", {"sample_rate": "8000", "ch_layout": "mono"}),
    ".pcmu": ("mulaw", {"sample_rate": "8000", "ch_layout": "mono"}),
    ".alaw": ("alaw", {"sample_rate": "8000", "ch_layout": "mono"}),
    ".al": ("alaw", {"sample_rate": "8000", "ch_layout": "mono"}),
    ".pcma": ("alaw", {"sample_rate": "8000", "ch_layout": "mono"}),
    ".sln": ("s16le", {"sample_rate": "8000", "ch_layout": "mono"}),
    ".sln16": ("s16le", {"sample_rate": "16000", "ch_layout": "mono"}),
    ".g722": ("g722", {}),
    ".g729": ("g729", {}),
}
# FFmpeg's own AMR decoder breaks off at comfort-noise frames (DTX), which every mobile phone sends.
_PREFERRED = {"amrnb": "libopencore_amrnb"}
_LOW_RATE, _HIGH_RATE = 4_000, 192_000
_TRUNCATED = "录音文件不完整，只处理了能读的部分"
_DAMAGED = "录音文件有损坏的片段，已跳过"
_SLOW = "解码超时，只处理了前面的部分"


def decode(
    data: bytes,
    name: str = "",
    *,
    max_seconds: float = MAX_SECONDS,
    max_channels: int = 2,
    max_bytes: int = MAX_BYTES,
    max_work_seconds: float = MAX_WORK_SECONDS,
) -> Pcm:
    """Decode a recording to 16 kHz mono or two separate channels.

    `name` is the sender's: only its ending is looked at, and only for headerless formats. At most `max_seconds` of one
    channel (half of it of two) are decoded, for at most `max_work_seconds`; more is cut with a warning. Raises
    DecodeError where nothing can be heard.
    """
    if not data:
        raise DecodeError("录音文件是空的")
    if len(data) > max_bytes:
        raise DecodeError(f"录音文件超过 {max_bytes // 1_000_000} MB 上限")
    try:
        if is_silk(data):
            return decode_silk(data, max_seconds)
        return _decode_av(data, name, max_seconds, max(1, min(max_channels, 2)), max_work_seconds)
    except DecodeError:
        raise
    except MemoryError as error:
        raise DecodeError("录音过长，超出解码内存上限") from error
    except Exception as error:  # FFmpeg's bindings raise errors of many families on foreign bytes; none may pass
        raise DecodeError("录音文件已损坏或格式不支持，无法解码") from error


def _decode_av(data: bytes, name: str, max_seconds: float, max_channels: int, max_work_seconds: float) -> Pcm:
    deadline = time.monotonic() + max_work_seconds
    collector = Collector(max_seconds)
    warnings: list[str] = []
    with _open(data, name) as container:
        if not container.streams.audio:
            raise DecodeError("文件里没有声音")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise DecodeError("录音的编码不受支持")
        codec = stream.codec_context.name
        declared = _declared_seconds(container, stream)
        resample = _Resampler(max_channels)
        for frame in _frames(container, stream, warnings):
            if not collector.add(resample(frame)):
                break
            if time.monotonic() > deadline:
                warnings.append(_SLOW)
                break
        else:
            collector.add(resample(None))
            if _is_cut(data) or (declared and collector.seconds < declared * 0.98 - 0.5):
                warnings.append(_TRUNCATED)
    return collector.finish(codec, list(dict.fromkeys(warnings)))


def _open(data: bytes, name: str) -> Any:
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": ""}
    if _wav_claim(data) < -4096:
        options["ignore_length"] = "1"
    try:
        return av.open(BytesIO(data), mode="r", metadata_errors="ignore", options=options)
    except (av.error.FFmpegError, ValueError) as error:
        raw = _RAW.get(PurePosixPath(name).suffix.lower())
        if raw is None:
            raise DecodeError("不是可识别的录音格式，或文件已损坏") from error
        return av.open(BytesIO(data), mode="r", format=raw[0], options={**raw[1], "protocol_whitelist": ""})


def _wav_claim(data: bytes) -> int:
    """Bytes the data chunk of a WAV claims beyond (+) or short of (−) what the file holds; 0 where they agree.

    Short: a recorder died before it wrote the true length. Beyond: the file was cut. A claim of 2 GiB and more is how
    streaming recorders say "until the end".
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return 0
    offset = 12
    for _ in range(64):
        if offset + 8 > len(data):
            return 0
        tag, size = struct.unpack_from("<4sI", data, offset)
        offset += 8
        if tag == b"data":
            if size >= 0x7FFF_0000:
                return 0
            rest = len(data) - offset - size
            following = data[offset + size + (size & 1) :][:4].strip()
            return 0 if rest > 0 and following.isalnum() else -rest  # another chunk follows, as it should
        offset += size + (size & 1)
    return 0


def _is_cut(data: bytes) -> bool:
    """Whether the file's own framing says that its end is missing."""
    if data[:4] == b"OggS":  # RFC 3533: the last page carries the end-of-stream flag
        last = data.rfind(b"OggS")
        return last + 5 >= len(data) or not data[last + 5] & 0x04
    return _wav_claim(data) > 256


def _declared_seconds(container: Any, stream: Any) -> float:
    """Length the header claims; 0 where FFmpeg guesses it from a bit rate (AMR, ADTS, MPEG streams) or it is absurd."""
    if container.format.name in ("amr", "amrnb", "amrwb", "aac", "mpegts", "mpeg", "flv", "avi"):
        return 0.0
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / 1_000_000
    return seconds if 0 < seconds < 7 * 86_400 else 0.0


def _frames(container: Any, stream: Any, warnings: list[str]) -> Iterator[Any]:
    """Decoded frames; a broken packet is skipped, a broken container ends the stream."""
    decoder = stream.codec_context
    if decoder.name in _PREFERRED:
        preferred = av.CodecContext.create(_PREFERRED[decoder.name], "r")
        preferred.sample_rate, preferred.layout = 8000, "mono"  # AMR-NB is nothing else (3GPP TS 26.071)
        decoder = preferred
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, ValueError):
            warnings.append(_TRUNCATED)
            packet = None
        try:
            yield from decoder.decode(packet)
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, ValueError):
            warnings.append(_DAMAGED)
        if packet is None or packet.size == 0:  # the empty packet flushes the decoder and is the last
            return


class _Resampler:
    """Any frame to 16 kHz planar samples; rebuilt when the stream changes its shape on the way."""

    def __init__(self, max_channels: int) -> None:
        self._max_channels = max_channels
        self._shape: tuple[Any, ...] = ()
        self._inner: Any = None
        self._rows = 0

    def __call__(self, frame: Any) -> Samples:
        if frame is None:
            frames = self._inner.resample(None) if self._inner is not None else []
            return self._join(frames)
        if frame.layout.nb_channels > 8:
            frame = _first_two(frame)
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        out: list[Any] = []
        if shape != self._shape:
            if not _LOW_RATE <= frame.sample_rate <= _HIGH_RATE:
                raise DecodeError("录音的采样率不合理")
            if self._inner is not None:
                out += self._inner.resample(None)
            self._rows = self._rows or min(frame.layout.nb_channels, self._max_channels)
            layout = "stereo" if self._rows == 2 else "mono"
            self._inner, self._shape = av.AudioResampler(format="s16p", layout=layout, rate=RATE), shape
        frame.pts = None  # gaps are not filled: a lying clock must not make hours of silence
        return self._join(out + self._inner.resample(frame))

    def _join(self, frames: list[Any]) -> Samples:
        if not frames:
            return np.zeros((self._rows or 1, 0), np.int16)
        return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def _first_two(frame: Any) -> Any:
    """The first two of up to 255 declared channels; FFmpeg cannot mix such layouts down."""
    samples = frame.to_ndarray()
    rows = samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T
    planar = frame.format.name if frame.format.is_planar else frame.format.name + "p"
    made = av.AudioFrame.from_ndarray(np.ascontiguousarray(rows[:2]), format=planar, layout="stereo")
    made.sample_rate = frame.sample_rate
    return made
