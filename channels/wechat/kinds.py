"""What a medium of a WeChat message is: by its bytes, else by the role it was fetched for. Pure."""

from __future__ import annotations

from channels.contract import Blob, Part, PartKind
from channels.files import KINDS, clean, content_type, decode, ending

_ROLES = {PartKind.AUDIO: "voice", PartKind.SCAN: "image", PartKind.VIDEO: "video"}
_OF_ROLE = {role: kind for kind, role in _ROLES.items()}
# What WeChat sends but no mark in the bytes tells: raw Speex, GIF stickers.
_OF_ENDING = {".speex": PartKind.AUDIO, ".spx": PartKind.AUDIO, ".gif": PartKind.SCAN, ".txt": PartKind.TEXT}


def part_kind(blob: Blob, data: bytes) -> PartKind:
    """How `blob`, whose bytes are `data`, is read; FILE (kept, not read) where nothing is known."""
    found = content_type(data)
    if found:
        return KINDS.get(found, PartKind.FILE)
    if blob.role in _OF_ROLE:
        return _OF_ROLE[blob.role]
    return _OF_ENDING.get(ending(blob), PartKind.TEXT if blob.media_type == "text/plain" else PartKind.FILE)


def role_of(kind: PartKind) -> str:
    """The blob role of a medium of this kind."""
    return _ROLES.get(kind, "attachment")


def part_of(blob: Blob, index: int, warnings: list[str]) -> Part:
    """The part that shows `blob`; a text file is read."""
    data = blob.read()
    kind, title = part_kind(blob, data), clean(blob.name, 200)
    if kind is not PartKind.TEXT or b"\x00\x00\x00" in data[:4096]:
        return Part(PartKind.FILE if kind is PartKind.TEXT else kind, blob=index, title=title)
    text, whole = decode(data)
    if not whole:
        warnings.append(f"第 {index} 个文件有无法识别的字符")
    return Part(PartKind.TEXT, clean(text), index, title)
