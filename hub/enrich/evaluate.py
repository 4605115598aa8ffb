"""How well the machines read a deployer's own labelled texts: figures, confusion, worst cases (`hub evaluate`).

The same functions answer here as behind `hub try` and in the workers, so the figures hold for the running hub. What is
counted, by kind: place, class, extract, duplicates, scan, speech; the label of each stands at its function.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from hub.terms import CLASS_LABELS

Row = Mapping[str, Any]
FIELDS = {
    "phones": "ph", "ids": "id", "areas": "ar", "reporters": "rep", "respondents": "sub", "organisations": "co",
}  # fmt: skip
"""Fields of extraction and the short names labels may use."""

_SPOKEN_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


class LabelError(ValueError):
    """A line that is no labelled case; the message (English, without content) says why."""


@dataclass
class Report:
    """Figures of one run. `worst` holds the cases that went wrong, worst first; it contains their texts."""

    kind: str
    cases: int = 0
    skipped: dict[int, str] = field(default_factory=dict)  # line → why
    figures: dict[str, float] = field(default_factory=dict)
    tables: list[tuple[list[str], list[list[str]]]] = field(default_factory=list)
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)  # (label, answer), wrong ones only
    worst: list[dict[str, Any]] = field(default_factory=list)

    def confused(self) -> list[dict[str, Any]]:
        return [{"gold": gold, "got": got, "cases": n} for (gold, got), n in self.confusion.most_common()]


def lines(kind: str, data: str) -> Iterator[tuple[int, Row | LabelError]]:
    """The cases of a file with their line numbers: JSON lines, or tab-separated columns (see `COLUMNS`)."""
    for number, line in enumerate(data.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            yield number, _case(kind, line)
        except LabelError as error:
            yield number, error


COLUMNS = {
    "place": ("tag", "text", "gold"), "class": ("gold", "text"), "scan": ("file", "gold"), "speech": ("file", "gold"),
}  # fmt: skip
_NEEDS = {"duplicates": "id", "scan": "file", "speech": "file"}


def _case(kind: str, line: str) -> Row:
    if line.lstrip().startswith("{"):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise LabelError("not JSON") from None
    elif kind in COLUMNS and "\t" in line:
        row = dict(zip(COLUMNS[kind], line.split("\t"), strict=False))
        if kind == "place":
            row.setdefault("gold", "")
    else:
        raise LabelError("neither a JSON object nor tab-separated columns")
    needed = _NEEDS.get(kind, "text")
    if not isinstance(row.get(needed), str | int) or (kind == "duplicates" and not isinstance(row.get("text"), str)):
        raise LabelError(f"{needed} is missing")
    if "gold" not in row and kind != "duplicates":
        raise LabelError("gold is missing")
    _check(kind, row)
    return row  # type: ignore[no-any-return]


def _check(kind: str, row: Row) -> None:
    """Raises LabelError where the label can be right of no text."""
    gold = row.get("gold")
    if kind == "class" and str(gold).strip() not in (*CLASS_LABELS, "", "MORE"):
        raise LabelError("gold is no class")
    if kind == "extract":
        known = {*FIELDS, *FIELDS.values()}
        if not isinstance(gold, dict) or not any(isinstance(gold.get(name), list) for name in known):
            raise LabelError("gold is no object of lists")
    if kind == "duplicates":
        try:
            datetime.fromisoformat(str(row.get("received_at")))
        except ValueError:
            raise LabelError("received_at is no time") from None


def evaluate(kind: str, data: str, folder: Path) -> Report:
    """Reads labelled cases and compares them with what the hub makes of them; files stand relative to `folder`."""
    report = Report(kind)
    cases: list[Row] = []
    for number, case in lines(kind, data):
        if isinstance(case, LabelError):
            report.skipped[number] = str(case)
        else:
            cases.append(case)
    report.cases = len(cases)
    if cases:
        KINDS[kind](cases, report, folder)
    return report


def share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def _place(cases: Sequence[Row], report: Report, _folder: Path) -> None:
    """gold: "省/市/县" (deepest known), or a division code; "" for no place; "?…" where the text leaves it open."""
    from hub.jurisdiction.places import resolver  # loads the division table  # noqa: PLC0415

    tally: dict[str, Counter[str]] = {}
    for case in cases:
        prior = case.get("prior")
        made = resolver().resolve(str(case["text"]), prior if isinstance(prior, str) else None)
        gold = str(case["gold"]).strip()
        if gold.startswith("?"):
            kind = "right" if made.ambiguous else "wrong"
        elif made.ambiguous:
            kind = "flagged"
        else:
            got = made.name or ""
            same = (made.town_code if len(gold) > 6 else made.code) == gold if gold.isdigit() else got == gold
            kind = "right" if same else "wrong"
        tally.setdefault(str(case.get("tag", "")), Counter())[kind] += 1
        if kind != "right":
            answer = f"{made.name or '-'}{' (ambiguous)' if made.ambiguous else ''}"
            report.confusion[gold or "-", answer] += 1
            others = [[c.name, c.score] for c in made.candidates[:5]]
            report.worst.append(
                {"text": case["text"], "gold": gold, "got": answer, "kind": kind, "reason": made.reason,
                 "confidence": made.confidence, "candidates": others}
            )  # fmt: skip
    total = sum(tally.values(), Counter[str]())
    rows = [[name or "-", *_counts(counts)] for name, counts in tally.items()]
    report.tables.append((["tag", "texts", "right", "flagged", "wrong"], [*rows, ["all", *_counts(total)]]))
    report.figures = {kind: share(total[kind], len(cases)) for kind in ("right", "flagged", "wrong")}
    report.worst.sort(key=lambda case: (case["kind"] != "wrong", -float(case["confidence"])))


def _counts(counts: Counter[str]) -> list[str]:
    whole = counts.total()
    return [str(whole), *(percent(share(counts[kind], whole)) for kind in ("right", "flagged", "wrong"))]


def _class(cases: Sequence[Row], report: Report, _folder: Path) -> None:
    """gold: T1–T5, K1–K5, N1–N5, or "" (also MORE) for a text that says too little."""
    from hub.enrich.classify import classify  # loads the rules  # noqa: PLC0415

    first = second = scope = more = 0
    per: dict[str, Counter[str]] = {}
    for case in cases:
        made, gold = classify(str(case["text"])), str(case["gold"]).strip().removeprefix("MORE")
        ranked = [code for code, _ in made.candidates]
        right = made.code == (gold or None)
        first += right
        second += right or gold in ranked[:2]
        scope += made.in_scope == (not gold.startswith("N"))
        more += made.needs_more and bool(gold)
        per.setdefault(gold, Counter())["gold"] += 1
        per.setdefault(made.code or "", Counter())["got"] += 1
        per[gold]["right"] += right
        if not right:
            report.confusion[gold or "-", made.code or "-"] += 1
            answer = made.as_json()
            report.worst.append(
                {"text": case["text"], "gold": gold, "got": made.code, "second": gold in ranked[:2],
                 "candidates": answer["candidates"], "evidence": answer["evidence"]}
            )  # fmt: skip
    count = len(cases)
    report.figures = {"top-1": first / count, "top-2": second / count, "in/out": scope / count, "asks": more / count}
    rows = []
    for code, n in sorted(per.items()):
        precision, recall = share(n["right"], n["got"]), share(n["right"], n["gold"])
        rows.append([code or "-", str(n["gold"]), percent(precision), percent(recall)])
    report.tables.append((["class", "texts", "precision", "recall"], rows))
    report.worst.sort(key=lambda case: (case["second"], -float(dict(case["candidates"]).get(case["got"], 0.0))))


def _extract(cases: Sequence[Row], report: Report, _folder: Path) -> None:
    """gold: {"phones", "ids", "areas" (m²), "reporters", "respondents", "organisations"}: lists; ph, id, ar, … do too.

    A field without a label is not counted for that text.
    """
    from hub.enrich.extract import extract  # loads the words  # noqa: PLC0415

    tally = {name: Counter[str]() for name in FIELDS}
    for case in cases:
        answer, gold = extract(str(case["text"])).as_json(), case["gold"]
        got: dict[str, list[Any]] = {name: list(answer[name]) for name in FIELDS}
        got["areas"] = [area["m2"] for area in answer["areas"]]
        got["respondents"] = [name["name"] for name in answer["respondents"] if name["kind"] == "natural_person"]
        wrong: dict[str, Any] = {}
        for name, short in FIELDS.items():
            wanted = gold.get(name, gold.get(short))
            if not isinstance(wanted, list):
                continue
            missed = [value for value in wanted if value not in got[name]]
            extra = [value for value in got[name] if value not in wanted]
            tally[name] += Counter(found=len(wanted) - len(missed), missed=len(missed), extra=len(extra))
            if missed or extra:
                wrong[name] = {"missed": missed, "extra": extra}
        if wrong:
            report.worst.append({"text": case["text"], "wrong": wrong})
    rows = []
    for name, n in tally.items():
        if not n.total():
            continue  # neither labelled nor found: no figure
        precision, recall = share(n["found"], n["found"] + n["extra"]), share(n["found"], n["found"] + n["missed"])
        report.figures[name] = share(2 * precision * recall, precision + recall)
        labels = str(n["found"] + n["missed"])
        rows.append([name, labels, percent(precision), percent(recall), percent(report.figures[name])])
        report.confusion.update({(name, state): n[state] for state in ("missed", "extra") if n[state]})
    report.tables.append((["field", "labels", "precision", "recall", "F1"], rows))
    report.worst.sort(key=lambda case: -sum(len(w["missed"]) + len(w["extra"]) for w in case["wrong"].values()))


def _duplicates(cases: Sequence[Row], report: Report, _folder: Path) -> None:
    """gold: the id, or a list of ids, of earlier rows of the same act; or "act": a name that its reports share."""
    from hub.enrich.earlier import candidates  # noqa: PLC0415
    from hub.jurisdiction.places import resolver  # loads the division table  # noqa: PLC0415

    truth = _earlier(cases)
    try:
        answers = candidates(cases, resolver().resolve)
    except ValueError as error:
        raise LabelError(str(error)) from None
    texts = {str(case["id"]): case["text"] for case in cases}
    n: Counter[str] = Counter()
    for case, answer in zip(cases, answers, strict=True):
        own = str(case["id"])
        wanted, got = truth[own], [str(one["id"]) for one in answer["candidates"]]
        n.update(pairs=len(wanted), proposed=len(got), right=len(wanted & set(got)))
        n.update(repeats=bool(wanted), first=bool(wanted & set(got[:1])), third=bool(wanted & set(got[:3])))
        for earlier in sorted(wanted - set(got)):
            report.confusion["same act", "not proposed"] += 1
            missed = {"id": own, "kind": "missed", "earlier": earlier, "score": 0.0}
            report.worst.append(missed | {"text": case["text"], "earlier_text": texts.get(earlier)})
        for one in answer["candidates"]:
            if str(one["id"]) not in wanted:
                report.confusion["another act", "proposed"] += 1
                report.worst.append(
                    {"id": own, "kind": "wrong", "earlier": str(one["id"]), "score": one["score"],
                     "reasons": one.get("reasons"), "text": case["text"], "earlier_text": texts.get(str(one["id"]))}
                )  # fmt: skip
    report.figures = {
        "recall": share(n["right"], n["pairs"]), "precision": share(n["right"], n["proposed"]),
        "top-1": share(n["first"], n["repeats"]), "top-3": share(n["third"], n["repeats"]),
    }  # fmt: skip
    head = ["rows", "repeats", "pairs", "proposed", "right"]
    report.tables.append((head, [[str(len(cases)), *(str(n[name]) for name in head[1:])]]))
    report.worst.sort(key=lambda case: -float(case["score"]))


def _earlier(cases: Sequence[Row]) -> dict[str, set[str]]:
    """Per row the ids of earlier rows of the same act."""
    acts: dict[str, list[str]] = {}
    found: dict[str, set[str]] = {}
    for case in cases:
        own, gold = str(case["id"]), case.get("gold")
        named = gold if isinstance(gold, list) else [gold] if gold not in (None, "") else []
        found[own] = {str(one) for one in named}
        if case.get("act"):
            same = acts.setdefault(str(case["act"]), [])
            found[own] |= set(same)
            same.append(own)
    return found


def _scan(cases: Sequence[Row], report: Report, folder: Path) -> None:
    """file: a scan; gold: its text (white space does not count); "fields": {name: value} beside it where known."""
    from hub.enrich import decoding, transcribe  # loads the models  # noqa: PLC0415

    def read(data: bytes, name: str) -> Any:
        pages, warnings = decoding.pages(data, name)
        return transcribe.reader().read(pages, warnings=warnings)

    _recognised(cases, report, folder, read, lambda text: "".join(text.split()))


def _speech(cases: Sequence[Row], report: Report, folder: Path) -> None:
    """file: a recording; gold: its words (punctuation does not count, 12336 and 一二三三六 are the same)."""
    from hub.enrich import decoding, transcribe  # loads the models  # noqa: PLC0415

    def plain(text: str) -> str:
        return "".join(sign for sign in text if sign.isalnum()).translate(_SPOKEN_DIGITS)

    _recognised(cases, report, folder, lambda d, n: transcribe.engine().transcribe(decoding.audio(d, n)), plain)


def _recognised(
    cases: Sequence[Row], report: Report, folder: Path, read: Callable[[bytes, str], Any], plain: Callable[[str], str]
) -> None:
    from hub.work.child import ChildDiedError, RefusedError  # noqa: PLC0415
    from transcription.contract import DecodeError  # noqa: PLC0415

    errors = characters = labels = right = 0
    rows = []
    for case in cases:
        gold = plain(str(case["gold"]))
        row: dict[str, Any] = {"file": case["file"], "gold": case["gold"]}
        fields: Mapping[str, str] = {}
        try:
            file = folder / str(case["file"])
            made = read(file.read_bytes(), file.name)
        except OSError as error:
            row |= {"got": "", "error": f"cannot be read: {error.strerror}"}
            distance = len(gold)
        except (ChildDiedError, RefusedError, DecodeError) as error:
            row |= {"got": "", "error": str(error)}
            distance = len(gold)
        else:
            text = "\n".join(s.text for s in made.segments if s.source != "stamp")
            fields, distance = made.fields, Levenshtein.distance(plain(text), gold)
            row |= {"got": text, "engine": made.engine}
        errors, characters = errors + distance, characters + len(gold)
        wanted = case.get("fields") if isinstance(case.get("fields"), dict) else {}
        labels += len(wanted or {})
        right += sum(fields.get(name) == value for name, value in (wanted or {}).items())
        row["cer"] = round(share(distance, len(gold)), 4)
        rows.append([str(case["file"]), str(len(gold)), percent(row["cer"])])
        if distance or any(fields.get(name) != value for name, value in (wanted or {}).items()):
            report.worst.append(row)
            report.confusion.update(_replaced(gold, plain(row["got"])))
    report.figures = {"CER": share(errors, characters)} | ({"fields": share(right, labels)} if labels else {})
    report.tables.append((["file", "characters", "CER"], rows))
    report.worst.sort(key=lambda case: -float(case["cer"]))


def _replaced(gold: str, got: str) -> Counter[tuple[str, str]]:
    """Which characters were read as which."""
    found: Counter[tuple[str, str]] = Counter()
    for step in Levenshtein.editops(gold, got):
        left = gold[step.src_pos] if step.tag != "insert" else "-"
        found[left, got[step.dest_pos] if step.tag != "delete" else "-"] += 1
    return found


KINDS: dict[str, Callable[[Sequence[Row], Report, Path], None]] = {
    "place": _place, "class": _class, "extract": _extract, "duplicates": _duplicates, "scan": _scan, "speech": _speech,
}  # fmt: skip
