"""Which files are recordings. Pure: names and first bytes only; decoding happens later, in the limited child."""

from __future__ import annotations

TYPES = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".amr": "audio/amr",
    ".awb": "audio/amr-wb",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".3gp": "audio/3gpp",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".spx": "audio/ogg",
    ".wma": "audio/x-ms-wma",
    ".silk": "audio/silk",
    ".slk": "audio/silk",
    ".flac": "audio/flac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".au": "audio/basic",
    ".caf": "audio/x-caf",
    ".webm": "audio/webm",
    ".gsm": "audio/gsm",
    ".vox": "audio/x-vox",
    ".ulaw": "audio/basic",
    ".alaw": "audio/x-alaw",
    ".sln": "audio/l16",
    ".pcm": "audio/l16",
}
"""Extension → media type of every recording the folder and the upload page take."""
HEADERLESS = frozenset({".gsm", ".vox", ".ulaw", ".alaw", ".sln", ".pcm"})
"""Formats without a signature (Asterisk writes them): only their name tells what they are."""
ACCEPT = ",".join(["audio/*", *TYPES, ".json", ".csv"])

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"#!AMR", "audio/amr"),
    (4, b"ftyp", "audio/mp4"),
    (0, b"OggS", "audio/ogg"),
    (0, bytes.fromhex("3026b2758e66cf11"), "audio/x-ms-wma"),
    (0, b"#!SILK", "audio/silk"),
    (1, b"#!SILK", "audio/silk"),  # WeChat puts one byte before it
    (0, b"fLaC", "audio/flac"),
    (0, b"caff", "audio/x-caf"),
    (0, b".snd", "audio/basic"),
    (8, b"AIFF", "audio/aiff"),
    (8, b"AIFC", "audio/aiff"),
    (0, bytes.fromhex("1a45dfa3"), "audio/webm"),
)
_OTHER = (
    b"%PDF",
    b"PK\x03\x04",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"<",
    b"{",
    b"MZ",
    b"\x7fELF",
    b"\xd0\xcf\x11\xe0",
)


def extension(name: str) -> str:
    """Lower-case extension of an untrusted name, with the dot; "" where there is none."""
    stem, dot, last = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    return f".{last.lower()}" if dot and stem else ""


def is_recording_name(name: str) -> bool:
    return extension(name) in TYPES


def media_type(name: str, head: bytes = b"") -> str:
    """Media type by signature, else by name; "" where neither says audio."""
    return sniff(head) or TYPES.get(extension(name), "")


def sniff(head: bytes) -> str:
    """Media type of the audio whose first bytes are `head`, or ""."""
    for offset, signature, kind in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return kind
    if len(head) >= 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:  # sync word of a frame
        version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
        if layer == 0 and version >= 2:
            return "audio/aac"  # ADTS
        if (
            layer in (1, 2) and version != 1 and head[2] >> 4 != 15
        ):  # III or II; layer I is nobody's, and FF FE is a BOM
            return "audio/mpeg"
    return ""


def is_audio(name: str, head: bytes) -> bool:
    """Whether a person may hand this in as a recording: by signature, or headerless by name and nothing else."""
    return bool(sniff(head)) or (extension(name) in HEADERLESS and not head.startswith(_OTHER))
