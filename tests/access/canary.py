"""People whose every word would be seen anywhere it stood, and how to look for them (test_canaries.py)."""

from __future__ import annotations

import base64
import io
import json
import random
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

import pypdfium2

SURNAMES = "欧阳 司马 上官 诸葛 尉迟 皇甫 澹台 公冶 宗政 濮阳 淳于 单于".split()  # noqa: SIM905  a list to read
GIVEN = "澄泓 昀翊 霁蔚 珩璟 煜祺 骁骞 翀鹭 弈铖 曦赟 瑾瑄 懋勋 鋆皓".split()  # noqa: SIM905


@dataclass(frozen=True)
class Canary:
    """A reporter. No two share a word, and nothing else in the suite has one of these."""

    name: str
    phone: str
    landline: str
    mail: str
    openid: str
    address: str
    id_number: str
    nickname: str

    @property
    def words(self) -> tuple[str, ...]:
        return (self.name, self.phone, self.landline, self.mail, self.openid, self.address, self.id_number,
                self.nickname)  # fmt: skip

    @property
    def facts(self) -> str:
        """What they write, with everything of themselves in it."""
        return (
            f"我叫{self.name}，电话{self.phone}，也可打{self.landline}，邮箱{self.mail}，家住{self.address}，"
            f"身份证{self.id_number}。湖南省益阳市桃江县武潭镇红旗村，鑫隆建材有限公司未经批准占用耕地八亩建厂房。{self.name}"
        )


def flock(rng: random.Random, size: int = 12) -> list[Canary]:
    """Different people, the same for the same seed."""
    names = [a + b for a, b in zip(rng.sample(SURNAMES, size), rng.sample(GIVEN, size), strict=True)]
    tails = rng.sample(range(10_000, 99_999), size)
    return [
        Canary(
            name, f"139{tail}{rng.randrange(100, 999)}", f"0737-8{tail}{rng.randrange(10, 99)}",
            f"canary.{tail}@example.org", f"oCanary{tail}aBcDeFgHiJkLmNoP", f"桃花江镇芙蓉路{tail}号附3室",
            f"430922{1950 + n}0{1 + n % 9}1{n % 10}{tail % 1000:03}{n % 10}", f"独钓寒江{tail}",
        )
        for n, (name, tail) in enumerate(zip(names, tails, strict=True))
    ]  # fmt: skip


def forms(word: str) -> Iterator[bytes]:
    """How a word could stand in a file or a dump: encodings, hexadecimal, base64 in each alignment, escapes."""
    for charset in ("utf-8", "gbk", "utf-16-le"):
        plain = word.encode(charset)
        yield plain
        yield plain.hex().encode()
        for shift in range(3):
            coded = base64.b64encode(b"\0" * shift + plain)
            yield coded[4 if shift else 0 : -4]
    yield json.dumps(word)[1:-1].encode()
    yield quote(word).encode()


class Net:
    """Looks for the words of these people: `in_bytes` in any form, `in_text` as a reader would meet them."""

    def __init__(self, people: Iterable[Canary]) -> None:
        self.people = list(people)
        words = [word for one in self.people for word in one.words]
        needles = {needle: word for word in words for needle in forms(word) if len(needle) >= 6}
        self._of = {needle.lower(): word for needle, word in needles.items()}
        self._shown = {
            form: word for word in words for form in {word, escape(word), json.dumps(word)[1:-1], quote(word)}
        }

    def in_bytes(self, data: bytes) -> set[str]:
        low = data.lower()
        return {word for needle, word in self._of.items() if needle in low}

    def in_text(self, text: str) -> set[str]:
        return {word for form, word in self._shown.items() if form in text}

    def in_files(self, root: Path, since: float = 0) -> dict[str, set[str]]:
        """Words by file below `root` that changed after `since`, read in overlapping stretches."""
        hits: dict[str, set[str]] = {}
        for path in (one for one in root.rglob("*") if one.is_file() and one.stat().st_mtime >= since):
            tail = b""
            with path.open("rb") as file:
                while block := file.read(8 << 20):
                    if words := self.in_bytes(tail + block.strip(b"\0")):
                        hits.setdefault(str(path.relative_to(root)), set()).update(words)
                    tail = block[-400:].lstrip(b"\0")
        return hits


def opened(data: bytes) -> str:
    """What a reader of the file meets: text of PDF pages with title and author, names and members of ZIP files (Office
    documents too), else the bytes as text. Pages that are pictures must not come: their words would not be looked at.
    """
    if data.startswith(b"%PDF"):
        pdf = pypdfium2.PdfDocument(data)
        try:
            texts = [*pdf.get_metadata_dict().values()]
            for page in pdf:
                assert not [*page.get_objects([pypdfium2.raw.FPDF_PAGEOBJ_IMAGE])], "a picture: read it before passing"
                texts.append(page.get_textpage().get_text_bounded())
            return "\n".join(texts).replace("\r\n", "")  # lines are broken anywhere
        finally:
            pdf.close()
    if data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "\n".join(f"{one}\n{opened(archive.read(one))}" for one in archive.namelist())
    return data.decode("utf-8", "replace")


TABLE = re.compile(rb"^COPY (\S+) .*? FROM stdin;$", re.MULTILINE)


def in_dump(net: Net, dump: bytes) -> dict[str, set[str]]:
    """Words by table of a plain dump, whatever the column."""
    begins = [*TABLE.finditer(dump)]
    found = {}
    for one, after in zip(begins, [*begins[1:], None], strict=True):
        rows = dump[one.end() : after.start() if after else len(dump)].partition(b"\n\\.\n")[0]
        if words := net.in_bytes(rows):
            found[one[1].decode()] = words
    return found
