"""What the one-machine stack consists of: a declaration, read by the renderer, the starter and the
tests."""

import enum
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.cli.stack.settings import ADDRESS, PROJECT, REPLICA_SET, Home, Ports
from services.cli.stack.tools import Tools


class Stage(enum.IntEnum):
    """Processes of a higher stage are stopped first: whoever uses a store stops before it."""

    STORE = 10
    BROKER = 20
    WATCH = 30
    SERVICES = 40


class Probe(enum.Enum):
    """How readiness is asked for."""

    KAFKA = "kafka"
    MONGOD = "mongod"
    HTTP = "http"


@dataclass(frozen=True)
class Process:
    """One supervised process, restarted whenever it ends.

    `needs` names processes that must be ready, and tasks that must be done, before it starts.
    """

    name: str
    command: Sequence[str]
    port: int
    stage: Stage = Stage.SERVICES
    probe: Probe = Probe.HTTP
    ready_path: str = "/health/ready"
    needs: Sequence[str] = ()
    stop_seconds: int = 15
    title: str = ""
    address: str = ""


@dataclass(frozen=True)
class Task:
    """A command that runs once at a start and must succeed; left out where `unless` exists."""

    name: str
    command: Sequence[str]
    needs: Sequence[str] = ()
    unless: Path | None = None


@dataclass(frozen=True)
class Plan:
    """All processes and tasks of a stack, and which port each setting gives to which process."""

    processes: Sequence[Process]
    tasks: Sequence[Task] = ()
    extra_ports: dict[str, int] = field(default_factory=dict)

    def process(self, name: str) -> Process:
        """The process of that name. Raises KeyError."""
        for process in self.processes:
            if process.name == name:
                return process
        raise KeyError(name)


# name, what a person calls it, path to open first ("" = nothing to see)
SERVICES: Sequence[tuple[str, str, str]] = (
    ("intake-web", "Citizens: web form and API", "/"),
    ("intake-whatsapp", "WhatsApp webhook (metrics)", "/metrics"),
    ("desk", "Officers, operators, Collector", "/"),
    ("standins", "Phones of citizens (simulated)", "/phone"),
    ("conversation", "WhatsApp chatbot (metrics)", "/metrics"),
    ("routing", "Routing (metrics)", "/metrics"),
    ("sla", "Time limits (metrics)", "/metrics"),
    ("notify", "Notifications (metrics)", "/metrics"),
)
# Stand-ins keep nothing in Kafka or MongoDB, so they need not wait for either.
INDEPENDENT = frozenset({"standins"})

KAFKA_CLUSTER = "c2FtdmFkLW9uZS1tYWNobQ"  # any 16 bytes in base64; it only has to stay the same
NEVER_SLOW_MS = str(2**31 - 1)  # what mongod logs of a slow operation quotes what people wrote
JAVA_FLAGS = ("-XX:+UseSerialGC", "-Djava.awt.headless=true")


def samvad(*words: str) -> tuple[str, ...]:
    """The command line of this installation, independent of PATH."""
    return (sys.executable, "-m", "services.cli.main", *words)


def infrastructure(home: Home, ports: Ports, tools: Tools) -> Plan:
    """Kafka and MongoDB alone, as integration tests want them."""
    java = (tools.java, *JAVA_FLAGS, "-cp", str(tools.kafka / "*"))
    properties = str(home.run / "server.properties")
    log4j = f"-Dlog4j2.configurationFile={PROJECT / 'deploy' / 'local' / 'log4j2.properties'}"
    kafka_data = home.data / "kafka"
    form = Task(
        name="kafka-format",
        command=(
            *java, "-Xmx128m", log4j, "kafka.tools.StorageTool", "format",
            "-t", KAFKA_CLUSTER, "-c", properties,
        ),
        unless=kafka_data / "meta.properties",
    )  # fmt: skip
    kafka = Process(
        name="kafka",
        command=(*java, "-Xms384m", "-Xmx384m", log4j, "kafka.Kafka", properties),
        port=ports["kafka"],
        stage=Stage.BROKER,
        probe=Probe.KAFKA,
        needs=(form.name,),
        stop_seconds=30,
        title="Kafka",
        address=f"{ADDRESS}:{ports['kafka']}",
    )
    mongod = Process(
        name="mongod",
        command=(
            tools.mongod, "--dbpath", str(home.data / "mongod"), "--port", str(ports["mongod"]),
            "--bind_ip", ADDRESS, "--replSet", REPLICA_SET, "--oplogSize", "512",
            "--wiredTigerCacheSizeGB", "0.5", "--nounixsocket", "--quiet",
            "--setParameter", "diagnosticDataCollectionEnabled=false",
            # nobody reads the past: what was dropped holds its open files no longer for it
            "--setParameter", "minSnapshotHistoryWindowInSeconds=0",
            "--profile", "0", "--slowms", NEVER_SLOW_MS,
        ),
        port=ports["mongod"],
        stage=Stage.STORE,
        probe=Probe.MONGOD,
        stop_seconds=30,
        title="MongoDB",
        address=ports.environment()["SAMVAD_MONGO"],
    )  # fmt: skip
    return Plan((mongod, kafka), (form,), {"kafka-controller": ports["kafka-controller"]})


def whole(home: Home, ports: Ports, tools: Tools) -> Plan:
    """Kafka, MongoDB, `samvad init`, every service, Prometheus."""
    base = infrastructure(home, ports, tools)
    init = Task(name="init", command=samvad("init"), needs=("kafka", "mongod"))
    services = tuple(
        Process(
            name=name,
            command=samvad(name),
            port=ports[name],
            needs=() if name in INDEPENDENT else (init.name,),
            title=title,
            address=f"http://{ADDRESS}:{ports[name]}{path}",
        )
        for name, title, path in SERVICES
    )
    prometheus = Process(
        name="prometheus",
        command=(
            tools.prometheus, f"--config.file={home.run / 'prometheus.yml'}",
            f"--storage.tsdb.path={home.data / 'prometheus'}",
            "--storage.tsdb.retention.size=512MB",
            f"--web.listen-address={ADDRESS}:{ports['prometheus']}", "--log.level=warn",
        ),
        port=ports["prometheus"],
        stage=Stage.WATCH,
        ready_path="/-/ready",
        title="Prometheus",
        address=f"http://{ADDRESS}:{ports['prometheus']}/",
    )  # fmt: skip
    return Plan(
        (*base.processes, *services, prometheus),
        (*base.tasks, init),
        {**base.extra_ports, "standins-smtp": ports["standins-smtp"]},
    )
