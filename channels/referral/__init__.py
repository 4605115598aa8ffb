"""04 领导批办: what a leader referred, with the instruction and the day it must be answered."""

from __future__ import annotations

from channels.contract import Channel
from channels.forms import from_files_of
from channels.referral.normalize import FORM, normalize
from channels.referral.settings import ReferralSettings

CHANNEL = Channel(
    code="referral",
    number="04",
    label="领导批办",
    rollup="领导批办",
    normalize=normalize,
    from_files=from_files_of("referral", FORM),
    settings=ReferralSettings,
    forms=(FORM,),
    accept_types=".pdf,.ofd,.docx,.tif,.tiff,.jpg,.jpeg,.png,.heic",
)
