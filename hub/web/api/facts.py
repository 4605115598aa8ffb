"""A clue's page as data: the view of hub.supervision.case turned into the answer's model."""

from __future__ import annotations

from typing import Any

from flask import g, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access import hearing
from hub.access.people import Actor
from hub.law import workflow
from hub.models import Clue, FollowUp, Unit
from hub.supervision import case
from hub.supervision.queue import place_name
from hub.terms import STATE_LABELS, State
from hub.web.api import models

_CLOCK_KINDS = {label: kind for kind, label in workflow.CLOCKS.items()}


def clue_facts(session: Session, who: Actor, clue: Clue) -> models.ClueFacts:
    """Everything the page shows to `who`. Opening the original is an audited read, one a sign-in.

    A program with a key reads masked, whoever it acts for.
    """
    original = hearing.hears_original(session, who, clue) and g.get("program") is None
    if original:
        case.note_read_once(session, who, clue, g.sign_in)
    view = case.view(session, who, clue, original=original)
    told: dict[str, Any] = {
        name: getattr(clue, name)
        for name in ("no", "version", "channel", "sub_channel", "state", "at", "recorded_at", "report_mode", "division",
                     "class_confirmed", "missing", "urgent", "importance", "determination", "result", "close_reason")
    }  # fmt: skip
    return models.ClueFacts(
        **told,
        state_label=STATE_LABELS[State(clue.state)],
        unit=_unit(session, clue.owner_unit_id),
        received_unit=_unit(session, clue.received_unit_id),
        handler=view.handler,
        title=view.title,
        place=place_name(clue.division),
        place_confirmed=clue.division_confirmed,
        class_=clue.class_code,
        ground=clue.refused_ground,
        original=original,
        parts=[_part(clue, part) for part in view.parts],
        proposals=_each(models.Proposal, view.proposals),
        decided=_each(models.Decided, view.decided),
        clocks=[_clock(one) for one in view.clocks],
        notices=[_notice(one) for one in view.notices],
        wishes=[wish(one) for one in view.wishes],
        group=_group(view.group),
        linked=[_related(one) for one in view.linked],
        candidates=[_related(one) for one in view.candidates],
        verifications=[_run(one) for one in view.runs],
        follow_ups=_follow_ups(session, clue),
        history=[_event(one) for one in view.history],
    )


def _each(model: Any, rows: Any) -> list[Any]:
    return [model.model_validate(row) for row in rows]


def _unit(session: Session, unit_id: int) -> models.UnitName:
    return models.UnitName.model_validate(session.get_one(Unit, unit_id))


def _part(clue: Clue, part: Any) -> models.Part:
    original = None
    if part.blob is not None:
        original = models.Original(
            id=part.blob.id, media_type=part.blob.media_type, size=part.blob.size, sha256=part.blob.sha256,
            href=url_for("files.blob_file", no=clue.no, blob_id=part.blob.id),
        )  # fmt: skip
    return models.Part(
        id=part.id, kind=part.kind, title=part.title, text=part.text, at=part.at, lines=_each(models.Line, part.lines),
        original=original,
    )  # fmt: skip


def _clock(one: Any) -> models.ClockFacts:
    names = set(models.ClockFacts.model_fields) - {"kind", "steps", "held"}
    return models.ClockFacts(
        kind=_CLOCK_KINDS.get(one.label, one.label),
        steps=_each(models.Step, one.steps),
        held=[models.Held(unit=unit, days=days) for unit, days in one.held],
        **{name: getattr(one, name) for name in names},
    )


def _notice(one: Any) -> models.NoticeFacts:
    told = {name: one.told[name] for name in models.NoticeFacts.model_fields if name in one.told}
    told |= {"party": one.party, "attempts": _each(models.AttemptFacts, one.told["attempts"])}
    return models.NoticeFacts(
        **told, recallable=one.recallable, next_at=one.next_at, following=one.following,
        tasks=_each(models.TaskFacts, one.tasks),
    )  # fmt: skip


def wish(one: Any) -> models.WishFacts:
    choices = [models.Choice(route=route, label=label, wished=wished) for route, label, wished in one.choices]
    return models.WishFacts(
        reporter=one.reporter_id, label=one.label, masked=list(one.masked), choices=choices, hour_from=one.hour_from,
        hour_to=one.hour_to, neutral=one.neutral, recorded=one.recorded,
    )  # fmt: skip


def _related(one: Any) -> models.Related:
    return models.Related(
        no=one.clue.no, state=one.clue.state, relation=one.relation, unit=one.unit, told=dict(one.told), why=one.why
    )


def _group(one: Any) -> models.GroupFacts | None:
    return models.GroupFacts(main=one.main.no, members=[_related(row) for row in one.members]) if one else None


def _run(one: Any) -> models.RunFacts:
    officers = [models.OfficerFacts(name=name, certificate=no, valid_until=day) for name, no, day in one.officers]
    visits = [
        models.VisitFacts(
            visited=row.visited, by=row.by, crs=row.crs, area_unit=row.area_unit, land_kind=row.land_kind,
            elements=row.elements, found=row.found, photos=[photo.id for photo in row.photos],
        )
        for row in one.visits
    ]  # fmt: skip
    return models.RunFacts(
        number=one.number, started=one.started, ended=one.ended, result=one.result, officers=officers, visits=visits
    )


def _event(one: Any) -> models.EventFacts:
    names = set(models.EventFacts.model_fields) - {"clocks", "opinions"}
    return models.EventFacts(
        clocks=_each(models.Change, one.clocks),
        opinions=[models.Opinion(name=name, text=text) for name, text in one.opinions],
        **{name: getattr(one, name) for name in names},
    )


def _follow_ups(session: Session, clue: Clue) -> list[models.FollowUpFacts]:
    rows = session.scalars(select(FollowUp).where(FollowUp.clue_id == clue.id).order_by(FollowUp.id))
    return [models.FollowUpFacts(kind=row.kind, proof=row.proof, at=row.at, intake=row.intake_id) for row in rows]
