"""The English catalogue of the screens, for who works on the program."""

from __future__ import annotations

import click


@click.command()
@click.option("--check", is_flag=True, help="write nothing; exit 1 where a template or script lacks a translation")
def english(*, check: bool) -> None:
    """Write hub/web/catalogue/en.po anew from today's screens and account for what is translated."""
    from babel.messages.pofile import write_po

    from hub.web.tongues import catalogue, extract

    new = extract.refreshed(catalogue.stored())
    if not check:
        with catalogue.PO.open("wb") as file:
            write_po(file, new, width=0)
    for kind, (done, whole) in extract.account(new).items():
        click.echo(f"{kind}: {done} of {whole} translated ({100 * done / max(1, whole):.1f} %)")
    left = extract.missing(new)
    for line in left:
        click.echo(f"missing  {line}", err=True)
    if left and check:
        raise click.exceptions.Exit(1)
