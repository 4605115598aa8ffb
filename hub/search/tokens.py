"""Folding with a way back to the original characters, and keyed tokens with positions.

Each character and each pair of characters becomes an HMAC token with a position (2i+1 for the character, 2i+2 for the
pair); a phrase is its pairs in distance 2. A row of the index is a stretch of at most 200 characters, because
PostgreSQL keeps 256 positions of a lexeme. Stretches overlap by one less than the longest phrase asked of one row, so
that every such phrase lies whole in some row. Unit tokens of the whole chain let one index answer for every level.
"""

from __future__ import annotations

import base64
import hmac
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache

from hub.access.sealing import derived

PHRASE = 20  # characters of a query that one row must hold; longer queries are asked in windows
LENGTH, OVERLAP = 200, PHRASE - 1
TEXT_AT_MOST = 1 << 20  # characters of one text that are searchable

# Runs of characters that fold to something else than themselves, or might: all but the common plain ones.
_CHANGING = re.compile(r"[^0-9a-z\u4e00-\u9fff\u3001\u3002《》“”]+")


@lru_cache(maxsize=20_000)
def _folded(char: str) -> str:
    """One character: full width as half width, lower case, no accents of Latin; white and unseen characters vanish."""
    if char.isspace() or unicodedata.category(char) in ("Cc", "Cf"):
        return ""
    plain = "".join(one for one in unicodedata.normalize("NFKD", char) if not "\u0300" <= one <= "\u036f")
    return "".join(one for one in plain.lower() if not one.isspace() and not "\u0300" <= one <= "\u036f")


def _changed(run: re.Match[str]) -> str:
    return "".join(map(_folded, run[0]))


def fold(text: str) -> str:
    """The form in which text is searched, made character by character: the folds of two texts join to that of both."""
    return _CHANGING.sub(_changed, text)


class Folded:
    """A text, its folded form, and where each folded character came from."""

    def __init__(self, text: str) -> None:
        self.original = text
        out: list[str] = []
        self._at: list[int] = []  # folded position of the start of each stretch that is shifted alike
        self._from: list[int] = []  # original position of the same
        self._single: list[bool] = []  # a stretch that stems from one original character
        length = done = 0
        for run in _CHANGING.finditer(text):
            if run.start() > done:
                length = self._note(out, length, done, text[done : run.start()], single=False)
            for position in range(run.start(), run.end()):
                length = self._note(out, length, position, _folded(text[position]), single=True)
            done = run.end()
        self._note(out, length, done, text[done:], single=False)
        self.text = "".join(out)

    def _note(self, out: list[str], length: int, position: int, piece: str, *, single: bool) -> int:
        if piece:
            out.append(piece)
            self._at.append(length)
            self._from.append(position)
            self._single.append(single)
        return length + len(piece)

    def _origin(self, index: int) -> int:
        """The original position of the folded character at `index`."""
        stretch = bisect_right(self._at, index) - 1
        return self._from[stretch] + (0 if self._single[stretch] else index - self._at[stretch])

    def spans(self, query: str) -> Iterator[tuple[int, int]]:
        """Characters [start, end) of the original text where the folded `query` stands, overlapping ones included."""
        wanted = fold(query)
        at = self.text.find(wanted) if wanted else -1
        while at >= 0:
            yield self._origin(at), self._origin(at + len(wanted) - 1) + 1
            at = self.text.find(wanted, at + 1)


@lru_cache(maxsize=200_000)
def token(word: str) -> str:
    """Eight base32 letters that stand for a word: 40 bits of its HMAC."""
    digest = hmac.digest(derived("search"), word.encode("utf-8", "surrogatepass"), "sha256")
    return base64.b32encode(digest[:5]).decode().lower()


def unit_token(unit_id: int) -> str:
    """The token of a unit that may find the row."""
    return token(f"unit:{unit_id}")


def stretches(folded: str) -> Iterator[str]:
    """Overlapping stretches: every phrase of up to PHRASE characters lies whole in one of them."""
    for start in range(0, max(1, len(folded) - OVERLAP), LENGTH - OVERLAP):
        if folded:
            yield folded[start : start + LENGTH]


def vector(stretch: str, units: Iterable[int]) -> str:
    """A tsvector literal of a stretch of at most LENGTH folded characters."""
    places: dict[str, list[int]] = {}
    for index, char in enumerate(stretch):
        places.setdefault(token(char), []).append(2 * index + 1)
        if index + 1 < len(stretch):
            places.setdefault(token(stretch[index : index + 2]), []).append(2 * index + 2)
    words = [f"'{word}':{','.join(map(str, at))}" for word, at in places.items()]
    return " ".join([*words, *(f"'{unit_token(unit)}'" for unit in units)])


def phrase(folded: str) -> str:
    """A tsquery literal that a row with this phrase satisfies."""
    pairs = [f"'{token(folded[i : i + 2])}'" for i in range(len(folded) - 1)]
    return " <2> ".join(pairs) or f"'{token(folded)}'"


def windows(folded: str) -> list[str]:
    """The phrases of at most PHRASE characters that cover a query of any length."""
    starts = range(0, max(1, len(folded) - PHRASE + 1), PHRASE - 1)
    found = [folded[start : start + PHRASE] for start in starts]
    if len(folded) > PHRASE and (len(folded) - PHRASE) % (PHRASE - 1):
        found.append(folded[-PHRASE:])
    return found
