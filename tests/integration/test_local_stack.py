"""The one-machine stack: what it renders, what it refuses, and that it leaves no process behind."""

from __future__ import annotations

import configparser
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO

import pytest
import yaml

from services.cli.stack import (
    Home,
    Plan,
    Ports,
    Process,
    Stack,
    StackError,
    Stage,
    Task,
    infrastructure,
    machine,
    render,
    whole,
)
from services.cli.stack.journal import Ended, Spawned, parse
from services.cli.stack.kafka import group_of_each_partition, partition_of
from services.cli.stack.settings import PROJECT, inherited_environment
from services.cli.stack.tools import Tools
from services.kernel.adapters import mongo

SERVICE = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'samvad_consumer_lag{consumer="a"} 3\\nsamvad_consumer_lag{consumer="b"} 4.0\\n'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body if self.path == "/metrics" else b"ok")

    def log_message(self, *_):
        pass  # a supervisor that was killed reads no more lines

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
NOWHERE = Tools(java="java", kafka=Path("kafka"), mongod="mongod", prometheus="prometheus")


def python(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", *words)


def service(home: Home, port: int) -> tuple[str, ...]:
    script = home.run / "service.py"
    script.write_text(SERVICE)
    return (sys.executable, str(script), str(port))


def small(
    home: Home,
    ports: Ports,
    tools: Tools,
    *,
    task: tuple[str, ...] = python("print('made')"),
    routing: tuple[str, ...] = (),
) -> Plan:
    """Two services and a task before them, instead of the real ones."""
    return Plan(
        (
            Process("sla", service(home, ports["sla"]), ports["sla"], stage=Stage.BROKER),
            Process(
                "routing",
                routing or service(home, ports["routing"]),
                ports["routing"],
                needs=("prepare", "sla"),
            ),
        ),
        (Task("prepare", task),),
    )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home of its own; whatever a failing test leaves running there is stopped."""
    place = Home(tmp_path / "a home with blanks and संवाद")
    place.prepare()
    yield place
    Stack(place, Ports.free()).down()


def test_supervisor_stops_services_before_prometheus_before_kafka_before_mongod(home: Home) -> None:
    ports = Ports.free()
    text = render.supervisor(home, whole(home, ports, NOWHERE), home.run / "s")
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(text)
    groups = sorted(
        (section for section in config.sections() if section.startswith("group:")),
        key=lambda section: -config.getint(section, "priority"),
    )
    members = [config[group]["programs"].split(",") for group in groups]
    assert members[1:] == [["prometheus"], ["kafka"], ["mongod"]]
    assert {
        "intake-web", "intake-whatsapp", "conversation", "routing", "sla", "notify", "desk", "standins"
    } == set(members[0])  # fmt: skip
    assert all(
        config[section]["autorestart"] == "true"
        for section in config.sections()
        if section.startswith("program:")
    )


def test_kafka_and_prometheus_get_this_stacks_ports(home: Home) -> None:
    ports = Ports.from_environment({"SAMVAD_KAFKA_PORT": "21000", "SAMVAD_SLA_PORT": "21500"})
    properties = render.kafka(home, ports).splitlines()
    assert "controller.quorum.voters=1@127.0.0.1:21001" in properties
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:21000" in properties
    jobs = {
        job["job_name"]: job["static_configs"][0]["targets"]
        for job in yaml.safe_load(render.prometheus(ports))["scrape_configs"]
    }
    assert jobs["sla"] == ["127.0.0.1:21500"]
    services = {process.name for process in whole(home, ports, NOWHERE).processes}
    assert set(jobs) == services - {"kafka", "mongod"}


def test_the_standins_and_who_they_tell_are_this_stacks(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WHATSAPP_URL", "WHATSAPP_WEBHOOK", "KANNEL_URL", "KANNEL_RECEIPTS", "SMTP_HOST"):
        monkeypatch.delenv(f"SAMVAD_{name}", raising=False)
    ports = Ports.free()
    assert whole(home, ports, NOWHERE).extra_ports["standins-smtp"] == ports["standins-smtp"]
    settings = {**inherited_environment(ports), **ports.environment()}
    assert settings["SAMVAD_SMTP_PORT"] == settings["SAMVAD_STANDINS_SMTP_PORT"]
    ours = {
        "SAMVAD_WHATSAPP_URL": "standins",
        "SAMVAD_WHATSAPP_WEBHOOK": "intake-whatsapp",
        "SAMVAD_KANNEL_URL": "standins",
        "SAMVAD_KANNEL_RECEIPTS": "notify",
    }
    for setting, process in ours.items():
        assert settings[setting].startswith(f"http://127.0.0.1:{ports[process]}/"), setting
    monkeypatch.setenv("SAMVAD_SMTP_HOST", "mail.example.org")
    assert "SAMVAD_SMTP_PORT" not in inherited_environment(ports)


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(StackError, match="SAMVAD_DESK_PORT must be a port number"):
        Ports.from_environment({"SAMVAD_DESK_PORT": "80a"})


def test_groups_touch_every_partition_of_the_coordinator() -> None:
    assert {partition_of(group) for group in group_of_each_partition()} == {0, 1, 2, 3}
    assert partition_of("polygenelubricants") == 0  # Java's hash of it is the smallest integer
    assert partition_of("Samvad") == abs(-1825802502) % 4


def test_journal_tells_who_died_how_and_who_came_instead() -> None:
    at = "2026-01-01 10:00:00,000"
    assert parse(f"{at} WARN exited: sla (terminated by SIGKILL; not expected)") == Ended(
        "sla", "terminated by SIGKILL", asked=False
    )
    assert parse(f"{at} INFO stopped: sla (exit status 0)") == Ended("sla", "exit status 0", True)
    assert parse(f"{at} INFO spawned: 'sla' with pid 7") == Spawned("sla", 7)
    assert parse(f"{at} INFO success: sla entered RUNNING state") is None


def test_taken_port_is_named_with_who_wants_it_and_the_setting(home: Home) -> None:
    ports = Ports.free()
    with socket.create_server(("127.0.0.1", ports["sla"])):
        with pytest.raises(StackError) as refusal:
            Stack(home, ports, make_plan=small).up()
    line = str(refusal.value)
    assert f"port {ports['sla']} is taken and sla wants it" in line
    assert "SAMVAD_SLA_PORT" in line
    assert "\n" not in line


@pytest.mark.parametrize("name", ["100%", "a;b", "a,b", "a\nb"])
def test_home_that_would_be_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StackError, match="no percent sign, semicolon, comma or line break"):
        Stack(tmp_path / name, Ports.free(), make_plan=infrastructure).up()


def test_missing_java_is_named(home: Home, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"Java is missing.*make setup"):
        Stack(home, Ports.free(), make_plan=small, search_path=str(tmp_path)).up()


def test_failed_task_is_told_with_its_output_and_nothing_stays(home: Home) -> None:
    plan = partial(small, task=python("raise SystemExit('no such district')"))
    with pytest.raises(StackError, match="prepare failed") as failure:
        Stack(home, Ports.free(), make_plan=plan).up()
    assert "no such district" in failure.value.tail()
    assert machine.of_stack(home) == []


def test_service_that_keeps_dying_ends_the_start(home: Home) -> None:
    plan = partial(small, routing=python("raise SystemExit('cannot go on')"))
    with pytest.raises(StackError, match="routing ended 3 times") as failure:
        Stack(home, Ports.free(), make_plan=plan).up()
    assert "cannot go on" in failure.value.tail()
    assert machine.of_stack(home) == []


def test_life_of_a_stack(home: Home) -> None:
    stack = Stack(home, Ports.free(), make_plan=small)
    stack.up()
    # It tells about its processes.
    by_name = {process.name: process for process in stack.status()}
    assert set(by_name) == {"sla", "routing"}
    assert all(process.ready and process.memory for process in by_name.values())
    assert by_name["routing"].lag == 7
    # Another start in the same home is refused, whoever tries.
    with pytest.raises(StackError, match=rf"already up.*pid {os.getpid()}.*samvad down"):
        Stack(home, Ports.free(), make_plan=small).up()
    # What it keeps is its owner's.
    for folder in (home.logs, home.data, home.run):
        assert folder.stat().st_mode & 0o777 == 0o700
    logs = sorted(home.logs.iterdir())
    assert {log.stem for log in logs} >= {"sla", "routing", "prepare", "supervisord"}
    assert all(log.stat().st_mode & 0o077 == 0 for log in logs)
    # A killed process comes again; a stopped one stays away until it is started.
    killed = stack.kill("routing")
    assert stack.wait_restarted("routing", killed) not in (None, killed)
    stack.stop("sla")
    assert stack.pid("sla") is None
    stack.start("sla")
    assert stack.ready("sla")
    # Without its supervisor the stack can still be stopped.
    supervisor = machine.supervisor_pid(home)
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    assert machine.wait_gone([supervisor], 5) == []
    assert {found.role for found in machine.of_stack(home)} == {"sla", "routing"}
    assert Stack(home, make_plan=small).ports == stack.ports
    environment = {**os.environ, "SAMVAD_HOME": str(home.path)}
    shown = samvad("status", environment=environment)
    assert shown.returncode == 4
    assert "the supervisor is gone, 2 processes of it still run" in shown.stderr
    assert "samvad down" in shown.stderr
    shown = samvad("status", "--json", environment=environment)
    assert shown.returncode == 4
    told = json.loads(shown.stdout)
    assert told["supervised"] is False
    assert all(process["ready"] for process in told["processes"] if process["pid"])
    assert {p["name"]: p["pid"] for p in told["processes"] if p["pid"]} == {
        found.role: found.pid for found in machine.of_stack(home)
    }
    stack.detach()
    with pytest.raises(StackError, match="earlier stack still run"):
        Stack(home, stack.ports, make_plan=small).up()
    assert Stack(home, stack.ports, make_plan=small).down() == ["routing", "sla"]
    assert machine.of_stack(home) == []


def samvad(*words: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli.main", *words],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


async def test_mongod_keeps_slow_operations_to_itself(
    infra: Stack, database: mongo.Database
) -> None:
    await database["letters"].insert_one({"text": "ZQXTEXT"})
    slow = {"$where": "sleep(400) || this.text == 'ZQXTEXT'"}
    found = await database["letters"].find_one_and_update(slow, {"$set": {"name": "ZQXNAME"}})
    assert found is not None
    # rotated ones too: other tests of the session have written much
    written = sorted(infra.home.logs.glob("mongod.log*"))
    log = "".join(path.read_text(errors="replace") for path in written)
    assert '"c":"STORAGE"' in log or "Waiting for connections" in log, "it is mongod's log"
    assert "ZQX" not in log


def lines_until(output: IO[str], wanted: str) -> list[str]:
    """The lines up to the one that contains `wanted`; fails where the output ends before."""
    lines = []
    for line in output:
        lines.append(line.rstrip())
        if wanted in line:
            return lines
    raise AssertionError(f"no line with {wanted!r} in {lines}")


def test_kafka_and_mongodb_in_the_foreground(home: Home) -> None:
    ports = Ports.free()
    environment = {**os.environ, **ports.environment(), "SAMVAD_HOME": str(home.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "services.cli.main", "up", "--infrastructure"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines_until(process.stdout, "Ctrl-C stops everything.")

    assert (home.data / "kafka" / "meta.properties").exists()
    assert (home.data / "mongod" / "WiredTiger").exists()

    second = samvad("up", environment=environment)
    assert second.returncode == 1
    assert f"already up (`samvad up` with pid {process.pid})" in second.stderr

    shown = samvad("status", "--json", environment=environment)
    assert shown.returncode == 0
    pids = {entry["name"]: entry["pid"] for entry in json.loads(shown.stdout)["processes"]}
    assert set(pids) == {"kafka", "mongod"}

    os.kill(pids["mongod"], signal.SIGKILL)
    told = lines_until(process.stdout, "died")[-1]
    assert "mongod died (terminated by SIGKILL) and was started again: pid " in told
    Stack(home, ports, make_plan=infrastructure).wait_ready("mongod")

    process.send_signal(signal.SIGINT)
    lines_until(process.stdout, "Stopping")
    process.send_signal(signal.SIGINT)  # does not break off the orderly stop
    lines_until(process.stdout, "Everything has stopped")
    assert process.wait(10) == 0
    assert machine.of_stack(home) == []
    assert machine.supervisor_pid(home) is None
