"""Times, lengths and side-cars as call recorders write them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.phone import sidecar
from channels.phone.moments import parse_seconds, parse_time, plain_seconds

CHINA = ZoneInfo("Asia/Shanghai")
NINE = datetime(2026, 3, 2, 9, 5, 3, tzinfo=CHINA)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02 09:05:03",
        "2026-03-02T09:05:03+08:00",
        "2026-03-02T01:05:03Z",
        "2026-03-02T01:05:03.250+0000",
        "2026/3/2 9:05:03",
        "2026年3月2日 9时5分3秒",
        "20260302090503",
        "20260302-090503",
        "1772413503",
        "1772413503000",
        "Mon, 02 Mar 2026 01:05:03 +0000",
    ],
)
def test_a_moment_is_read_however_it_is_written(text: str) -> None:
    assert parse_time(text, CHINA) == NINE


@pytest.mark.parametrize(
    "text", ["", "2026-03-02", "2026-13-40 10:00", "25:00", "明天", "2026-02-30 10:00:00", "9" * 60]
)
def test_what_names_no_moment_gives_none(text: str) -> None:
    assert parse_time(text, CHINA) is None


def test_minutes_are_enough_and_the_zone_is_a_setting() -> None:
    assert parse_time("2026-03-02 09:05", UTC) == datetime(2026, 3, 2, 9, 5, tzinfo=UTC)
    assert parse_time("2026-03-02 09:05", timezone(timedelta(hours=6))).utcoffset() == timedelta(hours=6)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("65", 65),
        ("65.25", 65.25),
        ("1:05", 65),
        ("00:01:05", 65),
        ("65秒", 65),
        ("1分5秒", 65),
        ("2小时3分", 7380),
        ("1h2m3s", 3723),
        ("", None),
        ("很久", None),
        ("99999999", None),
        ("-5", None),
    ],
)
def test_lengths(text: str, seconds: float | None) -> None:
    assert parse_seconds(text) == seconds


def test_plain_seconds() -> None:
    assert [plain_seconds(value) for value in (65.0, 65.25, None)] == ["65", "65.2", ""]


CHINESE = {
    "录音文件": "a.wav",
    "主叫号码": 13800138000,
    "坐席号": "8003",
    "通话时长(秒)": "65",
    "通话开始时间": "2026-03-02 09:05:03",
}
ENGLISH = {
    "Recording File": "a.wav",
    "callerId": "13800138000",
    "Agent_ID": 8003,
    "billsec": 65.0,
    "Start Time": "2026-03-02 09:05:03",
}


@pytest.mark.parametrize("values", [CHINESE, ENGLISH, {"call": ENGLISH}, [CHINESE]])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_json_of_every_maker_and_encoding(values: object, encoding: str) -> None:
    found = sidecar.parse_json(json.dumps(values, ensure_ascii=False).encode(encoding))
    assert (found.file, found.caller, found.agent, found.duration) == ("a.wav", "13800138000", "8003", "65")
    assert parse_time(found.start, CHINA) == NINE


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_title_line_dates_in_two_columns_and_protected_numbers(encoding: str, delimiter: str) -> None:
    lines = [
        ["五原县话务清单"],
        ["文件名", "日期", "时间", "主叫号码", "分机号", "流水号"],
        ["D:\\录音\\a.wav", "2026-03-02", "09:05:03", '="04785212345"', "8003", "000123"],
        ["b.wav", "2026-03-02", "10:00:00", "'013800138000", "8004", "000124"],
    ]
    quoted = ["\r\n".join(delimiter.join('"' + c.replace('"', '""') + '"' for c in line) for line in lines)]
    rows = sidecar.parse_csv(quoted[0].encode(encoding))
    assert [row[0].caller for row in rows] == ["04785212345", "013800138000"]
    picked = sidecar.pick_row(rows, "A.WAV")
    assert picked is not None
    assert (picked[0].call_id, picked[0].agent, parse_time(picked[0].start, CHINA)) == ("000123", "8003", NINE)
    assert b"013800138000" not in sidecar.row_bytes(picked[1]), "the other caller stays behind"
    assert sidecar.parse_json(sidecar.row_bytes(picked[1])) == picked[0], "a row travels as it was"


def test_a_clear_column_counts_before_a_vague_one() -> None:
    found = sidecar.from_mapping(
        {"id": "7", "status": "x", "phone": "1", "callid": "C9", "disposition": "ANSWERED", "主叫": "2"}
    )
    assert (found.call_id, found.caller, found.disposition) == ("C9", "2", "ANSWERED")


def test_a_number_ruined_by_a_spreadsheet_is_no_number() -> None:
    found = sidecar.from_mapping({"caller": "1.38E+10", "agent": "8"})
    assert found.caller == ""
    assert found.warnings


def test_several_calls_in_one_json_are_not_guessed_between() -> None:
    two = json.dumps([ENGLISH, ENGLISH | {"Recording File": "b.wav", "callerId": "2"}]).encode()
    assert sidecar.parse_json(two, "b.wav").caller == "2"
    assert not sidecar.parse_json(two, "c.wav").known()


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[" * 100_000, b"7", b"null", b'{"a":' * 9_000, b'{"caller":' + b"9" * 6000 + b"}"]
)
def test_rubbish_is_a_warning(data: bytes) -> None:
    found = sidecar.parse_json(data)
    assert not found.known()
    assert found.warnings


@given(st.binary(max_size=400))
def test_any_bytes_are_survived(data: bytes) -> None:
    sidecar.parse_json(data)
    sidecar.parse_csv(data)
    sidecar.parse_csv(b"file,caller\n" + data)


@given(st.text(max_size=60))
def test_any_text_is_survived_and_can_be_stored(text: str) -> None:
    parse_time(text, CHINA)
    parse_seconds(text)
    sidecar.column(text)
    cleaned = sidecar.cell(text)
    assert "\x00" not in cleaned
    cleaned.encode()
