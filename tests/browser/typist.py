"""Typing as a person does: so many keys a second, words committed by an input method; a recording nobody heard."""

from __future__ import annotations

import io
import random
import time
import wave
from pathlib import Path

import av
import numpy as np
from playwright.sync_api import Page

RATE = 8000  # samples a second, as telephones have
COMMIT = 6  # characters of a phrase that an input method commits at once, at most
DEMO = Path(__file__).parents[2] / "hub/demo/data/phone"


class Typist:
    """Each key takes its time, and each character of a phrase counts as a key; what the page needs meanwhile is no
    delay unless it is longer than that.
    """

    def __init__(self, page: Page, keys_a_second: float = 5) -> None:
        self.page, self.rate = page, keys_a_second
        self.keys, self.begun = 0, time.monotonic()
        self._input = page.context.new_cdp_session(page)

    def _wait(self, keys: int) -> None:
        self.keys += keys
        left = self.begun + self.keys / self.rate - time.monotonic()
        if left > 0:
            self.page.wait_for_timeout(left * 1000)

    def press(self, *keys: str) -> None:
        for key in keys:
            self._wait(1)
            self.page.keyboard.press(key)

    def type(self, digits: str) -> None:
        """Plain keys."""
        for key in digits:
            self.press(key)

    def words(self, text: str) -> None:
        """Chinese words by an input method: composed, then committed phrase by phrase."""
        for at in range(0, len(text), COMMIT):
            phrase = text[at : at + COMMIT]
            self._wait(len(phrase))
            composed = {"text": phrase, "selectionStart": len(phrase), "selectionEnd": len(phrase)}
            self._input.send("Input.imeSetComposition", composed)
            self._input.send("Input.insertText", {"text": phrase})

    @property
    def spent(self) -> float:
        return time.monotonic() - self.begun


def recording(seed: int, seconds: float = 8) -> bytes:
    """A call as WAV that no one heard: stretches of demo calls in another order, louder or fainter, with noise."""
    chance = random.Random(seed)
    noise = np.random.default_rng(seed)
    found: list[np.ndarray] = []
    names = sorted(path for path in DEMO.iterdir() if path.suffix in (".opus", ".mp3", ".m4a", ".wav"))
    while sum(len(one) for one in found) < seconds * RATE:
        whole = _samples(chance.choice(names))
        length = min(len(whole), int(chance.uniform(1.5, 3) * RATE))
        at = chance.randrange(max(1, len(whole) - length))
        found += [whole[at : at + length] * chance.uniform(0.6, 1.0), np.zeros(int(chance.uniform(0.1, 0.4) * RATE))]
    mixed = np.concatenate(found)[: int(seconds * RATE)] + noise.normal(0, 60, int(seconds * RATE))
    out = io.BytesIO()
    with wave.open(out, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(RATE)
        made.writeframes(np.clip(mixed, -32768, 32767).astype("<i2").tobytes())
    return out.getvalue()


def _samples(path: Path) -> np.ndarray:
    """A recording at 8 kHz, one channel."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(path)) as file:
        frames = [made for frame in file.decode(audio=0) for made in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(float)
