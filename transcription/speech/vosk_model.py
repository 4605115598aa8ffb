"""A Vosk model directory: checked, hashed, and overlaid so that the same recording always gives the same text.

Kaldi adds random noise (dither) to its features unless told otherwise; the published models leave it on. Model
directories are shared and often read-only, so the changed `conf/mfcc.conf` lives in an overlay of symbolic links.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from transcription.contract import EngineUnavailableError

ADVICE = (
    "请下载 vosk-model-small-cn-0.22（42 MB，运行 hub models fetch vosk-model-small-cn-0.22），"
    "解开后把 HUB_VOSK_MODEL 设为含有 am、conf、graph 的文件夹"
)
_NEEDED = ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf")
_GRAPHS = (("graph/HCLG.fst", "graph/words.txt"), ("graph/HCLr.fst", "graph/Gr.fst", "graph/disambig_tid.int"))
_IVECTOR = (
    "ivector/final.dubm",
    "ivector/final.ie",
    "ivector/final.mat",
    "ivector/global_cmvn.stats",
    "ivector/online_cmvn.conf",
    "ivector/splice.conf",
)


def missing(folder: Path) -> list[str]:
    """Files of the layout (Vosk "version 2": am, conf, graph, ivector) that are not there or empty."""
    lacking = [name for name in _NEEDED if not _filled(folder / name)]
    graphs = sorted(([name for name in graph if not _filled(folder / name)] for graph in _GRAPHS), key=len)
    lacking += graphs[0]  # the kind of graph it comes nearest to
    if (folder / "ivector").exists():
        lacking += [name for name in _IVECTOR if not _filled(folder / name)]
    return lacking


def check(folder: Path) -> None:
    """Raise EngineUnavailableError naming what is missing. Kaldi itself would end the process."""
    if not folder.is_dir():
        raise EngineUnavailableError(f"Vosk 模型文件夹不存在：{folder}。{ADVICE}")
    lacking = missing(folder)
    if not lacking:
        return
    inner = [child for child in sorted(folder.iterdir()) if child.is_dir() and not missing(child)]
    if inner:
        raise EngineUnavailableError(f"Vosk 模型在下一层文件夹里，请把 HUB_VOSK_MODEL 设为 {inner[0]}")
    raise EngineUnavailableError(f"Vosk 模型 {folder} 缺少 {'、'.join(lacking)}。{ADVICE}")


def overlay(folder: Path, cache: Path) -> tuple[Path, str]:
    """Folder to load and short sha256 of the model's files. Made once for each state of the model folder."""
    check(folder)
    folder = folder.resolve()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = hashlib.sha256(str(folder).encode())
    for path in files:
        facts = path.stat()
        listing.update(f"{path.relative_to(folder)}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    home = cache / "vosk"
    made = home / f"{folder.name}-{listing.hexdigest()[:12]}"
    if not (made / "sha256").is_file():
        home.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
        try:
            _link(folder, draft, _weights_digest(folder, files))
            draft.rename(made)
        except OSError:  # another process was faster
            shutil.rmtree(draft, ignore_errors=True)
            if not (made / "sha256").is_file():
                raise
    return made, (made / "sha256").read_text(encoding="ascii")


def _link(folder: Path, draft: Path, digest: str) -> None:
    for child in folder.iterdir():
        if child.name not in ("conf", "sha256"):
            (draft / child.name).symlink_to(child)
    (draft / "conf").mkdir()
    for child in (folder / "conf").iterdir():
        if child.name != "mfcc.conf":
            (draft / "conf" / child.name).symlink_to(child)
    lines = (folder / "conf" / "mfcc.conf").read_text(encoding="utf-8", errors="replace").splitlines()
    kept = [line for line in lines if not line.strip().startswith("--dither")]
    (draft / "conf" / "mfcc.conf").write_text("\n".join([*kept, "--dither=0"]) + "\n", encoding="utf-8")
    (draft / "sha256").write_text(digest, encoding="ascii")
    os.chmod(draft, 0o755)  # noqa: PTH101, S103 - mkdtemp makes it private; workers of another uid read it


def _weights_digest(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            inner = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {inner}\n".encode())
    return digest.hexdigest()[:12]


def _filled(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
