"""The supervisor (supervisord) as the stack sees it: started in a session of its own, asked over a
Unix socket."""

import hashlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from services.cli.stack.errors import StackError
from services.cli.stack.render import MARK
from services.cli.stack.settings import PROJECT, Home

# A Unix socket's path has room for 107 bytes; the supervisor first binds a name that is a little
# longer.
LONGEST_SOCKET_PATH = 90
ANSWER_SECONDS = 10.0
ROLE = "supervisor"  # of the supervisor itself, among the processes of the stack


@dataclass(frozen=True)
class Supervised:
    """A process as the supervisor knows it. `pid` is None while it does not run."""

    name: str
    group: str
    state: str
    pid: int | None


class NotAnswering(Exception):
    """No supervisor listens on the socket."""


def socket_path(home: Home) -> Path:
    """The control socket: in the home, or, where that path is too long, in a folder only its owner
    may enter."""
    path = home.run / "supervisor.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    key = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"samvad-{os.getuid()}-{key}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or folder.is_symlink():
        raise StackError(f"{folder} belongs to someone else: choose a shorter SAMVAD_HOME")
    return folder / "s"


class Supervisor:
    """Asks one supervisor. Every call is a connection of its own, so threads may share an
    instance."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def _call(self, method: str, *arguments: object) -> Any:
        path = socket_path(self._home)
        transport = _UnixTransport(path)
        # The host in the address is never looked up: the transport knows only its socket.
        proxy = xmlrpc.client.ServerProxy("http://supervisor", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, http.client.HTTPException) as error:
            raise NotAnswering(str(error)) from error
        finally:
            transport.close()

    def answers(self) -> bool:
        """Whether a supervisor of this home is up and serving."""
        try:
            return cast(str, self._call("getState")["statename"]) == "RUNNING"
        except (NotAnswering, xmlrpc.client.Fault):
            return False

    def all(self) -> list[Supervised]:
        """Every process, in the supervisor's order. Raises NotAnswering."""
        return [
            Supervised(
                name=entry["name"],
                group=entry["group"],
                state=entry["statename"],
                pid=entry["pid"] or None,
            )
            for entry in cast(list[dict[str, Any]], self._call("getAllProcessInfo"))
        ]

    def one(self, name: str) -> Supervised:
        """The process of that name. Raises NotAnswering, or StackError where there is none."""
        for process in self.all():
            if process.name == name:
                return process
        raise StackError(f"this stack has no process {name!r}")

    def start(self, name: str) -> None:
        """Spawn a process; returns before it is ready. Does nothing where it already runs."""
        self._change("startProcess", name, "ALREADY_STARTED", False)

    def stop(self, name: str) -> None:
        """Ask a process to end; returns at once. Does nothing where it does not run."""
        self._change("stopProcess", name, "NOT_RUNNING", False)

    def _change(self, method: str, name: str, harmless: str, wait: bool) -> None:
        group = self.one(name).group
        try:
            self._call(method, f"{group}:{name}", wait)
        except xmlrpc.client.Fault as fault:
            if harmless not in fault.faultString:
                raise StackError(f"{name}: {fault.faultString}", self._home.log_of(name)) from None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("supervisor", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        return _UnixConnection(self._path)


def spawn(home: Home, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start supervisord in a session of its own, so that a terminal's Ctrl-C does not reach it."""
    with home.open_log("supervisord", "ab") as log:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "supervisor.supervisord",
                "-c",
                str(home.run / "supervisord.conf"),
            ],
            cwd=PROJECT,
            env={**environment, MARK: ROLE},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,  # it opens the logs, and its children inherit it
        )
