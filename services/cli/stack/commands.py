"""`samvad up`, `samvad down`, `samvad status`."""

import signal
import sys
import threading
import time

import click
from rich.console import Console
from rich.table import Table

from services.cli.stack import plan, starting
from services.cli.stack.errors import StackError
from services.cli.stack.journal import Spawned
from services.cli.stack.settings import Home
from services.cli.stack.stack import START_SECONDS, MakePlan, ProcessStatus, Stack, as_json

WATCH_SECONDS = 0.5
LONG_DEAD_SECONDS = 4.0
NOT_RUNNING = 3
NOT_SUPERVISED = 4
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--detach", is_flag=True, help="Return when all is ready and let it run.")
@click.option("--infrastructure", is_flag=True, help="Kafka and MongoDB only, no services.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=START_SECONDS,
    show_default=True,
    help="Seconds after which a start that is not ready has failed.",
)
def up(detach: bool, infrastructure: bool, timeout: float) -> None:
    """Start the whole line on this machine; Ctrl-C stops it.

    Data and logs are kept in $SAMVAD_HOME (.samvad). Every port is a setting, SAMVAD_…_PORT.
    """
    console = Console(highlight=False)
    asked = threading.Event()
    # A second Ctrl-C only sets the event again: an orderly stop is never broken off.
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: asked.set())
    try:
        stack = _stack(plan.infrastructure if infrastructure else plan.whole)
        if not infrastructure:
            _check_settings()
        _start(console, stack, asked, timeout)
    except starting.Interrupted:
        console.print("Stopped before everything was ready.")
        sys.exit(130)
    except StackError as error:
        _explain(error)
        sys.exit(1)
    _show_addresses(console, stack, infrastructure)
    if detach:
        stack.detach()
        console.print("Running in the background. Stop it with: samvad down")
        return
    console.print("Ctrl-C stops everything.")
    sys.exit(_watch(console, stack, asked))


@click.command()
def down() -> None:
    """Stop everything that runs in $SAMVAD_HOME, also what a killed supervisor left behind."""
    try:
        ran = _stack().down()
    except StackError as error:
        _explain(error)
        sys.exit(1)
    click.echo(f"Stopped: {', '.join(ran)}." if ran else "Nothing was running.")


@click.command()
@click.option("--json", "machine_readable", is_flag=True, help="Print JSON.")
def status(machine_readable: bool) -> None:
    """Show every process: pid, readiness, memory, consumer lag.

    Exit code 3 when the stack is down, 4 when its processes run on without their supervisor."""
    try:
        stack = _stack()
        running, left = stack.running(), stack.orphans()
        processes = stack.status()
    except StackError as error:
        _explain(error)
        sys.exit(1)
    if machine_readable:
        click.echo(as_json(processes, supervised=running))
    elif running or left:
        Console(highlight=False).print(_status_table(processes))
    else:
        click.echo(f"Nothing runs in {stack.home.path}. Start it with: samvad up")
    if not running and left:
        click.echo(
            f"samvad: the supervisor is gone, {len(left)} processes of it still run and nobody starts "
            "them again: samvad down",
            err=True,
        )
        sys.exit(NOT_SUPERVISED)
    if not running:
        sys.exit(NOT_RUNNING)


def _stack(make_plan: MakePlan = plan.whole) -> Stack:
    return Stack(Home.from_environment(), make_plan=make_plan)


def _check_settings() -> None:
    """Wrong settings are told before anything starts. Raises pydantic's ValidationError."""
    # Imported here: pydantic takes a while, which `down` and `status` need not pay.
    from services.kernel.adapters.settings import Settings

    Settings()


def _explain(error: StackError) -> None:
    click.echo(f"samvad: {error}", err=True)
    tail = error.tail()
    if tail:
        click.echo(f"The end of {error.log}:\n{tail}", err=True)


def _start(console: Console, stack: Stack, asked: threading.Event, timeout: float) -> None:
    begun = time.monotonic()
    waiting: set[str] = set()
    with console.status("Starting …") as spinner:

        def progress(name: str, state: str, seconds: float) -> None:
            if state == "starting":
                waiting.add(name)
            else:
                waiting.discard(name)
                console.print(f"  [green]✓[/green] {name} ({seconds:.1f} s)")
            spinner.update(f"Starting {', '.join(sorted(waiting))} …")

        stack.up(progress, asked, timeout)
    console.print(f"Ready after {time.monotonic() - begun:.1f} s.\n")


def _show_addresses(console: Console, stack: Stack, infrastructure: bool) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for process in stack.plan.processes:
        table.add_row(process.title or process.name, process.address)
    table.add_row("Logs", str(stack.home.logs))
    console.print(table, soft_wrap=True)
    if infrastructure:
        return
    console.print(
        "\nTry next:\n"
        f"  open {stack.url('intake-web', '/')} and file a complaint\n"
        "  samvad demo\n"
        "  samvad token --role collector --district janjgir-champa\n"
        "  samvad status\n",
        soft_wrap=True,
    )


def _watch(console: Console, stack: Stack, asked: threading.Event) -> int:
    """Tell of every process that ends, until somebody asks to stop. Returns the exit code."""
    teller = _Teller(console, stack)
    while not asked.wait(WATCH_SECONDS):
        teller.tell()
        code = stack.supervisor_ended()
        if code is not None:
            return _after_supervisor(console, stack, code)
    console.print("Stopping: services first, then Kafka and MongoDB …")
    begun = time.monotonic()
    stack.down()
    console.print(f"Everything has stopped ({time.monotonic() - begun:.1f} s).")
    return 0


class _Teller:
    """One line a death: who, how, and the pid that took its place."""

    def __init__(self, console: Console, stack: Stack) -> None:
        self._console = console
        self._stack = stack
        self._dead: dict[str, tuple[str, float]] = {}

    def tell(self) -> None:
        """Print what has happened since the last call."""
        now = time.monotonic()
        for event in self._stack.journal.new():
            if isinstance(event, Spawned):
                how, _ = self._dead.pop(event.name, ("", 0.0))
                death = f"died ({how}) and was started again" if how else "was started"
                self._say(f"{event.name} {death}: pid {event.pid}")
            elif event.asked:
                self._say(f"{event.name} was stopped on request")
            else:
                self._dead[event.name] = (event.how, now)
        for name, (how, since) in list(self._dead.items()):
            if now - since > LONG_DEAD_SECONDS:
                del self._dead[name]
                log = self._stack.home.log_of(name)
                self._say(f"{name} keeps dying ({how}), it is tried again later and later: {log}")

    def _say(self, line: str) -> None:
        self._console.print(f"{time.strftime('%H:%M:%S')} {line}", soft_wrap=True)


def _after_supervisor(console: Console, stack: Stack, code: int) -> int:
    stack.down()
    if code == 0:
        console.print("Stopped by `samvad down`.")
        return 0
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    click.echo(f"samvad: the supervisor died ({how}); everything has been stopped.", err=True)
    return 1


def _status_table(processes: list[ProcessStatus]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("process", "pid", "ready", "memory", "lag"):
        table.add_column(title, justify="left" if title in ("process", "ready") else "right")
    for process in processes:
        table.add_row(
            process.name,
            str(process.pid or "-"),
            "[green]yes[/green]" if process.ready else "[red]no[/red]",
            f"{process.memory / 2**20:.0f} MiB" if process.memory is not None else "-",
            str(process.lag) if process.lag is not None else "-",
        )
    return table
