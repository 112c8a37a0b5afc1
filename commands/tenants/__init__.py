"""`steelyard tenants`: whom calls are for, who answers for them, and whose account pays for them."""

from __future__ import annotations

import click

from commands.tenants import describe, read, rules

_COMMANDS = (
    read.list_tenants,
    read.show,
    describe.set_tenant,
    describe.import_tenants,
    rules.list_rules,
    rules.attribute,
    rules.withdraw,
)


@click.group("tenants", short_help="Whom calls are for: owners, cost centres, who is billed, and rules.")
def command() -> None:
    """Whom calls are for: owners, cost centres, who is billed, and rules.

    \b
    Example:
      steelyard tenants list
      steelyard tenants set acme --name "Acme Inc." --owner kim@example.com --cost-centre 4711
      steelyard tenants attribute --tenant acme --where service_name=billing-bot --from 2026-09-01 --dry-run
    """


for _command in _COMMANDS:
    command.add_command(_command)
