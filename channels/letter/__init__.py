"""02 举报信件: letters as scans, uploaded by the mailroom or written into a folder by a scanner."""

from __future__ import annotations

from channels.contract import Channel
from channels.letter.files import from_files
from channels.letter.folder import poll
from channels.letter.forms import FORM
from channels.letter.naming import ENDINGS, named_page
from channels.letter.normalize import normalize
from channels.letter.notify import ROUTES
from channels.letter.settings import LetterSettings

CHANNEL = Channel(
    code="letter",
    number="02",
    label="举报信件",
    rollup="信件",
    normalize=normalize,
    from_files=from_files,
    settings=LetterSettings,
    forms=(FORM,),
    upload=True,
    accept_types=ENDINGS,
    poll=poll,
    notify=ROUTES,
    page_name=named_page,
    redact=frozenset(
        {"name", "file", "batch", "files", "reporter_name", "reporter_phone", "reporter_address", "signers"}
    ),
)
