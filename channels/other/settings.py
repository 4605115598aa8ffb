"""Settings of an entrance for the other ways."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class OtherSettings(BaseModel):
    """The forms need nothing configured; unknown settings are refused."""

    model_config = ConfigDict(extra="forbid")
