"""Collects decoded samples: 16 kHz, 16 bit, one or two channels, bounded in time and memory."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt

from transcription.contract import DecodeError, Pcm

RATE = 16_000
Samples = npt.NDArray[np.int16]

_BLOCK = RATE * 10  # channels are compared in blocks: no second copy of a long call in memory
_SILENT = 33  # peak of a dead line, of 32768 (−60 dBFS)
_SAME = 0.98  # correlation above which two channels are one recording written twice


class Collector:
    """Takes planar samples until the limit.

    `max_seconds` bounds samples of all channels together at one channel's price: a two-channel file is heard for half
    as long, so the memory of one decode is at most `max_seconds` · 32 kB (4 h: 461 MB, inside the child's 1 GiB).
    """

    def __init__(self, max_seconds: float) -> None:
        self._budget = int(max_seconds * RATE)
        self._rows: list[BytesIO] = []
        self.samples = 0  # per channel
        self.cut = False

    @property
    def seconds(self) -> float:
        return self.samples / RATE

    def add(self, rows: Samples) -> bool:
        """Add samples of shape (channels, n). False when the limit is reached and nothing more is wanted."""
        if not self._rows:
            self._rows = [BytesIO() for _ in range(rows.shape[0])]
        if rows.shape[0] < len(self._rows):  # the layout changed in mid-file: the one channel goes to both sides
            rows = np.repeat(rows[:1], len(self._rows), axis=0)
        room = self._budget // len(self._rows) - self.samples
        if rows.shape[1] > room:
            rows, self.cut = rows[:, : max(room, 0)], True
        for row, store in zip(rows, self._rows, strict=False):
            store.write(row.astype("<i2", copy=False).tobytes())
        self.samples += rows.shape[1]
        return not self.cut

    def finish(self, codec: str, warnings: list[str]) -> Pcm:
        """The decoded recording, as two channels only where they really differ."""
        if not self.samples:
            raise DecodeError("录音里没有声音数据")
        if self.cut:
            warnings = [*warnings, f"录音超过时长上限，只处理了前 {self.seconds / 60:.0f} 分钟"]
        channels = tuple(store.getvalue() for store in self._rows)
        self._rows = []
        if len(channels) == 2:
            channels, note = _distinct(channels[0], channels[1])
            warnings = [*warnings, *note]
        return Pcm(channels=channels, duration=round(self.samples / RATE, 3), codec=codec, warnings=tuple(warnings))


def _distinct(left: bytes, right: bytes) -> tuple[tuple[bytes, ...], list[str]]:
    """Two channels, or one when a side is dead or both carry the same sound (mono written as stereo)."""
    one, two = np.frombuffer(left, "<i2"), np.frombuffer(right, "<i2")
    dot = energy_one = energy_two = 0.0
    peak_one = peak_two = 0
    for at in range(0, one.size, _BLOCK):
        a, b = one[at : at + _BLOCK].astype(np.float64), two[at : at + _BLOCK].astype(np.float64)
        dot += float(a @ b)
        energy_one += float(a @ a)
        energy_two += float(b @ b)
        peak_one, peak_two = max(peak_one, int(np.abs(a).max())), max(peak_two, int(np.abs(b).max()))
    if peak_two < _SILENT:
        return (left,), [] if peak_one < _SILENT else ["右声道无声，按单声道处理"]
    if peak_one < _SILENT:
        return (right,), ["左声道无声，按单声道处理"]
    if dot / (energy_one * energy_two) ** 0.5 > _SAME:
        return (left,), []
    return (left, right), []
