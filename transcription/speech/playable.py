"""A rendition for the browser: decoded PCM as Ogg/Opus."""

from __future__ import annotations

import io

import av
import numpy as np

from transcription.contract import Pcm

RATE = 16_000
BIT_RATE = 24_000
_CHUNK = RATE * 10  # samples handed to the encoder at a time


def encode(pcm: Pcm) -> bytes:
    """Ogg/Opus of one or two channels. The recording's own bytes stay the original; this is only for listening."""
    sides = [np.frombuffer(channel, dtype="<i2") for channel in pcm.channels]
    length = max((len(side) for side in sides), default=0)
    sides = [np.pad(side, (0, length - len(side))) for side in sides] or [np.zeros(0, dtype="<i2")]
    layout = "stereo" if len(sides) == 2 else "mono"
    packed = np.stack(sides, axis=1).reshape(1, -1)
    width = len(sides)
    out = io.BytesIO()
    with av.open(out, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE, layout=layout)
        stream.bit_rate = BIT_RATE * width
        for start in range(0, length, _CHUNK):
            part = np.ascontiguousarray(packed[:, start * width : (start + _CHUNK) * width])
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
