"""The pages in English. Templates, tables and scripts stay Chinese in place; what is English is made from them.

A second Jinja environment replaces the Chinese segments of a template when it is loaded and compiled
(`segments.rewrite`), and the program's own words when they are written out (`words.label`). A Chinese page passes
none of this. Statutory notices, papers and printed forms are Chinese in every tongue.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, MutableMapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from flask import Blueprint, Flask, Response, abort, g, has_request_context, request, url_for
from flask.json.provider import DefaultJSONProvider
from flask.templating import Environment as FlaskEnvironment
from jinja2 import BaseLoader, Template
from jinja2 import Environment as JinjaEnvironment
from werkzeug.wrappers import Response as Reply

from hub.settings import settings
from hub.web.tongues import scripts, segments, words
from hub.web.tongues.catalogue import translations

bp = Blueprint("tongues", __name__)

COOKIE = "hub_tongue"
TONGUES = {"zh": "中文", "en": "English"}
YEAR = 365 * 24 * 3600  # seconds
PAPERS = frozenset(
    {"clue_paper.html", "clue_registration.html", "clue_handling.html", "handover_sheet.html", "mailroom_covers.html"}
)
"""Printed forms: in Chinese, whoever prints them."""
SAID = frozenset({
    "message", "problem", "error", "done", "said", "title", "form.problem", "note.problem", "period.problem",
    "form.label", "run.words", "row.due_words", "one.row.due_words", "item.words", "item.limit", "item.base",
    "item.base_words", "item.ended", "item.effect", "item.article", "entry.article", "entry.change",
    "entry.actor", "step.why", "day.why", "spec.title", "spec.intro", "box.help", "offer.refusal",
    "one.refusal", "offer.left", "task.left", "quiet", "line", "drawn.distance", "spot.name",
    "rules_page.html:one.value", "rules_page.html:row.value", "rules_page.html:one.shipped",
    "rules_page.html:choice.label", "rules_page.html:one.label", "rules_page.html:choice.takes",
    "wordings.html:row.template.title", "choose.html:title", "citizen/report.html:title",
})  # fmt: skip
"""Expressions, of all templates or of one, that show a sentence the program has put together and nothing that a person
wrote. Articles of the law (`….article`) are among them; `values.…` are boxes to type in and never are."""
_SAID = re.compile(r"\{\{ ((?!values\.|limits\.)[a-z_.]+|size\([a-z._]+\))( or '')? \}\}")
_SENT = re.compile(r"""((?: value| data-value)="|<textarea[^>]*>)\{\{ ([^{}]*?) \}\}""")
"""What a form sends back, or a script compares: never translated."""
_NAME = r"[a-z_]+(?:\.[a-z_]+|\[[^\[\]]+\])*"
_JOINED = re.compile(rf"(?<= ~ ){_NAME}(?![\w(.|\[])|(?<![\w.\]|']){_NAME}(?= ~ )")
"""Operands of `~`: a word joined to others is translated before it is lost among them."""
STATIC = Path(__file__).parents[1] / "static"


def tongue() -> str:
    """`zh`, or `en` where this person chose it."""
    if not has_request_context():
        return "zh"
    found: str | None = g.get("tongue")
    if found is None:
        found = g.tongue = _asked()
    return found


def keep(response: Reply, chosen: str) -> None:
    """Remembers the choice in this browser for a year."""
    response.set_cookie(COOKIE, chosen, max_age=YEAR, httponly=True, samesite="Lax", secure=settings().https, path="/")


def _asked() -> str:
    """Chinese for everybody who has not chosen: what a browser asks for says where it was made, not who reads."""
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in TONGUES else "zh"


class Loader(BaseLoader):
    """Templates of another loader in English."""

    def __init__(self, chinese: BaseLoader) -> None:
        self.chinese = chinese

    def get_source(
        self, environment: JinjaEnvironment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, filename, fresh = self.chinese.get_source(environment, template)
        return english(source, template), filename, fresh


def english(source: str, template: str) -> str:
    """A template's text with what is known in English."""

    def says(match: re.Match[str]) -> str:
        name = match[1]
        if name in SAID or f"{template}:{name}" in SAID or name.endswith("article") or name.startswith("size("):
            return f"{{{{ ({name}{match[2] or ''})|said }}}}"
        return match[0]

    told = segments.rewrite(source, translations().within(Path(template).name))
    told = _SENT.sub(r"\1{{ (\2)|asis }}", told)
    told = _JOINED.sub(lambda match: f"({match[0]}|label)", _SAID.sub(says, told))
    told = told.replace("entry.details|join(", "entry.details|map('headed')|join(")
    return told.replace('<html lang="zh-CN"', '<html lang="en"')


class Environment(FlaskEnvironment):
    """The Chinese environment, which hands over to its English twin while an English page is made."""

    _twin: Environment | None = None
    _lock = Lock()

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002  jinja2's own name
    ) -> Template:
        if self.overlayed:
            if name in PAPERS:
                assert isinstance(self.linked_to, Environment)
                return FlaskEnvironment.get_template(self.linked_to, name, parent, globals)
        elif tongue() == "en" and name not in PAPERS:
            return self.twin().get_template(name, parent, globals)
        return super().get_template(name, parent, globals)

    def twin(self) -> Environment:
        """The same filters and globals over translated templates; made at the first English page."""
        with self._lock:
            if self._twin is None:
                assert self.loader is not None
                self._twin = self.overlay(loader=Loader(self.loader), finalize=words.label)
                self._twin.filters = {
                    **self.filters,
                    "said": words.said,
                    "label": words.label,
                    "headed": words.headed,
                    "asis": words.asis,
                    "join": _join(self.filters["join"]),
                }
            return self._twin


def _join(plain: Callable[..., Any]) -> Callable[..., Any]:
    """The filter `join`, whose parts may be words of the program."""

    def join(eval_ctx: Any, value: Any, d: str = "", attribute: str | int | None = None) -> Any:
        if attribute is None:
            value = [words.label(one) for one in value]
        return plain(eval_ctx, value, d, attribute)

    join.jinja_pass_arg = plain.jinja_pass_arg  # type: ignore[attr-defined]  # as jinja2.pass_eval_context marks it
    return join


@cache
def _scripts() -> dict[str, str]:
    """The scripts of the pages in English, by name."""
    known = translations().words.get
    return {path.name: scripts.rewrite(path.read_text("utf-8"), known) for path in STATIC.glob("*.js")}


def script_text(name: str) -> str | None:
    """A script in English; None: there is no such script."""
    return _scripts().get(name)


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((script_text(name) or "").encode()).hexdigest()[:10]


@bp.get("/static/en/<name>")
def script(name: str) -> Response:
    """A script whose strings are English; kept by browsers until it changes."""
    text = script_text(name)
    if text is None:
        abort(404)
    answer = Response(text, mimetype="text/javascript")
    answer.headers["Cache-Control"] = "public, max-age=86400"
    return answer


class Json(DefaultJSONProvider):
    """Answers to our own scripts speak the page's tongue; programs (`/api/`) are always answered in Chinese."""

    ensure_ascii = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        if tongue() == "en" and not request.path.startswith(("/api/", "/hooks/")):
            obj = _told(obj)
        return super().dumps(obj, **kwargs)


def _told(obj: Any) -> Any:
    """Words of the program among the values, and the sentence of an `error`; all else as it is."""
    if isinstance(obj, dict):
        return {key: words.said(one) if key == "error" else _told(one) for key, one in obj.items()}
    return [_told(one) for one in obj] if isinstance(obj, list | tuple) else words.label(obj)


def install(app: Flask) -> None:
    """Adds the English pages to an application whose `jinja_environment` is ours; after `layout`'s names."""
    app.json = Json(app)
    app.context_processor(_context)
    app.register_blueprint(bp)


def _context() -> dict[str, Any]:
    from hub.web.layout import asset  # noqa: PLC0415

    now = tongue()
    names: dict[str, Any] = {"tongue": now, "tongues": TONGUES}
    if now == "en":
        names["asset"] = lambda name: (
            url_for("tongues.script", name=name, v=_digest(name)) if name.endswith(".js") else asset(name)
        )
    return names
