"""Writes the configuration of the supervisor, Kafka and Prometheus into $SAMVAD_HOME/run."""

import shlex
import string
from collections.abc import Mapping
from pathlib import Path

import yaml

from services.cli.stack.plan import Plan, Process, Stage
from services.cli.stack.settings import ADDRESS, PROJECT, Home, Ports

# Marks a process of a stack in its environment, so that an orphan is found and nothing else is
# touched.
MARK = "SAMVAD_STACK_PROCESS"

# A process that ends within this many seconds is started again later and later (1 s, 2 s, 3 s …).
STARTED_AFTER_SECONDS = 3
NEVER_GIVE_UP = 1_000_000
LOG_BYTES = "5MB"
LOG_BACKUPS = 3


def supervisor(home: Home, plan: Plan, socket: Path) -> str:
    """supervisord.conf. Nothing starts by itself: the starter asks for each process in its turn."""
    sections = [
        _section(
            "unix_http_server",
            {"file": socket, "chmod": "0700"},
        ),
        _section(
            "supervisord",
            {
                "nodaemon": "true",
                "silent": "true",
                "pidfile": home.run / "supervisord.pid",
                "logfile": home.log_of("supervisord"),
                "logfile_maxbytes": LOG_BYTES,
                "logfile_backups": str(LOG_BACKUPS),
                "childlogdir": home.logs,
                "identifier": "samvad",
            },
        ),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": ("supervisor.rpcinterface:make_main_rpcinterface")},
        ),
    ]
    # Groups stop one after the other, from the highest priority down, each as a whole.
    for stage in Stage:
        members = [process for process in plan.processes if process.stage is stage]
        if members:
            names = ",".join(process.name for process in members)
            sections.append(
                _section(
                    f"group:{stage.name.lower()}", {"programs": names, "priority": stage.value}
                )
            )
            sections.extend(_program(home, process) for process in members)
    return "\n".join(sections)


def _program(home: Home, process: Process) -> str:
    return _section(
        f"program:{process.name}",
        {
            "command": shlex.join(process.command),
            "directory": PROJECT,
            "environment": f'{MARK}="{process.name}"',
            "autostart": "false",
            "autorestart": "true",
            "startsecs": STARTED_AFTER_SECONDS,
            "startretries": NEVER_GIVE_UP,
            "stopsignal": "TERM",
            "stopwaitsecs": process.stop_seconds,
            "stopasgroup": "false",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": home.log_of(process.name),
            "stdout_logfile_maxbytes": LOG_BYTES,
            "stdout_logfile_backups": LOG_BACKUPS,
        },
    )


def _section(name: str, entries: Mapping[str, object]) -> str:
    # The supervisor expands %(…)s in values; a % of ours is doubled.
    lines = [f"{key} = {str(value).replace('%', '%%')}" for key, value in entries.items()]
    return f"[{name}]\n" + "\n".join(lines) + "\n"


def kafka(home: Home, ports: Ports) -> str:
    """Kafka's server.properties from deploy/local/server.properties."""
    template = string.Template((PROJECT / "deploy" / "local" / "server.properties").read_text())
    return template.substitute(
        port=ports["kafka"],
        controller_port=ports["kafka-controller"],
        data=_in_properties(home.data / "kafka"),
    )


def _in_properties(path: Path) -> str:
    """A path as .properties files write it: backslashes doubled, what is not ASCII as \\uXXXX."""
    units = str(path).replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


def prometheus(ports: Ports) -> str:
    """Prometheus's configuration: the jobs of deploy/prometheus/prometheus.yml, on this machine's
    ports."""
    source = PROJECT / "deploy" / "prometheus" / "prometheus.yml"
    config = yaml.safe_load(source.read_text())
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"{ADDRESS}:{ports[job['job_name']]}"]}]
    rendered: str = yaml.safe_dump(config, sort_keys=False)
    return rendered


def write(home: Home, plan: Plan, ports: Ports, socket: Path) -> None:
    """Write all of it, and make the folders that the programs expect."""
    (home.run / "supervisord.conf").write_text(supervisor(home, plan, socket))
    (home.run / "server.properties").write_text(kafka(home, ports))
    (home.run / "prometheus.yml").write_text(prometheus(ports))
    for process in plan.processes:
        (home.data / process.name).mkdir(parents=True, exist_ok=True)
