"""Speed, memory and latency of the text worker's reading: place, class, extraction and all producers together.

    python bench/normalise.py [FILE…]

FILE: labelled texts as for `hub evaluate` (JSON lines with "text", or tab-separated with the text second); without one,
the texts of the tests. Rates are for one core, by CPU time; latency is wall time of one clue, so a busy machine shows.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

TESTS = Path(__file__).parent.parent / "tests"
SECONDS = 4.0  # CPU a measure
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


def main() -> None:
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
