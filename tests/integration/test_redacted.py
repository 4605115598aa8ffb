"""Redacted copies (J3): beeped at the words that name the reporter, pages blacked, served to those who see masked."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from channels import contract
from hub import casework, db, intake
from hub.access import sealing
from hub.app import create_app
from hub.enrich import transcribe
from hub.models import Blob, Clue, Event, Intake, IntakeClue, Part, Work
from hub.supervision import redacting
from hub.terms import Role
from hub.worker import drain
from tests.integration.casework import conftest
from tests.integration.casework.conftest import CITY, SIBLING, Desk
from tests.integration.test_grants import Page
from transcription import registry
from transcription.contract import Segment, Transcript, Word

desk = conftest.desk
NAME = "欧阳震南"
RATE = 16_000


def hiss(seconds: float) -> bytes:
    """A recording of even noise."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(RATE)
        noise = np.random.default_rng(1).integers(-8000, 8000, int(seconds * RATE))
        file.writeframes(noise.astype("<i2").tobytes())
    return out.getvalue()


def grey() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 400), (90, 140, 90)).save(out, "JPEG")
    return out.getvalue()


CALL = (
    Segment("我叫欧阳震南", 0.9, 0, 1.0, 3.0, words=(Word(1.0, 1.4, "我叫", 0.9), Word(1.5, 2.5, "欧阳震南", 0.9))),
    Segment("红旗村有人挖砂", 0.9, 1, 4.0, 6.0, words=(Word(4.0, 6.0, "红旗村有人挖砂", 0.9),)),
    Segment("欧阳震南说的", 0.9, 2, 7.0, 8.0),
)
LETTER = (
    Segment("红旗村有人挖砂", 0.99, 0, page=0, box=(0.1, 0.1, 0.9, 0.2)),
    Segment("举报人欧阳震南", 0.99, 1, page=0, box=(0.1, 0.5, 0.9, 0.6)),
    Segment("看不清的字", 0.6, 2, page=0, box=(0.1, 0.8, 0.9, 0.9)),
)


def delivered(desk: Desk, kind: str) -> tuple[int, int]:
    """(clue, part) with a recording or a scan and what was read of it."""
    number = desk.clue(reporter={"name": NAME})
    with db.transaction() as session:
        row = session.scalars(
            select(Intake).join(IntakeClue, IntakeClue.intake_id == Intake.id).where(IntakeClue.clue_id == number)
        ).one()
        key = sealing.open_key(session, row.key_id)
        file = contract.Blob("a.wav", "audio/wav", hiss(9)) if kind == "audio" else contract.Blob("a", "", grey())
        blob = intake.add_blob(session, row.id, key, 0, file, "raw")
        part = Part(intake_id=row.id, clue_id=number, ord=0, kind=kind, title=key.seal("", "part.title"),
                    text=key.seal("", "part.text"), data=key.seal_json({}, "part.data"), blob_id=blob.id)  # fmt: skip
        session.add(part)
        session.flush()
        made = Transcript("speech", "test", "m", CALL, duration=9.0, channels=1) if kind == "audio" else Transcript(
            "scan", "test", "m", LETTER
        )  # fmt: skip
        if kind == "scan":
            transcribe.add_rendition(session, part.id, f"page:{part.id}", "image/jpeg", [grey()], numbered=True)
        transcribe.store(session, part.id, made)
        session.execute(update(Clue).where(Clue.id == number).values(enriched=True))
        return number, part.id


def copy_of(part: int) -> tuple[int, bytes]:
    """(id, bytes) of the only copy."""
    with db.reading() as session:
        rows = session.scalars(select(Blob).where(Blob.role.startswith(f"redacted:{part}:"))).all()
        assert len(rows) == 1
        return rows[0].id, b"".join(intake.read_blob(session, rows[0]))


def ask(desk: Desk, clue: int, part: int) -> None:
    with db.transaction() as session:
        assert redacting.ask(
            session, desk.who(role=Role.LEAD), session.get_one(Clue, clue), session.get_one(Part, part)
        )


def tone(sound: np.ndarray, start: float, end: float) -> float:
    """The share of 1 kHz in a stretch."""
    power = np.abs(np.fft.rfft(sound[int(start * RATE) : int(end * RATE)].astype(float))) ** 2
    near = np.fft.rfftfreq(int(end * RATE) - int(start * RATE), 1 / RATE)
    return float(power[abs(near - 1000) < 40].sum() / power.sum())


def test_words_that_name_the_reporter_are_beeped(desk: Desk) -> None:
    clue, part = delivered(desk, "audio")
    ask(desk, clue, part)
    assert drain("speech") == 1
    _, data = copy_of(part)
    sound = np.frombuffer(registry.decode_audio(data, "a.ogg").channels[0], dtype="<i2")
    assert tone(sound, 1.6, 2.4) > 0.9, "the name"
    assert tone(sound, 7.1, 7.9) > 0.9, "a turn without word times goes whole"
    assert tone(sound, 1.05, 1.3) < 0.5
    assert tone(sound, 4.2, 5.8) < 0.5


def test_lines_that_name_the_reporter_are_black_and_what_nobody_read_is_left_out(desk: Desk) -> None:
    clue, part = delivered(desk, "scan")
    ask(desk, clue, part)
    assert drain("scan") == 1
    _, data = copy_of(part)
    with Image.open(io.BytesIO(data)) as page:
        shown, black, doubtful, unread = (page.convert("RGB").getpixel((200, y)) for y in (60, 220, 340, 280))
    assert abs(shown[1] - 140) < 12
    assert max(black) < 12
    assert min(doubtful) > 220
    assert min(unread) > 220


def test_who_sees_masked_asks_and_takes_the_copy_but_never_the_original(desk: Desk) -> None:
    clue, part = delivered(desk, "scan")
    app, no = create_app(), desk.read(clue).no
    lead, above = Page(app, desk.who(role=Role.LEAD)), Page(app, desk.who(CITY, Role.SUPERVISOR))
    assert "制作遮盖副本" in above.client.get(f"/clues/{no}").text
    for _ in range(2):
        assert above.post(f"/clues/{no}/parts/{part}/copy").status_code == 303
    with db.reading() as session:
        assert len(session.scalars(select(Work).where(Work.handler == "black")).all()) == 1
    assert "制作中" in above.client.get(f"/clues/{no}").text
    drain("scan")
    number, data = copy_of(part)
    for person in (lead, above):
        assert f"/copies/{number}" in person.client.get(f"/clues/{no}").text
        assert person.client.get(f"/clues/{no}/copies/{number}").data == data
        assert person.client.get(f"/clues/{no}/copies/{2**63}").status_code == 404
    with db.reading() as session:
        others = session.scalars(select(Blob.id).where(Blob.id != number)).all()
        acts = session.scalars(select(Event.act).where(Event.object == f"clue:{clue}")).all()
    assert {"copy_asked", "read_redacted"} <= set(acts)
    for other in others:
        assert lead.client.get(f"/clues/{no}/blobs/{other}").status_code == 404
        assert lead.client.get(f"/clues/{no}/copies/{other}").status_code == 404
    stranger = Page(app, desk.who(SIBLING, Role.LEAD)).client
    assert stranger.get(f"/clues/{no}/copies/{number}").status_code == 404


@pytest.mark.parametrize("kind", ["audio", "scan"])
def test_a_copy_of_before_more_was_known_is_no_longer_served(desk: Desk, kind: str) -> None:
    clue, part = delivered(desk, kind)
    queue = {"audio": "speech", "scan": "scan"}[kind]
    ask(desk, clue, part)
    drain(queue)
    old, _ = copy_of(part)
    lead = Page(create_app(), desk.who(role=Role.LEAD)).client
    path = f"/clues/{desk.read(clue).no}/copies"
    assert lead.get(f"{path}/{old}").status_code == 200
    with db.transaction() as session:  # the reporter's second name comes to be known
        row = session.get_one(Clue, clue)
        intake_id = session.get_one(Part, part).intake_id
        casework.add_reporter(session, row, intake_id, {"name": "红旗村"})
    assert lead.get(f"{path}/{old}").status_code == 404
    ask(desk, clue, part)
    drain(queue)
    new, _ = copy_of(part)
    assert new != old
    assert lead.get(f"{path}/{new}").status_code == 200


def test_nothing_is_copied_before_the_names_are_found(desk: Desk) -> None:
    clue, part = delivered(desk, "scan")
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        row.enriched = False
        assert not redacting.ask(session, desk.who(role=Role.LEAD), row, session.get_one(Part, part))
