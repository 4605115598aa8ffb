"""The screens: server-rendered, Chinese first, no network beyond the origin."""

from __future__ import annotations

from flask import Blueprint


def blueprints() -> list[Blueprint]:
    """The screens of staff, in the order they are registered."""
    from hub.web import (  # noqa: PLC0415  they import the application's parts
        account,
        acts,
        api,
        approving,
        calendars,
        callpad,
        citizen,
        compare,
        console,
        directory,
        files,
        forms,
        handover,
        imports,
        leaks,
        live,
        look,
        people,
        retention,
        reveal,
        rules,
        running,
        sheets,
        supervise,
        tasks,
        templates_page,
    )

    return [
        account.bp,
        console.bp,
        callpad.bp,
        acts.bp,
        approving.bp,
        compare.bp,
        sheets.bp,
        files.bp,
        forms.bp,
        handover.bp,
        leaks.bp,
        live.bp,
        look.bp,
        people.bp,
        retention.bp,
        reveal.bp,
        running.bp,
        api.bp,
        supervise.bp,
        tasks.bp,
        templates_page.bp,
        calendars.bp,
        directory.bp,
        imports.bp,
        rules.bp,
        citizen.bp,
    ]
