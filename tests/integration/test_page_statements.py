"""How many statements each page without a part in its address asks of the database: a bound that nobody passes."""

from __future__ import annotations

from hub.app import create_app
from tests.integration.case_desk_cast import Cast, cast  # noqa: F401
from tests.integration.case_desk_cast import clue as registered
from tests.integration.casework.conftest import Desk, desk  # noqa: F401
from tests.integration.test_statements import counted

# ruff: noqa: F811  fixtures are imported by name
MOST = 40
"""Of a page for a lead, with a few clues to show."""
STREAMS = ("/live",)


def pages() -> list[str]:
    """The addresses of GET pages that have no parts to fill in."""
    rules = (rule for rule in create_app().url_map.iter_rules() if "GET" in (rule.methods or ()))
    plain = {str(rule) for rule in rules if not rule.arguments}
    return sorted(path for path in plain if path not in STREAMS)


def test_no_page_asks_much(cast: Cast) -> None:
    lead, told = cast["lead"], {}
    for number in range(3):
        registered(phone=f"1390000{number:04d}")
    for path in pages():
        lead.get(path).close()  # a file of the page may be open
        with counted() as found, lead.get(path) as answer:
            status = answer.status_code
        if status < 400:
            told[path] = found.total()
    assert len(told) > 30, "the lead opens many pages"
    assert {path: n for path, n in told.items() if n > MOST} == {}
