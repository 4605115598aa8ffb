"""`hub try` on input nobody should send: exit 0 and JSON on standard output, whatever comes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli.trying import try_group

HOSTILE = (b"[" * 100_000, b'{"text":' * 100_000, b"\x00\xff\xfe junk", b"[1, 2]", b'{"text": 5}')


@pytest.mark.parametrize("line", HOSTILE, ids=("deep list", "deep object", "junk", "list", "number"))
def test_a_row_that_is_none_is_an_error_in_its_place(line: bytes, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_bytes(line)
    for arguments, given in ((["duplicates", str(rows)], b""), (["notice"], line), (["calendar"], line)):
        done = CliRunner().invoke(try_group, arguments, input=given + b"\n")
        assert done.exit_code == 0, (arguments, done.exception)
        assert "error" in json.loads(done.stdout), arguments


@pytest.mark.parametrize("days", ["-3", "many", "99999999"])
def test_days_that_are_no_number_of_days_are_an_error(days: str) -> None:
    done = CliRunner().invoke(try_group, ["due", "2026-11-20", days])
    assert done.exit_code == 0, done.output
    assert "error" in json.loads(done.stdout)


def test_labelled_files_are_read_as_hub_evaluate_reads_them() -> None:
    for arguments, given in (
        (["place"], "# tag\ttext\tgold\nclean\t湖南省益阳市桃江县武潭镇\t湖南省/益阳市/桃江县\n"),
        (["class"], "# class\ttext\r\nT2\t有人没批手续占了耕地盖厂房\r\n"),
    ):
        done = CliRunner().invoke(try_group, arguments, input=given.encode())
        assert done.exit_code == 0, done.exception
        (answer,) = map(json.loads, done.stdout.splitlines())
        assert answer.get("code", answer.get("class")) in ("430922", "T2")
    done = CliRunner().invoke(try_group, ["class"], input=b"T2\nno json\n")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"error": "not JSON"}] * 2


@pytest.mark.parametrize("command", ["place", "class", "extract", "notice", "calendar"])
def test_nothing_at_all_is_an_error_and_no_silence(command: str) -> None:
    for given in (b"", b"\n \n"):
        done = CliRunner().invoke(try_group, [command], input=given)
        assert done.exit_code == 0, done.exception
        assert json.loads(done.stdout) == {"error": "empty input"}


def test_a_notice_is_read_bare_or_as_json() -> None:
    head = "国务院办公厅关于2026年部分节假日安排的通知"
    text = f"{head}\n一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。\n"
    bare, row = (
        json.loads(CliRunner().invoke(try_group, ["calendar"], input=given.encode()).stdout)
        for given in (text, json.dumps({"text": text}))
    )
    assert bare == row
    assert bare["work"] == ["2026-01-04"]
    done = CliRunner().invoke(try_group, ["calendar"], input=b"hello\n")
    assert json.loads(done.stdout) == {"error": "neither JSON nor a notice"}


def test_half_a_surrogate_pair_is_printed_as_an_escape() -> None:
    given = rb'{"text": "\ud800' + "五原县占地3亩".encode() + rb'\udc00"}' + b"\n"
    for command in ("place", "class", "extract"):
        done = CliRunner().invoke(try_group, [command], input=given)
        assert done.exit_code == 0, (command, done.exception)
        assert isinstance(json.loads(done.stdout), dict)
