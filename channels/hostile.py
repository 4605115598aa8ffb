"""Rubbish that could reach any channel, the same every time: for the contract checks in `channels.testing`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channels.contract import Blob, Channel, RawIntake

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def noise(length: int, seed: int = 12336) -> bytes:
    """The same `length` random bytes every time."""
    return random.Random(seed).randbytes(length)  # noqa: S311  not a secret: repeatable rubbish


HOSTILE_BYTES: tuple[bytes, ...] = (
    b"",
    b"\x00",
    b"\xff\xfe\x00\xd8",
    b"{",
    b"[]",
    b"7",
    b"null",
    b'"\\ud800"',
    b'{"facts": "\\ud800 \\u0000"}',
    b'{"facts": ["a"], "place": {"b": 1}, "respondent": null, "received": 1e400}',
    b'{"facts": ' + b"9" * 5_000 + b"}",
    b"[" * 60_000,
    b"%PDF-1.7\n",
    b"PK\x03\x04" + noise(200),
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><xml>&b;</xml>",
    b"From: a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x",
    noise(4_096),
)


def hostile_raws(channel: Channel) -> list[RawIntake]:
    """Rubbish that could reach any channel: empty, random, wrong JSON, no blob, wrong role, swollen meta."""
    roles = ("original", "form", "recording", "sidecar", "page", "voice")
    huge = {"form": "x" * 100_000, "name": "\u202e" * 1_000, "deep": [[[[[]]]]]} | {f"k{n}": n for n in range(5_000)}
    made: list[tuple[tuple[Blob, ...], Mapping[str, Any]]] = [((), {}), ((), huge)]
    for role in roles:
        for body in HOSTILE_BYTES:
            made.append(((Blob("../\x00a\u202e.json", "application/json", body, role),), {}))  # noqa: PERF401
    made.append(((Blob("a", "x" * 10_000, noise(10), "no-such-role"),), huge))
    made += [((Blob(f"{spec.id}.json", "application/json", body, "form"),), {"form": spec.id})
             for spec in channel.forms for body in HOSTILE_BYTES]  # fmt: skip
    return [
        RawIntake(channel.code, f"test:{channel.code}", f"hostile-{index}", AT, blobs, meta)
        for index, (blobs, meta) in enumerate(made)
    ]
