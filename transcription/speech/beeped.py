"""A copy of a call in which stretches are beeped over: what names somebody is not to be heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from transcription.contract import Pcm

RATE = 16_000
TONE = 1000  # Hz
LOUD = 3000  # of 32767


def beeped(pcm: Pcm, spans: Sequence[tuple[float, float]]) -> Pcm:
    """The recording with a tone in place of the spans (seconds), in every channel: a name also crosses over."""
    channels = []
    for channel in pcm.channels:
        sound = np.frombuffer(channel, dtype="<i2").copy()
        for start, end in spans:
            first, last = max(0, int(start * RATE)), min(len(sound), int(end * RATE) + 1)
            if first < last:
                sound[first:last] = LOUD * np.sin(2 * np.pi * TONE / RATE * np.arange(last - first))
        channels.append(sound.astype("<i2").tobytes())
    return replace(pcm, channels=tuple(channels))
