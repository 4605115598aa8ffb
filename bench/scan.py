"""Character error rate and CPU seconds a page of scan reading, by kind of page.

    python bench/scan.py            (the sample pages of the tests, and turned and skewed forms of them)

Own texts drawn with free fonts: real letters score lower.
"""

from __future__ import annotations

import io
import json
import resource
import time
from pathlib import Path

from PIL import Image
from rapidfuzz.distance import Levenshtein

from transcription.scan.pages import render
from transcription.scan.recognise import Reader

DATA = Path(__file__).parent.parent / "tests" / "transcription" / "scan" / "data"


def squeezed(text: str) -> str:
    return "".join(text.split())


def turned(data: bytes, degrees: float) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    buffer = io.BytesIO()
    image.rotate(-degrees, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def cases() -> list[tuple[str, bytes, str]]:
    texts = json.loads((DATA / "texts.json").read_text(encoding="utf-8"))
    found = [(name, (DATA / name).read_bytes(), text) for name, text in texts.items() if text]
    for name in ("clean.png", "columns.png", "photo.jpg", "vertical.png", "stamp.jpg"):
        data = (DATA / name).read_bytes()
        found += [(f"{name} {degrees:+}°", turned(data, degrees), texts[name]) for degrees in (90, 180, 270)]
    for name in ("clean.png", "columns.png"):
        data = (DATA / name).read_bytes()
        found += [(f"{name} {degrees:+}°", turned(data, degrees), texts[name]) for degrees in (-5, -2, 3, 5)]
    return found


def main() -> None:
    started = time.process_time()
    reader = Reader()
    print(f"models loaded: {time.process_time() - started:.2f} CPU s   {reader.model}")
    print(f"{'page':<22}{'CER %':>8}{'confidence':>12}{'CPU s':>8}")
    spent = 0.0
    for name, data, text in cases():
        started = time.process_time()
        transcript = reader.read(render(data))
        cpu = time.process_time() - started
        spent += cpu
        lines = [line for line in transcript.segments if line.source != "stamp"]
        got, wanted = squeezed("".join(line.text for line in lines)), squeezed(text)
        rate = 100 * Levenshtein.distance(wanted, got) / len(wanted)
        mean = sum(line.confidence for line in lines) / max(1, len(lines))
        print(f"{name:<22}{rate:>8.2f}{mean:>12.4f}{cpu:>8.2f}")
    print(f"{spent / len(cases()):.2f} CPU s a page, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
