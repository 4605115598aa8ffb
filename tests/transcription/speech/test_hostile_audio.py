"""Foreign bytes: only DecodeError comes out, in bounded time and memory; what is left of a file is given."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import time

import numpy as np
import pytest

from tests.transcription.speech.samples import encode, silk, tone, wav, wav_header
from transcription.contract import DecodeError
from transcription.speech.decode import decode

INCOMPLETE = "录音文件不完整，只处理了能读的部分"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"R",
        bytes(100_000),
        random.Random(1).randbytes(100_000),
        "这不是录音".encode() * 1000,
        b"<html>" * 1000,
        b"%PDF-1.7\n" + bytes(1000),
        wav_header(data_size=0),
        wav_header(data_size=0x7FFFFFF0),
        wav_header(data_size=32000, channels=0) + bytes(32000),
        wav_header(data_size=32000, rate=0) + bytes(32000),
        wav_header(data_size=32000, rate=1) + bytes(32000),
        wav_header(data_size=32000, rate=0xFFFFFFFF) + bytes(32000),
        wav_header(data_size=32000, bits=65535) + bytes(32000),
        b"\x02#!SILK_V3",
        b"#!SILK_V3" + struct.pack("<H", 900) + bytes(10),
        b"#!AMR\n",
        b"OggS",
        b"fLaC",
    ],
    ids=lambda data: data[:12].hex() + f"-{len(data)}",
)
def test_what_is_no_recording_is_refused_in_chinese(data):
    with pytest.raises(DecodeError) as caught:
        decode(data, "../../etc/passwd\x00.wav")
    assert caught.value.permanent
    assert "passwd" not in str(caught.value)
    assert any("\u4e00" <= sign <= "\u9fff" for sign in str(caught.value))


@pytest.mark.parametrize(
    "playlist",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:%d/x.ts\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile 'http://127.0.0.1:%d/x.wav'\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio %d RTP/AVP 0\n",
    ],
)
def test_play_lists_open_nothing(playlist):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        with pytest.raises(DecodeError):
            decode(playlist % server.getsockname()[1], "list.m3u8")
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("claimed", [0, 2000, 0x7FFFFFF0, 0xFFFFFFFF])
def test_lying_sizes_cost_nothing_and_lose_nothing(claimed):
    pcm = decode(wav_header(data_size=claimed) + tone(2.0).tobytes())
    assert pcm.duration == 2.0


def test_a_chunk_after_the_sound_is_not_sound():
    pcm = decode(wav(tone(2.0)) + b"LIST" + struct.pack("<I", 9000) + bytes(9000))
    assert (pcm.duration, pcm.warnings) == (2.0, ())


@pytest.mark.parametrize("channels", [3, 6, 9, 255])
def test_at_most_two_of_the_declared_channels(channels):
    samples = np.repeat(tone(1.0)[:, None], channels, axis=1)
    pcm = decode(wav_header(data_size=samples.nbytes, channels=channels) + samples.tobytes())
    assert (pcm.duration, len(pcm.channels)) == (1.0, 1)


def test_a_lying_channel_count_still_ends():
    pcm = decode(wav_header(data_size=32000, channels=255) + bytes(32000))
    assert pcm.duration < 1


CUTTABLE = {
    "wav": lambda: wav(tone(5.0)),
    "flac": lambda: encode("flac", "flac", tone(5.0)),
    "mp3": lambda: encode("mp3", "libmp3lame", tone(5.0, rate=16000), rate=16000),
    "ogg": lambda: encode("ogg", "libopus", tone(5.0, rate=48000), rate=48000),
}


@pytest.mark.parametrize("kind", CUTTABLE)
def test_a_cut_file_gives_what_there_is_and_says_so(kind):
    data = CUTTABLE[kind]()
    pcm = decode(data[: int(len(data) * 0.7)])
    assert 2.0 < pcm.duration < 4.5
    assert INCOMPLETE in pcm.warnings


def test_a_cut_wechat_voice_gives_what_there_is_and_says_so():
    data = silk(tone(2.0, rate=16000), tencent=True)
    pcm = decode(data[:-5])
    assert pcm.duration == pytest.approx(1.98, abs=0.05)
    assert pcm.warnings == (INCOMPLETE,)


def test_an_mp4_without_its_index_is_refused():
    data = encode("ipod", "aac", tone(2.0, rate=16000), rate=16000)
    with pytest.raises(DecodeError):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize("kind", [*CUTTABLE, "m4a", "amr", "silk", "wma"])
def test_damaged_bytes_never_raise_anything_else(kind):
    made = {
        **CUTTABLE,
        "m4a": lambda: encode("ipod", "aac", tone(2.0, rate=16000), rate=16000),
        "amr": lambda: encode("amr", "libopencore_amrnb", tone(2.0), bit_rate=12200),
        "silk": lambda: silk(tone(2.0, rate=24000), tencent=True, rate=24000),
        "wma": lambda: encode("asf", "wmav2", tone(2.0, rate=44100), rate=44100, bit_rate=64000),
    }[kind]()
    for seed in range(25):
        dice = random.Random(seed)
        data = bytearray(made)
        for _ in range(dice.choice([1, 10, len(data) // 100 + 1])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with contextlib.suppress(DecodeError):
            assert decode(bytes(data)).duration < 60


def test_24_hours_of_silence_in_4_megabytes_stop_at_the_limit():
    """AMR no-data frames: one byte for 20 ms."""
    pcm = decode(b"#!AMR\n" + b"\x7c" * (24 * 3600 * 50), max_seconds=300)
    assert pcm.duration == 300
    assert pcm.warnings == ("录音超过时长上限，只处理了前 5 分钟",)
    assert len(pcm.channels[0]) == 300 * 32000


def test_two_channels_share_the_limit():
    pcm = decode(wav(np.stack([tone(4, 440), tone(4, 880)])), max_seconds=4)
    assert (pcm.duration, len(pcm.channels)) == (2.0, 2)
    assert pcm.warnings


def test_working_time_is_bounded():
    before = time.process_time()  # a busy machine is no failure
    pcm = decode(b"#!AMR\n" + b"\x7c" * (24 * 3600 * 50), max_work_seconds=0.2)
    assert time.process_time() - before < 5
    assert "解码超时，只处理了前面的部分" in pcm.warnings


def test_a_file_over_the_limit_is_refused():
    with pytest.raises(DecodeError, match="1 MB"):
        decode(wav(tone(100)), max_bytes=1_000_000)


def test_running_out_of_memory_is_an_answer(monkeypatch):
    def full(*_args):
        raise MemoryError

    monkeypatch.setattr("transcription.speech.decode._decode_av", full)
    with pytest.raises(DecodeError, match="内存"):
        decode(wav(tone(1)))
