"""08 其他方面: fax, visit, website, transfers, patrol, satellite, petition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from channels.contract import Blob, Channel, InputRefusedError, Json, RawIntake
from channels.forms import form_from_files
from channels.other.forms import FORMS, MISC, SUB_CHANNELS
from channels.other.normalize import normalize
from channels.other.settings import OtherSettings


def from_files(blobs: Sequence[Blob], meta: Mapping[str, Json], *, source_id: str, now: datetime) -> list[RawIntake]:
    """Files and boxes of one sub-channel: meta "sub_channel" is a code (0801) or a name (传真), else 0899."""
    told = str(meta.get("sub_channel") or MISC)
    code = next((code for code, name in SUB_CHANNELS.items() if told in (code, name)), None)
    if code is None:
        raise InputRefusedError(f"未知的子渠道；可用：{'、'.join(f'{c} {n}' for c, n in SUB_CHANNELS.items())}")
    return form_from_files(
        blobs, meta, source_id=source_id, now=now, channel="other", spec=FORMS[code], sub_channel=code
    )


CHANNEL = Channel(
    code="other",
    number="08",
    label="其他方面",
    rollup="其他方面",
    normalize=normalize,
    from_files=from_files,
    settings=OtherSettings,
    sub_channels=SUB_CHANNELS,
    forms=tuple(FORMS.values()),
    accept_types=".pdf,.tif,.tiff,.ofd,.docx,.txt,.jpg,.jpeg,.png,.heic",
)
