"""Speed, memory and latency of the text worker's reading: place, class, extraction and all producers together.

    python bench/normalise.py [FILE…]
    python bench/normalise.py --clues 100000

--clues: so many generated clues (bench/clues.py, bank "test"), each read once; CPU and wall time of a clue, memory.

FILE: labelled texts as for `hub evaluate` (JSON lines with "text", or tab-separated with the text second); without one,
the texts of the tests. Rates are for one core, by CPU time; latency is wall time of one clue, so a busy machine shows.
"""

from __future__ import annotations

import json
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

TESTS = Path(__file__).parent.parent / "tests"
SECONDS = 4.0  # CPU a measure
CHUNK = 20_000  # clues made at a time: the bench holds no more of them
LONG = 200_000  # characters of the longest text a clue is read to


def texts(files: list[str]) -> list[str]:
    found = []
    data = TESTS / "enrich" / "data"
    given = [Path(name) for name in files] or [
        *sorted(data.glob("*.tsv")), *sorted(data.glob("extraction*.jsonl")),
        *sorted((TESTS / "jurisdiction" / "data").glob("places_*.tsv")),
    ]  # fmt: skip
    for file in given:
        lines = [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]
        found += [json.loads(line)["text"] if line.startswith("{") else line.split("\t")[1] for line in lines]
    return found


def measure(read: Callable[[str], object], samples: list[str]) -> tuple[float, float, float]:
    """(texts a second of CPU, median ms, p95 ms)."""
    times, count, begun = [], 0, time.process_time()
    while time.process_time() - begun < SECONDS:
        for text in samples:
            at = time.perf_counter()
            read(text)
            times.append((time.perf_counter() - at) * 1000)
        count += len(samples)
    spent = time.process_time() - begun
    times.sort()
    return count / spent, times[len(times) // 2], times[int(len(times) * 0.95)]


def made(count: int) -> Iterator[list[str]]:
    """The texts of `count` generated clues, in chunks."""
    sys.path.insert(0, str(Path(__file__).parent))
    import clues as generator

    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        yield [str(row["text"]) for row in generator.clues("test", size, 100 + start // CHUNK)]


def many(count: int) -> None:
    """Place, class and extraction of `count` clues: rate by CPU, latency of a clue, memory as they pass."""
    import psutil

    begun = time.process_time()
    from hub.enrich.classify import classify
    from hub.enrich.extract import extract
    from hub.jurisdiction.places import resolver

    resolver().resolve("五原县")
    classify("有人占地")
    extract("占地三亩")
    print(f"loaded in {time.process_time() - begun:.2f} s of CPU (target < 3)", flush=True)
    process, spent, done, characters = psutil.Process(), 0.0, 0, 0
    worked, waited = array("d"), array("d")
    print(f"{'clues':>10}{'a second':>10}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'wall p95':>10}{'PSS MB':>9}")
    for texts_made in made(count):
        for text in texts_made:
            at, wall = time.process_time(), time.perf_counter()
            resolver().resolve(text)
            classify(text)
            extract(text)
            worked.append(time.process_time() - at)
            waited.append(time.perf_counter() - wall)
        spent, done = spent + sum(worked[done:]), done + len(texts_made)
        characters += sum(map(len, texts_made))
        if done in (CHUNK, count) or done % (5 * CHUNK) == 0:
            row = [1000 * value for value in np.quantile(np.asarray(worked), (0.5, 0.95, 0.99))]
            late = 1000 * np.quantile(np.asarray(waited), 0.95)
            pss = process.memory_full_info().pss / 1e6
            print(
                f"{done:>10}{done / spent:>10.0f}{row[0]:>9.2f}{row[1]:>9.2f}{row[2]:>9.2f}{late:>10.2f}{pss:>9.0f}",
                flush=True,
            )
    print(
        f"{characters / max(1, done):.0f} characters on average; target ≥ 300 clues a second of one core, PSS < 400 MB"
    )


def main() -> None:
    if sys.argv[1:2] == ["--clues"]:
        many(int(sys.argv[2]))
        return
    samples = texts(sys.argv[1:])
    begun = time.process_time()
    from hub.enrich.produce import produce
    from hub.terms import Passage

    produce([Passage(samples[0])])
    loaded = time.process_time() - begun
    from hub.enrich.classify import classify
    from hub.enrich.extract import extract
    from hub.jurisdiction.places import resolver

    def three(text: str) -> None:
        resolver().resolve(text)
        classify(text)
        extract(text)

    mean = sum(map(len, samples)) / len(samples)
    print(f"{len(samples)} texts, {mean:.0f} characters on average; loaded in {loaded:.2f} s of CPU (target < 3)")
    print(f"{'what':32}{'a second':>10}{'p50 ms':>9}{'p95 ms':>9}")
    for name, read in (
        ("place (target ≥ 2000)", lambda text: resolver().resolve(text)),
        ("class", classify),
        ("extraction", extract),
        ("place+class+extract (≥ 300)", three),
        ("all producers of a clue", lambda text: produce([Passage(text)])),
    ):
        rate, middle, high = measure(read, samples)
        print(f"{name:32}{rate:>10.0f}{middle:>9.2f}{high:>9.2f}")
    for name, text in (
        ("prose", "".join(samples)),
        ("one character", "村"),
        ("digits", "1380013"),
        ("marks", "，。（"),
    ):
        begun = time.process_time()
        produce([Passage((text * (LONG // len(text) + 1))[:LONG])])
        print(f"{LONG} characters of {name}: {time.process_time() - begun:.2f} s of CPU")
    print(f"PSS of a text worker's process: {worker_memory():.0f} MB (target < 400)")


def worker_memory() -> float:
    """A fresh process with what the text worker loads, after one clue of every kind."""
    import subprocess

    program = (
        "import hub.worker, hub.enrich.run\n"
        "from hub.enrich.produce import produce\n"
        "from hub.terms import Passage\n"
        "import sys, psutil\n"
        "for line in sys.stdin: produce([Passage(line)])\n"
        "print(psutil.Process().memory_full_info().pss / 1e6)\n"
    )
    lines = "\n".join(text.replace("\n", " ") for text in texts(sys.argv[1:])[:300])
    done = subprocess.run([sys.executable, "-c", program], input=lines, capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parent.parent)  # fmt: skip
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
