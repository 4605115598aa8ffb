"""Whisper engine (faster-whisper base, int8): for machines without a Vosk model, and for the demo.

**Load it in the process that uses it.** CTranslate2 loaded before a fork hangs in the child; `transcribe` refuses then
instead of hanging. Loading waits for the first `transcribe`, so the object may be made anywhere.

Turns of one channel are packed, with short gaps, into windows under 30 s and the words given back to their turns.
Measured on the eight development calls (synthetic voice): CER 19.3 % at 0.19 CPU seconds a second; packed in the order
of the call instead 22.1 % at 0.16; turn by turn (four calls) 28.9 % at 1.4, for each short turn costs a whole window
and the model invents a sentence to fill it. Temperature 0 only: the fall-back draws lots, the same call would give two
texts.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from transcription.contract import EngineUnavailableError, Pcm, Segment, Transcript, Word
from transcription.speech.pcm import RATE
from transcription.speech.text import mean, number_warnings, punctuate, without_circles
from transcription.speech.turns import DEFAULT_RULES, Turn, TurnRules, find_turns

PROMPT = "以下是12336自然资源违法举报热线的普通话通话，涉及耕地、采矿、砂石、违法占地、村镇、亩。"
_GAP = 0.6  # seconds of silence after each packed turn; without it the last one is often left out
_WINDOW = 29.0  # a window of the model is 30 s
_DECODING = {
    "language": "zh",
    "beam_size": 5,
    "temperature": 0.0,
    "condition_on_previous_text": False,
    "word_timestamps": True,
    "vad_filter": True,
    "no_repeat_ngram_size": 10,  # tokens: ends loops without touching what callers repeat
    "initial_prompt": PROMPT,
}
_MOST_COMPRESSIBLE = 2.4  # gzip ratio of text that repeats itself (Whisper's own threshold)
_LEAST_LIKELY = -1.2  # mean log probability
_FASTEST = 14.0  # characters a second; hurried Mandarin has 8
# Closing titles of the films the model was trained on, which it writes for noise.
_INVENTED = re.compile(
    "字幕(由|提供|制作|志愿者|组)|请不吝点赞|点赞.{0,4}订阅|谢谢(观看|收看)|感谢(观看|收看)|Amara|明镜与点点|优优独播|下期再见|未经作者"
)


class WhisperEngine:
    """Recognises with the CTranslate2 weights in `weights_dir` (`transcription.models.assemble`).

    Raises EngineUnavailableError when faster-whisper is not installed or the folder is not a model.
    """

    name = "whisper"

    def __init__(self, weights_dir: Path, digest: str, *, rules: TurnRules = DEFAULT_RULES) -> None:
        for file in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
            if not (weights_dir / file).is_file():
                raise EngineUnavailableError(f"Whisper 权重文件夹 {weights_dir} 缺少 {file}")
        self._folder = weights_dir
        self._rules = rules
        self._model: Any = None
        self._simplify: Any = None
        self._owner = 0
        self._loading = threading.Lock()
        self.model = f"{weights_dir.name}@{digest[:12]}"

    def transcribe(self, pcm: Pcm, progress: Callable[[float], None] | None = None) -> Transcript:
        """Text of each turn of each channel in the order of the call. `progress` gets the seconds of speech done."""
        turns = find_turns(pcm, self._rules)
        words: dict[Turn, list[Word]] = {turn: [] for turn in turns}
        if turns:
            self._load()
            done = 0.0
            for pack in _packs(turns):
                for turn, word in self._recognise(pack, pcm):
                    words[turn].append(word)
                done += sum(turn.end - turn.start for turn in pack)
                if progress is not None:
                    progress(done)
        segments: list[Segment] = []
        for turn in turns:
            segment = _segment(turn, words[turn], len(segments))
            if segment is not None:
                segments.append(segment)
        return Transcript(
            kind="speech",
            engine=self.name,
            model=self.model,
            segments=tuple(segments),
            settings={
                "faster-whisper": importlib.metadata.version("faster-whisper"),
                "compute_type": "int8",
                "script": "t2s",
                **_DECODING,
                "turns": asdict(self._rules),
            },
            duration=pcm.duration,
            channels=len(pcm.channels),
            warnings=(*pcm.warnings, *number_warnings(segments)),
        )

    def _load(self) -> None:
        with self._loading:
            if self._model is not None:
                if self._owner != os.getpid():
                    raise EngineUnavailableError("Whisper 在父进程中加载过：请在使用它的进程里新建引擎")
                return
            # The weights are local: neither the hub client nor the runtime has anything to say to anybody.
            os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", ORT_DISABLE_TELEMETRY="1")
            try:
                import opencc  # noqa: PLC0415
                from faster_whisper import WhisperModel  # noqa: PLC0415
            except ImportError as error:
                raise EngineUnavailableError("没有安装 faster-whisper：请安装 hub12336[whisper]") from error
            try:
                self._model = WhisperModel(
                    str(self._folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
                )
            except (RuntimeError, ValueError, OSError) as error:
                raise EngineUnavailableError("Whisper 权重无法加载，文件可能已损坏") from error
            self._simplify = opencc.OpenCC("t2s").convert
            self._owner = os.getpid()

    def _recognise(self, pack: list[Turn], pcm: Pcm) -> Iterator[tuple[Turn, Word]]:
        """Words of a window, each with its turn and with times of the whole call."""
        pieces: list[Any] = []
        starts: list[float] = []
        length = 0.0
        for turn in pack:
            starts.append(length)
            samples = turn.samples(pcm)
            pieces += [samples.astype(np.float32) / 32768, np.zeros(int(_GAP * RATE), np.float32)]
            length += samples.size / RATE + _GAP
        found, _info = self._model.transcribe(np.concatenate(pieces), **_DECODING)
        for segment in found:
            if _is_invented(segment):
                continue
            for word in segment.words or ():
                # The first word of a turn is stretched back over the gap: its end tells where it belongs.
                index = max([i for i, start in enumerate(starts) if word.end > start - _GAP / 2], default=0)
                turn, shift = pack[index], pack[index].start - starts[index]
                start, end = (min(max(float(at) + shift, turn.start), turn.end) for at in (word.start, word.end))
                text = self._simplify(word.word)
                yield turn, Word(round(start, 3), round(end, 3), text, round(float(word.probability), 4))


def _packs(turns: Iterable[Turn]) -> Iterator[list[Turn]]:
    """Turns of one channel, as many as fit a window, in order."""
    waiting: dict[int, list[Turn]] = {}
    for turn in turns:
        pack = waiting.setdefault(turn.channel, [])
        if pack and sum(each.end - each.start + _GAP for each in [*pack, turn]) > _WINDOW:
            yield pack
            waiting[turn.channel] = pack = []
        pack.append(turn)
    yield from (pack for pack in waiting.values() if pack)


def _is_invented(segment: Any) -> bool:
    return bool(
        segment.compression_ratio > _MOST_COMPRESSIBLE
        or segment.avg_logprob < _LEAST_LIKELY
        or _INVENTED.search(segment.text)
    )


def _segment(turn: Turn, words: Sequence[Word], order: int) -> Segment | None:
    """One turn's text, or nothing where the model said more than anyone can in that time."""
    words = without_circles(words)
    text = punctuate("".join(word.text for word in words))
    if not any(sign.isalnum() for sign in text) or len(text) > _FASTEST * (turn.end - turn.start) + 6:
        return None
    return Segment(
        text=text,
        confidence=mean(word.confidence for word in words),
        order=order,
        start=turn.start,
        end=turn.end,
        channel=turn.channel,
        words=words,
        source="speech",
    )
