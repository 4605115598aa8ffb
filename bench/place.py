"""Accuracy and speed of the place resolver: python bench/place.py FILE…

FILE: tab-separated lines `tag text gold`; gold is "省/市/县", empty for no place, "?…" where the text leaves it open.
Figures hold for the texts in the file, which are written, not real: real input scores lower.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))


def main() -> None:
    started = time.process_time()
    from hub.jurisdiction.places import resolver

    find = resolver().resolve
    loaded = time.process_time() - started
    lines = [
        [*line.split("\t"), ""][:3]
        for path in sys.argv[1:]
        for line in Path(path).read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    tally: dict[str, Counter[str]] = {}
    for tag, text, gold in lines:
        result = find(text)
        name = result.name or ""
        if gold.startswith("?"):
            kind = "right" if result.ambiguous else "wrong"
        elif name == gold and not result.ambiguous:
            kind = "right"
        else:
            kind = "needless" if result.ambiguous else "wrong"
        tally.setdefault(tag, Counter())[kind] += 1
        if kind != "right":
            print(f"{kind:9}{tag:9}{text}  gold {gold or '-'}  got {name or '-'}  {result.reason}")
            print(" " * 18 + " ".join(f"{c.name} {c.score}" for c in result.candidates[:4]))
    print(f"{'tag':10}{'texts':>6}{'right':>7}{'flagged':>9}{'wrong':>7}")
    total: Counter[str] = Counter()
    for tag, counts in tally.items():
        total += counts
        print(f"{tag:10}{counts.total():6}{counts['right']:7}{counts['needless']:9}{counts['wrong']:7}")
    share = {k: 100 * total[k] / max(1, total.total()) for k in ("right", "needless", "wrong")}
    print(f"{'all':10}{total.total():6}{share['right']:6.1f}%{share['needless']:8.1f}%{share['wrong']:6.1f}%")
    started = time.process_time()
    rounds = max(1, 3000 // max(1, len(lines)))
    for _ in range(rounds):
        for _, text, _ in lines:
            find(text)
    spent = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{rounds * len(lines) / spent:.0f} texts/s of CPU, load {loaded:.2f} s, peak {peak} MB")


if __name__ == "__main__":
    main()
