"""`hub evaluate KIND FILE`: accuracy on a deployer's own labelled texts, by the functions behind `hub try`."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hub.enrich.evaluate import Report

KINDS = ("place", "class", "extract", "duplicates", "scan", "speech")
CONFUSED_SHOWN = 15
OUT_HELP = "Confusion and wrong cases, worst first. It holds the texts: keep it as safe as they are."


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), default=Path("worst.jsonl"), show_default=True, help=OUT_HELP)
@click.option("--json", "as_json", is_flag=True, help="Figures as one JSON object instead of tables.")
def evaluate(kind: str, file: Path, out: Path, *, as_json: bool) -> None:
    """Compare what the hub makes of your own labelled texts with their labels.

    \b
    FILE holds one case a line, JSON or tab-separated; lines starting with # are notes.
      place       {"text", "gold": "省/市/县" or code, "" none, "?…" left open, "prior"?}   tag⇥text⇥gold
      class       {"text", "gold": "T1" … "N5", "" says too little}                        class⇥text
      extract     {"text", "gold": {"phones": […], "ids": […], "areas": [m²], "reporters": […],
                   "respondents": […], "organisations": […]}}        short: ph id ar rep sub co
      duplicates  {"id", "text", "received_at", "reporter_key"?, "gold": [ids of earlier rows of the
                   same act]} or "act": a name that all reports of the act share; rows in time order
      scan        {"file", "gold": text, "fields"?: {…}}, files beside FILE                 file⇥text
      speech      {"file", "gold": words}, files beside FILE                                file⇥text
    """  # noqa: D301  \b keeps click from filling the lines
    from hub.enrich import decoding
    from hub.enrich import evaluate as evaluation
    from transcription.contract import EngineUnavailableError

    try:
        report = evaluation.evaluate(kind, file.read_bytes().decode("utf-8", "replace"), file.parent)
    except (evaluation.LabelError, EngineUnavailableError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        decoding.forget_children()
    for number, reason in report.skipped.items():
        click.echo(f"line {number} is left out: {reason}", err=True)
    if not report.cases:
        raise click.ClickException("no labelled case in this file (see hub evaluate --help)")
    _write(out, report)
    if as_json:
        figures = {name: round(value, 4) for name, value in report.figures.items()}
        click.echo(json.dumps({"kind": kind, "cases": report.cases, "skipped": len(report.skipped)} | figures))
        return
    for head, rows in report.tables:
        _table(head, rows)
    confused = report.confused()
    if confused:
        shown = [[str(one["gold"]), str(one["got"]), str(one["cases"])] for one in confused[:CONFUSED_SHOWN]]
        _table(["label", "answer", "cases"], shown)
    figures_shown = ", ".join(f"{name} {evaluation.percent(value)}" for name, value in report.figures.items())
    click.echo(f"{kind}: {report.cases} cases: {figures_shown}")


def _write(out: Path, report: Report) -> None:
    """Confusion first, then the wrong cases; readable by the owner only, because it holds reports."""
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as to:
            for row in ({"confusion": report.confused()}, *report.worst):
                to.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace").decode() + "\n")
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from None
    click.echo(f"{len(report.worst)} wrong cases in {out}", err=True)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns in line, Chinese characters counted as two."""
    widths = [max(_width(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, *rows):
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())
    click.echo("")
