"""The demo county: its inputs are complete and read as stated, its doors are the real ones and repeatable."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from channels.contract import Blob, NewReport, NonClue, Outcome, RawIntake, form_intake
from channels.registry import channel, channels
from hub import clock
from hub.cli.sandbox import demo as demo_commands
from hub.cli.sandbox import sandbox as sandbox_commands
from hub.demo import children, loaded, marker, outbox
from hub.demo.compare import compared
from hub.demo.inputs import DATA, Input, clues, dated, manifest
from hub.demo.state import NAME, State, outside
from hub.enrich import produce
from hub.jurisdiction.divisions import table
from hub.settings import settings
from hub.terms import CLASS_LABELS, Passage

EXPECTED = [(entry, expect) for entry in manifest() for expect in entry.expect]
REPORTERS = (
    "郑国安", "农秀英", "高润生", "罗廷贵", "周大明", "刘志远", "何玉兰", "马进福", "孙小梅", "程晓东",
    "段文秀", "孟凡军", "谭桂芳",
)  # fmt: skip


# ---- the data


def test_the_manifest_covers_channels_provinces_classes_and_doubtful_places() -> None:
    assert clues() == len(EXPECTED) >= 26
    assert {entry.channel for entry in manifest()} == set(channels())
    assert len({expect.place[:2] for _, expect in EXPECTED if expect.place}) >= 12
    told = {expect.klass for _, expect in EXPECTED}
    assert told >= {f"T{n}" for n in range(1, 6)} | {f"K{n}" for n in range(1, 6)} | {"N3", "N5"}
    assert told <= set(CLASS_LABELS)
    assert sum(expect.ambiguous for _, expect in EXPECTED) >= 2
    assert any(not expect.place and not expect.ambiguous for _, expect in EXPECTED)
    for _, expect in EXPECTED:
        assert not expect.place or table().get(f"{expect.place:0<6}") is not None


def test_twelve_provinces_stand_in_written_texts_too() -> None:
    written = {e.place[:2] for entry, e in EXPECTED if e.place and entry.door in ("form", "imap", "wechat")}
    assert len(written) >= 12


def test_names_are_unique_files_exist_and_are_small() -> None:
    names = [entry.name for entry in manifest()]
    assert len(names) == len(set(names))
    used = {file for entry in manifest() for file in entry.files}
    used |= {message["file"] for entry in manifest() for message in entry.messages if "file" in message}
    here = {file for file in DATA.rglob("*") if file.is_file() and file.name != "manifest.toml"}
    assert used == here
    assert sum(file.stat().st_size for file in here) <= 3_000_000


def test_the_same_act_comes_through_two_channels() -> None:
    by_name = {entry.name: entry for entry in manifest()}
    pairs = [(entry, expect) for entry, expect in EXPECTED if expect.duplicate_of]
    assert len(pairs) >= 2
    for entry, expect in pairs:
        other = by_name[expect.duplicate_of]
        assert other.channel != entry.channel
        assert (expect.place, expect.klass) in {(e.place, e.klass) for e in other.expect}


def test_shapes_the_demo_promises() -> None:
    by_name = {entry.name: entry for entry in manifest()}
    assert [m["kind"] for m in by_name["wechat-five"].messages] == ["text", "image", "location", "voice", "text"]
    raw = (DATA / "email/qihe.eml").read_bytes()
    assert "占地情况说明.docx".encode("gb2312") in raw  # raw 8-bit, no encoded words
    thread = by_name["mail-taikang-more"]
    reply = message_from_bytes(thread.files[0].read_bytes())
    first = message_from_bytes(by_name[thread.continues].files[0].read_bytes())
    assert reply["In-Reply-To"] == first["Message-ID"]
    assert by_name["call-twilio"].out_of_order
    assert by_name["voicemail"].files[0].suffix == ".wav"
    assert len(by_name["voicemail"].files) == 1  # no side-car


def test_telephones_are_invented_and_no_file_name_names_a_person() -> None:
    texts = [
        file.read_bytes().decode("gb18030", "replace") for file in DATA.rglob("*") if file.suffix in (".csv", ".json")
    ]
    texts += [(DATA / "manifest.toml").read_text("utf-8")]
    for text in texts:
        for number in re.findall(r"(?<!\d)1\d{10}(?!\d)", text):
            assert number.startswith("1380000")
    for file in DATA.rglob("*"):
        assert not any(name in file.name for name in REPORTERS)
        assert not re.search(r"\d{11}", file.name)


# ---- reading


def blob(file: Path) -> Blob:
    return Blob(file.name, "", file.read_bytes())


def raws(entry: Input) -> list[RawIntake]:
    """The input as its channel takes it in, in this process."""
    code, now = channel(entry.channel), clock.now()
    values = {name: dated(value, lambda _back: "2026-03-02") for name, value in entry.values.items()}
    if entry.door == "form":
        spec = next(spec for spec in code.forms if spec.id == entry.form)
        boxes = {box.name for box in spec.fields}
        assert set(values) <= boxes
        assert all(values.get(box.name) for box in spec.fields if box.required and box.kind != "files")
        return [form_intake(code.code, spec, values, [blob(f) for f in entry.files], key=entry.name, at=now)]
    if entry.door == "wechat":
        body = "".join(message.get("text", "") + "\n" for message in entry.messages)
        given = [Blob("message.txt", "text/plain", body.encode())]
        given += [blob(message["file"]) for message in entry.messages if "file" in message]
        return code.from_files(given, {}, source_id="cli:wechat", now=now)
    return code.from_files([blob(file) for file in entry.files], {}, source_id=f"cli:{entry.channel}", now=now)


def outcomes(entry: Input) -> list[Outcome]:
    return [made for raw in raws(entry) for made in channel(entry.channel).normalize(raw)]


@pytest.mark.parametrize("entry", manifest(), ids=lambda entry: entry.name)
def test_each_input_is_read_by_its_channel(entry: Input) -> None:
    made = outcomes(entry)
    assert made
    assert not any(isinstance(one, NonClue) for one in made)
    if entry.door not in ("recordings", "wechat"):  # files of one call or chat meet only in the hub
        assert len([one for one in made if isinstance(one, NewReport)]) <= max(1, len(entry.expect))
    for one in made:
        report = one.report  # type: ignore[union-attr]
        assert report.parts


READ_AT_ONCE = [entry for entry in manifest() if entry.expect and (entry.door in ("imap", "wechat") or entry.values)]


@pytest.mark.parametrize(
    "entry", [e for e in READ_AT_ONCE if e.name != "fax"], ids=lambda entry: entry.name
)  # the fax says everything on paper
def test_what_is_written_gives_the_stated_place_and_class(entry: Input) -> None:
    made = outcomes(entry)
    assert len(made) == len(entry.expect)
    rows = []
    for one in made:
        parts = one.report.parts  # type: ignore[union-attr]
        texts = [Passage(part.text) for part in parts if part.text and part.kind in ("text", "link", "location")]
        found = produce.headline(produce.produce(texts, prior="430922"))
        rows.append({"no": "1", "channel": entry.channel, **found})
    for row in compared([entry], rows):
        assert row["ok"], row


def test_a_wrong_place_is_told() -> None:
    entry = next(entry for entry in manifest() if entry.name == "mail-qihe")
    row = {"no": "1", "channel": "email", "division": "371426", "class": "T2", "missing": [], "ambiguous": False}
    (answer,) = compared([entry], [row])
    assert answer["wrong"] == ["place"]
    (answer,) = compared([entry], [])
    assert not answer["ok"]


# ---- state and marker


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HUB_VAR", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()


def test_state_is_private_and_comes_back(var: Path) -> None:
    state = State.load(settings().folder("demo"))
    state.sent.append("mail-qihe")
    state.save()
    again = State.load(var / "demo")
    assert again == state
    assert (var / "demo" / NAME).stat().st_mode & 0o077 == 0
    assert len(state.secrets["wechat_aes_key"]) == 43


def test_an_earlier_run_does_not_count_as_loaded(var: Path) -> None:
    marker().touch()
    assert loaded()
    assert [child.name for child in children()] == ["demo"]
    assert not loaded()


def test_reset_needs_a_demo_that_is_its_own(var: Path) -> None:
    run = CliRunner().invoke
    assert run(demo_commands, ["reset", "--yes"]).exit_code == 1  # no demo here
    state = State.load(settings().folder("demo"))
    state.fresh = False
    state.save()
    settings().models_path.mkdir(parents=True)
    kept = settings().models_path.relative_to(var).parts[0]
    refused = run(demo_commands, ["reset", "--yes"])
    assert (refused.exit_code, (var / "demo").exists()) == (1, True)
    state.fresh = True
    state.save()
    with (var / "hub.lock").open("a+") as lock:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "running" in run(demo_commands, ["reset", "--yes"]).output
    assert run(demo_commands, ["reset"], input="n\n").exit_code == 1
    assert (var / "demo").exists()
    done = run(demo_commands, ["reset", "--yes"])
    assert done.exit_code == 0, done.output
    assert [item.name for item in var.iterdir()] == [kept]


def test_info_names_every_door(var: Path) -> None:
    state = State.load(settings().folder("demo"))
    state.ports = {"imap": 1143, "wechat": 2, "twilio": 3}
    state.save()
    told = json.loads(CliRunner().invoke(demo_commands, ["info"]).output)
    assert told["imap"]["port"] == 1143
    assert {"wechat", "twilio", "recordings", "scanner"} <= set(told)
    assert len(told["accounts"]) == 9


def test_an_order_without_a_running_demo_says_so(var: Path) -> None:
    State.load(settings().folder("demo")).save()
    answer = CliRunner().invoke(demo_commands, ["send", "email", "--wait", "0.2"])
    assert answer.exit_code == 1
    assert "does not answer" in answer.output
    assert "does not answer" in CliRunner().invoke(demo_commands, ["read", "--wait", "0.2"]).output
    assert list((outside(var) / "outbox").iterdir()) == []


def test_what_reporters_were_written_is_read(var: Path) -> None:
    State.load(settings().folder("demo")).save()
    api = SimpleNamespace(
        sent=[{"touser": "o1", "text": {"content": "收件"}}],
        templates=[{"touser": "o1", "data": {"content": {"value": "结果"}}}],
    )
    texts = SimpleNamespace(sent=[SimpleNamespace(to="+8613800000001", body="进展")])
    mails = SimpleNamespace(taken=[SimpleNamespace(to=("a@example.org",), text="受理")])
    doors = SimpleNamespace(providers=SimpleNamespace(wechat=SimpleNamespace(api=api), mail=SimpleNamespace(post=mails),
                                                      twilio=SimpleNamespace(messages=texts)))  # fmt: skip
    done = threading.Event()

    def process() -> None:
        while not done.wait(0.05):
            outbox.serve(doors)  # type: ignore[arg-type]  # the part of the providers that is read

    thread = threading.Thread(target=process)
    thread.start()
    try:
        answer = CliRunner().invoke(demo_commands, ["read"])
    finally:
        done.set()
        thread.join()
    assert json.loads(answer.output) == {
        "wechat": [{"to": "o1", "text": "收件"}], "template": [{"to": "o1", "text": "结果"}],
        "sms": [{"to": "+8613800000001", "text": "进展"}], "mail": [{"to": "a@example.org", "text": "受理"}],
    }  # fmt: skip


def test_samples_and_given_files(tmp_path: Path) -> None:
    for code in channels():
        entry, tag = outbox.made(code, [])
        assert (entry.channel, bool(tag)) == (code, True)
    file = tmp_path / "a.eml"
    file.write_bytes(b"Subject: x\r\n\r\nx")
    first, tag = outbox.made("email", [file])
    again, _ = outbox.made("email", [file])
    assert (first.name, tag, first.door) == (again.name, "", "imap")
    sheet = tmp_path / "a.csv"
    sheet.write_text("违法地点,主要违法事实\n")
    assert outbox.made("subordinate", [sheet])[0].form == "subordinate-batch"
    photo, _ = outbox.made("wechat", [DATA / "wechat/putaodi.jpg"])
    assert [message["kind"] for message in photo.messages] == ["image"]
    with pytest.raises(ValueError, match="no such channel"):
        outbox.made("pigeon", [])


def test_the_simulators_are_commands() -> None:
    answer = CliRunner().invoke(sandbox_commands, ["--help"])
    assert all(name in answer.output for name in ("imap", "wechat", "twilio"))
