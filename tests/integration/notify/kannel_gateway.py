"""A real Kannel on ports of its own: bearerbox, smsbox, and the fake SMSC that comes with it."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes
from urllib.request import urlopen

from services.cli.stack.settings import listening_possible

FAKE_SMSC = "/usr/lib/kannel/test/fakesmsc"
USERNAME, PASSWORD = "samvad", "pass word"
SECONDS = 15.0
CONFIGURATION = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = admin
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = FAKE
port = {smsc}
connect-allow-ip = 127.0.0.1
allowed-prefix = "+91"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
http-request-retry = 10
http-queue-delay = 1

group = sendsms-user
username = {username}
password = {password}
concatenation = true
max-messages = 10
"""
_MESSAGE = re.compile(rb"Got message \d+: <(\S+) (\S+) (text|ucs-2|data|udh) (.*)>$")


@dataclass(frozen=True)
class Part:
    """One SMS as the SMSC was given it. `head`: the user data header of one part of several."""

    sender: str
    to: str
    kind: str
    head: bytes
    data: bytes

    @property
    def place(self) -> tuple[int, int, int]:
        """Reference, number of parts, this part's number."""
        assert self.head[:3] == b"\x05\x00\x03"
        return self.head[3], self.head[4], self.head[5]


class Gateway:
    """Starts and ends the processes; `received` reads what the SMSC was given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        candidates = random.SystemRandom().sample(range(20000, 32000), 200)
        usable = (port for port in candidates if listening_possible(port))
        self._ports = {name: next(usable) for name in ("admin", "smsbox", "smsc", "sendsms")}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._file = folder / "kannel.conf"
        self._file.write_text(
            CONFIGURATION.format(**self._ports, username=USERNAME, password=PASSWORD)
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['sendsms']}/cgi-bin/sendsms"

    def start(self) -> None:
        self._run("bearerbox", _program("bearerbox"), str(self._file))
        _until(lambda: "Status: running" in self._status(), "bearerbox")
        self._run("smsbox", _program("smsbox"), str(self._file))
        # asked by a connection: a trial of the port itself could take it from the smsbox
        _until(lambda: _answers(self._ports["sendsms"]), "smsbox")
        self.start_smsc()

    def start_smsc(self) -> None:
        port = str(self._ports["smsc"])
        self._run("smsc", FAKE_SMSC, "-H", "127.0.0.1", "-r", port, "-m", "0", "1 2 text none")
        _until(self.is_online, "the SMSC")

    def is_online(self) -> bool:
        """Whether Kannel has its SMSC."""
        return re.search(r"FAKE.*\(online", self._status()) is not None

    def stop(self) -> None:
        for name in ("smsc", "smsbox", "bearerbox"):
            self.end(name)

    def end(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The bearerbox stands still: its smsbox takes requests, but gets no answer for them."""
        process = self._running["bearerbox"]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def received(self) -> list[Part]:
        parts: list[Part] = []
        for log in sorted(self._folder.glob("smsc-*.log")):
            for line in log.read_bytes().splitlines():
                if found := _MESSAGE.search(line):
                    parts.append(_part(*found.groups()))
        return parts

    def _run(self, name: str, *command: str) -> None:
        number = len(list(self._folder.glob(f"{name}-*.log")))
        with (self._folder / f"{name}-{number}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def _status(self) -> str:
        with suppress(OSError):
            url = f"http://127.0.0.1:{self._ports['admin']}/status.txt?password=admin"
            with urlopen(url, timeout=2) as answer:
                return str(answer.read().decode("utf-8", "replace"))
        return ""


def _part(sender: bytes, to: bytes, kind: bytes, rest: bytes) -> Part:
    head = b""
    if kind == b"udh":
        head, _, rest = rest.partition(b" data ")
    data = rest if kind == b"text" else _decoded(rest)
    return Part(sender.decode(), to.decode(), kind.decode(), _decoded(head), data)


def _decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def _program(name: str) -> str:
    """Debian puts them where a user's PATH may not lead."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert found, f"{name} is missing: apt-get install kannel kannel-extras"
    return found


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2):
        return True
    return False


def _until(condition: Callable[[], bool], what: str) -> None:
    last = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < last, f"{what} did not come up within {SECONDS:g} s"
        time.sleep(0.05)
