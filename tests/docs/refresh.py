"""Writes anew what the documents repeat of the code: the settings table and the workflow diagram.

python tests/docs/refresh.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from hub.law import workflow  # noqa: E402  found through the line above
from hub.settings import Settings  # noqa: E402


def settings_rows() -> list[list[str]]:
    """Variable, default, meaning of every setting, as docs/settings.md shows them."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        variable = str(field.validation_alias or f"HUB_{name.upper()}")
        rows.append([f"`{variable}`", f"`{default}`" if default else "–", str(field.description)])
    return rows


def _between(text: str, pattern: str, new: str) -> str:
    return re.sub(pattern, lambda found: found[1] + new + found[3], text, count=1, flags=re.DOTALL)


def refresh() -> None:
    page = ROOT / "docs" / "settings.md"
    rows = "".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |\n" for row in settings_rows())
    page.write_text(_between(page.read_text("utf-8"), r"(\|---\|---\|---\|\n)(.*?)(\n[^|])", rows[:-1]), "utf-8")
    page = ROOT / "docs" / "workflow.md"
    page.write_text(_between(page.read_text("utf-8"), r"(```mermaid\n)(.*?)(```)", workflow.docs()), "utf-8")


if __name__ == "__main__":
    refresh()
