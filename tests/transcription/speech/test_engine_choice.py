"""Setting, then Vosk, then Whisper, then a clear error; installed packages are no answer for Vosk."""

from __future__ import annotations

from pathlib import Path

import pytest

from transcription import models
from transcription.contract import EngineUnavailableError
from transcription.speech import engine as engines
from transcription.speech.engine import choose, status


@pytest.fixture
def no_weights(monkeypatch):
    monkeypatch.setattr(models, "_part", lambda _package, _path: None)


def test_nothing_at_hand_says_what_to_do(tmp_path, no_weights):
    with pytest.raises(EngineUnavailableError) as caught:
        choose(None, None, tmp_path)
    for hint in ("HUB_VOSK_MODEL", "vosk-model-small-cn-0.22", "hub12336[demo]"):
        assert hint in str(caught.value)


def test_an_installed_vosk_model_package_is_not_looked_for(tmp_path, no_weights):
    with pytest.raises(EngineUnavailableError, match="没有设置 HUB_VOSK_MODEL"):
        choose("vosk", None, tmp_path)


def test_a_vosk_folder_comes_before_whisper(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "_vosk", lambda folder, _cache: f"vosk {folder.name}")
    monkeypatch.setattr(engines, "_whisper", lambda _cache: "whisper")
    assert choose(None, Path("model"), tmp_path) == "vosk model"
    assert choose("whisper", Path("model"), tmp_path) == "whisper"
    assert choose("", None, tmp_path) == "whisper"


def test_a_bad_vosk_folder_is_an_error_not_a_silent_whisper(tmp_path):
    with pytest.raises(EngineUnavailableError, match="不存在"):
        choose(None, tmp_path / "model", tmp_path)


def test_unknown_engine(tmp_path):
    with pytest.raises(EngineUnavailableError, match="vosk、whisper"):
        choose("siri", None, tmp_path)


def test_status_loads_nothing(tmp_path, no_weights):
    rows = {row["engine"]: row for row in status(None, tmp_path / "none", tmp_path)}
    assert rows["vosk"]["chosen"]
    assert not rows["vosk"]["ready"]
    assert "不存在" in rows["vosk"]["detail"]
    assert not rows["whisper"]["ready"]
    assert "hub12336[demo]" in rows["whisper"]["detail"]
