"""What is refused in the mailroom."""

from __future__ import annotations


class MailroomError(ValueError):
    """It cannot be done as asked. The message (Chinese) says why; `name`: the box it concerns; `status` of HTTP."""

    def __init__(self, message: str, name: str = "", status: int = 422) -> None:
        super().__init__(message)
        self.name, self.status = name, status


class StaleError(MailroomError):
    """Somebody changed it meanwhile: the page has to be read again."""

    def __init__(self) -> None:
        super().__init__("内容刚被他人改动，已为您刷新，请再试", status=409)
