"""`hub learn`: classes learned from the hub's own confirmed decisions, where they prove better than the rules."""

from __future__ import annotations

import click

from hub.cli.attach import attached

STATES = {"few": "too few decisions", "refused": "not better than the rules", "adopted": "adopted",
          "replaced": "replaced", "withdrawn": "withdrawn"}  # fmt: skip
HEAD = "class  version decisions  of all  F1 rules F1 learned gained  lost"


@click.command()
@click.option("--dry-run", is_flag=True, help="Cross-validate and print; store nothing.")
@click.option("--list", "listed", is_flag=True, help="Print the stored versions, newest first; learn nothing.")
@click.option("--withdraw", "label", default=None, metavar="CLASS", help="Take what was adopted of CLASS out of use.")
def learn(*, dry_run: bool, listed: bool, label: str | None) -> None:
    """Learn the class suggestion from confirmed decisions.

    A class is learned after 200 of its decisions and adopted only where five-fold cross-validation beats the rules.
    Suggestions of clues that arrive from then on carry it, beside the rules' own. HUB_LEARNED_CLASSES=false switches
    all of it off.
    """
    from hub import db
    from hub.enrich import learning

    with attached():
        if listed:
            _list()
            return
        if label is not None:
            with db.transaction() as session:
                if not learning.withdraw(session, label):
                    raise click.ClickException(f"no adopted version of {label}")
            click.echo(f"{label}: withdrawn")
            return
        with db.reading() as session:
            found = learning.learn(learning.decisions(session))
        versions: dict[str, int] = {}
        if not dry_run:
            with db.transaction() as session:
                versions = {row.label: row.version for row in learning.keep(session, found)}
        click.echo(HEAD)
        for one in found:
            figures = "" if one.state == "few" else (
                f"{one.rules_score:9.3f} {one.learned_score:10.3f} {one.gained:6} {one.lost:5}"
            )  # fmt: skip
            shown = str(versions.get(one.label, "-"))
            row = f"{one.label:6} {shown:>7} {one.positives:9} {one.decisions:7} {figures:33}  {STATES[one.state]}"
            click.echo(row)


def _list() -> None:
    from sqlalchemy import select

    from hub import db
    from hub.enrich import learned
    from hub.models import LearnedModel

    with db.reading() as session:
        click.echo(HEAD)
        for row in session.scalars(select(LearnedModel).order_by(LearnedModel.label, LearnedModel.version.desc())):
            stale = "" if row.reader == learned.reader() or row.state != "adopted" else ", of other rules: learn anew"
            click.echo(
                f"{row.label:6} {row.version:7} {row.positives:9} {row.decisions:7} {row.rules_score:9.3f}"
                f" {row.learned_score:10.3f} {row.gained:6} {row.lost:5}  {STATES[row.state]}{stale}"
            )
