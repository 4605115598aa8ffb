"""Whether a password is one that everybody tries first (NIST SP 800-63B 5.1.1.2, ASVS 6.2.4): words and patterns.

A list of a hundred thousand leaked passwords is, in the main, a few hundred words with years, digits and signs about
them, rows of the keyboard, repetitions, birthdays and phone numbers. The words are a file; the patterns are here.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "!@#$%^&*()", "abcdefghijklmnopqrstuvwxyz",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p",
        "q1w2e3r4t5y6u7i8o9p0", "147258369", "159357", "1qazxsw23edcvfr4", "zaq12wsxcde34rfv")  # fmt: skip
_WALKS = tuple(walk for row in ROWS for walk in (row + row, (row + row)[::-1]))
LEAST_WALK = 3  # characters along a row that count as one
LEAST_KINDS = 4  # different characters
OWN, OWN_DIGITS = 5, 10  # characters that are left: so many of one's own make a password good, digits alone so many
PHRASE = 4  # known words in a row are a phrase, which nobody tries first
_LOOKS = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_NUMBERS = re.compile(
    r"1[3-9]\d{9}|(?:19|20)?\d{2}[-./]?(?:0[1-9]|1[0-2])[-./]?(?:0[1-9]|[12]\d|3[01])|(?:19|20)\d{2}"
    r"|5201314|1314520|520|1314|12336|10086|666+|888+"
)
"""Mobile numbers, birthdays, years, and the numbers everybody likes."""


@cache
def _words() -> re.Pattern[str]:
    """The words, the longest first: of two that begin alike the longer one is found."""
    text = (files("hub.access") / "data" / "common_words.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return re.compile("|".join(sorted({word for line in lines for word in line.split()}, key=len, reverse=True)))


def _without_walks(text: str) -> str:
    """The text without what runs along a row of the keyboard or the alphabet, or repeats one sign."""
    left, start = "", 0
    while start < len(text):
        stop = start + 1
        while stop < len(text) and any(text[start : stop + 1] in walk for walk in _WALKS):
            stop += 1
        run = max(stop - start, len(text) - len(text[start:].lstrip(text[start])) - start)
        left += text[start] if run < LEAST_WALK else ""
        start += run if run >= LEAST_WALK else 1
    return left


def _repeats(text: str) -> bool:
    """Whether the text is one piece over and over: abcabcabc."""
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, len(text) // 2 + 1))


def is_common(password: str) -> bool:
    """Whether nothing of the password is its own: too little is left without known words, walks and numbers."""
    low = password.lower()
    if len(set(low)) < LEAST_KINDS or _repeats(low):
        return True
    found = [*_words().finditer(low), *_words().finditer(low.translate(_LOOKS))]
    if len({match.span() for match in found}) >= PHRASE:
        return False
    rest = list(low)
    for match in found:
        rest[match.start() : match.end()] = " " * len(match[0])
    own = "".join(_without_walks(piece) for piece in _NUMBERS.sub(" ", "".join(rest)).split())
    return len(own) < (OWN_DIGITS if own.isdecimal() else OWN)
