"""Text as the place resolver reads it: folded to simplified characters, without gaps, and as syllables.

Every folded character keeps the offset of the character it came from, so that spans point into the text as given.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources

HAN = "\u3007\u4e00-\u9fff"
INVISIBLE = re.compile(  # zero width, direction marks, controls: no reader sees them
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u180b-\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
_GAP = re.compile(rf"(?<=[{HAN}])[ \t\u00a0\u2002-\u200a\u3000]+(?=[{HAN}])")
_SYLLABLE_BASE = 0xE000  # private use: no text carries these as anything that means something
_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"))


def data(name: str) -> str:
    """A shipped data file as text."""
    return resources.files(__package__).joinpath("data", name).read_text("utf-8")


@cache
def _simplified() -> dict[int, str]:
    pairs = data("traditional.txt").strip()
    table = {ord(pairs[i]): pairs[i + 1] for i in range(0, len(pairs), 2)}
    for code in (*range(0xFF01, 0xFF5F), *range(0xF900, 0xFAD9), *range(0x2F00, 0x2FD6), 0x3000):
        plain = unicodedata.normalize("NFKC", chr(code))  # full width, compatibility forms and radicals of PDF text
        if len(plain) == 1:
            table[code] = table.get(ord(plain), plain)
    return table


def fold_syllable(sound: str) -> str:
    """What speech recognisers confuse is made equal: zh/z, ch/c, sh/s, -ng/-n."""
    for initial, plain in _INITIALS:
        if sound.startswith(initial):
            sound = plain + sound[2:]
    return sound[:-1] if sound.endswith("ng") else sound


class Syllables:
    """Characters and syllables as single private characters, so that one automaton reads both alike."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self.table: dict[int, str] = {}
        for line in data("syllables.txt").splitlines():
            sound, chars = line.split(" ")
            mark = self.mark(sound)
            for char in chars:
                self.table[ord(char)] = mark

    def mark(self, sound: str) -> str:
        folded = fold_syllable(sound)
        return self._ids.setdefault(folded, chr(_SYLLABLE_BASE + len(self._ids)))

    def of(self, text: str) -> str:
        """One mark a character; what is no Chinese character stays as it is."""
        return text.translate(self.table)

    def of_sounds(self, sounds: str) -> str:
        return "".join(self.mark(sound) for sound in sounds.split(" "))


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is what is read; `origin[i]` is the offset in the given text, None when nothing was taken out."""

    text: str
    origin: list[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Folded offsets → offsets of the text as given."""
        if self.origin is None or start >= end:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1


def fold(text: str) -> Folded:
    """Traditional and full-width characters become plain; invisible ones and gaps between characters go."""
    plain = text.translate(_simplified())
    if INVISIBLE.search(plain) is None and _GAP.search(plain) is None:
        return Folded(plain, None)
    kept = [(i, char) for i, char in enumerate(plain) if not INVISIBLE.match(char)]
    visible = "".join(char for _, char in kept)
    origin: list[int] = []
    parts: list[str] = []
    last = 0
    for gap in (*_GAP.finditer(visible), None):
        end = gap.start() if gap else len(visible)
        parts.append(visible[last:end])
        origin.extend(i for i, _ in kept[last:end])
        last = gap.end() if gap else end
    return Folded("".join(parts), origin)
