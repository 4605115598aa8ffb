"""How the pages look in this browser: theme and size of type, kept in a cookie of its own; no script is needed.

Not in the account: one person reads on a bright office screen, a phone in the field and a projector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, redirect, render_template, request
from werkzeug.wrappers import Response

from hub.settings import settings
from hub.web import tongues
from hub.web.auth import next_path
from hub.web.security import check_csrf, signed_in

bp = Blueprint("look", __name__)

COOKIE = "hub_look"
THEMES = {"auto": "跟随系统", "light": "浅色", "dark": "深色"}
TYPES = {"normal": "标准", "large": "大字"}
YEAR = 365 * 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Look:
    """`theme` of THEMES, `text` of TYPES."""

    theme: str = "auto"
    text: str = "normal"

    @property
    def dark(self) -> str | None:
        """The media in which the dark values hold; None: in none. Paper stays light."""
        return {"auto": "screen and (prefers-color-scheme:dark)", "dark": "screen"}.get(self.theme)


def look() -> Look:
    """What the request's cookie says; the defaults for anything else."""
    theme, _, text = request.cookies.get(COOKIE, "").partition("-")
    return Look(theme if theme in THEMES else "auto", text if text in TYPES else "normal")


@bp.app_context_processor
def _context() -> dict[str, Any]:
    """Names in every template."""
    return {"look": look(), "look_themes": THEMES, "look_types": TYPES}


@bp.post("/look")
def choose() -> Response:
    """Keeps `theme`, `text` or `tongue` for a year and returns to the page it was chosen on."""
    if g.csrf:  # a visitor without a session has nothing that another site could misuse
        check_csrf()
    now = look()
    theme, text = request.form.get("theme", now.theme), request.form.get("text", now.text)
    chosen = Look(theme if theme in THEMES else now.theme, text if text in TYPES else now.text)
    answer = redirect(next_path(request.form.get("next", "/")[:2000]), code=303)
    if request.form.get("tongue") in tongues.TONGUES:
        tongues.keep(answer, request.form["tongue"])
    answer.set_cookie(COOKIE, f"{chosen.theme}-{chosen.text}", max_age=YEAR, httponly=True, samesite="Lax",
                      secure=settings().https, path="/")  # fmt: skip
    return answer


@bp.get("/design")
@signed_in()
def design() -> str:
    """Tokens and components on one page: what a new screen is built of."""
    return render_template("design.html")
