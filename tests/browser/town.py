"""The story's hub from within: `python tests/browser/town.py people API_BASE`, `… clock STEP` or `… line API_BASE URL`
(HUB_VAR).
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, time, timedelta

from hub import clock, db
from hub.access import staff
from hub.casework import calendar_of
from hub.cli.attach import attached
from hub.demo import moved
from hub.demo.inputs import CITY, UNIT
from hub.jurisdiction import units
from hub.law import deadlines
from hub.ports import add_source

PASSWORD = "a long password"
SIBLING = "430981"  # 沅江市
SOURCE = "wechat:story"
WECHAT = {"app_id": "wx0123456789abcdef", "token": "t", "aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
          "app_secret": "app-secret"}  # fmt: skip
LINE = "phone:story"
TWILIO = {"account_sid": "AC" + "0123456789abcdef" * 2, "auth_token": "8f742231b10e8888abcd99yyyzzz85a5"}
CAST = {
    "operator": ("王接线", UNIT, ["operator"]),
    "handler": ("李承办", UNIT, ["handler"]),
    "lead": ("周科长", UNIT, ["lead"]),
    "city": ("赵督办", CITY, ["lead", "supervisor"]),
    "sibling": ("沈核查", SIBLING, ["handler"]),
}


def people(api_base: str) -> None:
    """The cast, and an official account with the simulator's address."""
    secrets = {name: WECHAT[name] for name in ("token", "aes_key", "app_secret")}
    given = {"app_id": WECHAT["app_id"], "api_base": api_base, "template_id": "tmpl-1"}
    with db.transaction() as session:
        for login, (name, unit, roles) in CAST.items():
            staff.add(session, login, name, PASSWORD, unit, roles)
        add_source(session, SOURCE, "wechat", UNIT, "公众号", settings=given, secrets=secrets)


def start() -> timedelta:
    """To 16:00 in China of the next day that two working days follow at once: day 2 then dawns within 48 hours."""
    with db.reading() as session:
        unit = units.by_code(session, UNIT)
        assert unit is not None
        days = calendar_of(session, unit.id)
    day = clock.today() + timedelta(days=1)
    while deadlines.due(day - timedelta(days=1), 3, days).due != day + timedelta(days=2):
        day += timedelta(days=1)
    return datetime.combine(day, time(16), clock.CHINA) - clock.now()


def line(api_base: str, public_url: str) -> None:
    """A line whose calls ring at the pad."""
    given = {"kind": "twilio", "account_sid": TWILIO["account_sid"], "api_base": api_base, "public_url": public_url,
             "line": "12336"}  # fmt: skip
    with db.transaction() as session:
        add_source(session, LINE, "phone", UNIT, "热线", settings=given, secrets={"auth_token": TWILIO["auth_token"]})


def main(what: str, argument: str, more: str = "") -> None:
    with attached():
        if what == "people":
            people(argument)
        elif what == "line":
            line(argument, more)
        else:
            moved.move(start() if argument == "start" else moved.ahead(argument))
        print(json.dumps({"now": clock.china(clock.now()).isoformat()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
