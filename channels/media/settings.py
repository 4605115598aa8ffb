"""Settings of an entrance for media reports."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class MediaSettings(BaseModel):
    """The form needs nothing configured; the hub itself never fetches the address of a media report."""

    model_config = ConfigDict(extra="forbid")
