"""The `samvad` command. Every sub-command is imported only when it is called, so each starts
fast."""

import importlib
import sys
from collections.abc import Callable
from typing import Any, cast

import click

# name → ("module:attribute" of a click command or group, one line for --help)
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("services.cli.stack.commands:up", "Start the whole line on this machine."),
    "down": ("services.cli.stack.commands:down", "Stop everything that runs on this machine."),
    "status": ("services.cli.stack.commands:status", "Show every process of the line."),
    "demo": ("services.cli.demo:command", "File and work sample cases on a running line."),
    "audit": ("services.cli.audit:command", "Prove that every receipt has its case."),
    "bench": ("services.bench.command:command", "Measure the line against bare baselines."),
    "topic": ("services.cli.topic.command:group", "Check the record of all cases."),
    "replay": ("services.cli.replay.command:command", "Work out every clock again from the topic."),
    "token": ("services.cli.token:command", "Print an access token for a role."),
    "dead-letters": ("services.cli.dead_letters:group", "List, show and requeue dead letters."),
    "calendar": ("services.cli.calendar:group", "See and apply what a late holiday does to open cases."),
    "directory": ("services.cli.directory:group", "Check and apply a district's directory."),
    "suggest": ("services.cli.suggest:command", "Print the services that a text is about."),
}
# name → ("module:main", or a group that runs it, in the foreground; one line for --help)
FOREGROUND: dict[str, tuple[str, str]] = {
    "init": ("services.cli.init:main", "Make topics, indexes and the sample district."),
    "intake-web": ("services.intake.web.app:main", "Run the citizens' web form and API."),
    "intake-whatsapp": (
        "services.intake.whatsapp.webhook.app:main",
        "Run the webhook that WhatsApp's provider calls.",
    ),
    "conversation": (
        "services.intake.whatsapp.conversation.app:main",
        "Run the worker that talks with citizens on WhatsApp.",
    ),
    "routing": ("services.routing.app:main", "Run the worker that assigns cases to officers."),
    "sla": (
        "services.cli.sla:group",
        "Run the worker that keeps the time limits; `sla explain TICKET` says why.",
    ),
    "notify": ("services.notify.app:main", "Run the worker that sends notifications."),
    "desk": ("services.desk.app:main", "Run the console of officers, operators and Collector."),
    "standins": ("services.standins.app:main", "Run the stand-ins of the message providers."),
}


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _foreground(name: str) -> click.Command:
    target, line = FOREGROUND[name]
    if target.endswith(":group"):  # it has sub-commands beside
        return cast(click.Command, _load(target))

    def call() -> None:
        main_of_service = cast(Callable[[], None], _load(target))
        main_of_service()

    return click.Command(name, callback=call, help=line)


def _mendable(error: Exception) -> str | None:
    """One line about a wrong setting, a store that is away, or a stack that cannot do as asked."""
    from pydantic import ValidationError

    from services.cli.stack.errors import StackError
    from services.kernel.adapters.settings import Settings, explain
    from services.kernel.domain.errors import Unavailable

    if isinstance(error, ValidationError):
        return explain(error) if error.title == Settings.__name__ else None
    return str(error) if isinstance(error, (Unavailable, StackError)) else None


class LazyGroup(click.Group):
    """A group that knows its sub-commands' names and one-line helps, and imports one when it is
    called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which a person meets them."""
        return [*COMMANDS, *FOREGROUND]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None where there is none."""
        if cmd_name in FOREGROUND:
            return _foreground(cmd_name)
        if cmd_name in COMMANDS:
            return cast(click.Command, _load(COMMANDS[cmd_name][0]))
        return None

    def invoke(self, ctx: click.Context) -> Any:
        """What somebody at a terminal can mend is one line on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            why = _mendable(error)
            if why is None:
                raise
            click.echo(f"samvad: {why}", err=True)
            sys.exit(1)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands for --help, without importing any."""
        for title, commands in (
            ("Commands", COMMANDS),
            ("One service in the foreground", FOREGROUND),
        ):
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Samvad, a district administration's grievance line."""


if __name__ == "__main__":
    main(prog_name="samvad")
