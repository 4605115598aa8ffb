"""Makes the recordings of the demo county; called by bench/demo_inputs.py."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "hub" / "demo" / "data"


RATE = 8000
CUTS: tuple[tuple[str, float, float, str, bool], ...] = (  # call, from, to (s), file, two channels
    ("call02", 5.6, 21.4, "hl-20260302-0001.opus", True),  # 湖南桃江, sand
    ("call01", 5.6, 25.1, "hl-20260302-0002.mp3", True),  # 内蒙古五原, brickworks
    ("call03", 5.6, 20.4, "hl-20260302-0003.m4a", True),  # 浙江萧山, sale of land
    ("call07", 5.6, 22.0, "hl-20260302-0004.opus", True),  # 广东佛冈, golf course
    ("call06", 5.6, 21.1, "voicemail-7.wav", False),  # 山东兰陵, compensation
    ("call05", 5.6, 21.7, "twilio-xitu.wav", False),  # 江西会昌, rare earth
)
ENCODERS = {
    ".opus": ("libopus", "ogg", 16000, 24000), ".amr": ("libopencore_amrnb", "amr", 8000, 7950),
    ".mp3": ("libmp3lame", "mp3", 16000, 32000), ".m4a": ("aac", "mp4", 16000, 32000),
}  # fmt: skip


def samples(path: Path, begin: float, end: float) -> np.ndarray:
    """Samples of [begin, end) seconds, one row a channel, 16 bit, 8 kHz."""
    import av

    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16p", layout="stereo", rate=RATE)
        frames = [out.to_ndarray() for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate(frames, axis=1)[:, int(begin * RATE) : int(end * RATE)]


def encoded(path: Path, sound: np.ndarray) -> None:
    import av

    if path.suffix == ".wav":
        with wave.open(str(path), "wb") as file:
            file.setnchannels(len(sound))
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(sound.T.astype("<i2").tobytes())
        return
    codec, container, rate, bits = ENCODERS[path.suffix]
    layout = "stereo" if len(sound) == 2 else "mono"
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = bits * len(sound)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate,
                                      frame_size=stream.codec_context.frame_size or 0)  # fmt: skip
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="s16p", layout=layout)
        frame.sample_rate = RATE
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))


def speech(calls: Path) -> None:
    for name, begin, end, target, both in CUTS:
        sound = samples(calls / f"{name}.wav", begin, end)
        mixed = np.clip(sound.astype("i4").sum(axis=0, keepdims=True), -32768, 32767).astype("i2")
        encoded(DATA / "phone" / target, sound if both else mixed)
    voice = samples(calls.parent / "u04.wav", 0, 9)
    encoded(DATA / "wechat" / "yuyin.amr", voice[:1])
