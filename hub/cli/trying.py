"""`hub try KIND`: what the hub would make of an input. Stores nothing, needs no server (PRODUCT §11)."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import IO, Any

import click

Answer = dict[str, Any]
MAX_NOTICE = 1 << 22  # bytes read of a State Council notice
files_argument = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group("try")
def try_group() -> None:
    """Show what the hub would make of an input, without storing anything."""


def _print(answer: Answer) -> None:
    line = json.dumps(answer, ensure_ascii=False)
    click.echo(line.encode("utf-8", "backslashreplace").decode())  # half a surrogate pair stays an escape of JSON


def _rows(columns: Sequence[str] = (), lines: IO[bytes] | None = None) -> Iterator[Answer | str]:
    """The JSON lines on standard input; of a line that is none, and where there is no line, what is wrong.

    `columns`: names of tab-separated columns, of files labelled as for `hub evaluate`; lines with # are left out.
    """
    empty = True
    for raw in lines or sys.stdin.buffer:
        line = raw.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r\n")
        if not line.strip() or (columns and line.startswith("#")):
            continue
        empty = False
        if columns and "\t" in line and not line.lstrip().startswith("{"):
            yield dict(zip(columns, line.split("\t"), strict=False))
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            yield "not JSON"
            continue
        yield row if isinstance(row, dict) else "not a JSON object"
    if empty:
        yield "empty input"


def _each_text(
    read: Callable[[str, Answer], Answer], columns: Sequence[str] = (), lines: IO[bytes] | None = None
) -> None:
    for row in _rows(columns, lines):
        if isinstance(row, str):
            _print({"error": row})
        elif not isinstance(row.get("text"), str):
            _print({"error": "text is missing"})
        else:
            _print(read(row["text"], row))
        sys.stdout.flush()


@try_group.command()
def place() -> None:
    """Text → division code."""
    from hub.enrich.evaluate import COLUMNS
    from hub.jurisdiction.places import resolver

    def read(text: str, row: Answer) -> Answer:
        prior = row.get("prior")
        return resolver().resolve(text, prior if isinstance(prior, str) else None).as_json()

    _each_text(read, COLUMNS["place"])


@try_group.command("class")
def class_() -> None:
    """Text → class and scope."""
    from hub.enrich.classify import classify
    from hub.enrich.evaluate import COLUMNS

    _each_text(lambda text, _row: classify(text).as_json(), COLUMNS["class"])


@try_group.command()
def extract() -> None:
    """Text → phones, ids, areas, names, dates."""
    from hub.enrich.extract import extract as read

    _each_text(lambda text, _row: read(text).as_json())


@try_group.command()
def calendar() -> None:
    """A State Council notice → days off and make-up working days."""
    from hub.law.calendar import parse_notice

    text = sys.stdin.buffer.read(MAX_NOTICE).decode("utf-8", "replace").removeprefix("\ufeff")
    if not text.strip() or text.lstrip()[0] in "{[":
        _each_text(lambda notice, _row: dict(parse_notice(notice)), lines=io.BytesIO(text.encode()))
        return
    answer = dict(parse_notice(text))  # the notice as it was published
    _print(answer if answer["off"] or answer["work"] else {"error": "neither JSON nor a notice"})


@try_group.command()
def notice() -> None:
    """{"kind", "slots"} → the notice's text."""
    from hub.law.notices import render

    for row in _rows():
        if isinstance(row, str):
            _print({"error": row})
            continue
        _print(dict(render(row)))


@try_group.command(context_settings={"ignore_unknown_options": True})  # -3 is a number to refuse, not an option
@click.argument("base")
@click.argument("days")
def due(base: str, days: str) -> None:
    """The last working day DAYS after BASE, explained day by day."""
    from hub.law import calendar as calendars
    from hub.law import deadlines

    try:
        start, number = date.fromisoformat(base), int(days)
    except ValueError:
        _print({"error": "BASE is a date (YYYY-MM-DD), DAYS a number"})
        return
    if not 0 <= number <= 1000:
        _print({"error": "DAYS must be between 0 and 1000"})
        return
    _print(deadlines.due(start, number, calendars.national()).json())


def _each_file(files: tuple[Path, ...], read: Callable[[bytes, str], Answer]) -> None:
    from hub.enrich import decoding
    from hub.work.child import ChildDiedError, RefusedError
    from transcription.contract import DecodeError, EngineUnavailableError

    try:
        for file in files:
            try:
                answer = read(file.read_bytes(), file.name)
            except OSError as error:
                answer = {"error": f"cannot be read: {error.strerror}"}
            except (ChildDiedError, RefusedError, DecodeError, EngineUnavailableError) as error:
                answer = {"error": str(error)}
            _print({"file": str(file)} | answer)
            sys.stdout.flush()
    finally:
        decoding.forget_children()


@try_group.command()
@files_argument
def mail(files: tuple[Path, ...]) -> None:
    """Raw mails → headers, text, attachments."""
    from hub.enrich import decoding

    _each_file(files, lambda data, name: decoding.describe("email", data, name))


@try_group.command()
@files_argument
def speech(files: tuple[Path, ...]) -> None:
    """Recordings → segments with times."""
    from hub.enrich import decoding, transcribe

    def read(data: bytes, name: str) -> Answer:
        return spoken(transcribe.engine().transcribe(decoding.audio(data, name)))

    _each_file(files, read)


@try_group.command()
@files_argument
def scan(files: tuple[Path, ...]) -> None:
    """Scans → pages, lines with boxes, fields."""
    from hub.enrich import decoding, transcribe

    def read(data: bytes, name: str) -> Answer:
        pages, warnings = decoding.pages(data, name)
        return scanned(transcribe.reader().read(pages, warnings=warnings))

    _each_file(files, read)


def spoken(made: Any) -> Answer:
    """A speech transcript in the form of PRODUCT §11."""
    rows = [
        {"start": s.start, "end": s.end, "channel": s.channel, "text": s.text, "confidence": s.confidence}
        for s in made.segments
    ]
    head = {"engine": made.engine, "model": made.model, "duration": made.duration, "channels": made.channels}
    return head | {"segments": rows, "text": made.text(), "warnings": list(made.warnings)}


def scanned(made: Any) -> Answer:
    """A scan transcript in the form of PRODUCT §11."""
    pages = [
        {
            "width": page.width, "height": page.height, "rotation": page.rotation, "source": page.source,
            "lines": [{"order": s.order, "box": s.box, "text": s.text, "confidence": s.confidence}
                      for s in made.segments if s.page == number],
        }
        for number, page in enumerate(made.pages)
    ]  # fmt: skip
    return {"pages": pages, "text": made.text(), "fields": made.fields, "warnings": list(made.warnings)}


@try_group.command()
@click.argument("file", type=click.Path(path_type=Path))
def duplicates(file: Path) -> None:
    """Rows in time order → candidates among earlier rows."""
    from hub.enrich.earlier import candidates
    from hub.jurisdiction.places import resolver

    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        _print({"error": f"cannot be read: {error.strerror}"})
        return
    rows, bad = [], 0
    for line in filter(str.strip, lines):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            bad += 1
            continue
        if isinstance(row, dict) and "id" in row and isinstance(row.get("text"), str):
            rows.append(row)
        else:
            bad += 1
    for answer in candidates(rows, resolver().resolve):
        _print(answer)
    for _ in range(bad):
        _print({"error": "row is not {id, text, received_at}"})
