"""Real Mandarin through Whisper: one sentence and one two-channel call, both of a synthetic voice."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from transcription import models
from transcription.contract import EngineUnavailableError, Pcm, Word
from transcription.speech import whisper_engine
from transcription.speech.decode import decode
from transcription.speech.engine import choose, describe
from transcription.speech.text import UNVERIFIED_NUMBERS
from transcription.speech.turns import Turn

DATA = Path(__file__).with_name("data")
SENTENCE = "我要举报巴彦淖尔市临河区某村有人在基本农田里违法建厂房，面积大概二十亩。"
CALL = [
    (0, "您好，一二三三六自然资源违法举报热线，请讲。"),
    (1, "我反映一个事情，浙江杭州萧山区瓜沥镇，村里把集体土地卖给外地人盖房子。"),
    (0, "面积大概有多大？"),
    (1, "大概三亩左右，房子已经盖到第二层了，没有任何审批手续。"),
    (0, "请问您愿意实名举报吗？"),
    (1, "我不想留名字。"),
]
DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")

pytestmark = pytest.mark.skipif(
    not models.packaged(models.KNOWN[models.WHISPER]), reason="the packages with the Whisper weights are not installed"
)


def errors(heard: str, said: str) -> float:
    heard, said = ("".join(sign for sign in text if sign.isalnum()).translate(DIGITS) for text in (heard, said))
    return Levenshtein.distance(heard, said) / len(said)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return choose(None, None, tmp_path_factory.mktemp("cache"))


def test_a_call_is_recognised_in_order_twice_alike_and_without_network(engine, monkeypatch):
    def refuse(*_args):
        raise AssertionError("recognition asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    pcm = decode((DATA / "hotline-call.wav").read_bytes())
    transcript = engine.transcribe(pcm)
    assert [segment.channel for segment in transcript.segments] == [channel for channel, _ in CALL]
    assert errors(transcript.text(), "".join(text for _, text in CALL)) < 0.3
    assert "违法举报热线" in transcript.segments[0].text
    assert "盖房子" in transcript.segments[1].text
    assert UNVERIFIED_NUMBERS in transcript.warnings
    assert transcript.model == f"whisper-base@{models.KNOWN[models.WHISPER].files[0].sha256[:12]}"
    for segment in transcript.segments:
        assert 0 < segment.confidence <= 1
        times = [at for word in segment.words for at in (word.start, word.end)]
        assert segment.start <= min(times) <= max(times) <= segment.end
    assert engine.transcribe(pcm) == transcript
    assert json.loads(json.dumps(transcript.as_json()))["segments"][0]["words"]


def test_describe_is_the_published_json(engine):
    answer = describe((DATA / "hotline-sentence.wav").read_bytes(), "x.wav", engine)
    assert list(answer)[:6] == ["engine", "model", "duration", "channels", "segments", "text"]
    assert (answer["engine"], answer["channels"]) == ("whisper", 1)
    assert list(answer["segments"][0]) == ["start", "end", "channel", "text", "confidence"]
    assert errors(answer["text"], SENTENCE) < 0.45
    assert "基本农田" in answer["text"]
    assert describe(b"no sound", "x.wav", engine) == {"error": "不是可识别的录音格式，或文件已损坏"}


def test_a_hold_tone_says_nothing_and_loads_nothing(tmp_path, monkeypatch):
    engine = choose("whisper", None, tmp_path)
    monkeypatch.setattr(engine, "_load", None)
    tone = (9000 * np.sin(2 * np.pi * 450 * np.arange(16000 * 20) / 16000)).astype("<i2").tobytes()
    transcript = engine.transcribe(Pcm(channels=(tone,), duration=20.0, codec="made"))
    assert (transcript.segments, transcript.warnings) == ((), ())


def test_after_a_fork_it_refuses_instead_of_hanging(engine, monkeypatch):
    monkeypatch.setattr(engine, "_model", object())
    monkeypatch.setattr(engine, "_owner", os.getpid() + 1)
    with pytest.raises(EngineUnavailableError, match="父进程"):
        engine.transcribe(decode((DATA / "hotline-sentence.wav").read_bytes()))


@pytest.mark.parametrize(
    ("facts", "invented"),
    [
        ({}, False),
        ({"compression_ratio": 9.0}, True),
        ({"avg_logprob": -1.5}, True),
        ({"text": "字幕由志愿者提供"}, True),
        ({"text": "请不吝点赞 订阅 转发"}, True),
    ],
)
def test_invented_sentences_are_told(facts, invented):
    usual = {"compression_ratio": 1.0, "avg_logprob": -0.4, "text": "有人偷采砂石"}
    assert whisper_engine._is_invented(SimpleNamespace(**{**usual, **facts})) is invented


def test_more_than_anyone_can_say_is_nothing():
    words = [Word(0.0, 0.5, text, 0.9) for text in "我认识了这些东西然后他们又继续往下说了很多很多"]
    assert whisper_engine._segment(Turn(0, 0.0, 0.5), words, 0) is None
    assert whisper_engine._segment(Turn(0, 0.0, 5.0), words, 0) is not None


def test_windows_hold_one_channel_and_at_most_30_seconds():
    turns = [Turn(i % 2, 10.0 * i, 10.0 * i + 9) for i in range(9)]
    packs = list(whisper_engine._packs(turns))
    assert sorted(turn.start for pack in packs for turn in pack) == [turn.start for turn in turns]
    for pack in packs:
        assert len({turn.channel for turn in pack}) == 1
        assert sum(turn.end - turn.start + 0.6 for turn in pack) <= 30


def test_incomplete_weights_are_named(tmp_path):
    with pytest.raises(EngineUnavailableError, match=r"model\.bin"):
        whisper_engine.WhisperEngine(tmp_path, "0" * 64)
