"""docker-compose.yml: valid for the tool itself, and the same line as the one-machine stack."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from services.cli.main import FOREGROUND
from services.cli.stack import Home, Ports, whole
from services.cli.stack.settings import PORT_SETTINGS, PROJECT
from services.cli.stack.tools import NONE
from services.kernel.adapters.settings import Settings

SECRETS = (
    "SAMVAD_MASTER_KEYS",
    "SAMVAD_TOKEN_SECRET",
    "SAMVAD_LINK_SECRET",
    "SAMVAD_CONTACT_SECRET",
)


def config(environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """`docker-compose config`, in an environment without the settings of whoever runs the tests."""
    tool = shutil.which("docker-compose")
    assert tool is not None, "docker-compose is missing: run `make test`, which installs it"
    own = {name: value for name, value in os.environ.items() if not name.startswith("SAMVAD_")}
    return subprocess.run(
        [tool, "--file", str(PROJECT / "docker-compose.yml"), "--project-directory", str(folder),
         "config"],
        env={**own, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The file as docker-compose understands it."""
    folder = tmp_path_factory.mktemp("compose")
    shown = config({name: f"for-{name}" for name in SECRETS}, folder)
    assert shown.returncode == 0, shown.stderr
    parsed: dict[str, Any] = yaml.safe_load(shown.stdout)
    return parsed


def test_every_process_of_the_local_stack_is_there(compose: dict[str, Any]) -> None:
    plan = whole(Home(PROJECT / ".samvad"), Ports.from_environment({}), NONE)
    assert {process.name for process in plan.processes} | {"init"} <= set(compose["services"])


def test_images_are_pinned_and_ours_is_one(compose: dict[str, Any]) -> None:
    ours = {name for name, service in compose["services"].items() if "build" in service}
    assert ours == set(FOREGROUND)
    for name, service in compose["services"].items():
        if name in ours:
            assert service["image"] == "samvad"
            assert service["command"] == [name]
        else:
            assert ":" in service["image"]
            assert not service["image"].endswith(":latest")


def test_what_lives_is_checked_and_waits_for_init(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name in ("init", "mongod-init"):
            continue
        assert service["healthcheck"]["test"], name
        if name in FOREGROUND:
            port = PORT_SETTINGS[name][1]
            assert service["healthcheck"]["test"][-1] == str(port)
            assert service["depends_on"] == {
                "init": {"condition": "service_completed_successfully"}
            }


def test_processes_reach_one_another_by_name_and_port(compose: dict[str, Any]) -> None:
    told = compose["services"]["notify"]["environment"]
    addresses = {name: urlsplit(text) for name, text in told.items() if "://" in str(text)}
    reached = {
        name: (address.hostname, address.port)
        for name, address in addresses.items()
        if address.scheme == "http"
    }
    reached["SAMVAD_SMTP_HOST"] = (told["SAMVAD_SMTP_HOST"], int(told["SAMVAD_SMTP_PORT"]))
    assert reached == {
        "SAMVAD_WHATSAPP_URL": ("standins", PORT_SETTINGS["standins"][1]),
        "SAMVAD_WHATSAPP_WEBHOOK": ("intake-whatsapp", PORT_SETTINGS["intake-whatsapp"][1]),
        "SAMVAD_SMS_URL": ("standins", PORT_SETTINGS["standins"][1]),
        "SAMVAD_KANNEL_URL": ("standins", PORT_SETTINGS["standins"][1]),
        "SAMVAD_KANNEL_RECEIPTS": ("notify", PORT_SETTINGS["notify"][1]),
        "SAMVAD_SMTP_HOST": ("standins", PORT_SETTINGS["standins-smtp"][1]),
    }


def test_every_setting_that_is_passed_on_is_one(compose: dict[str, Any]) -> None:
    """A misspelt one would be passed over in silence."""
    text = (PROJECT / "docker-compose.yml").read_text()
    named = set(re.findall(r"^    (SAMVAD_[A-Z_]+):", text, re.MULTILINE))
    assert named >= set(SECRETS)
    known = {f"SAMVAD_{name.upper()}" for name in Settings.model_fields}
    assert named <= known


def test_mongod_logs_no_operation_in_either_stack(compose: dict[str, Any]) -> None:
    """What it logs of a slow operation quotes what people wrote."""
    plan = whole(Home(PROJECT / ".samvad"), Ports.from_environment({}), NONE)
    for command in (compose["services"]["mongod"]["command"], plan.process("mongod").command):
        words = " ".join(command)
        assert "--profile 0 " in words
        assert "--slowms 2147483647" in words


def test_ports_are_published_on_this_machine_only(compose: dict[str, Any]) -> None:
    published = [
        port for service in compose["services"].values() for port in service.get("ports", ())
    ]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("missing", SECRETS)
def test_a_missing_secret_is_named(missing: str, tmp_path: Path) -> None:
    shown = config({name: "set" for name in SECRETS if name != missing}, tmp_path)
    assert shown.returncode != 0
    assert f"{missing} is missing, set it in .env" in shown.stderr


def test_prometheus_scrapes_every_service_under_its_name_and_port() -> None:
    jobs = yaml.safe_load((PROJECT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    targets = {
        job["job_name"]: job["static_configs"][0]["targets"] for job in jobs["scrape_configs"]
    }
    for name in FOREGROUND.keys() - {"init"}:
        assert targets[name] == [f"{name}:{PORT_SETTINGS[name][1]}"]


def test_image_takes_locked_packages_and_runs_as_nobody_special() -> None:
    lines = (PROJECT / "deploy" / "Dockerfile").read_text().splitlines()
    assert sum("--require-hashes" in line for line in lines) == 2
    assert "USER samvad" in lines
    assert lines.index("USER samvad") < next(
        number for number, line in enumerate(lines) if line.startswith("ENTRYPOINT")
    )
