"""06 媒体反映: a newspaper, broadcast, web page or microblog that tells of a violation."""

from __future__ import annotations

from functools import partial

from channels.contract import Channel
from channels.forms import form_from_files
from channels.media.normalize import FORM, normalize, takes
from channels.media.settings import MediaSettings

CHANNEL = Channel(
    code="media",
    number="06",
    label="媒体反映",
    rollup="媒体反映",
    normalize=normalize,
    from_files=partial(form_from_files, channel="media", spec=FORM, allowed=takes),
    settings=MediaSettings,
    forms=(FORM,),
    accept_types=".pdf,.docx,.txt,.html,.jpg,.jpeg,.png,.mp3,.m4a,.wav,.mp4,.mov",
)
