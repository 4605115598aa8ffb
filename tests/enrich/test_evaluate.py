"""`hub evaluate`: figures that follow from the labels, wrong cases in the file, bad lines left out by number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import main
from hub.enrich import evaluate

DATA = Path(__file__).parent / "data"
PLACES = Path(__file__).parent.parent / "jurisdiction" / "data" / "places_heldout.tsv"
SCANS = Path(__file__).parent.parent / "transcription" / "scan" / "data"


def run(kind: str, file: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", kind, str(file), "--out", str(out), *more])


def wrong(out: Path) -> tuple[list[dict], list[dict]]:
    """(confusion, wrong cases) of a written file."""
    first, *others = map(json.loads, out.read_text("utf-8").splitlines())
    return first["confusion"], others


@pytest.mark.parametrize(
    ("kind", "file", "name", "least"),
    [("place", PLACES, "right", 0.95), ("class", DATA / "classes.tsv", "top-1", 0.95),
     ("extract", DATA / "extraction.jsonl", "phones", 0.99)],
)  # fmt: skip
def test_own_data_in_its_own_forms(kind: str, file: Path, name: str, least: float, tmp_path: Path) -> None:
    made = run(kind, file, tmp_path / "w.jsonl", "--json")
    assert made.exit_code == 0, made.output
    figures = json.loads(made.stdout)
    assert figures[name] >= least
    assert figures["cases"] == len([line for line in file.read_text("utf-8").splitlines() if line[0] != "#"])
    assert figures["skipped"] == 0


def test_a_wrong_label_shows_in_figures_table_confusion_and_file(tmp_path: Path) -> None:
    file = tmp_path / "c.tsv"
    file.write_text(
        "# note\nK2\t晚上有挖机在山上偷挖稀土\nT4\t晚上有挖机在山上偷挖稀土\nN5\t饭店油烟直排，熏得开不了窗\n", "utf-8"
    )
    made = run("class", file, tmp_path / "w.jsonl")
    assert made.exit_code == 0
    assert "class: 3 cases: top-1 66.7%" in made.stdout
    assert "T4     K2      1" in made.stdout
    confusion, cases = wrong(tmp_path / "w.jsonl")
    assert confusion == [{"gold": "T4", "got": "K2", "cases": 1}]
    assert (cases[0]["gold"], cases[0]["got"], cases[0]["text"]) == ("T4", "K2", "晚上有挖机在山上偷挖稀土")
    assert cases[0]["evidence"]
    assert (tmp_path / "w.jsonl").stat().st_mode & 0o077 == 0


def test_places_by_name_code_prior_and_left_open(tmp_path: Path) -> None:
    rows = [
        {"text": "湖南省益阳市桃江县武潭镇", "gold": "湖南省/益阳市/桃江县"},
        {"text": "湖南省益阳市桃江县武潭镇", "gold": "430922"},
        {"text": "鼓楼区有人占地", "gold": "?"},
        {"text": "有人占地", "gold": ""},
        {"text": "鼓楼区有人占地", "gold": "福建省/福州市/鼓楼区"},  # flagged: no wrong answer, but no answer
        {"text": "湖南省益阳市桃江县武潭镇", "gold": "430903"},
    ]
    report = evaluate.evaluate("place", "\n".join(map(json.dumps, rows)), tmp_path)
    assert report.figures == pytest.approx({"right": 4 / 6, "flagged": 1 / 6, "wrong": 1 / 6})
    assert [case["kind"] for case in report.worst] == ["wrong", "flagged"]


def test_extraction_counts_only_what_is_labelled(tmp_path: Path) -> None:
    text = "我叫王秀兰，电话13947812345，占了十五亩。"
    rows = [
        {"text": text, "gold": {"phones": ["13947812345"], "areas": [10000]}},
        {"text": text, "gold": {"ph": ["13900000000"], "rep": []}},
    ]
    report = evaluate.evaluate("extract", "\n".join(map(json.dumps, rows)), tmp_path)
    assert report.figures["areas"] == 1
    assert report.figures["phones"] == pytest.approx(0.5)
    (case,) = report.worst
    assert case["wrong"]["phones"] == {"missed": ["13900000000"], "extra": ["13947812345"]}
    assert case["wrong"]["reporters"] == {"missed": [], "extra": ["王秀兰"]}


def test_duplicates_by_pairs_and_by_act(tmp_path: Path) -> None:
    one = "湖南省益阳市桃江县武潭镇红旗村，鑫隆建材有限公司未经批准占用耕地8亩建厂房。"
    other = "甘肃省敦煌市七里镇，有人在戈壁滩无证采砂。"
    rows = [
        {"id": 1, "text": one, "received_at": "2026-01-01", "act": "a"},
        {"id": 2, "text": other, "received_at": "2026-01-02", "act": "b"},
        {"id": 3, "text": one, "received_at": "2026-01-03", "act": "a"},
    ]
    report = evaluate.evaluate("duplicates", "\n".join(map(json.dumps, rows)), tmp_path)
    assert report.figures == {"recall": 1, "precision": 1, "top-1": 1, "top-3": 1}
    rows = [{**row, "act": "", "gold": [2] if row["id"] == 3 else []} for row in rows]
    report = evaluate.evaluate("duplicates", "\n".join(map(json.dumps, rows)), tmp_path)
    assert report.figures == {"recall": 0, "precision": 0, "top-1": 0, "top-3": 0}
    assert [(case["kind"], case["earlier"]) for case in report.worst] == [("wrong", "1"), ("missed", "2")]
    report = evaluate.evaluate("duplicates", '{"id": 1, "text": "x", "received_at": "soon"}', tmp_path)
    assert report.skipped == {1: "received_at is no time"}


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        ("class", {"text": "有人占地", "gold": "T9"}, "gold is no class"),
        ("extract", {"text": "有人占地", "gold": "三亩"}, "gold is no object of lists"),
        ("extract", {"text": "有人占地", "gold": {"ph": "139"}}, "gold is no object of lists"),
    ],
)
def test_a_label_that_no_answer_can_meet_is_named(
    kind: str, row: dict[str, object], reason: str, tmp_path: Path
) -> None:
    report = evaluate.evaluate(kind, json.dumps(row), tmp_path)
    assert (report.cases, report.skipped) == (0, {1: reason})


def test_a_scan_is_read_and_a_missing_file_counts_as_unread(tmp_path: Path) -> None:
    gold = json.loads((SCANS / "texts.json").read_text("utf-8"))["clean.png"]
    (tmp_path / "clean.png").write_bytes((SCANS / "clean.png").read_bytes())
    (tmp_path / "torn.png").write_bytes((SCANS / "clean.png").read_bytes()[:40])
    rows = [{"file": name, "gold": gold} for name in ("clean.png", "torn.png", "none.png")]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    made = run("scan", tmp_path / "s.jsonl", tmp_path / "w.jsonl", "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["CER"] == pytest.approx(2 / 3, abs=0.01)
    _, cases = wrong(tmp_path / "w.jsonl")
    assert {case["file"] for case in cases if case["cer"] == 1} == {"torn.png", "none.png"}
    assert all(case["error"] for case in cases if case["cer"] == 1)


def test_bad_lines_are_named_by_number_not_by_content(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    deep = "[" * 100_000
    lines = ['{"text": "王秀兰"', '{"text": "王秀兰"}', '{"gold": "T1"}', "王秀兰", f'{{"text": {deep}', "",
             '{"text": 3, "gold": "T1"}', '{"text": "有人偷挖稀土", "gold": "K2"}', "\udce4".encode("utf-8", "surrogatepass").decode("latin-1")]  # fmt: skip  # noqa: E501
    file.write_text("\n".join(lines), "utf-8")
    made = run("class", file, tmp_path / "w.jsonl", "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["cases"] == 2  # a number is text too
    assert "line 2 is left out: gold is missing" in made.stderr
    assert "王秀兰" not in made.stderr


@pytest.mark.parametrize("content", ["", "# only a note\n", "{}\n[]\n"])
def test_a_file_without_cases_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(content, "utf-8")
    made = run("class", tmp_path / "c.jsonl", tmp_path / "w.jsonl")
    assert made.exit_code == 1
    assert "no labelled case" in made.stderr
    assert not (tmp_path / "w.jsonl").exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    made = run("class", DATA / "classes.tsv", tmp_path / "none" / "w.jsonl")
    assert made.exit_code == 1
    assert "cannot be written" in made.stderr
