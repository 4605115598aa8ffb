"""The rows of cases.csv, which is written by hand from PRODUCT §5–7, and what their data says."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

with (Path(__file__).parent / "cases.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(line for line in file if not line.startswith("#")))
DAYS = ("started", "ended", "last_record", "today", "issued", "received", "visited", "joined", "due", "clock_due",
        "effective")  # fmt: skip


def facts(row: dict[str, str]) -> dict[str, Any]:
    """The data of a row with days and moments as such."""
    data: dict[str, Any] = json.loads(row["data"] or "{}")
    for name in ("at", "now"):
        if name in data:
            data[name] = datetime.fromisoformat(data[name])
    for name in DAYS:
        if name in data:
            data[name] = date.fromisoformat(data[name])
    for officer in data.get("officers", ()):
        for name in ("valid_from", "valid_until"):
            if name in officer:
                officer[name] = date.fromisoformat(officer[name])
    return data
