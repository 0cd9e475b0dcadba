"""`samvad token`: prints an access token for somebody of a district. Works without any service running."""

from __future__ import annotations

from typing import cast

import click

from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.settings import Settings
from services.kernel.adapters.tokens import LIFETIME, issue
from services.kernel.domain.lifecycle_table import Role

ROLES = ("operator", "officer", "head", "sdm", "collector", "admin", "ops")
"""Roles of people who log in; a citizen needs no token, and machines have none."""
PERSONAL = ("officer", "head", "sdm")
"""Roles whose rights hang on which person of the directory it is."""


@click.command("token")
@click.option("--role", required=True, type=click.Choice(ROLES), help="What the bearer is.")
@click.option("--person", default=None, metavar="ID", help="Who: an id of the directory.")
@click.option("--district", default=None, metavar="ID", help="Default: SAMVAD_DEFAULT_DISTRICT.")
def command(role: str, person: str | None, district: str | None) -> None:
    """Print an access token, valid for 12 hours, and nothing else."""
    person = (person or "").strip() or None
    if role in PERSONAL and person is None:
        raise click.UsageError(f"--role {role} needs --person, the id of the officer.")
    settings = Settings()
    token = issue(
        settings.token_secret.get_secret_value(),
        role=cast(Role, role),
        person=person,
        district=district or settings.default_district,
        now=system_clock(settings.clock_offset)(),
        lifetime=LIFETIME,
    )
    click.echo(token)
