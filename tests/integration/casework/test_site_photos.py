"""Photos of a site visit are evidence: no count of what came in, no kind and no objection takes them for a report."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select, update

from channels.contract import Blob
from hub import db
from hub.app import create_app
from hub.models import Clue, Intake, IntakeClue, KindObjection
from hub.supervision import listing, visits
from hub.supervision.following import followed
from hub.terms import SITE_PHOTOS, Role
from tests.integration.casework.conftest import Desk
from tests.integration.casework.test_objection import none_at_all, object_to


def photographed(desk: Desk, clue: int) -> None:
    """Two photos of a visit: one more intake of the clue."""
    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(picture, "PNG")
    photo = Blob("a.png", "image/png", picture.getvalue())
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        assert len(visits.keep_photos(session, desk.who(), row, [photo, photo])) == 2


@pytest.fixture
def clue(desk: Desk) -> int:
    """A clue of one report with photos."""
    made = desk.clue()
    photographed(desk, made)
    return made


def photos_of(clue: int) -> Intake:
    with db.reading() as session:
        found = session.scalars(
            select(Intake)
            .join(IntakeClue, IntakeClue.intake_id == Intake.id)
            .where(IntakeClue.clue_id == clue, Intake.source_id == SITE_PHOTOS)
        ).one()
        session.expunge_all()
    return found


def test_the_figures_of_what_came_in_leave_them_out(hub: Path, clue: int) -> None:
    del hub, clue
    said = create_app().test_client().get("/metrics").text
    counted = [line for line in said.splitlines() if line.startswith("hub_intakes{")]
    assert counted == ['hub_intakes{channel="phone",state="registered"} 1.0']


def test_a_list_names_the_kind_of_the_report(clue: int) -> None:
    with db.transaction() as session:
        session.execute(update(Intake).where(Intake.source_id != SITE_PHOTOS).values(kind="consultation"))
    with db.reading() as session:
        row = next(listing.rows(session))
    assert (row["kind"], len(row["originals"])) == ("consultation", 2), "the photos are originals all the same"


def test_nobody_says_of_them_what_kind_they_are(desk: Desk, clue: int) -> None:
    operator, photos = desk.who(role=Role.OPERATOR), photos_of(clue)
    with db.reading() as session:
        report = session.scalars(select(IntakeClue.intake_id).where(IntakeClue.intake_id != photos.id)).one()
        assert [row.id for row in followed(session, operator, [report, photos.id])] == [report]


def test_an_objection_is_about_the_report_alone(desk: Desk) -> None:
    clue = desk.clue()
    code = desk.code(clue)
    desk.go(timedelta(hours=1))
    intake = none_at_all(desk, clue)
    photographed(desk, clue)
    desk.go(timedelta(hours=1))
    assert object_to(desk.who(role=Role.OPERATOR), intake, proof="query_code", query_code=code) == [clue]
    with db.reading() as session:
        assert session.scalars(select(KindObjection.intake_id)).all() == [intake]
        assert session.get_one(Intake, intake).kind == "clue"
    assert photos_of(clue).kind == "other"
