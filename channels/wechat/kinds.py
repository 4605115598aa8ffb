"""What a medium is, by its first bytes, then by what the sender said. Pure."""

from __future__ import annotations

from channels.contract import Blob, PartKind

_MAGIC: tuple[tuple[bytes, PartKind], ...] = (
    (b"#!AMR", PartKind.AUDIO),
    (b"#!SILK", PartKind.AUDIO),
    (b"\x02#!SILK", PartKind.AUDIO),  # WeChat puts a byte before the header
    (b"ID3", PartKind.AUDIO),
    (b"OggS", PartKind.AUDIO),
    (b"\xff\xd8\xff", PartKind.SCAN),
    (b"\x89PNG\r\n", PartKind.SCAN),
    (b"GIF8", PartKind.SCAN),
    (b"%PDF-", PartKind.SCAN),
    (b"II*\x00", PartKind.SCAN),
    (b"MM\x00*", PartKind.SCAN),
)
_TYPES = {
    "audio": PartKind.AUDIO,
    "image": PartKind.SCAN,
    "video": PartKind.VIDEO,
    "text": PartKind.TEXT,
}
_SUFFIXES = {
    "amr": PartKind.AUDIO,
    "silk": PartKind.AUDIO,
    "slk": PartKind.AUDIO,
    "spx": PartKind.AUDIO,
    "speex": PartKind.AUDIO,
    "mp3": PartKind.AUDIO,
    "wav": PartKind.AUDIO,
    "m4a": PartKind.AUDIO,
    "jpg": PartKind.SCAN,
    "jpeg": PartKind.SCAN,
    "png": PartKind.SCAN,
    "heic": PartKind.SCAN,
    "webp": PartKind.SCAN,
    "pdf": PartKind.SCAN,
    "tif": PartKind.SCAN,
    "tiff": PartKind.SCAN,
    "mp4": PartKind.VIDEO,
    "mov": PartKind.VIDEO,
    "txt": PartKind.TEXT,
}
_ROLES = {PartKind.AUDIO: "voice", PartKind.SCAN: "image", PartKind.VIDEO: "video"}
_KINDS = {role: kind for kind, role in _ROLES.items()}


def part_kind(blob: Blob, head: bytes) -> PartKind:
    """The kind of part for a medium whose first bytes are `head`; FILE where nothing is known."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"WEBP"):
        return PartKind.AUDIO if head[8:12] == b"WAVE" else PartKind.SCAN
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand.startswith((b"hei", b"hev", b"mif1", b"msf1")):
            return PartKind.SCAN
        return PartKind.AUDIO if brand.startswith(b"M4A") else PartKind.VIDEO
    if blob.role in _KINDS:
        return _KINDS[blob.role]
    declared = blob.media_type.partition("/")[0].lower()
    if declared in _TYPES:
        return _TYPES[declared]
    return _SUFFIXES.get(blob.name.rpartition(".")[2].lower(), PartKind.FILE)


def role_of(kind: PartKind) -> str:
    """The blob role of a medium of this kind."""
    return _ROLES.get(kind, "attachment")
