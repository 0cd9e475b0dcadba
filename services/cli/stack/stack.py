"""The one-machine stack as an object: what `samvad up`, `down` and `status` do, and what tests
drive."""

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from services.cli.stack import machine, plan, probes, render, starting, supervision, tools
from services.cli.stack.errors import StackError
from services.cli.stack.journal import Journal
from services.cli.stack.plan import Plan, Stage
from services.cli.stack.settings import (
    PORT_SETTINGS,
    PROJECT,
    Home,
    Ports,
    inherited_environment,
    listening_possible,
)

START_SECONDS = 180.0
STOP_SECONDS = 90.0
# Order in which orphans are ended, when no supervisor is left to do it: services first.
_STAGE_OF_TOOL = {"kafka": Stage.BROKER, "mongod": Stage.STORE, "prometheus": Stage.WATCH}

MakePlan = Callable[[Home, Ports, tools.Tools], Plan]


@dataclass(frozen=True)
class ProcessStatus:
    """What `samvad status` shows of a process. `memory` in bytes, `lag` in records."""

    name: str
    pid: int | None
    ready: bool
    memory: int | None
    lag: int | None


class Stack:
    """A stack in one SAMVAD_HOME. Only one at a time runs there; stacks in other homes do not
    matter."""

    def __init__(
        self,
        home: Path | Home,
        ports: Ports | None = None,
        *,
        make_plan: MakePlan = plan.whole,
        environment: Mapping[str, str] | None = None,
        search_path: str | None = None,
    ) -> None:
        """`ports`: by default those of the stack that runs in `home`, else those of the
        environment.

        `make_plan`: plan.whole, or plan.infrastructure for Kafka and MongoDB alone. `environment`
        is added
        to what the processes inherit. `search_path` replaces PATH when java, mongod and prometheus
        are looked up.
        """
        self.home = home if isinstance(home, Home) else Home(home.absolute())
        self.ports = ports or self._ports_of_running() or Ports.from_environment()
        self.supervisor = supervision.Supervisor(self.home)
        self._make_plan = make_plan
        # Names, ports and probes, for questions that need no tools.
        self.plan = make_plan(self.home, self.ports, tools.NONE)
        self.journal = Journal(self.home.log_of("supervisord"))
        self._added = dict(environment or {})
        self._search_path = search_path
        self._lock: IO[str] | None = None
        self._supervisord: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    # --- what it consists of ----------------------------------------------------------

    @property
    def settings(self) -> dict[str, str]:
        """The SAMVAD_… settings that make a process, or a test, a client of this stack."""
        return {
            "SAMVAD_HOME": str(self.home.path),
            **self.ports.environment(),
            **self._added,
        }

    def url(self, name: str, path: str = "") -> str:
        """The address of a path on a process that serves HTTP."""
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def _ports_of_running(self) -> Ports | None:
        try:
            saved = json.loads((self.home.run / "stack.json").read_text())
        except (OSError, ValueError):
            return None
        there = machine.supervisor_pid(self.home) or machine.of_stack(self.home)
        # a stack that an older version started knows fewer names
        return Ports({**Ports.from_environment().numbers, **saved["ports"]}) if there else None

    # --- up and down ------------------------------------------------------------------

    def up(
        self,
        progress: starting.Progress = lambda name, state, seconds: None,
        interrupted: threading.Event | None = None,
        seconds: float = START_SECONDS,
    ) -> None:
        """Start everything and return when all is ready.

        Raises StackError (nothing is left running then), or starting.Interrupted when the event is
        set.
        """
        self._refuse_odd_paths()
        self.home.prepare()
        self._take_lock()
        try:
            found = tools.find(
                self.home, self._search_path, prometheus=self._make_plan is plan.whole
            )
            whole = self._make_plan(self.home, self.ports, found)
            self._refuse_remains()
            self._refuse_taken_ports(whole)
            render.write(self.home, whole, self.ports, supervision.socket_path(self.home))
            environment = {**inherited_environment(self.ports), **self.settings}
            (self.home.run / "stack.json").write_text(
                json.dumps({"ports": dict(self.ports.numbers), "processes": _names(whole)})
            )
            self._supervisord = supervision.spawn(self.home, environment)
            starting.Starter(
                self.home,
                whole,
                environment,
                self._supervisord,
                self.journal,
                progress,
                interrupted or threading.Event(),
            ).run(seconds)
        except BaseException:
            if self._supervisord is not None:
                self.down()
            self._release_lock()
            raise

    def detach(self) -> None:
        """Let the stack run on without this process."""
        self._release_lock()
        self._supervisord = None

    def supervisor_ended(self) -> int | None:
        """The supervisor's exit code (negative: a signal), None while it runs. Only where this
        object started it."""
        return None if self._supervisord is None else self._supervisord.poll()

    def down(self) -> list[str]:
        """Stop everything of this home in order and return the names of what ran. Leaves no
        process.

        Also after the supervisor itself was killed and its children run on without it.
        """
        ran = sorted({found.role for found in machine.of_stack(self.home)} - {supervision.ROLE})
        pid = machine.supervisor_pid(self.home)
        if pid is None and self._supervisord is not None and self._supervisord.poll() is None:
            pid = self._supervisord.pid  # it has not written its pid file yet
        if pid is not None:
            machine.end([pid], STOP_SECONDS)
        self._end_orphans()
        if self._supervisord is not None:
            self._supervisord.wait()
            self._supervisord = None
        (self.home.run / "stack.json").unlink(missing_ok=True)
        self._release_lock()
        return ran

    def drop(self) -> None:
        """End a stack that this object started and whose data nobody wants, at once. Leaves no process."""
        if self._supervisord is not None:
            self._supervisord.kill()  # first, or it would start again what ends
            self._supervisord.wait()
            self._supervisord = None
        machine.kill([found.pid for found in machine.of_stack(self.home)])
        (self.home.run / "stack.json").unlink(missing_ok=True)
        self._release_lock()

    def _end_orphans(self) -> None:
        # A supervisor without a pid file first: it would start again what is ended here.
        left = machine.of_stack(self.home)
        machine.end([each.pid for each in left if each.role == supervision.ROLE], STOP_SECONDS)
        for stage in sorted(Stage, reverse=True):
            orphans = [
                found.pid
                for found in machine.of_stack(self.home)
                if _STAGE_OF_TOOL.get(found.role, Stage.SERVICES) is stage
            ]
            machine.end(orphans, 30 if stage is not Stage.SERVICES else 15)

    # --- refusals ---------------------------------------------------------------------

    def _refuse_odd_paths(self) -> None:
        for path in (self.home.path, PROJECT):
            # The supervisor's configuration, or Kafka's list of folders, gives these a meaning that
            # no quoting takes away.
            if any(sign in str(path) for sign in "%;,\n"):
                raise StackError(
                    f"the stack cannot run in {str(path)!r}: no percent sign, semicolon, comma or "
                    "line break may be in that path"
                )

    def _take_lock(self) -> None:
        lock = (self.home.run / "up.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise self._already(f"`samvad up` with pid {holder}") from None
        self._lock = lock
        running = machine.supervisor_pid(self.home)
        if running is not None:
            self._release_lock()
            raise self._already(f"supervisor with pid {running}")
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()

    def _already(self, who: str) -> StackError:
        return StackError(
            f"the stack in {self.home.path} is already up ({who}): "
            "see it with `samvad status`, stop it with `samvad down`"
        )

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _refuse_remains(self) -> None:
        remains = machine.of_stack(self.home)
        if remains:
            who = ", ".join(f"{found.role} {found.pid}" for found in remains)
            raise StackError(
                f"processes of an earlier stack still run in {self.home.path} ({who}): "
                "stop them with `samvad down`"
            )

    def _refuse_taken_ports(self, whole: Plan) -> None:
        wanted = {process.name: process.port for process in whole.processes} | dict(
            whole.extra_ports
        )
        owners: dict[int, str] = {}
        for name, port in wanted.items():
            setting = PORT_SETTINGS[name][0] if name in PORT_SETTINGS else "its port"
            if port in owners:
                raise StackError(
                    f"port {port} is given to {owners[port]} and {name}: change {setting}"
                )
            if not listening_possible(port):
                raise StackError(
                    f"port {port} is taken and {name} wants it: free it, or set {setting} to another"
                )
            owners[port] = name

    # --- single processes -------------------------------------------------------------

    def pid(self, name: str) -> int | None:
        """The pid of a process, None while it does not run."""
        return self.supervisor.one(name).pid

    def start(self, name: str, *, wait: bool = True, seconds: float = 60.0) -> None:
        """Start a process that was stopped; by default return when it is ready."""
        self.supervisor.start(name)
        if wait:
            self.wait_ready(name, seconds)

    def stop(self, name: str, *, seconds: float = 60.0) -> None:
        """Stop a process in good order (SIGTERM) and return when it has ended; it stays stopped."""
        self.supervisor.stop(name)
        starting.wait_stopped(self.supervisor, name, seconds)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a process and return its pid. The supervisor starts it again when it
        ends."""
        pid = self.pid(name)
        if pid is None:
            raise StackError(f"{name} does not run")
        os.kill(pid, number)
        return pid

    def ready(self, name: str) -> bool:
        """Whether a process is ready now."""
        return probes.ready(self.plan.process(name))

    def wait_ready(self, name: str, seconds: float = 60.0) -> None:
        """Wait until a process is ready. Raises StackError."""
        starting.wait_ready(self.plan.process(name), seconds)

    def wait_restarted(self, name: str, old_pid: int, seconds: float = 60.0) -> int:
        """Wait until a killed process runs under another pid and is ready; returns that pid."""
        deadline = time.monotonic() + seconds
        while (pid := self.pid(name)) in (None, old_pid):
            if time.monotonic() > deadline:
                raise StackError(f"{name} was not started again within {seconds:.0f} s")
            time.sleep(starting.TICK_SECONDS)
        self.wait_ready(name, seconds)
        assert pid is not None
        return pid

    # --- status -----------------------------------------------------------------------

    def running(self) -> bool:
        """Whether a supervisor serves this home."""
        return self.supervisor.answers()

    def orphans(self) -> list[machine.Found]:
        """What still runs of this home's stack though its supervisor is gone."""
        if machine.supervisor_pid(self.home) is not None:
            return []
        return [each for each in machine.of_stack(self.home) if each.role != supervision.ROLE]

    def status(self) -> list[ProcessStatus]:
        """Every process of the running stack, or of the plan where there is no supervisor: with the
        pids of those that run on without it."""
        pids: dict[str, int | None]
        try:
            pids = {process.name: process.pid for process in self.supervisor.all()}
        except supervision.NotAnswering:
            pids = {process.name: None for process in self.plan.processes}
            pids.update({each.role: each.pid for each in self.orphans()})
        known = [process for process in self.plan.processes if process.name in pids]

        def look(process: plan.Process) -> ProcessStatus:
            pid = pids[process.name]
            if pid is None:
                return ProcessStatus(process.name, None, False, None, None)
            return ProcessStatus(
                process.name,
                pid,
                probes.ready(process),
                machine.resident_bytes(pid),
                probes.lag(process),
            )

        with ThreadPoolExecutor(max(1, len(known))) as pool:
            return list(pool.map(look, known))


def as_json(processes: Sequence[ProcessStatus], *, supervised: bool) -> str:
    """The status as `samvad status --json` prints it."""
    shown = [asdict(process) for process in processes]
    return json.dumps({"supervised": supervised, "processes": shown}, indent=2)


def _names(whole: Plan) -> list[str]:
    return [process.name for process in whole.processes]
