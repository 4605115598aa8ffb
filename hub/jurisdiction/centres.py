"""A point of each province, city and county: where its seat lies, to some hundred metres (data/NOTICE.md).

For pictures only. It says nothing about borders, of which the hub has none: see ADR 0021.
"""

from __future__ import annotations

import gzip
from functools import cache
from importlib import resources

from hub.jurisdiction.divisions import table
from hub.jurisdiction.place_coordinates import Point


@cache
def _points() -> dict[str, Point]:
    data = resources.files("hub.jurisdiction").joinpath("data/centres.tsv.gz").read_bytes()
    rows = (line.split("\t") for line in gzip.decompress(data).decode().splitlines()[1:])
    return {code: (float(latitude), float(longitude)) for code, latitude, longitude in rows}


def centre(code: str) -> Point | None:
    """Latitude and longitude of the division, of a town those of its county; None where none is known."""
    row = table().get(code)
    if row is None:
        return None
    return _points().get(row.parent if row.level == "town" else row.code)
