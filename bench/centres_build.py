"""Makes hub/jurisdiction/data/centres.tsv.gz: a point of each province, city and county, from the table of the package
cpca (data/NOTICE.md). A division that is newer than that table gets the mean of those it took over.

    python bench/centres_build.py cpca/resources/adcodes.csv
"""

from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path

from hub.jurisdiction.divisions import table

OUT = Path(__file__).parents[1] / "hub/jurisdiction/data/centres.tsv.gz"


def main(source: Path) -> None:
    with source.open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["longitude"] and row["adcode"].endswith("000000")]
    known = {row["adcode"][:6]: (float(row["latitude"]), float(row["longitude"])) for row in rows}
    heirs: dict[str, list[tuple[float, float]]] = {}
    for row in table().past():
        if row.level != "town" and row.code in known:
            for code in row.successors:
                heirs.setdefault(code, []).append(known[row.code])
    made = []
    for one in table():
        if one.level == "town":
            continue
        points = [known[one.code]] if one.code in known else heirs.get(one.code, [])
        if points:
            north, east = (sum(point[axis] for point in points) / len(points) for axis in (0, 1))
            made.append(f"{one.code}\t{north:.4f}\t{east:.4f}\n")
    with gzip.GzipFile(OUT, "wb", mtime=0) as out:
        out.write("".join(["code\tlatitude\tlongitude\n", *made]).encode())
    print(len(made), "of", sum(row.level != "town" for row in table()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
