"""What a call becomes that a person took: a clue of its own, part of what the telephone opened, or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from channels.contract import Continuation, NewReport, NonClue, NormalizeError, RawIntake, form_intake
from channels.phone.forms import CALL_PAD
from channels.phone.normalize import normalize

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def pad(values: dict[str, str], **meta: str) -> RawIntake:
    raw = form_intake("phone", CALL_PAD, values, [], key="k", at=NOW)
    return replace(raw, meta={**raw.meta, **meta})


def test_a_call_of_its_own_opens_a_clue_with_its_area() -> None:
    (outcome,) = normalize(pad({"facts": "占地建房", "area": "8亩"}))
    assert isinstance(outcome, NewReport)
    assert outcome.report.fields["area"] == "8亩"
    assert "涉及面积：8亩" in outcome.report.parts[0].text


def test_a_call_the_telephone_told_of_joins_it() -> None:
    (outcome,) = normalize(pad({"facts": "占地建房"}, call_id="CA1"))
    assert isinstance(outcome, Continuation)
    assert outcome.correlation_keys == ("call:CA1",)


@pytest.mark.parametrize("kind", ["consultation", "follow_up", "invalid"])
def test_what_a_person_calls_no_clue_opens_none_even_when_nothing_was_typed(kind: str) -> None:
    for values in ({}, {"facts": "问宅基地", "caller": "13900004567"}):
        (outcome,) = normalize(pad(values, kind=kind, call_id="CA1"))
        assert isinstance(outcome, NonClue)
        assert (outcome.kind, bool(outcome.reason)) == (kind, True)
        assert outcome.report.sender.phone == values.get("caller", "")


def test_a_kind_that_is_none_of_these_is_a_clue_as_ever() -> None:
    (outcome,) = normalize(pad({"facts": "占地"}, kind="clue"))
    assert isinstance(outcome, NewReport)
    with pytest.raises(NormalizeError, match="空"):
        normalize(pad({}, kind="clue"))
