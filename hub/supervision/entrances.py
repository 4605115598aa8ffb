"""Entrances of channels as an administrator sets them up: mailboxes, official accounts, telephone accounts (W1).

A channel declares what its entrances need (`Channel.settings`, `Channel.secrets`); a new channel changes nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.registry import channels
from hub import ports
from hub.access import audit
from hub.access.people import Actor
from hub.access.sealing import open_key
from hub.models import Event, Source, SourceBeat, Unit, User

PATHS = frozenset({"folder", "done_folder"})
"""Settings that name a place on the server: set there (`hub source add`), never from a browser."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
_HAN = re.compile(r"[\u4e00-\u9fff]")
HISTORY = 50
STATION = 60  # characters of a station's name
LONGEST = 4000  # characters of a setting


class EntranceError(ValueError):
    """What was given cannot be an entrance. `name`: the box it is about. The message is Chinese, for the screen."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Box:
    """One box of the form. kind: text, number, flag, choice, lines (one value each), pairs (key=value each)."""

    name: str
    label: str
    kind: str
    value: Any
    options: tuple[str, ...] = ()
    required: bool = False
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Entrance:
    """An entrance as the list shows it. `alive` None: nothing of it polls."""

    id: str
    channel: str
    name: str
    unit: str
    enabled: bool
    alive: bool | None
    seen: datetime | None
    detail: str
    station: str = ""
    line: str = ""  # of a telephone: the number that is rung


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody changed: names of settings and secrets, never their values."""

    at: datetime
    actor: str
    what: str


def listing(session: Session, who: Actor) -> list[Entrance]:
    """The entrances of the person's unit and those below it, by id."""
    rows = session.execute(
        select(Source, Unit.name, SourceBeat)
        .join(Unit, Unit.id == Source.unit_id)
        .outerjoin(SourceBeat, SourceBeat.source_id == Source.id)
        .where(Unit.path.contains([who.unit_id]))
        .order_by(Source.id)
    )
    return [
        Entrance(
            row.id, row.channel, row.name, unit, row.enabled, beat.ok if beat is not None else None,
            beat.at if beat is not None else None, beat.detail if beat is not None else "", row.station,
            str(row.settings.get("line") or ""),
        )
        for row, unit, beat in rows
    ]  # fmt: skip


def find(session: Session, who: Actor, source_id: str) -> Source | None:
    """The entrance, where it is the person's to administer and its channel is installed."""
    wanted = (
        select(Source).join(Unit, Unit.id == Source.unit_id)
        .where(Source.id == source_id, Unit.path.contains([who.unit_id]))
    )  # fmt: skip
    row = session.scalars(wanted).first()
    return row if row is not None and row.channel in channels() else None


def creatable() -> dict[str, str]:
    """Channels whose entrances a browser may set up: code → label. A folder of the server is set up on the server."""
    return {code: one.label for code, one in channels().items() if one.secrets}


def boxes(channel: str, values: Mapping[str, Any], *, new: bool) -> list[Box]:
    """The form of an entrance, made from what its channel declares."""
    fields = channels()[channel].settings.model_fields
    paths = _paths(fields)
    made = [_box(name, info, values.get(name, _default(info)), fixed=name in paths) for name, info in fields.items()]
    return [box for box in made if not (new and box.fixed)]


def _paths(fields: Mapping[str, FieldInfo]) -> frozenset[str]:
    return PATHS if "folder" in fields else frozenset()  # the "done" folder of a mailbox lies in the mailbox


def _default(info: FieldInfo) -> Any:
    return "" if info.is_required() else info.get_default(call_default_factory=True)


def _box(name: str, info: FieldInfo, value: Any, *, fixed: bool) -> Box:
    label, kind = info.description or info.title or name, info.annotation
    made = {"name": name, "label": label, "value": value, "required": info.is_required(), "fixed": fixed}
    if get_origin(kind) is Literal:
        return Box(kind="choice", options=tuple(str(one) for one in get_args(kind)), **made)
    if kind is bool:
        return Box(kind="flag", **made)
    if kind in (int, float):
        return Box(kind="number", **made)
    if get_origin(kind) is tuple:
        return Box(kind="lines", **{**made, "value": "\n".join(value) if not isinstance(value, str) else value})
    if get_origin(kind) is dict:
        return Box(kind="pairs", **{**made, "value": "\n".join(f"{key}={text}" for key, text in dict(value).items())})
    return Box(kind="text", **made)


def typed(channel: str, form: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a form, checked by the channel's own model. Raises EntranceError naming the box."""
    model = channels()[channel].settings
    given: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        standing = before.get(name, _default(info))
        box = _box(name, info, standing, fixed=name in _paths(model.model_fields))
        text = form.get(name, "").replace("\0", "").strip()[:LONGEST]
        if box.fixed:
            given[name] = standing
        elif box.kind == "flag":
            given[name] = bool(text)
        elif box.kind == "lines":
            given[name] = [line.strip() for line in text.splitlines() if line.strip()]
        elif box.kind == "pairs":
            cut = [line.partition("=") for line in text.splitlines() if line.strip()]
            given[name] = {key.strip(): value.strip() for key, _, value in cut}
        elif text or (box.kind == "text" and _default(info) == ""):
            given[name] = text  # else the channel's own default
    return _checked(model, given)


def _checked(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return model.model_validate(dict(given), strict=False).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        info = model.model_fields.get(name)
        label = (info.description or info.title or name) if info is not None else ""
        own = str(first.get("ctx", {}).get("error", "")) if first["type"] == "value_error" else ""
        raise EntranceError(own if _HAN.search(own) else f"{label.split('（')[0] or '设置'}填写不正确", name) from None


def put(
    session: Session, who: Actor, channel: str, name: str, unit_code: str, settings: Mapping[str, Any],
    secrets: Mapping[str, str], before: Source | None = None,
) -> str:  # fmt: skip
    """Adds or changes an entrance; its id. An empty secret keeps the one that stands. Raises EntranceError."""
    if not _NAME.fullmatch(name):
        raise EntranceError("名称用小写字母、数字和连接号，不超过 40 字，不写邮箱或电话", "name")
    unit = session.scalars(select(Unit).where(Unit.code == unit_code)).first()
    if unit is None or who.unit_id not in unit.path or not unit.active:
        raise EntranceError("没有这个单位，或不在您的管理范围", "unit")
    source_id = f"{channel}:{name}"
    standing = session.get(Source, source_id)
    if before is None and standing is not None:
        raise EntranceError("已有同名的入口", "name")
    kept = _secrets(session, before) if before is not None else {}
    known = channels()[channel].secrets
    new = {key: text for key, text in secrets.items() if key in known and text}
    was = dict(before.settings) if before is not None else {}
    enabled, station = (before.enabled, before.station) if before is not None else (True, "")
    ports.add_source(session, source_id, channel, unit_code, name, settings=settings, secrets={**kept, **new})
    session.flush()
    row = session.get_one(Source, source_id, populate_existing=True)
    row.enabled, row.station = enabled, station
    changed = sorted(key for key, value in row.settings.items() if was.get(key) != value) if was else []
    data = {"unit": unit_code, "changed": changed, "secrets": sorted(new)}
    audit.record(session, f"source:{source_id}", "entrance_set", actor=who.label, data=data)
    return source_id


def name_station(session: Session, who: Actor, source_id: str, station: str) -> None:
    """The desk or call station that takes what comes in at an entrance: kept with each intake from now on."""
    row, named = session.get_one(Source, source_id), " ".join(station.split())[:STATION]
    if row.station != named:
        row.station = named
        data = {"changed": ["station"], "secrets": []}
        audit.record(session, f"source:{source_id}", "entrance_set", actor=who.label, data=data)


def _secrets(session: Session, row: Source) -> dict[str, str]:
    return dict(open_key(session, row.key_id).json(row.secrets, "source.secrets"))


def switch(session: Session, who: Actor, row: Source, *, on: bool) -> None:
    """Opens or closes an entrance; pollers notice within seconds. What came in stays."""
    if row.enabled == on:
        return
    row.enabled = on
    audit.record(session, f"source:{row.id}", "entrance_opened" if on else "entrance_closed", actor=who.label)


def kept_secrets(session: Session, row: Source) -> frozenset[str]:
    """Which secrets stand; their values never leave."""
    return frozenset(name for name, text in _secrets(session, row).items() if text)


def history(session: Session, row: Source) -> list[Change]:
    """Who changed what, the newest first."""
    rows = session.scalars(
        select(Event).where(Event.object == f"source:{row.id}").order_by(Event.seq.desc()).limit(HISTORY)
    ).all()
    names = {f"user:{user.id}": user.name for user in session.scalars(select(User).where(User.id.in_(_ids(rows))))}
    return [Change(one.at, names.get(one.actor, one.actor), _what(row, one)) for one in rows]


def _ids(rows: Sequence[Event]) -> set[int]:
    return {int(row.actor[5:]) for row in rows if row.actor.startswith("user:")}


def _what(row: Source, event: Event) -> str:
    if event.act != "entrance_set":
        return {"entrance_opened": "启用", "entrance_closed": "停用"}.get(event.act, event.act)
    channel = channels()[row.channel]
    fields = channel.settings.model_fields
    known = [fields[name] for name in event.data["changed"] if name in fields]
    told = [(one.description or one.title or "").split("（")[0] for one in known]
    told += ["站点"] if "station" in event.data["changed"] else []
    told += [channel.secrets.get(name, name) for name in event.data["secrets"]]
    return "更改：" + "、".join(told) if told else "设置"
