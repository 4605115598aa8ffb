"""What there is to translate, in templates, scripts and the program's words: the command `hub english`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog

from hub.web.tongues import PAPERS, scripts, segments, words
from hub.web.tongues.catalogue import SAID_PLACES

ROOT = Path(__file__).parents[3]
TEMPLATES, STATIC = ROOT / "hub/web/templates", ROOT / "hub/web/static"
WORDS = (
    "hub/app.py", "hub/terms.py", "hub/access", "hub/casework", "hub/intake", "hub/law/guards.py",
    "hub/law/guards_handling.py", "hub/law/notices.py", "hub/law/topics.py", "hub/law/workflow.py",
    "hub/law/competence.py", "hub/law/deadlines.py", "hub/law/workdays.py", "hub/mailroom", "hub/notify/history.py",
    "hub/notify/tasks.py", "hub/notify/routes.py", "hub/notify/codes.py", "hub/supervision", "hub/web",
    "hub/jurisdiction/units.py", "hub/jurisdiction/scopes.py", "channels",
)  # fmt: skip
"""Where the words are written that pages show."""
NOT_SHOWN = (
    "hub/web/openapi.py", "hub/web/api", "hub/web/tongues", "hub/casework/dossier.py", "hub/supervision/package.py",
    "hub/supervision/papers.py", "channels/subordinate/headings.py", "channels/testing.py",
    *(f"channels/{channel}/{name}" for channel in
      ("phone", "letter", "email", "referral", "subordinate", "media", "wechat", "other")
      for name in ("normalize.py", "notify.py", "reading.py", "mime.py", "describe.py", "sidecar.py", "naming.py",
                   "files.py", "fetch.py", "media.py", "form.py", "receive.py", "moments.py", "calls.py",
                   "webhooks.py")),
)  # fmt: skip
"""Papers (Chinese by law), the API (Chinese for programs), and what reads or writes messages."""


SAYS = re.compile(
    r"SECRET|label|LABELS|STATES|_BASE|KINDS|_ENDS|SUB_CHANNELS|\bwhat$|\bwhy|^(?:error|weekday|choice\.takes)$"
)
"""Values of a sentence that are words of the program: they are translated with it; all others stay as they are."""

NAMED, SAYS_NAMES = ("hub/casework/offering.py", "hub/law/workdays.py"), re.compile(f"{SAYS.pattern}|^name$")
"""Where `name` is the name of a deadline or a holiday."""


def templates() -> dict[str, list[str]]:
    """Segment → the templates it stands in."""
    found: dict[str, list[str]] = {}
    for path in sorted(TEMPLATES.rglob("*.html")):
        name = path.relative_to(TEMPLATES).as_posix()
        if name not in PAPERS:
            for one in segments.segments(path.read_text("utf-8")):
                found.setdefault(one, []).append(path.relative_to(ROOT).as_posix())
    return found


def script_strings() -> dict[str, list[str]]:
    """String → the scripts it stands in."""
    found: dict[str, list[str]] = {}
    for path in sorted(STATIC.glob("*.js")):
        name = path.relative_to(ROOT).as_posix()

        def note(text: str, name: str = name) -> None:
            places = found.setdefault(text, [])
            if name not in places:
                places.append(name)

        scripts.rewrite(path.read_text("utf-8"), note)
    return found


def program() -> dict[str, list[str]]:
    """Word or sentence of the program → the modules it stands in; values of a sentence are numbered places."""
    return {text: places for text, (places, _) in _program().items()}


def _program() -> dict[str, tuple[list[str], set[int]]]:
    """Word or sentence → the modules it stands in, and the places whose values are words of the program themselves."""
    found: dict[str, tuple[list[str], set[int]]] = {}
    for path in _modules():
        name = path.relative_to(ROOT).as_posix()
        for text, said in _strings(ast.parse(path.read_text("utf-8")), SAYS_NAMES if name in NAMED else SAYS):
            places, ours = found.setdefault(text, ([], said))
            ours &= said  # only where it is so wherever the sentence stands
            if name not in places:
                places.append(name)
    return found


def _modules() -> Iterator[Path]:
    for entry in WORDS:
        start = ROOT / entry
        for path in sorted(start.rglob("*.py")) if start.is_dir() else [start]:
            name = path.relative_to(ROOT).as_posix()
            shown = not any(name == one or name.startswith(one + "/") for one in NOT_SHOWN)
            if shown or "FormSpec(" in path.read_text("utf-8"):
                yield path


def _strings(tree: ast.AST, says: re.Pattern[str]) -> Iterator[tuple[str, set[int]]]:
    """Chinese constants and f-strings, with the places of words; no docstrings, no parts of an f-string."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            skipped |= {id(one.value) for one in body if isinstance(one, ast.Expr)}
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            number, whole, said = 0, "", set()
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    said |= {number} if says.search(ast.unparse(part.value)) else set()
                    whole += f"{{{number}}}"
                    number += 1
                elif isinstance(part, ast.Constant):
                    whole += str(part.value)
            if segments.CHINESE.search(segments.PLACE.sub("", whole)):
                yield whole, said
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and segments.CHINESE.search(node.value):
            yield node.value, set()


def law() -> dict[str, list[str]]:
    """Names of acts, articles, topics and what can be reported: tables of the law that pages show."""
    found: dict[str, list[str]] = {}
    for name, table in words.tables().items():
        for text in words.held([table]):
            found.setdefault(text, [f"hub/law/data/{name}.toml"])
    return {text: places for text, places in found.items() if not words.ARTICLE.fullmatch(text)}


def refreshed(old: Catalog) -> Catalog:
    """The catalogue of today's program with the translations of `old` that still have their segment."""
    new = Catalog(locale="en", project="hub12336", charset="utf-8", header_comment="# English of the screens.")
    new.creation_date = old.creation_date
    new.revision_date = old.revision_date
    known = {(message.context, message.id): str(message.string or "") for message in old if message.id}
    places: dict[str, list[str]] = {}
    sentences = _program()
    for source in (templates(), script_strings(), program(), law()):
        for text, names in source.items():
            places.setdefault(text, []).extend(names)
    for text, names in places.items():
        said = sorted(sentences[text][1]) if text in sentences else []
        note = [f"{SAID_PLACES} {' '.join(map(str, said))}"] if said else []
        new.add(text, known.get((None, text), ""), locations=[(name, 0) for name in names], auto_comments=note)
        for name in names:
            context = Path(name).name
            if known.get((context, text)):
                new.add(text, known[context, text], context=context, locations=[(name, 0)])
    return new


def account(catalogue: Catalog) -> dict[str, tuple[int, int]]:
    """Kind of source → (translated, all)."""
    counts = {"templates": [0, 0], "scripts": [0, 0], "program": [0, 0], "law": [0, 0]}
    for message in catalogue:
        if not message.id or message.context:
            continue
        kinds = {str(name).rpartition(".")[2] for name, _ in message.locations}
        for suffix, kind in (("html", "templates"), ("js", "scripts"), ("py", "program"), ("toml", "law")):
            if suffix in kinds:
                counts[kind][0] += bool(message.string)
                counts[kind][1] += 1
    return {kind: (done, whole) for kind, (done, whole) in counts.items()}


def missing(catalogue: Catalog) -> list[str]:
    """Segments of templates and scripts and names of the law without a translation, with the first place of each."""
    return [
        f"{message.locations[0][0]}: {message.id}"
        for message in catalogue
        if message.id and not message.string and any(not str(name).endswith(".py") for name, _ in message.locations)
    ]
