"""Vosk (Kaldi) engine: the default. Loaded once, before workers fork; one model serves many threads.

Measured (vosk 0.3.45): load 2.4 s and 530 MB, decoding 0.22–0.27 CPU seconds a second, the GIL released. `Model` is
given a path string only: by name or language it would ask the network.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transcription.contract import EngineUnavailableError, Pcm, Segment, Transcript, Word
from transcription.speech.pcm import RATE
from transcription.speech.text import join_words, mean, number_warnings
from transcription.speech.turns import DEFAULT_RULES, Turn, TurnRules, find_turns
from transcription.speech.vosk_model import ADVICE, overlay

_STEP = RATE // 5 * 2  # bytes handed over at a time: 0.2 s
_NOISES = {"<UNK>", "<unk>", "[unk]", "[UNK]", "<SPOKEN_NOISE>", "<NOISE>", "<LAUGHTER>", "SIL"}


class VoskEngine:
    """Recognises with the model in `model_dir`; `cache` is a writable folder for the overlay.

    Raises EngineUnavailableError, naming what is missing, when the folder is not a complete model.
    """

    name = "vosk"

    def __init__(self, model_dir: Path, cache: Path, *, rules: TurnRules = DEFAULT_RULES) -> None:
        folder, digest = overlay(model_dir, cache)
        try:
            import vosk  # noqa: PLC0415 - loads 25 MB of native code
        except (ImportError, OSError) as error:
            raise EngineUnavailableError("没有安装 vosk，或它的本机库无法加载") from error
        vosk.SetLogLevel(-1)
        self._vosk = vosk
        try:
            self._model = vosk.Model(str(folder))
        except Exception as error:  # the binding raises plain Exception
            raise EngineUnavailableError(f"Vosk 模型 {model_dir} 无法加载，文件可能已损坏。{ADVICE}") from error
        self._rules = rules
        self.model = f"{model_dir.resolve().name}@{digest}"

    def transcribe(self, pcm: Pcm, progress: Callable[[float], None] | None = None) -> Transcript:
        """Text of each turn of each channel in the order of the call. `progress` gets the seconds done."""
        segments: list[Segment] = []
        for turn in find_turns(pcm, self._rules):
            words = self._words(turn, pcm)
            if words:
                segments.append(
                    Segment(
                        text=join_words(word.text for word in words),
                        confidence=mean(word.confidence for word in words),
                        order=len(segments),
                        start=turn.start,
                        end=turn.end,
                        channel=turn.channel,
                        words=words,
                        source="speech",
                    )
                )
            if progress is not None:
                progress(turn.end)
        return Transcript(
            kind="speech",
            engine=self.name,
            model=self.model,
            segments=tuple(segments),
            settings={"vosk": importlib.metadata.version("vosk"), "dither": 0, "turns": asdict(self._rules)},
            duration=pcm.duration,
            channels=len(pcm.channels),
            warnings=(*pcm.warnings, *number_warnings(segments)),
        )

    def _words(self, turn: Turn, pcm: Pcm) -> tuple[Word, ...]:
        """Words of one turn with times of the whole call. A new recogniser: the old one adapts to who spoke before."""
        recognizer = self._vosk.KaldiRecognizer(self._model, RATE)
        recognizer.SetWords(True)
        raw = turn.samples(pcm).tobytes()
        found: list[dict[str, Any]] = []
        for at in range(0, len(raw), _STEP):
            if recognizer.AcceptWaveform(raw[at : at + _STEP]):
                found += json.loads(recognizer.Result()).get("result", [])
        found += json.loads(recognizer.FinalResult()).get("result", [])
        return tuple(
            Word(
                start=round(turn.start + entry["start"], 3),
                end=round(min(turn.start + entry["end"], turn.end), 3),
                text=entry["word"],
                confidence=round(entry["conf"], 4),
            )
            for entry in found
            if entry["word"] not in _NOISES
        )
