"""A town by its bare name where a report names no other place: 欧江岔牛角仑的郭老板 tells of 欧江岔镇.

Only for comparing reports: a name of three or four characters that one town of the country bears is not proof enough
to send a report anywhere, but two reports that speak of it speak of one place.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from hub.enrich.concepts import fold
from hub.jurisdiction.divisions import Division, table
from hub.jurisdiction.places import PlaceResult

_END = re.compile("(?:街道|苏木|[镇乡])$")
_SIZES = (4, 3)
_BEGIN = re.compile("(?:^|[，。：:、；;！？\\s]|[在到去是的个们住回]|举报|反映|投诉|隔壁)$")


@cache
def _called() -> dict[str, Division]:
    """Bare names of three and four characters that one town bears and nothing else is called by."""
    found: dict[str, Division | None] = {}
    for row in table():
        if row.level == "town" and _END.search(row.name):
            name = fold(_END.sub("", row.name))
            if len(name) in _SIZES:
                found[name] = None if name in found else row
        elif row.level != "town":
            found[fold(row.name)] = found[fold(row.name)[:-1]] = None
    return {name: row for name, row in found.items() if row is not None}


def told_bare(text: str, place: PlaceResult) -> PlaceResult:
    """`place`, or where it is none the county of the town whose bare name begins a part of the folded text."""
    if place.code or place.ambiguous:
        return place
    called = _called()
    for at in range(len(text) - 2):
        row = next((called[name] for size in _SIZES if (name := text[at : at + size]) in called), None)
        if row is not None and _BEGIN.search(text, max(0, at - 2), at):
            return replace(place, code=row.parent, name=table().path(row.parent), town=row.name)
    return place
