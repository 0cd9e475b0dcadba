"""Starts a plan: everything as early as what it needs allows, and waits on conditions, never on
time."""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from services.cli.stack import machine, probes
from services.cli.stack.errors import StackError
from services.cli.stack.journal import Ended, Journal
from services.cli.stack.plan import Plan, Process, Task
from services.cli.stack.render import MARK
from services.cli.stack.settings import PROJECT, Home
from services.cli.stack.supervision import NotAnswering, Supervisor

TICK_SECONDS = 0.05
DEATHS_TOO_MANY = 3
SUPERVISOR_SECONDS = 15.0

# Told when something starts ("starting") and when it is ready ("ready"), with the seconds it took.
Progress = Callable[[str, str, float], None]


class Interrupted(Exception):
    """Somebody asked to stop while the stack was starting."""


class Starter:
    """One start of one plan. Use `run` once."""

    def __init__(
        self,
        home: Home,
        plan: Plan,
        environment: Mapping[str, str],
        supervisord: subprocess.Popen[bytes],
        journal: Journal,
        progress: Progress,
        interrupted: threading.Event,
    ) -> None:
        self._home = home
        self._plan = plan
        self._environment = environment
        self._supervisord = supervisord
        self._supervisor = Supervisor(home)
        self._progress = progress
        self._interrupted = interrupted
        self._journal = journal
        self._done: set[str] = set()
        self._begun: dict[str, float] = {}
        self._tasks: dict[str, subprocess.Popen[bytes]] = {}
        self._asked: dict[str, Future[bool]] = {}
        self._deaths: dict[str, int] = {}

    def run(self, seconds: float) -> None:
        """Return when everything is ready.

        Raises StackError when a task fails, a process keeps ending, or `seconds` are over;
        Interrupted when
        the event given at construction is set. What was started keeps running then: the caller
        stops it.
        """
        deadline = time.monotonic() + seconds
        self._wait_for_supervisor()
        names = {process.name for process in self._plan.processes} | {
            task.name for task in self._plan.tasks
        }
        with ThreadPoolExecutor(len(names), thread_name_prefix="ready") as pool:
            try:
                while True:
                    self._check(names, deadline)
                    if self._done == names:
                        return
                    self._tick(pool)
                    time.sleep(TICK_SECONDS)
            finally:
                self._end_tasks()

    def _wait_for_supervisor(self) -> None:
        deadline = time.monotonic() + SUPERVISOR_SECONDS
        while not self._supervisor.answers():
            if self._supervisord.poll() is not None or time.monotonic() > deadline:
                log = self._home.log_of("supervisord")
                raise StackError("the supervisor did not start", log)
            time.sleep(TICK_SECONDS)

    def _tick(self, pool: ThreadPoolExecutor) -> None:
        for task in self._plan.tasks:
            if task.name not in self._done and self._done.issuperset(task.needs):
                self._advance_task(task)
        for process in self._plan.processes:
            if process.name not in self._done and self._done.issuperset(process.needs):
                self._advance_process(process, pool)

    def _advance_task(self, task: Task) -> None:
        running = self._tasks.get(task.name)
        if running is None:
            if task.unless is not None and task.unless.exists():
                self._done.add(task.name)
                return
            self._begin(task.name)
            with self._home.open_log(task.name, "wb") as log:
                self._tasks[task.name] = subprocess.Popen(
                    list(task.command),
                    cwd=PROJECT,
                    env={**self._environment, MARK: task.name},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=0o077,
                )
        elif running.poll() is not None:
            if running.returncode:
                raise StackError(
                    f"{task.name} failed (exit code {running.returncode})",
                    self._home.log_of(task.name),
                )
            self._finish(task.name)

    def _advance_process(self, process: Process, pool: ThreadPoolExecutor) -> None:
        name = process.name
        if name not in self._begun:
            self._begin(name)
            self._supervisor.start(name)
            return
        asked = self._asked.pop(name, None)
        if asked is not None and not asked.done():
            self._asked[name] = asked
        elif asked is not None and asked.result():
            self._finish(name)
        else:
            self._asked[name] = pool.submit(probes.ready, process)

    def _begin(self, name: str) -> None:
        self._begun[name] = time.monotonic()
        self._progress(name, "starting", 0.0)

    def _finish(self, name: str) -> None:
        self._done.add(name)
        self._progress(name, "ready", time.monotonic() - self._begun[name])

    def _check(self, names: set[str], deadline: float) -> None:
        if self._interrupted.is_set():
            raise Interrupted
        if self._supervisord.poll() is not None:
            raise StackError(
                "the supervisor ended during the start", self._home.log_of("supervisord")
            )
        for event in self._journal.new():
            if isinstance(event, Ended) and not event.asked:
                self._done.discard(event.name)  # it was ready perhaps, and must be so again
                self._deaths[event.name] = self._deaths.get(event.name, 0) + 1
                if self._deaths[event.name] >= DEATHS_TOO_MANY:
                    raise StackError(
                        f"{event.name} ended {DEATHS_TOO_MANY} times during the start ({event.how})",
                        self._home.log_of(event.name),
                    )
        if time.monotonic() > deadline:
            waiting = sorted(name for name in names - self._done if name in self._begun)
            raise StackError(
                f"not ready in time: {', '.join(waiting)}", self._home.log_of(waiting[0])
            )

    def _end_tasks(self) -> None:
        running = [task.pid for task in self._tasks.values() if task.poll() is None]
        machine.end(running, 5)


def wait_ready(process: Process, seconds: float) -> None:
    """Wait until one process is ready. Raises StackError when `seconds` are over."""
    deadline = time.monotonic() + seconds
    while not probes.ready(process):
        if time.monotonic() > deadline:
            raise StackError(f"{process.name} was not ready within {seconds:.0f} s")
        time.sleep(TICK_SECONDS)


def wait_stopped(supervisor: Supervisor, name: str, seconds: float) -> None:
    """Wait until the supervisor has collected a process. Raises StackError when `seconds` are
    over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if supervisor.one(name).pid is None:
                return
        except NotAnswering:
            return
        if time.monotonic() > deadline:
            raise StackError(f"{name} did not stop within {seconds:.0f} s")
        time.sleep(TICK_SECONDS)
