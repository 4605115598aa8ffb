"""Known models come in once, whole, by their pinned sha256, or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from transcription import models
from transcription.contract import EngineUnavailableError
from transcription.models import KnownModel, ModelFetchError, ModelFile

NAME = "vosk-model-small-cn-0.22"


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as box:
        for name, content in members.items():
            box.writestr(name, content)
    return out.getvalue()


GOOD = zipped({f"{NAME}/am/final.mdl": os.urandom(300_000), f"{NAME}/conf/mfcc.conf": b"--num-ceps=40\n"})


class Shop(BaseHTTPRequestHandler):
    """Serves `server.goods`; breaks off after `server.breaks_at` bytes once; knows ranges."""

    def do_GET(self):
        data = self.server.goods.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.server.ranges.append(start)
        if start >= len(data) and start:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        rest = data[start:]
        if self.server.breaks_at:
            rest, self.server.breaks_at = rest[: self.server.breaks_at], 0
        self.wfile.write(rest)

    def log_message(self, *_args):
        pass


@pytest.fixture
def shop():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.goods, server.ranges, server.breaks_at = {"/model.zip": GOOD}, [], 0
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def pin(monkeypatch, data: bytes, name: str = NAME) -> None:
    file = ModelFile(f"{name}.zip", hashlib.sha256(data).hexdigest(), 0, "https://example.invalid/model.zip")
    monkeypatch.setitem(models.KNOWN, name, KnownModel(name, "vosk", "试", "Apache-2.0", (file,), archive=True))


def test_fetch_unpacks_verifies_and_is_done_once(tmp_path, shop, monkeypatch):
    pin(monkeypatch, GOOD)
    seen = []
    folder = models.fetch(
        NAME, tmp_path, shop.url + "/model.zip", progress=lambda so_far, total: seen.append((so_far, total))
    )
    assert (folder / "conf" / "mfcc.conf").read_bytes() == b"--num-ceps=40\n"
    assert seen[-1] == (len(GOOD), len(GOOD))
    assert models.verify(NAME, tmp_path)
    assert models.fetch(NAME, tmp_path, "http://127.0.0.1:1/none") == folder
    assert shop.ranges == [0]
    assert {row.name: row.state for row in models.catalogue(tmp_path)}[NAME] == "verified"
    assert not list((tmp_path / "downloads").iterdir())


def test_fetch_resumes_where_it_broke_off(tmp_path, shop, monkeypatch):
    pin(monkeypatch, GOOD)
    shop.breaks_at = 100_000
    with pytest.raises(ModelFetchError, match="继续"):
        models.fetch(NAME, tmp_path, shop.url + "/model.zip")
    assert models.located(NAME, tmp_path) is None
    models.fetch(NAME, tmp_path, shop.url + "/model.zip")
    assert shop.ranges == [0, 100_000]
    assert models.verify(NAME, tmp_path)


def test_a_whole_download_left_behind_is_used(tmp_path, shop, monkeypatch):
    pin(monkeypatch, GOOD)
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / f"{hashlib.sha256(GOOD).hexdigest()}.part").write_bytes(GOOD)
    models.fetch(NAME, tmp_path, shop.url + "/model.zip")
    assert models.verify(NAME, tmp_path)


def test_other_bytes_than_pinned_are_thrown_away(tmp_path, shop, monkeypatch):
    pin(monkeypatch, b"what the publisher signed")
    with pytest.raises(ModelFetchError, match="sha256"):
        models.fetch(NAME, tmp_path, shop.url + "/model.zip")
    assert models.located(NAME, tmp_path) is None
    assert not list((tmp_path / "downloads").iterdir())
    assert not list((tmp_path / "models").iterdir())


def test_more_bytes_than_pinned_are_not_stored(tmp_path, shop, monkeypatch):
    file = ModelFile("model.bin", "0" * 64, 1000, "https://example.invalid/")
    monkeypatch.setitem(models.KNOWN, "tiny", KnownModel("tiny", "whisper", "试", "MIT", (file,)))
    shop.goods["/w/model.bin"] = bytes(5_000_000)
    with pytest.raises(ModelFetchError, match="超过"):
        models.fetch("tiny", tmp_path, shop.url + "/w")
    assert not list((tmp_path / "downloads").iterdir())


def test_a_model_of_several_files_comes_from_a_folder(tmp_path, shop, monkeypatch):
    goods = {"model.bin": b"weights" * 100, "config.json": b"{}"}
    files = tuple(
        ModelFile(name, hashlib.sha256(data).hexdigest(), len(data), "https://example.invalid/")
        for name, data in goods.items()
    )
    monkeypatch.setitem(models.KNOWN, "tiny", KnownModel("tiny", "whisper", "试", "MIT", files))
    shop.goods.update({f"/w/{name}": data for name, data in goods.items()})
    folder = models.fetch("tiny", tmp_path, shop.url + "/w/")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == goods


@pytest.mark.parametrize("member", ["../evil", f"{NAME}/../../evil", "/evil"])
def test_an_archive_never_writes_elsewhere(tmp_path, shop, monkeypatch, member):
    data = zipped({f"{NAME}/a": b"x", member: b"x"})
    shop.goods["/model.zip"] = data
    pin(monkeypatch, data)
    with pytest.raises(ModelFetchError, match="越界"):
        models.fetch(NAME, tmp_path / "cache", shop.url + "/model.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert models.located(NAME, tmp_path / "cache") is None


@pytest.mark.parametrize("data", [b"no zip at all", zipped({"other/a": b"x"})])
def test_an_archive_without_the_model_is_no_model(tmp_path, shop, monkeypatch, data):
    shop.goods["/model.zip"] = data
    pin(monkeypatch, data)
    with pytest.raises(ModelFetchError):
        models.fetch(NAME, tmp_path, shop.url + "/model.zip")
    assert models.located(NAME, tmp_path) is None


@pytest.mark.parametrize("url", ["http://example.com/m.zip", "ftp://127.0.0.1/m.zip", "file:///etc/passwd"])
def test_models_come_over_https_only(tmp_path, url):
    with pytest.raises(ModelFetchError, match="https"):
        models.fetch(NAME, tmp_path, url)


def test_a_changed_file_is_noticed(tmp_path, shop, monkeypatch):
    pin(monkeypatch, GOOD)
    folder = models.fetch(NAME, tmp_path, shop.url + "/model.zip")
    target = folder / "am" / "final.mdl"
    facts = target.stat()
    content = bytearray(target.read_bytes())
    content[1000] ^= 1
    target.write_bytes(content)
    os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert models.located(NAME, tmp_path) == folder  # size and time alone do not tell
    assert not models.verify(NAME, tmp_path)
    target.unlink()
    assert models.located(NAME, tmp_path) is None
    assert {row.name: row.state for row in models.catalogue(tmp_path)}[NAME] == "damaged"


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(ModelFetchError, match="whisper-base"):
        models.fetch("../../etc", tmp_path)
    with pytest.raises(ModelFetchError):
        models.verify("../../etc", tmp_path)


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """A small stand-in for the weights that travel in two packages."""
    first, second = os.urandom(100_000), os.urandom(100_000)
    for name, data in (("a", first), ("b", second)):
        (tmp_path / name).write_bytes(data)
    file = ModelFile(
        "model.bin",
        hashlib.sha256(first + second).hexdigest(),
        200_000,
        "https://example.invalid/",
        (("p", "a"), ("p", "b")),
    )
    monkeypatch.setitem(models.KNOWN, models.WHISPER, KnownModel(models.WHISPER, "whisper", "试", "MIT", (file,)))
    monkeypatch.setattr(models, "_part", lambda _package, path: tmp_path / path)
    return tmp_path


def test_assemble_joins_the_parts_once(parts, monkeypatch):
    joined = []
    real = models._join
    monkeypatch.setattr(models, "_join", lambda file, target: (joined.append(file.name), real(file, target)))
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: models.assemble(parts / "cache"), range(4)))
    (folder,) = folders
    assert (folder / "model.bin").read_bytes() == (parts / "a").read_bytes() + (parts / "b").read_bytes()
    assert joined == ["model.bin"]
    assert models.verify(models.WHISPER, parts / "cache")


def test_a_damaged_part_makes_no_model(parts):
    (parts / "b").write_bytes(os.urandom(100_000))
    with pytest.raises(EngineUnavailableError, match="sha256"):
        models.assemble(parts / "cache")
    assert not list((parts / "cache" / "models").iterdir())


def test_a_killed_run_leaves_no_half_model(parts):
    half = parts / "cache" / "models" / models.WHISPER
    half.mkdir(parents=True)
    (half / "model.bin").write_bytes(b"half")
    folder = models.assemble(parts / "cache")
    assert (folder / "model.bin").stat().st_size == 200_000


def test_a_restored_cache_is_accepted_after_reading_it(parts, monkeypatch):
    folder = models.assemble(parts / "cache")
    os.utime(folder / "model.bin")
    monkeypatch.setattr(models, "_join", None)
    assert models.located(models.WHISPER, parts / "cache") is None
    assert models.assemble(parts / "cache") == folder
    assert models.located(models.WHISPER, parts / "cache") == folder


def test_nothing_to_assemble_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "_part", lambda _package, _path: None)
    with pytest.raises(EngineUnavailableError, match=r"hub12336\[demo\]"):
        models.assemble(tmp_path)


def test_the_pins_are_those_of_the_architecture():
    assert models.KNOWN[NAME].files[0].sha256 == "3af8b0e7e0f835ae9d414ce5df580237a3cfb08d586c9fbbb0f7ff29ad5b14ba"
    weights = models.KNOWN[models.WHISPER].files[0]
    assert weights.sha256 == "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
    assert all(file.url.startswith("https://") for model in models.KNOWN.values() for file in model.files)
