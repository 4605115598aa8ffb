"""The `hub` command. Standard output carries results (JSON where promised), everything else goes to standard error."""

from __future__ import annotations

import click

from hub.cli import backup, data, english, evaluate, keys, learn, running, sandbox, trying


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="hub12336", prog_name="hub")
def main() -> None:
    """One clue hub for 12336."""


for command in (
    *(running.up, running.web, running.worker, running.poll, running.doctor, running.models),
    *(data.db_group, data.intake_command, data.clues, data.audit_group, data.source, data.user, keys.keys),
    *(backup.backup, backup.restore, backup.verify),
    *(trying.try_group, evaluate.evaluate, learn.learn, sandbox.demo, sandbox.sandbox, english.english),
):
    main.add_command(command)
