"""What both engines do to recognised text: Chinese spacing and punctuation, and marks for the reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from transcription.contract import Segment, Word

UNVERIFIED_NUMBERS = "数字未经核对"

_HAN = r"\u3400-\u9fff\uf900-\ufaff\u3000-\u303f\uff00-\uffef"
_SPACE = re.compile(rf"(?<=[{_HAN}])[ \t]+|[ \t]+(?=[{_HAN}])")
_NUMERAL = "零〇一二两三四五六七八九十百千万亿幺俩仨廿"
_NUMBER = re.compile(
    rf"[0-9０-９]|[{_NUMERAL}]{{2}}|[{_NUMERAL}][多几来]?(?:亩|分|平|公|米|吨|年|月|日|号|点|层|元|块|栋|户|车|台|米|里|村|组|队)"
)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９", "0123456789")
_MARKS = {",": "，", "?": "？", "!": "！", ":": "：", ";": "；"}
_MARK = re.compile(rf"(?<=[{_HAN}])([,?!:;])|([,?!:;])(?=[{_HAN}])")
# A recogniser running in circles, not a caller: a short stretch four times and more, a long one three times and more.
_CIRCLE = re.compile(r"(.{1,5}?)\1{3,}|(.{6,40}?)\2{2,}")


def join_words(words: Iterable[str]) -> str:
    """Words to a line: spaces stay between words of alphabets and go between Chinese ones."""
    return _SPACE.sub("", " ".join(words)).strip()


def punctuate(text: str) -> str:
    """Full-width marks beside Chinese characters, half-width digits."""
    text = text.translate(_FULL_WIDTH)
    return _SPACE.sub("", _MARK.sub(lambda match: _MARKS[match.group(0)], text)).strip()


def without_circles(words: Sequence[Word]) -> tuple[Word, ...]:
    """Words less the repetitions of a stretch that the recogniser said again and again; the first time stays."""
    text = "".join(word.text for word in words)
    found = _CIRCLE.search(text[:4000])
    if found is None:
        return tuple(words)
    first, last = found.start() + len(found.group(1) or found.group(2)), found.end()
    kept, at = [], 0
    for word in words:
        if at < first or at >= last:
            kept.append(word)
        at += len(word.text)
    return tuple(kept)


def number_warnings(segments: Iterable[Segment]) -> tuple[str, ...]:
    """Recognisers mishear numbers without lowering their confidence: a reader must be told."""
    return (UNVERIFIED_NUMBERS,) if any(_NUMBER.search(segment.text) for segment in segments) else ()


def mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return round(sum(numbers) / len(numbers), 4) if numbers else 0.0
