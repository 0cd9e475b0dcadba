"""Settings of the one-machine stack: where it lives and which ports it takes.

The only module of the stack that reads the environment. Everything listens on 127.0.0.1.
"""

import os
import random
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from services.cli.stack.errors import StackError

ADDRESS = "127.0.0.1"
PROJECT = Path(__file__).resolve().parents[3]
REPLICA_SET = "rs0"
PRIVATE = 0o700  # data, and what was logged of it, are the owner's

# name of the port → (environment setting, default)
PORT_SETTINGS: Mapping[str, tuple[str, int]] = {
    "intake-web": ("SAMVAD_INTAKE_WEB_PORT", 8000),
    "intake-whatsapp": ("SAMVAD_INTAKE_WHATSAPP_PORT", 8001),
    "desk": ("SAMVAD_DESK_PORT", 8003),
    "standins": ("SAMVAD_STANDINS_PORT", 8009),
    "standins-smtp": ("SAMVAD_STANDINS_SMTP_PORT", 8025),
    "conversation": ("SAMVAD_CONVERSATION_PORT", 8011),
    "routing": ("SAMVAD_ROUTING_PORT", 8012),
    "sla": ("SAMVAD_SLA_PORT", 8013),
    "notify": ("SAMVAD_NOTIFY_PORT", 8014),
    "prometheus": ("SAMVAD_PROMETHEUS_PORT", 9090),
    "kafka": ("SAMVAD_KAFKA_PORT", 19092),
    "kafka-controller": ("SAMVAD_KAFKA_CONTROLLER_PORT", 19093),
    "mongod": ("SAMVAD_MONGO_PORT", 27217),
}


def listening_possible(port: int) -> bool:
    """Whether a process of this machine could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class Ports:
    """The port of every process, by the names in PORT_SETTINGS."""

    numbers: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Ports":
        """The defaults, changed by the SAMVAD_…_PORT settings. Raises StackError."""
        given = os.environ if environment is None else environment
        numbers = {
            name: _port(setting, given.get(setting) or str(default))
            for name, (setting, default) in PORT_SETTINGS.items()
        }
        if not given.get("SAMVAD_KAFKA_CONTROLLER_PORT"):
            numbers["kafka-controller"] = numbers["kafka"] + 1
        return cls(numbers)

    @classmethod
    def free(cls) -> "Ports":
        """Ports that nobody uses now, for a stack beside a running one.

        They lie below 32768, where Linux starts to give ports to outgoing connections, so that
        none is taken
        away between the choice and the start.
        """
        candidates = random.SystemRandom().sample(range(20000, 32000), 2000)
        usable = (port for port in candidates if listening_possible(port))
        return cls({name: next(usable) for name in PORT_SETTINGS})

    def environment(self) -> dict[str, str]:
        """The settings that make every process, and every client in a test, use these ports."""
        settings = {setting: str(self[name]) for name, (setting, _) in PORT_SETTINGS.items()}
        settings["SAMVAD_KAFKA"] = f"{ADDRESS}:{self['kafka']}"
        settings["SAMVAD_MONGO"] = f"mongodb://{ADDRESS}:{self['mongod']}/?replicaSet={REPLICA_SET}"
        return settings


def _port(setting: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65535:
        raise StackError(f"{setting} must be a port number below 65535, not {text!r}")
    return int(text)


@dataclass(frozen=True)
class Home:
    """SAMVAD_HOME: all that the stack of one machine keeps (data, logs, run-time files, fetched
    tools)."""

    path: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Home":
        """$SAMVAD_HOME, else .samvad in the project's root."""
        given = os.environ if environment is None else environment
        return cls(Path(os.path.abspath(given.get("SAMVAD_HOME") or PROJECT / ".samvad")))

    @property
    def run(self) -> Path:
        """Rendered configuration, pid and lock files."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        """One log a process, rotated."""
        return self.path / "logs"

    @property
    def data(self) -> Path:
        """What survives a restart: Kafka's, MongoDB's and Prometheus's data."""
        return self.path / "data"

    @property
    def tools(self) -> Path:
        """Kafka's jars and mongod, fetched by deploy/local/setup.py."""
        return self.path / "tools"

    def log_of(self, name: str) -> Path:
        """The log of one process."""
        return self.logs / f"{name}.log"

    def open_log(self, name: str, mode: Literal["ab", "wb"]) -> IO[bytes]:
        """The log of one process, readable by its owner only."""
        return open(self.log_of(name), mode, opener=lambda path, flags: os.open(path, flags, 0o600))

    def prepare(self) -> None:
        """Make the folders, which only their owner may enter, and show the project's one set of tools
        and web assets in this home too."""
        for folder in (self.run, self.logs, self.data):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(PRIVATE)
        shed = PROJECT / ".samvad" / "tools"
        for link, target in ((self.tools, shed), (self.path / "assets", shed / "assets")):
            if not link.exists() and target.exists():
                link.unlink(missing_ok=True)
                link.symlink_to(target)


def inherited_environment(ports: Ports) -> dict[str, str]:
    """What the processes take over from whoever starts the stack (secrets, clock, language, PATH).

    Messages go to the stand-ins, unless a real provider's address is set, and the stand-ins tell this
    stack's own ports what became of them.
    """
    base = {name: f"http://{ADDRESS}:{ports[name]}" for name in ports}
    settings = {
        "SAMVAD_WHATSAPP_URL": f"{base['standins']}/whatsapp",
        "SAMVAD_WHATSAPP_WEBHOOK": f"{base['intake-whatsapp']}/webhooks/whatsapp",
        "SAMVAD_SMS_URL": f"{base['standins']}/sms",
        "SAMVAD_KANNEL_URL": f"{base['standins']}/kannel/cgi-bin/sendsms",
        "SAMVAD_KANNEL_RECEIPTS": f"{base['notify']}/receipts/kannel",
    }
    if not os.environ.get("SAMVAD_SMTP_HOST"):  # a mail server of one's own has its port beside it
        settings["SAMVAD_SMTP_PORT"] = str(ports["standins-smtp"])
    return {**settings, **os.environ}
