"""Chinese full-text search on keyed tokens (decision 8): exact for one character and more, no clear text in the index.

Each character and each pair of characters becomes an HMAC token with a position (2i+1 for the character, 2i+2 for the
pair); a phrase is the pairs in distance 2. A row is a stretch of at most 200 characters, overlapping by 4, because
PostgreSQL keeps 256 positions of a lexeme. Unit tokens of the whole chain let one index answer for every level.
"""

from __future__ import annotations

import base64
import hmac
import unicodedata
from datetime import datetime
from functools import lru_cache

from sqlalchemy import ColumnElement, cast, func
from sqlalchemy.dialects.postgresql import TSVECTOR, insert
from sqlalchemy.orm import Session

from hub.access.sealing import derived
from hub.models import SearchRow

LENGTH, OVERLAP = 200, 4


def fold(text: str) -> str:
    """The form in which text is searched: full width as half width, lower case, no white space."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


@lru_cache(maxsize=200_000)
def token(word: str) -> str:
    digest = hmac.digest(derived("search"), word.encode("utf-8", "surrogatepass"), "sha256")
    return base64.b32encode(digest[:5]).decode().lower()


def unit_token(unit_id: int) -> str:
    return token(f"unit:{unit_id}")


def _vector(stretch: str, units: list[int]) -> str:
    places: dict[str, list[int]] = {}
    for index, char in enumerate(stretch):
        places.setdefault(token(char), []).append(2 * index + 1)
        if index + 1 < len(stretch):
            places.setdefault(token(stretch[index : index + 2]), []).append(2 * index + 2)
    words = [f"'{word}':{','.join(map(str, at))}" for word, at in places.items()]
    return " ".join([*words, *(f"'{unit_token(unit)}'" for unit in units)])


def index(session: Session, clue_id: int, received_at: datetime, ref: str, text: str, units: list[int]) -> None:
    """Adds the rows of one text. `ref` names the part or segment a hit opens; `units` may find it."""
    folded = fold(text)
    step = LENGTH - OVERLAP
    rows = [
        {
            "received_at": received_at,
            "clue_id": clue_id,
            "ref": ref,
            "tokens": cast(_vector(folded[start : start + LENGTH], units), TSVECTOR),
        }
        for start in range(0, max(1, len(folded) - OVERLAP), step)
        if folded
    ]
    for row in rows:
        session.execute(insert(SearchRow).values(**row))


def matching(query: str, unit_id: int) -> ColumnElement[bool]:
    """The condition on SearchRow that a unit's search for `query` sets."""
    folded = fold(query)[:50]
    pairs = "<2>".join(token(folded[i : i + 2]) for i in range(len(folded) - 1))
    words = pairs or token(folded)
    return SearchRow.tokens.op("@@")(func.to_tsquery("simple", f"{unit_token(unit_id)} & ({words})"))
