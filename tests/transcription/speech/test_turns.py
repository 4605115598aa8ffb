"""Turns are where people speak, and nowhere else."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from tests.transcription.speech.samples import tone
from transcription.contract import Pcm
from transcription.speech.decode import decode
from transcription.speech.turns import TurnRules, find_turns, speech_probability

CALL = Path(__file__).with_name("data") / "hotline-call.wav"
# Operator left, caller right; (channel, start, end) in seconds as the call was put together.
SPOKEN = [(0, 0.4, 5.4), (1, 5.85, 13.0), (0, 13.45, 14.89), (1, 15.34, 20.28), (0, 20.73, 22.95), (1, 23.4, 24.7)]

RATE = 16000
T = np.arange(RATE * 20) / RATE
NOISE = np.random.default_rng(0)


def hum(hertz: float, level: float = 0.3) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * T)


QUIET = {
    "silence": 0 * T,
    "hold tone 450 Hz": hum(450),
    "loud tone 1000 Hz": hum(1000, 0.9),
    "ring-back": hum(450) * ((T % 5) < 1),
    "busy": hum(450) * ((T % 0.7) < 0.35),
    "key tones": (hum(697, 0.2) + hum(1209, 0.2)) * ((T % 0.3) < 0.15),
    "white noise": 0.1 * NOISE.standard_normal(T.size),
    "faint noise": 0.01 * NOISE.standard_normal(T.size),
    "noise in the rhythm of speech": 0.1 * NOISE.standard_normal(T.size) * (1 + np.sin(2 * np.pi * 4 * T)) / 2,
    "warble": 0.3 * np.sin(2 * np.pi * 450 * T + 3 * np.sin(2 * np.pi * 5 * T)),
}


def pcm_of(*rows: np.ndarray) -> Pcm:
    raw = tuple((np.clip(row, -1, 1) * 32767).astype("<i2").tobytes() for row in rows)
    return Pcm(channels=raw, duration=rows[0].size / RATE, codec="made")


@pytest.mark.parametrize("kind", QUIET)
def test_what_is_no_speech_makes_no_turn(kind):
    assert find_turns(pcm_of(QUIET[kind])) == []


def test_nothing_at_all():
    assert find_turns(Pcm(channels=(b"",), duration=0.0, codec="made")) == []


def test_two_speakers_in_the_order_of_the_call():
    turns = find_turns(decode(CALL.read_bytes()))
    assert [turn.channel for turn in turns] == [channel for channel, _, _ in SPOKEN]
    for turn, (_, start, end) in zip(turns, SPOKEN, strict=True):
        assert turn.start == pytest.approx(start, abs=0.4)
        assert turn.end == pytest.approx(end, abs=0.4)


def test_speech_is_found_behind_a_hold_tone():
    pcm = decode(CALL.read_bytes())
    speech = np.frombuffer(pcm.channels[0], "<i2")[: 6 * RATE] / 32768
    (turn,) = find_turns(pcm_of(np.concatenate([hum(450)[: 10 * RATE], speech])))
    assert turn.start == pytest.approx(10.4, abs=0.4)


def test_a_monologue_is_split_into_turns_of_bounded_length():
    pcm = decode(CALL.read_bytes())
    said = np.frombuffer(pcm.channels[1], "<i2")[int(5.9 * RATE) : int(12.9 * RATE)] / 32768
    endless = pcm_of(np.tile(said, 8))
    turns = find_turns(endless, TurnRules(pause=5.0))
    assert len(turns) >= 2
    assert max(turn.end - turn.start for turn in turns) <= 27.5
    assert all(a.end <= b.start for a, b in itertools.pairwise(turns))
    assert sum(turn.end - turn.start for turn in turns) > 50


def test_long_recordings_are_read_in_blocks_without_a_seam(monkeypatch):
    raw = decode(CALL.read_bytes()).channels[1]
    whole = speech_probability(raw)
    monkeypatch.setattr("transcription.speech.turns._BLOCK", 100)
    assert np.allclose(speech_probability(raw), whole, atol=1e-4)


def test_samples_of_a_turn_are_cut_from_its_channel():
    pcm = pcm_of(tone(2.0, rate=RATE) / 32768, 0 * tone(2.0, rate=RATE))
    turn = find_turns(decode(CALL.read_bytes()))[0]
    assert turn.samples(pcm).size == int(2.0 * RATE) - int(turn.start * RATE)
