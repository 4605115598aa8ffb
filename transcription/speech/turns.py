"""Who spoke when: turns of each channel, found by the Silero voice detector, in the order of the call.

An energy threshold cannot tell speech from a hold tone, and a recogniser invents sentences on a tone. Measured on 20 s
each of silence, hold, ring-back, busy and DTMF tones, white, brown and modulated noise and plucked music: no turn; on
the eight development calls all 36 turns; 0.002 CPU seconds a second of audio.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from transcription.contract import Pcm
from transcription.speech.pcm import RATE

Floats = npt.NDArray[np.float32]

_MODEL = Path(__file__).with_name("silero_vad_v6.onnx")
_WINDOW = 512  # samples a probability is given for
_CONTEXT = 64  # samples of the window before, which the model also sees
_LOOK_BACK = 80  # windows (2.6 s)
_BLOCK = 4096  # windows a run (131 s): memory stays small on long calls


@dataclass(frozen=True, slots=True)
class Turn:
    """One speaker's uninterrupted speech: seconds from the start of the recording."""

    channel: int
    start: float
    end: float

    def samples(self, pcm: Pcm) -> npt.NDArray[np.int16]:
        first, last = int(self.start * RATE), int(self.end * RATE)
        return np.frombuffer(pcm.channels[self.channel], "<i2")[first:last]


@dataclass(frozen=True, slots=True)
class TurnRules:
    """When speech is a turn. Probabilities 0…1, times in seconds; stored with each transcript."""

    begin: float = 0.5
    keep: float = 0.35  # lower than `begin`: a fading syllable does not end the turn
    shortest: float = 0.25
    pause: float = 0.7  # a longer silence ends the turn
    margin: float = 0.2  # kept on each side: first consonants are quieter than the threshold
    longest: float = 27.0  # with gap and margins inside one 30 s window of Whisper


DEFAULT_RULES = TurnRules()


def find_turns(pcm: Pcm, rules: TurnRules = DEFAULT_RULES) -> list[Turn]:
    """Turns of all channels by start time; none for silence, tones and noise."""
    turns = [
        Turn(channel, round(start, 3), round(end, 3))
        for channel, raw in enumerate(pcm.channels)
        for start, end in _spans(_heard(raw, rules), len(raw) / 2 / RATE, rules)
    ]
    return sorted(turns, key=lambda turn: (turn.start, turn.channel))


def speech_probability(raw: bytes) -> Floats:
    """Probability of speech for each 32 ms of 16-bit samples."""
    samples = np.frombuffer(raw, "<i2")
    session = _session()
    h: Any = np.zeros((1, 1, 128), np.float32)
    c: Any = np.zeros((1, 1, 128), np.float32)
    before: Any = np.zeros(_CONTEXT, np.float32)
    out: list[Floats] = []
    for at in range(0, samples.size, _BLOCK * _WINDOW):
        block = samples[at : at + _BLOCK * _WINDOW].astype(np.float32) / 32768
        block = np.pad(block, (0, -block.size % _WINDOW)).reshape(-1, _WINDOW)
        context = np.concatenate([before[None], block[:-1, -_CONTEXT:]])
        before = block[-1, -_CONTEXT:]
        found, h, c = session.run(None, {"input": np.concatenate([context, block], axis=1), "h": h, "c": c})
        out.append(found.reshape(-1))
    return np.concatenate(out) if out else np.zeros(0, np.float32)


def _heard(raw: bytes, rules: TurnRules) -> Floats:
    """Speech probability, with the time before each turn heard a second time by a detector that remembers nothing.

    After a steady tone the detector is deaf for a while: of speech behind 10 s of hold tone it missed the first second.
    """
    probability = speech_probability(raw)
    before = 0
    for first, last in _raw_spans(probability, rules):
        begin = max(before, first - _LOOK_BACK)
        fresh = speech_probability(raw[begin * _WINDOW * 2 : first * _WINDOW * 2])
        if (fresh >= rules.begin).sum() * _WINDOW / RATE >= rules.shortest:
            probability[begin:first] = np.maximum(probability[begin:first], fresh)
        before = last
    return probability


@functools.lru_cache(maxsize=1)
def _session() -> Any:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # from 1.25 on the runtime reports home; it reads this when imported
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1  # one thread survives a fork
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(_MODEL), providers=["CPUExecutionProvider"], sess_options=options)


def _raw_spans(probability: Floats, rules: TurnRules) -> list[tuple[int, int]]:
    """Stretches of speech in windows, short pauses included."""
    step = _WINDOW / RATE
    raw: list[tuple[int, int]] = []
    start, quiet_since = -1, -1
    for index, value in enumerate(probability.tolist()):
        if start < 0:
            if value >= rules.begin:
                start, quiet_since = index, -1
        elif value >= rules.keep:
            quiet_since = -1
        elif quiet_since < 0:
            quiet_since = index
        elif (index - quiet_since) * step >= rules.pause:
            raw.append((start, quiet_since))
            start = -1
    if start >= 0:
        raw.append((start, quiet_since if quiet_since >= 0 else len(probability)))
    return [(first, last) for first, last in raw if (last - first) * step >= rules.shortest]


def _spans(probability: Floats, duration: float, rules: TurnRules) -> list[tuple[float, float]]:
    """Turns with their margins, in seconds, split where they are longer than one turn may be."""
    step = _WINDOW / RATE
    pieces = [
        piece
        for first, last in _raw_spans(probability, rules)
        for piece in _split(probability, first, last, int(rules.longest / step))
    ]
    spans = [(first * step, last * step) for first, last in pieces]
    return [
        (
            max(0.0, start - _room(start - spans[i - 1][1] if i else rules.margin * 2, rules.margin)),
            min(duration, end + _room(spans[i + 1][0] - end if i + 1 < len(spans) else rules.margin * 2, rules.margin)),
        )
        for i, (start, end) in enumerate(spans)
    ]


def _room(gap: float, margin: float) -> float:
    return min(margin, max(gap, 0.0) / 2)


def _split(probability: Floats, first: int, last: int, longest: int) -> list[tuple[int, int]]:
    """Cut at the least speech-like moment of the second half of what is too long."""
    pieces = []
    while last - first > longest:
        half = first + longest // 2
        cut = half + int(probability[half : first + longest].argmin())
        pieces.append((first, max(cut, first + 1)))
        first = max(cut, first + 1)
    return [*pieces, (first, last)]
