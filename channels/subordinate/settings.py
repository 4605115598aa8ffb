"""Settings of an entrance for reports of lower units."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SubordinateSettings(BaseModel):
    """Form and table need nothing configured; the limits of a table are constants of `table`, told in the README."""

    model_config = ConfigDict(extra="forbid")
