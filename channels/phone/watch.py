"""Which files of a recordings folder are complete, and which side-car belongs to which recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from channels.folders import Entry, read
from channels.phone import sidecar
from channels.phone.audio import is_recording_name
from channels.phone.sidecar import SideCar


@dataclass(frozen=True, slots=True)
class Observation:
    name: str
    size: int
    mtime_ns: int
    ctime_ns: int
    since: datetime
    temporary: bool
    renamed: bool = False  # seen unchanged under a temporary name before: the writer says it is complete


def _touched(before: Observation, entry: Entry) -> bool:
    """Whether the file was written to since. A rename changes ctime too; under the same name it means new content."""
    if (before.size, before.mtime_ns) != (entry.size, entry.mtime_ns):
        return True
    return before.name == entry.name and before.ctime_ns != entry.ctime_ns


@dataclass(frozen=True, slots=True)
class Car:
    """A side-car as found: `data` travels as a blob, `own` is the file that belongs to this recording alone."""

    said: SideCar
    digest: str
    data: bytes
    name: str
    media_type: str
    own: Entry | None


@dataclass
class Watch:
    """What a poller remembers between two looks; losing it costs a few seconds and some hashing, never a recording."""

    observed: dict[tuple[int, int], Observation] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    parsed: dict[str, list[Car]] = field(default_factory=dict)

    def look(self, entries: list[Entry], now: datetime) -> None:
        """Take note of every file, temporary ones too: by inode, so that a rename does not start the wait again."""
        seen: dict[tuple[int, int], Observation] = {}
        for entry in entries:
            place = (entry.device, entry.inode)
            before = self.observed.get(place)
            since, renamed = now, False
            if before is not None and not _touched(before, entry) and now >= before.since:
                since, renamed = before.since, before.renamed or (before.temporary and not entry.temporary)
            seen[place] = Observation(
                entry.name, entry.size, entry.mtime_ns, entry.ctime_ns, since, entry.temporary, renamed
            )
        self.observed = seen

    def unchanged(self, entry: Entry, now: datetime) -> timedelta:
        found = self.observed.get((entry.device, entry.inode))
        return now - found.since if found is not None else timedelta(0)

    def complete(self, entry: Entry, now: datetime, settle: timedelta) -> bool:
        found = self.observed.get((entry.device, entry.inode))
        return found is not None and (found.renamed or now - found.since >= settle)


@dataclass
class SideCars:
    """The complete side-cars of one look, findable by the name of a recording."""

    own: dict[tuple[str, str], Car] = field(default_factory=dict)
    rows: dict[str, list[tuple[str, Car]]] = field(default_factory=dict)
    twins: dict[str, int] = field(default_factory=dict)  # how many recordings bear the same base name

    def of(self, entry: Entry) -> Car | None:
        """The side-car of a recording: <name>.json, <stem>.json, <stem>.csv, then a row of a CSV at or above it."""
        for last in (entry.base, entry.stem):
            if car := self.own.get((entry.folder, last)):
                return car
        for wanted in (entry.base, entry.stem):
            found = [car for folder, car in self.rows.get(wanted, ()) if self._covers(folder, car, entry)]
            if found:
                return found[-1]  # a later row corrects an earlier one
        return None

    def _covers(self, folder: str, car: Car, entry: Entry) -> bool:
        if folder and not f"{entry.folder}/".startswith(f"{folder}/"):
            return False
        ours = entry.name[len(folder) + 1 if folder else 0 :].lower().split("/")
        told = [part for part in car.said.file.replace("\\", "/").lower().split("/") if part not in ("", ".")]
        if len(told) < 2:
            return len(ours) == 1 or self.twins.get(entry.base, 0) < 2  # not to guess between two of one name
        return told[-len(ours) :] == ours or ours[-len(told) :] == told


def find_sidecars(watch: Watch, entries: list[Entry], root: Path, ready: set[str]) -> SideCars:
    """Read the side-cars among `entries` whose names are in `ready` (complete); unreadable ones are tried again."""
    found = SideCars()
    parsed: dict[str, list[Car]] = {}
    for entry in entries:
        if entry.temporary:
            continue
        if is_recording_name(entry.base):
            found.twins[entry.base] = found.twins.get(entry.base, 0) + 1
        if entry.name not in ready or not entry.base.endswith((".json", ".csv")):
            continue
        token = entry.token
        try:
            cars = watch.parsed[token] if token in watch.parsed else _parse(entry, root)
        except OSError:
            continue
        parsed[token] = cars
        for car in cars:
            if car.own is not None:
                found.own.setdefault((entry.folder, entry.stem), car)
            for name in {sidecar.basename(car.said.file), car.said.call_id.lower()} - {""}:
                found.rows.setdefault(name, []).append((entry.folder, car))
    watch.parsed = parsed
    return found


def _parse(entry: Entry, root: Path) -> list[Car]:
    if entry.base.endswith(".json"):
        if entry.size > sidecar.JSON_LIMIT:
            return []
        data = read(entry, root)
        said = sidecar.parse_json(data)
        return [Car(said, said.digest(), data, entry.base, "application/json", entry)]
    if entry.size > sidecar.CSV_LIMIT:
        return []
    cars: list[Car] = []
    rows = sidecar.parse_csv(read(entry, root))
    for said, values in rows:
        own = entry if len(rows) == 1 and not said.file else None  # names no file: it can only mean its namesake
        cars.append(Car(said, said.digest(), sidecar.row_bytes(values), f"{entry.stem}.json", "application/json", own))
    return cars
