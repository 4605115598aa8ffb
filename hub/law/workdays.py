"""Which days are working days: a value object built of dated layers (PRODUCT §6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
ONE = timedelta(days=1)


def span(text: str) -> list[date]:
    """The days of "2026-01-01" or "2026-01-01/2026-01-03". Raises ValueError."""
    first, _, last = text.partition("/")
    day, end = date.fromisoformat(first), date.fromisoformat(last or first)
    if not day <= end <= day + timedelta(days=60):
        raise ValueError(f"not a span of days: {text}")
    return [day + timedelta(days=n) for n in range((end - day).days + 1)]


@dataclass(frozen=True, slots=True)
class Layer:
    """Changes to the ordinary week: days off and weekend days worked, each with the name of its holiday.

    `year` is the year whose national notice this is (None for a change inside a year that is not one, and for local
    layers such as a regional festival). `issued` is the day it became known; None: before its year began. Dates are
    days of China Standard Time.
    """

    id: str
    off: Mapping[date, str] = field(default_factory=dict)
    work: Mapping[date, str] = field(default_factory=dict)
    year: int | None = None
    issued: date | None = None
    local: bool = False


@dataclass(frozen=True)
class Calendar:
    """Working days of a unit. Immutable: a changed calendar is another object.

    Layers apply in this order, the later wins: year notices, changes by their date of issue, local layers.
    """

    layers: tuple[Layer, ...] = ()

    @cached_property
    def _ordered(self) -> list[Layer]:
        return sorted(self.layers, key=lambda layer: (layer.local, layer.issued or date.min))

    @cached_property
    def _changes(self) -> dict[date, tuple[bool, str]]:
        made: dict[date, tuple[bool, str]] = {}
        for layer in self._ordered:
            made |= {day: (False, f"{name}放假") for day, name in layer.off.items()}
            made |= {day: (True, f"{name}调休上班") for day, name in layer.work.items()}
        return made

    @cached_property
    def years(self) -> frozenset[int]:
        """The years whose national notice is known."""
        return frozenset(layer.year for layer in self.layers if layer.year is not None and not layer.local)

    def with_layers(self, layers: Iterable[Layer]) -> Calendar:
        """This calendar with more layers; one with the id of an existing layer replaces it."""
        added = {layer.id: layer for layer in layers}
        return replace(self, layers=(*(old for old in self.layers if old.id not in added), *added.values()))

    def as_of(self, day: date) -> Calendar:
        """The calendar as it was known on `day`: without changes issued later."""
        return replace(self, layers=tuple(x for x in self.layers if x.issued is None or x.issued <= day))

    def counts(self, day: date) -> bool:
        """Whether `day` is a working day."""
        changed = self._changes.get(day)
        return day.weekday() < 5 if changed is None else changed[0]

    def provisional(self, day: date) -> bool:
        """Whether the national notice of the day's year is not known, so that only the week decided."""
        return day.year not in self.years

    def why(self, day: date) -> str:
        """One reason, in Chinese, why `day` counts or does not."""
        changed = self._changes.get(day)
        weekday = WEEKDAYS[day.weekday()]
        if changed is not None:
            return f"{weekday}，{changed[1]}"
        reason = f"{weekday}，工作日" if day.weekday() < 5 else f"{weekday}，休息日"
        return f"{reason}（该年放假通知未公布，暂按周末推算）" if self.provisional(day) else reason

    def next(self, day: date) -> date:
        """The first working day after `day`. Raises OverflowError at the end of time."""
        day += ONE
        while not self.counts(day):
            day += ONE
        return day

    def on_or_before(self, day: date) -> date:
        """`day` where it is a working day, else the last one before it (the Sheet's rule for the monthly return)."""
        while not self.counts(day):
            day -= ONE
        return day

    def between(self, first: date, last: date) -> int:
        """How many working days lie in first…last, both included."""
        return sum(self.counts(first + timedelta(days=n)) for n in range((last - first).days + 1))
