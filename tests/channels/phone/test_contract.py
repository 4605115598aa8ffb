"""The telephone keeps the channel contract, with its samples and with rubbish."""

import importlib.util
import random
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.contract import Blob, Continuation, NormalizeError, RawIntake
from channels.phone import CHANNEL
from channels.phone.normalize import normalize
from channels.testing import NOW, check_channel, check_normalize, hostile_raws

from .conftest import tone


def raw(blobs: tuple[Blob, ...], meta: object) -> RawIntake:
    return RawIntake("phone", "folder:5", "k", NOW, blobs, meta)


CAR = Blob("a.json", "application/json", b'{"caller":"1"}', "sidecar")
FORM = "application/x-www-form-urlencoded"
SAMPLES = [
    raw((Blob("a.wav", "audio/wav", tone(), "recording"),), {"recording": "a.wav", "recording_key": "rec:1"}),
    raw(
        (Blob("a.amr", "", b"#!AMR\n" + bytes(32), "original"), CAR),
        {"recording": "a.amr", "recording_key": "rec:1", "call_key": "call:20260302:1"},
    ),
    raw((CAR,), {"event": "sidecar", "recording_key": "rec:1"}),
    raw((Blob("voice.txt", FORM, b"CallSid=CA1", "envelope"),), {"event": "voice", "call_id": "CA1"}),
    raw((), {"event": "status", "call_id": "CA1", "call_status": "no-answer"}),
    raw((Blob("call-pad.json", "application/json", '{"facts":"占地"}'.encode(), "form"),), {"form": "call-pad"}),
]


def test_the_contract_holds() -> None:
    check_channel(CHANNEL, SAMPLES, hostile_raws(CHANNEL))


def test_declared_facts() -> None:
    assert (CHANNEL.code, CHANNEL.number, CHANNEL.label, CHANNEL.rollup) == ("phone", "01", "举报电话", "电话")
    assert CHANNEL.upload
    assert "audio/*" in CHANNEL.accept_types
    assert [form.id for form in CHANNEL.forms] == ["call-pad"]


def test_an_empty_recording_goes_to_the_manual_list() -> None:
    for role in ("recording", "original", "voice"):
        with pytest.raises(NormalizeError, match="空"):
            normalize(raw((Blob("a.wav", "audio/wav", b"", role),), {}))


def test_bad_audio_is_not_judged_here() -> None:
    (outcome,) = normalize(raw((Blob("a.wav", "audio/wav", b"\x00", "recording"),), {}))
    assert outcome.report.parts[0].kind == "audio"


def test_a_call_id_names_a_call_for_a_day_only() -> None:
    (outcome,) = normalize(SAMPLES[1])
    assert isinstance(outcome, Continuation)
    assert outcome.quiet == timedelta(days=1)


def test_a_webhook_without_its_call_goes_to_the_manual_list() -> None:
    for meta in ({"event": "voice"}, {"event": "sidecar"}):
        with pytest.raises(NormalizeError):
            normalize(raw((), meta))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["event", "call_id", "recording_key", "call_key", "stated", "caller", "recording_status", "start", "line"]
)


@settings(max_examples=150, deadline=None)
@given(
    meta=st.dictionaries(names, json_values | st.sampled_from(["voice", "recording", "status", "sidecar"]), max_size=6),
    blobs=st.lists(
        st.builds(
            Blob,
            name=st.sampled_from(["a.wav", "a.json", "a.csv", "x"]),
            media_type=st.sampled_from(["audio/wav", "application/json", ""]),
            data=st.binary(max_size=60),
            role=st.sampled_from(["recording", "sidecar", "form", "envelope", "original"]),
        ),
        max_size=3,
    ),
)
def test_anything_gives_sound_outcomes_or_a_normalize_error(meta: dict[str, object], blobs: list[Blob]) -> None:
    made = raw(tuple(blobs), meta)
    try:
        outcomes = normalize(made)
    except NormalizeError:
        return
    assert all("\x00" not in text for outcome in outcomes for text in outcome.report.fields.values())
    if "\ud800" not in repr(meta):
        from channels.testing import check_outcomes

        check_outcomes(made, outcomes)


def test_a_long_csv_side_car_is_read_in_bounded_time() -> None:
    rng = random.Random(1)
    line = ",".join(str(rng.random()) for _ in range(20)) + "\n"
    data = ("file,caller\n" + line * 20_000).encode()
    car = Blob("a.csv", "text/csv", data, "sidecar")
    check_normalize(CHANNEL, raw((Blob("a.wav", "audio/wav", tone(), "recording"), car), {"recording": "a.wav"}))


def test_the_modules_of_the_channel_are_strangers_to_the_hub_and_to_other_channels() -> None:
    spec = importlib.util.find_spec("channels.phone")
    assert spec is not None
    assert spec.origin is not None
    for file in Path(spec.origin).parent.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "import hub" not in text
        assert "from hub" not in text
        assert "os.environ" not in text
