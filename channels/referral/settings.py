"""Settings of an entrance for leadership referrals."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ReferralSettings(BaseModel):
    """The form needs nothing configured; unknown settings are refused."""

    model_config = ConfigDict(extra="forbid")
