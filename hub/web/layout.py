"""What every template may use: addresses of static files, menu, words for fields, sizes and times."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from flask import g, request, url_for
from markupsafe import Markup, escape
from sqlalchemy import Select, select

from channels.registry import channels
from hub import clock, db
from hub.access import grants, people, reveal
from hub.casework import protection
from hub.settings import settings
from hub.supervision import board, notes
from hub.terms import ROLE_LABELS, Role

STATIC = Path(__file__).parent / "static"
WORK_NAMES = {
    "normalize": "读取来件", "fetch": "取回媒体", "transcribe": "听写录音", "read_scan": "识别扫描件",
    "scan_pages": "读取扫描页", "take_letter": "来信收件", "enrich": "生成建议", "notify": "发送告知",
    "told": "登记已告知", "undelivered": "登记未送达", "resketch": "重读比对要点",
}  # fmt: skip
QUEUE_NAMES = {"light": "读取来件", "text": "生成建议", "speech": "听写录音", "scan": "识别扫描件"}
_OTHER_FIELDS = {
    "place": "违法行为发生地", "respondent": "违法主体", "facts": "主要违法事实", "evidence": "证据材料",
    "area": "面积",
    "occurred": "发生时间", "document_no": "文号", "register_no": "登记号", "from_unit": "来文单位", "url": "网址",
    "sub_source": "信息员", "leader": "批办领导", "rank": "职务", "instruction": "批示内容", "deadline": "办理期限",
    "line": "线路", "agent": "话务员", "call_id": "通话编号", "start": "开始时间", "duration": "时长（秒）",
    "consent": "知情同意（说明版本）", "location": "现场位置", "follow_up": "后续来件",
    "outlet": "媒体", "published": "发布时间", "barcode": "条码", "postmark": "邮戳",
}  # fmt: skip


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """The address of a static file with its hash: browsers keep it until it changes."""
    return _asset(request.script_root, name)


@lru_cache(maxsize=512)
def _asset(_root: str, name: str) -> str:
    return url_for("static", filename=name, v=_digest(name))


def href(endpoint: str) -> str:
    """The address of a page that has no parts to fill in: the same each time below one root."""
    return _href(request.script_root, endpoint)


@lru_cache(maxsize=512)
def _href(_root: str, endpoint: str) -> str:
    return url_for(endpoint)


Entry = tuple[str, str, tuple[str, ...]]
DAILY = ("console.queue_page", "supervise.page", "callpad.page", "forms.choose", "running.manual", "tasks.listing")
"""What is opened many times a day: always in sight, however many entries a person has."""
ROOM = 6  # entries that fit beside the names on an office screen


def menus() -> tuple[list[Entry], list[Entry]]:
    """(endpoint, label, endpoints within) for the person signed in: the main menu, and what stands behind 更多."""
    entries = menu()
    if len(entries) <= ROOM:
        return entries, []
    order = sorted(entries, key=lambda one: one[0] not in DAILY)  # stable: each half keeps its order
    shown = max(ROOM - 1, sum(one[0] in DAILY for one in entries))
    return order[:shown], order[shown:]


def menu() -> list[Entry]:
    """All entries for the person signed in."""
    who = g.get("actor")
    if who is None:
        return []
    entries = [
        (people.CONTENT_ROLES, "console.queue_page", "线索队列", ("console.queue_page", "console.clue_page",
            "maps.page")),
        (board.SEES, "supervise.page", "督办", ("supervise.page", "supervise.listing")),
        (frozenset({Role.OPERATOR, Role.HANDLER, Role.LEAD}), "callpad.page", "接听来电", ("callpad.page",)),
        (people.ORIGINAL_ROLES, "forms.choose", "登记来件", ("forms.choose", "forms.form", "forms.form_post",
            "forms.upload", "forms.upload_post", "forms.received_page")),
        (frozenset({Role.MAILROOM, Role.HANDLER, Role.LEAD}), "mailroom.page", "收发室", ("mailroom.page",
            "mailroom.letter", "mailroom.enter", "mailroom.change", "mailroom.returned", "mail_scans.listing",
            "mail_scans.batch_page", "mail_reading.listing", "mail_reading.sheet")),
        (people.ORIGINAL_ROLES, "running.manual", "人工阅读", ("running.manual", "running.manual_one")),
        (people.ORIGINAL_ROLES, "tasks.listing", "告知任务", ("tasks.listing", "tasks.task_page", "tasks.prove",
            "tasks.show_number", "tasks.words", "tasks.sent", "tasks.outcome")),
        (people.RUNNING_ROLES, "wordings.listing", "告知文本", ("wordings.listing", "wordings.new",
            "wordings.new_post")),
        (people.RUNNING_ROLES, "calendars.year_page", "工作日历", ("calendars.year_page", "calendars.paste",
            "calendars.paste_post", "calendars.proposal")),
        (people.RUNNING_ROLES, "rules.page", "本地规则", ("rules.page", "rules.approvals", "rules.departments",
            "rules.scope", "rules.absences")),
        (frozenset({Role.HANDLER}), "rules.absences", "离岗代理", ("rules.absences",)),
        (people.CONTENT_ROLES, "phrases.listing", "常用语", ("phrases.listing",)),
        (frozenset({Role.HANDLER, Role.LEAD, Role.SUPERVISOR}), "assigning.page", "自动分派", ("assigning.page",)),
        (grants.SHOWN_TO, "people.listing", "人员与权限", ("people.listing", "people.add", "people.password")),
        (reveal.LOOKERS, "reveal.listing", "身份查看", ("reveal.listing",)),
        (protection.DECIDERS, "retention.page", "保存与处置", ("retention.page", "retention.misuse")),
        (frozenset({Role.LEAD, Role.SYSADMIN}), "directory.certificate_page", "执法证",
            ("directory.certificate_page",)),
        (frozenset(Role), "directory.listing", "单位目录", ("directory.listing", "directory.unit_page",
            "imports.start", "imports.look", "imports.take")),
        (frozenset({Role.SYSADMIN}), "entrances.listing", "来件入口", ("entrances.listing", "entrances.entrance",
            "entrances.new", "entrances.new_post", "entrances.change")),
        (people.RUNNING_ROLES, "running.running", "运行状态", ("running.running",)),
    ]  # fmt: skip
    return [(endpoint, label, within) for roles, endpoint, label, within in entries if who.has(roles)]


@cache
def _labels() -> dict[str, tuple[str, dict[str, str]]]:
    """Field name → label and option labels, as the channels' forms declare them."""
    known: dict[str, tuple[str, dict[str, str]]] = {name: (label, {}) for name, label in _OTHER_FIELDS.items()}
    for channel in channels().values():
        for spec in channel.forms:
            for box in spec.fields:
                label, options = known.get(box.name, (box.label, {}))
                known[box.name] = (label, options | dict(box.options))
    return known


def field_label(name: str) -> str:
    return _labels().get(name, (name, {}))[0]


def field_value(name: str, value: Any) -> str:
    """A stated value; the code of a choice as its words."""
    return _labels().get(name, (name, {}))[1].get(str(value), str(value))


def size(octets: int) -> str:
    """1.5 MB, 12 KB: for people."""
    if octets >= 1024 * 1024:
        return f"{octets / 1024 / 1024:.1f} MB"
    return f"{max(1, round(octets / 1024))} KB" if octets >= 1000 else f"{octets} 字节"


def process_name(kind: str) -> str:
    """`worker:light` as 读取来件."""
    queue = kind.removeprefix("worker:")
    return {"beat": "巡查与清扫", "web": "网页"}.get(kind, QUEUE_NAMES.get(queue, kind))


@lru_cache(maxsize=256)
def _badges(who: people.Actor) -> Select[int, int]:
    """What the head of every page asks of the database: one question."""
    return select(notes.unseen_of(who).scalar_subquery(), reveal.unread_of(who).scalar_subquery())


def _waiting() -> tuple[int, int]:
    """Notes that speak to the person, and looks and requests that wait for a lead, asked once a page."""
    who = g.get("actor")
    if who is None or g.get("failing") or not who.has(people.ORIGINAL_ROLES):  # a fault's page asks nothing more
        return 0, 0
    if "waiting" not in g:
        with db.asking() as connection:
            mentions, looks = connection.execute(_badges(who)).one()
        g.waiting = mentions, looks
    return g.waiting  # type: ignore[no-any-return]  # flask.g is untyped


def unseen_mentions() -> int:
    """How many notes speak to the person signed in and wait to be seen; none for who works on no clue."""
    return _waiting()[0]


def looks_unread() -> int:
    """How many looks at a reporter's identity, and requests for one, wait for the lead who is signed in."""
    return _waiting()[1]


def context() -> dict[str, Any]:
    """Names in every template."""
    token = g.get("csrf", "")
    main, more = menus()
    actor = g.get("actor")
    return {
        "actor": actor, "csrf": token, "menu": main, "menu_more": more, "asset": asset, "href": href,
        "size": size, "china": clock.china, "unseen_mentions": unseen_mentions,
        "looks_unread": looks_unread,
        "mentions_open": actor is not None and actor.has(people.ORIGINAL_ROLES),
        "csrf_box": Markup('<input type="hidden" name="csrf_token" value="{}">').format(escape(token)),
        "field_label": field_label, "field_value": field_value, "max_upload": settings().max_upload,
        "hub_now": clock.now().isoformat(timespec="seconds"),
        "moved_clock": clock.china(clock.now()) if clock.moved() else None,
        "role_labels": ROLE_LABELS, "work_names": WORK_NAMES, "queue_names": QUEUE_NAMES,
    }  # fmt: skip
