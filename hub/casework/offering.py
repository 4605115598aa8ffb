"""The acts open to a person on a clue, each with the data it takes: the buttons of the screen and of the API.

Made from the rule table (hub.law.workflow) and the words of hub.casework.fields; an act whose state, role or unit does
not fit is left out, one that a standing fact forbids is named with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import and_, false, or_, select
from sqlalchemy.orm import Session

from hub import clock, db
from hub.access import walls
from hub.access.people import Actor
from hub.casework import acts, assigning, assisting, chains, competence, facts, telling
from hub.casework.doing import Doing
from hub.casework.fields import FIELDS, VALUES, Words
from hub.law import notices, workflow
from hub.law.competence import STAGES
from hub.law.deadlines import base_day
from hub.law.guards import GUARDS
from hub.law.workflow import ClockEffect, Rule
from hub.models import ApprovalChain, Blob, Clue, ClueUnit, Grant, IntakeClue, Notice, Unit, User
from hub.terms import State

STANDING = frozenset(
    {"superior_above", "common_superior", "referred_up", "alone", "is_member", "result_not_told", "undetermined",
     "determined", "was_determined", "has_result", "asked_first", "question_stood", "verification_runs", "all_told",
     "not_handed_over", "own_result", "not_objecting"}
)  # fmt: skip
"""Guards that no datum of the act can satisfy: what they refuse now is said before anybody fills in the form."""
APPLIES = frozenset(
    {"wall_held", "wall_stands", "refused_as_n2", "refused_as_n4", "not_major", "is_major", "letter_waits",
     "order_waits", "referral_waits", "extension_allowed", "came_by_transfer", "was_handed_down", "objected",
     "no_receipt_yet", "closed_as_none", "by_department", "violation_found", "publish_waits", "not_cleared",
     "not_rated", "has_handler", "nothing_runs"}
)  # fmt: skip
"""Guards that say what the act is about: where they refuse, the act is not offered at all."""
ASKS = {
    "handed_over": ("evidence",),
    "same_matter": ("same_place", "same_respondent", "same_facts"),
    "same_act": ("same_place", "same_time", "same_respondent", "same_facts"),
}
"""Data that a guard refuses to do without, though the row itself only may take them."""
MANY = 100  # options of a list; more are found by search
Option = tuple[str, str]
_BASE = {
    "at": "收到举报之日", "received": "本单位收到之日", "issued": "指定之日", "ended": "核查结束之日",
    "joined": "并入之日", "act": "办理之日", "effective": "处罚决定生效之日",
}  # fmt: skip

_ENDS = {"stop": "停止", "supersede": "终止", "resume": "继续"}


@dataclass(frozen=True, slots=True)
class Field:
    """A datum of an act. `kind`: one of hub.casework.fields.KINDS. `value`: what is known already, as text."""

    name: str
    label: str
    kind: str
    options: tuple[Option, ...]
    required: bool
    hint: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """An act open now. `targets`: states it may lead to (none: the state stays); `refusal`: why it would be refused
    whatever the data, Chinese; `clocks`: what it does to the clocks, in words; `notice`: name of the notice it sends;
    `approval`: the person's unit wants it proposed (hub.casework.approvals), not done.
    """

    id: str
    label: str
    article: str
    targets: tuple[str, ...]
    fields: tuple[Field, ...]
    refusal: str | None
    clocks: tuple[str, ...]
    notice: str
    approval: bool = False


def offered(session: Session, who: Actor, clue: Clue) -> tuple[Offer, ...]:
    """The acts `who` may propose on the clue now, in the order of the rule table. Reads only."""
    with db.remembering(session):
        return _offered(session, who, clue)


def _offered(session: Session, who: Actor, clue: Clue) -> tuple[Offer, ...]:
    approved = set(session.scalars(select(ApprovalChain.act).where(ApprovalChain.unit_id == who.unit_id).distinct()))
    found = (_offer(session, who, clue, rule) for rule in workflow.rules().values())
    return tuple(
        replace(offer, approval=offer.id in approved and chains.in_force(session, who.unit_id, offer.id) is not None)
        for offer in found
        if offer is not None
    )


def _offer(session: Session, who: Actor, clue: Clue, rule: Rule) -> Offer | None:
    if rule.object != "clue" or clue.state not in rule.sources or not who.has(rule.roles):
        return None
    if rule.by == "owner" and who.unit_id != clue.owner_unit_id:
        return None
    now = clock.now()
    doing = Doing(session, who, clue, rule, {}, now, now)
    doing.facts = facts.collect(doing)
    if not acts.is_own(doing):
        return None
    if any(_known(doing, need.name) and doing.facts[need.name] not in need.one_of for need in rule.needs):
        return None  # the row is about another determination or result
    if any(name in APPLIES and GUARDS[name](doing.facts) is not None for name in rule.guards):
        return None
    names = [need.name for need in rule.needs if not _known(doing, need.name)]
    names += [name for name in (*FIELDS, *sorted(rule.may - FIELDS.keys())) if name in rule.may and name not in names]
    made = tuple(_field(doing, name) for name in names)
    if any(field.kind == "person" and field.required and not field.options for field in made):
        return None  # nobody it could be about
    return Offer(
        id=rule.id,
        label=rule.label,
        article=rule.article,
        targets=tuple(state.value for state in State if state in rule.targets),
        fields=made,
        refusal=_standing(doing),
        clocks=tuple(in_words(one) for one in rule.clocks),
        notice="核查结果告知" if rule.notice == "result" else notices.KINDS.get(rule.notice, ""),
    )


def _known(doing: Doing, name: str) -> bool:
    """Whether casework itself settles the datum, so that nobody is asked for it."""
    return name in doing.facts and name not in ("place", "class", "officers")


def _standing(doing: Doing) -> str | None:
    for name in doing.rule.guards:
        stands = name in STANDING or (name == "two_officers" and "officers" not in doing.rule.takes)
        reason = GUARDS[name](doing.facts) if stands else None
        if reason is not None:
            return reason
    return None


def in_words(one: ClockEffect) -> str:
    """What an act does to a clock, for the screen."""
    name = f"“{workflow.CLOCKS[one.kind]}”"
    if one.until:
        return f"{name}时限至{FIELDS[one.until].label if one.until in FIELDS else one.until}"
    if one.effect == "start":
        return f"{name}时限起算：{_BASE[one.base]}起{one.days}{'日' if one.calendar else '个工作日'}"
    if one.effect == "judge":
        return f"{name}按{_BASE[one.base]}起{one.days}个工作日认定是否按时"
    return f"{name}时限{_ENDS[one.effect]}"


def _field(doing: Doing, name: str) -> Field:
    words = FIELDS.get(name, Words(name, "text"))  # a test names the datum without words; the page goes on
    need = next((need for need in doing.rule.needs if need.name == name), None)
    labels = VALUES.get(name, {})
    closed = need.one_of if need is not None and need.one_of else ()
    kind = "choice" if closed and words.kind not in ("class", "choice") else words.kind
    options: tuple[Option, ...] = tuple((value, labels.get(value, value)) for value in closed or labels)
    if kind in ("words", "text"):
        options = ()
    if name in _OPTIONS:
        options = tuple(_OPTIONS[name](doing))
    asked = any(name in ASKS.get(guard, ()) for guard in doing.rule.guards)
    required = asked or (need is not None and not doing.facts.get(name))
    return Field(name, words.label, kind, options, required, words.hint, _value(doing, name))


def _value(doing: Doing, name: str) -> str:
    clue = doing.clue
    if name == "place":
        return str(doing.facts.get("place") or "")
    if name == "class":
        return str(doing.facts.get("class") or "")
    if name == "missing":
        return next((one for one in VALUES["missing"] if one in clue.missing), "")
    return ""


def _units(doing: Doing) -> list[Option]:
    """Units the guard would take: those concerned, then those directly below, in the order of their codes."""
    session, clue = doing.session, doing.clue
    if doing.rule.id == "transfer.inside":
        return _departments(doing)
    top = int(doing.facts.get("designator") or clue.owner_unit_id)
    down = doing.rule.id == "hand_down"
    named = Unit.code == (clue.division or "")[:6] if down and clue.division_confirmed else false()
    concerned = and_(Unit.id.in_(facts.involved(session, clue)), Unit.path.contains([top]))
    first = session.scalars(select(Unit).where(or_(named, concerned), Unit.active).order_by(Unit.code)).all()
    below = session.scalars(select(Unit).where(Unit.parent_id == top, Unit.active).order_by(Unit.code).limit(MANY))
    own = session.get_one(Unit, top)
    rows = [own, *first, *below] if doing.rule.id == "confirm_competence" else [*first, *below, own]
    return list({row.code: row.name for row in rows if not (down and row.id == own.id)}.items())


def _departments(doing: Doing) -> list[Option]:
    """The units of other departments that the competence map names for the clue, at any stage."""
    day = base_day(doing.now)
    named = [row for stage in STAGES for row in competence.about(doing.session, doing.clue, stage, day)]
    wanted = select(Unit).where(Unit.id.in_({row.unit_id for row in named if row.unit_id}), Unit.active)
    return [(row.code, row.name) for row in doing.session.scalars(wanted.order_by(Unit.code))]


def _neighbours(doing: Doing) -> list[Option]:
    """The units beside the holder: those a report that crosses areas touches most often."""
    own = doing.session.get_one(Unit, doing.clue.owner_unit_id)
    wanted = select(Unit).where(Unit.parent_id == own.parent_id, Unit.id != own.id, Unit.active)
    return [(row.code, row.name) for row in doing.session.scalars(wanted.order_by(Unit.code).limit(MANY))]


def _assistants(doing: Doing) -> list[Option]:
    """Who assists now, to be released; else whom the designator may name, or those beside the unit that handles."""
    if doing.rule.id == "assist.release":
        return [(row.code, row.name) for row in assisting.assisting(doing.session, doing.clue)]
    if "unit" not in doing.rule.takes:
        return _neighbours(doing)
    top = doing.session.get_one(Unit, int(doing.facts.get("designator") or doing.clue.owner_unit_id))
    return [one for one in _units(doing) if one[0] != top.code]


def _behind(doing: Doing) -> list[Option]:
    """Whom a decision about a recusal concerns: the people walled off now, else those who see the clue below."""
    session, clue = doing.session, doing.clue
    if "person_walled" in doing.rule.guards:
        wanted = select(User.id, User.name).where(User.id.in_(walls.people_behind(session, clue.id)))
    else:
        assert doing.who is not None
        seeing = select(ClueUnit.unit_id).where(ClueUnit.clue_id == clue.id)
        wanted = (
            select(User.id, User.name)
            .join(Grant, Grant.user_id == User.id)
            .join(Unit, Unit.id == Grant.unit_id)
            .where(User.active, Unit.id.in_(seeing), Unit.path.contains([doing.who.unit_id]))
            .distinct()
        )
    rows = session.execute(wanted.order_by(User.name, User.id).limit(MANY))
    return [(str(row.id), row.name) for row in rows]


def _staff(doing: Doing) -> list[Option]:
    return [(str(number), name) for number, name in assigning.staff(doing.session, doing.clue.owner_unit_id)]


def _waiting(doing: Doing) -> list[Option]:
    kinds = telling.DETERMINATION_KINDS if doing.rule.id == "tell.determination" else telling.RESULT_KINDS
    rows: list[Notice] = telling.pending(doing.session, doing.clue, kinds)
    return [(str(row.id), f"{notices.KINDS[row.kind]} {row.id}") for row in rows]


def _pictures(doing: Doing) -> list[Option]:
    """Pictures in the evidence of the clue, by number: their names may say who sent them."""
    wanted = (
        select(Blob.id, Blob.media_type)
        .join(IntakeClue, IntakeClue.intake_id == Blob.intake_id)
        .where(IntakeClue.clue_id == doing.clue.id, Blob.media_type.like("image/%"), Blob.origin != "rendered")
        .order_by(Blob.id)
        .limit(MANY)
    )
    return [(str(row.id), f"照片 {row.id}") for row in doing.session.execute(wanted)]


_OPTIONS: dict[str, Callable[[Doing], list[Option]]] = {
    "unit": _units,
    "units": _neighbours,
    "assisting": _assistants,
    "handler": _staff,
    "person": _behind,
    "notice": _waiting,
    "photos": _pictures,
}
