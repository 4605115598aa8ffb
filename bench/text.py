"""Accuracy and speed of the text enrichers on the project's own texts: `python bench/text.py`.

Figures, never a verdict. The texts are the project's own; real reports will score lower.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hub.enrich.classify import classify  # noqa: E402 - the project may not be installed
from hub.enrich.earlier import candidates  # noqa: E402
from hub.enrich.extract import extract  # noqa: E402
from hub.jurisdiction.places import resolver  # noqa: E402

DATA = ROOT / "tests" / "enrich" / "data"
CLASSES = (
    "",
    "_dev2",
    "_look1",
    "_look2",
    "_held",
    "_blind3",
    "_blind4",
    "_blind5",
    "_blind6",
    "_blind7",
    "_blind9",
    "_blind10",
    "_blind11",
    "_blind12",
    "_blind13",
    "_blind14",
    "_blind15",
    "_blind16",
    "_blind17",
)
EXTRACTION = (
    "",
    "_dev2",
    "_held",
    "_blind3",
    "_blind4",
    "_blind5",
    "_blind7",
    "_blind8",
    "_blind9",
    "_blind10",
    "_blind11",
    "_blind12",
    "_blind13",
    "_blind14",
    "_blind15",
    "_blind16",
    "_blind17",
    "_blind18",
)
KEYS = {"ph": "phones", "id": "ids", "rep": "reporters", "co": "organisations"}


def classes(name: str) -> None:
    lines = [line.split("\t")[:2] for line in (DATA / name).read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    nothing = [text for gold, text in lines if gold == "MORE"]
    asked = sum(classify(text).needs_more for text in nothing)
    lines = [row for row in lines if row[0] != "MORE"]
    top1 = top2 = scope = more = 0
    for gold, text in lines:
        result = classify(text)
        codes = [code for code, _ in result.candidates]
        top1 += result.code == gold
        top2 += gold in codes[:2]
        scope += result.in_scope == (gold[0] != "N")
        more += result.needs_more
    n = len(lines)
    print(
        f"class    {name:24} n={n:4} top-1 {top1 / n:.3f} top-2 {top2 / n:.3f} "
        f"in/out {scope / n:.3f} more {more / n:.3f}"
        + (f" asked where asked for {asked}/{len(nothing)}" * bool(nothing))
    )


def fields(name: str) -> None:
    total: dict[str, list[int]] = {key: [0, 0, 0] for key in (*KEYS, "ar", "sub", "accused")}
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        sample = json.loads(line)
        answer = extract(sample["text"]).as_json()
        got = {key: answer[field] for key, field in KEYS.items()}
        got["ar"] = [area["m2"] for area in answer["areas"]]
        got["sub"] = [row["name"] for row in answer["respondents"] if row["kind"] == "natural_person"]
        got["accused"] = [row["name"] for row in answer["respondents"]]
        if {"sub", "co"} <= sample["gold"].keys():
            sample["gold"]["accused"] = sample["gold"]["sub"] + sample["gold"]["co"]
        for key, counts in total.items():
            if key not in sample["gold"]:
                continue  # not labelled
            gold = sample["gold"][key]
            counts[0] += sum(value in got[key] for value in gold)
            counts[1] += sum(value not in got[key] for value in gold)
            counts[2] += sum(value not in gold for value in got[key])
    shown = " ".join(f"{key} {2 * a / max(1, 2 * a + b + c):.3f}" for key, (a, b, c) in total.items())
    print(f"extract  {name:24} F1: {shown}")


def duplicates(name: str) -> None:
    rows = [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    act = {row["id"]: row["act"] for row in rows}
    seen: list[str] = []
    found = right = wanted = top3 = 0
    for answer in candidates(rows, resolver().resolve):
        here = str(answer["id"])
        earlier = [i for i in seen if act[i] == act[here]]
        wanted += bool(earlier)
        hits = [item["id"] for item in answer["candidates"]]
        found += len(hits)
        right += sum(act[i] == act[here] for i in hits)
        top3 += bool(earlier) and any(act[i] == act[here] for i in hits[:3])
        seen.append(here)
    print(
        f"dup      {name:24} n={len(rows):4} precision {right / max(1, found):.3f} earlier clue in top 3 "
        f"{top3 / max(1, wanted):.3f}"
    )


def speed() -> None:
    texts = [json.loads(line)["text"] for line in (DATA / "extraction.jsonl").read_text(encoding="utf-8").splitlines()]
    texts += [line.split("\t")[1] for line in (DATA / "classes.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    for text in texts:
        classify(text)
        extract(text)
    rounds = 5
    begin = time.process_time()
    for _ in range(rounds):
        for text in texts:
            classify(text)
            extract(text)
    spent = time.process_time() - begin
    print(f"speed    class + extract: {rounds * len(texts) / spent:.0f} texts per CPU second")
    for what, text in (
        ("1 MB of report", "有人在耕地里偷挖沙子，电话13947812345，老板李海龙。" * 34_000),
        ("1 MB of 一", "一" * 10**6),
    ):
        begin = time.process_time()
        classify(text)
        extract(text)
        print(f"speed    {what}: {time.process_time() - begin:.2f} CPU s")


if __name__ == "__main__":
    for name in CLASSES:
        classes(f"classes{name}.tsv")
    for name in EXTRACTION:
        fields(f"extraction{name}.jsonl")
    duplicates("duplicates.jsonl")
    speed()
