"""The screens: server-rendered, Chinese first, no network beyond the origin."""

from flask import Blueprint


def blueprints() -> list[Blueprint]:
    """The screens of staff and citizens, in the order they are registered."""
    return []
