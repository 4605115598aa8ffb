"""Character error rate and cost of speech recognition on calls with known texts.

    python bench/speech.py FOLDER [--engine vosk|whisper] [--vosk-model DIR] [--cache DIR] [--bare] [--texts]

FOLDER holds WAV files and calls.json: [{"file", "turns": [{"speaker", "text", "start", "end"}]}]. Punctuation does not
count; 12336 and 一二三三六 are the same. `--bare` also runs the engine on the whole channels, for the cost ratio.
Figures of synthetic speech: real calls score lower.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from transcription.speech.decode import decode
from transcription.speech.engine import choose
from transcription.speech.whisper_engine import _DECODING

DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


def plain(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum()).translate(DIGITS)


def bare(engine, pcm) -> str:
    """The engine alone, on each whole channel."""
    texts = []
    for raw in pcm.channels:
        if engine.name == "whisper":
            samples = np.frombuffer(raw, "<i2").astype(np.float32) / 32768
            segments, _ = engine._model.transcribe(samples, **_DECODING)  # noqa: SLF001 - the same loaded model
            texts += [segment.text for segment in segments]
            continue
        recognizer = engine._vosk.KaldiRecognizer(engine._model, 16_000)  # noqa: SLF001
        recognizer.SetWords(True)
        for at in range(0, len(raw), 6400):
            if recognizer.AcceptWaveform(raw[at : at + 6400]):
                texts += [json.loads(recognizer.Result())["text"]]
        texts.append(json.loads(recognizer.FinalResult())["text"])
    return "".join(texts)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--engine")
    options.add_argument("--vosk-model", type=Path)
    options.add_argument("--cache", type=Path, default=Path("var/models"))
    options.add_argument("--bare", action="store_true")
    options.add_argument("--texts", action="store_true")
    given = options.parse_args()
    engine = choose(given.engine, given.vosk_model, given.cache)
    errors = characters = placed = turns = 0
    spent = seconds = bare_spent = 0.0
    for call in json.loads((given.folder / "calls.json").read_text(encoding="utf-8")):
        data = (given.folder / call["file"]).read_bytes()
        if not spent:
            engine.transcribe(decode(data))  # loading does not count
        before = time.process_time()
        pcm = decode(data)
        transcript = engine.transcribe(pcm)
        spent += time.process_time() - before
        seconds += pcm.duration
        true = plain("".join(turn["text"] for turn in call["turns"]))
        wrong = Levenshtein.distance(plain(transcript.text()), true)
        errors, characters = errors + wrong, characters + len(true)
        turns += len(call["turns"])
        placed += sum(
            any(
                segment.channel == (turn["speaker"] == "caller") and abs(segment.start - turn["start"]) < 0.6
                for segment in transcript.segments
            )
            for turn in call["turns"]
        )
        print(f"{call['file']}  CER {wrong / len(true):6.1%}  {pcm.duration:6.1f} s  {len(pcm.channels)} channels")
        if given.texts:
            for segment in transcript.segments:
                print(f"   {segment.start:6.2f} {segment.channel} {segment.confidence:.2f} {segment.text}")
        if given.bare:
            before = time.process_time()
            bare(engine, pcm)
            bare_spent += time.process_time() - before
    print(f"{engine.name} {engine.model}: CER {errors / characters:.1%} of {characters} characters, ", end="")
    print(f"{placed}/{turns} turns in place, {spent / seconds:.3f} CPU s a second of audio")
    if given.bare:
        print(f"bare engine on each channel: {bare_spent / seconds:.3f}; pipeline / bare = {spent / bare_spent:.2f}")


if __name__ == "__main__":
    main()
