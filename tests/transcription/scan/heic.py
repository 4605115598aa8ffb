"""Writes a HEIC picture for the samples: libx265 makes the frame, the boxes of ISO/IEC 23008-12 are put around it."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
from PIL import Image


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _units(stream: bytes) -> list[bytes]:
    """NAL units of an Annex B byte stream."""
    return [part.rstrip(b"\0") for part in stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if part]


def heic(image: Image.Image, quality: int = 34, turns: int = 0) -> bytes:
    """`image` as HEIC; `turns` quarter turns counter-clockwise are left to the reader (irot)."""
    coder = av.CodecContext.create("libx265", "w")
    coder.width, coder.height = image.width // 2 * 2, image.height // 2 * 2
    coder.pix_fmt = "yuv420p"
    coder.time_base = Fraction(1, 25)
    coder.options = {"crf": str(quality), "x265-params": "log-level=none:keyint=1:info=0"}
    picture = image.convert("RGB").crop((0, 0, coder.width, coder.height))
    frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24").reformat(format="yuv420p")
    frame.pts = 0
    stream = b"".join(bytes(packet) for packet in [*coder.encode(frame), *coder.encode(None)])
    units = _units(stream)
    sets = {kind: [u for u in units if u[0] >> 1 & 63 == kind] for kind in (32, 33, 34)}
    slices = b"".join(struct.pack(">I", len(u)) + u for u in units if u[0] >> 1 & 63 < 32)
    level = sets[33][0].replace(
        b"\0\0\3", b"\0\0"
    )  # profile_tier_level starts after two bytes of header and one of ids
    arrays = b"".join(bytes([0x80 | kind]) + struct.pack(">HH", 1, len(u[0])) + u[0] for kind, u in sets.items())
    config = bytes([1]) + level[3:15] + bytes.fromhex("f000fcfdf8f800000f03") + arrays
    turn = _box(b"irot", bytes([turns]))
    spread = _full(b"ispe", struct.pack(">II", coder.width, coder.height))
    properties = _box(
        b"iprp",
        _box(b"ipco", _box(b"hvcC", config), spread, turn),
        _full(b"ipma", struct.pack(">IHB", 1, 1, 3), bytes([0x81, 2, 0x83])),
    )
    head = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(place: int) -> bytes:
        return _full(
            b"meta",
            _full(b"hdlr", bytes(4), b"pict", bytes(13)),
            _full(b"pitm", struct.pack(">H", 1)),
            _full(b"iloc", struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, place, len(slices))),
            _full(b"iinf", struct.pack(">H", 1), _full(b"infe", struct.pack(">HH", 1, 0), b"hvc1\0", version=2)),
            properties,
        )

    place = len(head) + len(meta(0)) + 8
    return head + meta(place) + _box(b"mdat", slices)
