"""What nobody gets: the sentences of refusals.toml, each through the real web server over PostgreSQL (PRODUCT §10)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from hub import casework, clock
from hub.access import audit, factors, grants, people, reveal, sealing, sessions, tokens
from hub.access.people import Actor
from hub.casework import protection
from hub.models import Base as Table
from hub.models import (
    Clue,
    ClueReporter,
    Disposal,
    Event,
    IntakeClue,
    MisuseMark,
    QueryCode,
    Reveal,
    SignIn,
    User,
)
from hub.settings import settings
from tests.access.conftest import CITY, NAME, PHONE, SIBLING, World, _actor, ids_of

SENTENCES = tomllib.loads(Path(__file__).with_name("refusals.toml").read_text("utf-8"))["refusal"]
PASSING = {"event", "chain_head", "sign_in", "query_limit", "api_token"}
"""Tables in which a refusal may leave its trace: the log, when session and key were used, the count of wrong tries."""
NOW = re.compile('<meta name="now" content="[^"]*">')
NOISE = {"", "blob_id", "copy_id", "part_id", "given", "me", "v1"}
REASON, WORDS = "岗位调整", "反复举报同一件已查明的事"


@dataclass
class Scene:
    """One refusal: who asks, for which clue, in which browser, and what the arrangement left to name in the request."""

    session: Session
    world: World
    who: Actor | None
    clue: Clue
    client: FlaskClient
    given: str = ""
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    patch: pytest.MonkeyPatch = field(default_factory=pytest.MonkeyPatch)

    def other(self, role: str, unit: str = CITY, name: str = "other") -> Actor:
        return _actor(self.session, unit, role, f"{name}-{role}-{unit}")

    @property
    def me(self) -> Actor:
        assert self.who is not None
        return self.who

    def setting(self, name: str, value: str) -> None:
        self.patch.setenv(name, value)
        settings.cache_clear()


# ── what happened before ─────────────────────────────────────────────────────────────────────────────────────────────


def colleague(scene: Scene) -> object:
    return scene.other("handler").user_id


def an_auditor(scene: Scene) -> object:
    return scene.other("auditor").user_id


def a_secadmin(scene: Scene) -> object:
    return scene.other("secadmin").user_id


def a_stranger(scene: Scene) -> object:
    return scene.other("handler", SIBLING).user_id


def proposed_role(scene: Scene) -> object:
    target = scene.other("operator").user_id
    return grants.propose(scene.session, scene.me, target, CITY, "handler", REASON).id


def _look(scene: Scene, who: Actor) -> Reveal:
    return reveal.ask(scene.session, who, scene.clue, "核对联系方式", fresh=True, sign_in="s")


def no_quota(scene: Scene) -> None:
    scene.setting("HUB_REVEAL_QUOTA", "0")


def asked_look(scene: Scene) -> object:
    no_quota(scene)
    return _look(scene, scene.other("handler")).id


def own_asked_look(scene: Scene) -> object:
    no_quota(scene)
    return _look(scene, scene.me).id


def _entered(scene: Scene) -> None:
    """The person's hand stands at the intake of the clue."""
    intake = scene.session.scalars(select(IntakeClue.intake_id).where(IntakeClue.clue_id == scene.clue.id)).one()
    audit.record(scene.session, f"intake:{intake}", "accept", actor=scene.me.label)


def entered_half_an_hour_ago(scene: Scene) -> None:
    _entered(scene)
    scene.clue.recorded_at = clock.now() - timedelta(minutes=31)


def entered_and_assigned(scene: Scene) -> None:
    entered_half_an_hour_ago(scene)
    scene.clue.handler_id = scene.other("handler").user_id


def stale_factor(scene: Scene) -> None:
    """A second factor that was given an hour ago."""
    scene.setting("HUB_SECOND_FACTOR", "identity")
    factors.start_totp(scene.session, scene.session.get_one(User, scene.me.user_id))
    scene.session.execute(update(factors.SecondFactor).values(confirmed=True))
    old = clock.real() - timedelta(hours=1)
    scene.session.execute(update(SignIn).where(SignIn.user_id == scene.me.user_id).values(factor_at=old))


def recused(scene: Scene) -> None:
    casework.apply(scene.session, scene.me, scene.clue, "recuse", {"reason_text": "亲属"})


def recused_handler(scene: Scene) -> None:
    recused(scene)
    scene.clue.handler_id = scene.me.user_id


def recused_after_a_look(scene: Scene) -> None:
    _look(scene, scene.other("handler"))
    recused(scene)


def _key(scene: Scene, days: int = 30, network: str = "") -> None:
    """The handler's key for a program instead of a browser's session."""
    scene.clue.handler_id = scene.me.user_id
    expires = clock.real() + timedelta(days=days)
    made = tokens.make(scene.session, scene.me, "对接平台", ["clues:read"], expires, tokens.networks(network))
    scene.client, scene.headers = scene.world.app.test_client(), {"Authorization": f"Bearer {made}"}


def key_of_the_handler(scene: Scene) -> None:
    _key(scene)


def expired_key(scene: Scene) -> None:
    _key(scene)
    old = "created = created - interval '2 days', expires = created - interval '1 day'"
    scene.session.execute(text(f"update api_token set {old}"))


def key_of_another_network(scene: Scene) -> None:
    _key(scene, network="10.9.0.0/16")


def citizen_with_a_code(scene: Scene) -> None:
    code = "ABCD-EFGH-JKMN"
    token = sealing.blind("query", code)
    scene.session.add(QueryCode(token=token, clue_id=scene.clue.id, reporter_id=None, tail=None))
    scene.session.commit()
    assert scene.client.post("/citizen/query", data={"code": code}).status_code == 303


def foreign_page(scene: Scene) -> None:
    scene.csrf = "guessed"


def proposed_disposal(scene: Scene) -> object:
    row = Disposal(clue_id=scene.clue.id, rule="x", proposed_by=scene.me.user_id)
    scene.session.add(row)
    scene.session.flush()
    return row.id


def _mark(scene: Scene, who: Actor) -> MisuseMark:
    reporter = scene.session.scalars(select(ClueReporter.reporter_id).where(ClueReporter.clue_id == scene.clue.id))
    return protection.mark(scene.session, who, scene.clue, reporter.first() or 0, WORDS)


def proposed_mark(scene: Scene) -> object:
    return _mark(scene, scene.me).id


def appealed_mark(scene: Scene) -> object:
    row = _mark(scene, scene.other("lead"))
    protection.confirm_mark(scene.session, scene.me, row.id, agree=True)
    protection.appeal(scene.session, row.id, "我反映的是另一处地块", scene.other("supervisor"))
    return row.id


def a_leak(scene: Scene) -> object:
    return protection.report_leak(scene.session, scene.other("lead"), "seen", "打印件遗留在窗口", clock.now()).id


def own_leak(scene: Scene) -> object:
    return protection.report_leak(scene.session, scene.me, "seen", "打印件遗留在窗口", clock.now()).id


def ended(scene: Scene) -> None:
    grants.end_account(scene.session, scene.other("sysadmin"), scene.me.user_id)


# ── the request ──────────────────────────────────────────────────────────────────────────────────────────────────────


def scene_of(session: Session, world: World, sentence: dict[str, Any]) -> Scene:
    clue = session.get_one(Clue, world.clues[sentence.get("clue", "own")])
    client, who, csrf = world.app.test_client(), None, ""
    if sentence["who"] != "nobody":
        who = _actor(session, sentence.get("unit", CITY), sentence["who"], "who-asks")
        client.set_cookie("hub", sessions.begin(session, who.user_id))
        session.flush()
        csrf = session.scalars(select(SignIn.csrf).where(SignIn.user_id == who.user_id)).one()
    return Scene(session, world, who, clue, client, csrf=csrf)


def filled(value: Any, words: dict[str, Any]) -> Any:
    """The request's words with the clue's number, ids and what was arranged in them; a lone number is a number."""
    if isinstance(value, dict):
        return {name: filled(one, words) for name, one in value.items()}
    if not isinstance(value, str) or "{" not in value:
        return value
    made = value.format(**words)
    return int(made) if made.isdecimal() else made


def contents(session: Session, but: set[str]) -> dict[str, str | None]:
    """A hash of every table's rows."""
    session.expire_all()
    names = sorted(set(Table.metadata.tables) - PASSING - but)
    asked = " union all ".join(
        f"select '{name}', md5(string_agg(md5(t::text), '' order by md5(t::text))) from \"{name}\" t" for name in names
    )
    return {row[0]: row[1] for row in session.execute(text(asked))}


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as made:
        yield made
    settings.cache_clear()


def ask(scene: Scene, sentence: dict[str, Any]) -> Any:
    """Makes the request; the answer."""
    method, path = sentence["does"].split(" ", 1)
    words = {"no": scene.clue.no, "version": scene.clue.version, "given": scene.given,
             "me": scene.who.user_id if scene.who else 0, "other": scene.world.nos["own"],
             **ids_of(scene.session, scene.clue.id)}  # fmt: skip
    scene.session.commit()
    sent = filled(sentence.get("sends", {}), words)
    what: dict[str, Any] = {} if method == "GET" else {"json": sent} if path.startswith("/api/") else {"data": sent}
    headers = scene.headers | {"X-CSRF-Token": scene.csrf}
    return scene.client.open(path.format(**words), method=method, headers=headers, **what)


def named(sentence: dict[str, Any]) -> str:
    """The sentence's name as a test: handler-post-reveal-stale-factor."""
    method, path = sentence["does"].split(" ", 1)
    words = [part for part in re.split(r"\W+", path.replace("{no}", "").partition("?")[0]) if part not in NOISE]
    told = [sentence["who"], sentence.get("unit", ""), method.lower(), *words, sentence.get("clue", ""),
            sentence.get("given", ""), "without-reason" if sentence.get("sends") == {"reason": ""} else "",
            "wrong-code" if "code" in sentence.get("sends", {}) else ""]  # fmt: skip
    return "-".join(filter(None, told)).replace("_", "-")


@pytest.mark.parametrize("sentence", SENTENCES, ids=named)
def test_refused(world: World, patch: pytest.MonkeyPatch, sentence: dict[str, Any]) -> None:
    with world.undone() as session:
        scene = scene_of(session, world, sentence)
        scene.patch = patch
        before: Callable[[Scene], object] = globals()[sentence["given"]] if "given" in sentence else lambda _: ""
        scene.given = str(before(scene) or "")
        session.commit()
        leaves = set(sentence.get("leaves", ()))
        known = contents(session, leaves)
        answer = ask(scene, sentence)
        assert answer.status_code == sentence["answer"], answer.text[:2000]
        assert sentence.get("tells", "") in answer.text
        assert NAME not in answer.text
        assert PHONE not in answer.text
        if "without" in sentence:
            assert filled(sentence["without"], {"no": scene.clue.no}) not in answer.text
        if answer.status_code == 302:
            assert "/sign-in" in answer.headers["Location"]
        assert contents(session, leaves) == known, "the refusal changed something"


def test_there_are_sixty_and_each_says_something_of_its_own() -> None:
    assert len(SENTENCES) >= 60
    assert len({one["says"] for one in SENTENCES}) == len(SENTENCES)
    assert len({named(one) for one in SENTENCES}) == len(SENTENCES)
    assert len({one["who"] for one in SENTENCES}) == 11, "every role, and somebody who is nobody"


def test_the_same_request_by_whom_it_is_meant_for_is_answered(world: World) -> None:
    """A refusal that refuses everybody would prove nothing: the handler, with a reason, meets the reporter."""
    with world.undone() as session:
        sentence = {"who": "handler", "does": "POST /clues/{no}/reveal", "sends": {"reason": "核对联系方式"}}
        scene = scene_of(session, world, sentence)
        known = contents(session, set())
        answer = ask(scene, sentence)
        assert answer.status_code == 200
        assert NAME in answer.text
        assert contents(session, set()) != known
        scene.clue.handler_id = scene.me.user_id
        for path in ("/clues/{no}", "/api/v1/clues/{no}", "/clues/{no}/blobs/{blob_id}"):
            assert ask(scene, {"does": f"GET {path}"}).status_code == 200, path


def test_who_searches_in_the_own_unit_does_find_it(world: World) -> None:
    """Else "does not find it" would prove nothing."""
    with world.undone() as session:
        scene = scene_of(session, world, {"who": "statistician"})
        answer = ask(scene, {"does": "GET /queue?query=鑫隆公司"})
        assert scene.clue.no in answer.text
        assert world.nos["unit"] not in answer.text


def test_the_query_itself_gives_administrators_and_other_departments_nothing(world: World) -> None:
    """The page's guard stands before it; the query does not rely on that."""
    with world.undone() as session:
        seen = {role: len(session.scalars(people.visible(who)).all()) for role, who in world.people.items()}
        assert {role for role, count in seen.items() if not count} == {"sysadmin", "secadmin", "other_department"}


def test_a_clue_that_is_not_to_be_seen_reads_as_one_that_is_not(world: World) -> None:
    """404 for the walled clue is byte for byte the 404 for a number that was never given, and the attempt is noted."""
    with world.undone() as session:
        for role in ("handler", "lead", "statistician", "auditor"):
            scene = scene_of(session, world, {"who": role, "clue": "unit"})
            session.commit()
            unknown = "430900-20200101-03-000000"
            one, other = scene.client.get(f"/clues/{scene.clue.no}"), scene.client.get(f"/clues/{unknown}")
            bare = [NOW.sub("", page.text.replace(no, "")) for page, no in ((one, scene.clue.no), (other, unknown))]
            assert bare[0] == bare[1]
            noted = select(Event.act).where(Event.object == f"clue:{scene.clue.id}", Event.actor == scene.me.label)
            assert session.scalars(noted).all() == ["refused_look"]
            session.execute(delete(SignIn).where(SignIn.user_id == scene.me.user_id))
            session.get_one(User, scene.me.user_id).login = f"gone-{role}"
            session.commit()
