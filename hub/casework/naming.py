"""Words that name a clue's reporters, and what the lists show without them whenever they become known."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.masking import mask, named
from hub.access.sealing import open_key
from hub.models import Clue, ClueReporter, Reporter, Value

IDENTITY = frozenset({"phone", "reporter_name", "id_number"})
"""Values that stay out of the search: who reports is found by blind keys only."""
_HOUSE = re.compile(r"[0-9０-９一二三四五六七八九十]\s?(?:号|栋|幢|座|室|单元|楼|组|队)")
ALSO = "also"
"""What was said of a reporter otherwise than before, a line each: the same telephone gave another name."""
_NAMING = ("name", "nickname", "openid", "email", "id_number", "phone")


def known_words(session: Session, clue: Clue) -> list[str]:
    """What of the clue's text would name its reporters, as the channel, a form or a person gave them.

    Of an address only one that says the house: that of a village alone is, as often as not, the place reported.
    """
    rows = session.scalars(
        select(Reporter).join(ClueReporter, ClueReporter.reporter_id == Reporter.id)
        .where(ClueReporter.clue_id == clue.id)
    )  # fmt: skip
    found = []
    for row in rows:
        given = open_key(session, row.key_id).json(row.identity, "reporter.identity")
        found += [str(given.get(name) or "").strip() for name in _NAMING]
        found += [line.strip() for line in str(given.get(ALSO) or "").splitlines()]
        address = str(given.get("address") or "").strip()
        found += [address] if _HOUSE.search(address) else []
    key = open_key(session, clue.key_id)
    for value in session.scalars(select(Value.value).where(Value.clue_id == clue.id, Value.field.in_(IDENTITY))):
        told = key.json(value, "clue.value")
        found.append(str(told.get("name", "") if isinstance(told, dict) else told).strip())
    return sorted({word for word in found if len(word) > 1})


def hide(session: Session, clue: Clue) -> None:
    """Masks the summary that the lists show by what is known now: a reporter was added, a name corrected.

    Titles and texts are masked when they are shown; the summary alone is kept as it was made.
    """
    session.flush()
    key, words = open_key(session, clue.key_id), known_words(session, clue)
    kept = key.text(clue.summary, "clue.summary") if clue.summary else ""
    cut = [(len(kept) - n, len(kept)) for word in words for n in range(1, len(word)) if kept.endswith(word[:n])]
    now = mask(kept, [*named(kept, words), *cut])
    if now != kept:
        clue.summary = key.seal(now, "clue.summary")
