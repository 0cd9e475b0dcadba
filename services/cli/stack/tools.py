"""The programs that are not Python: where they are, and one clear line where one is missing."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from services.cli.stack.errors import StackError
from services.cli.stack.settings import Home

NEEDED_JAVA = 17
SET_UP = "run `make setup`"


@dataclass(frozen=True)
class Tools:
    """Paths of java, mongod and prometheus, and the folder of Kafka's jars."""

    java: str
    kafka: Path
    mongod: str
    prometheus: str


NONE = Tools(java="", kafka=Path(), mongod="", prometheus="")


def find(home: Home, path: str | None = None, *, prometheus: bool = True) -> Tools:
    """All tools. `path` replaces PATH. Raises StackError naming the first that is missing.

    A stack without services has no use for Prometheus: pass prometheus=False there.
    """
    kafka = home.tools / "kafka"
    if not any(kafka.glob("kafka_*.jar")):
        raise StackError(f"Kafka's jars are missing in {kafka}: {SET_UP}")
    return Tools(
        java=_java(path),
        kafka=kafka,
        mongod=_mongod(home, path),
        prometheus=_prometheus(path) if prometheus else "",
    )


def _java(path: str | None) -> str:
    java = shutil.which("java", path=path)
    if java is None:
        raise StackError(f"Java is missing (Kafka needs {NEEDED_JAVA} or newer): {SET_UP}")
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', shown.stderr + shown.stdout)
    if found is None or int(found.group(1)) < NEEDED_JAVA:
        version = found.group(1) if found else "one that does not run"
        raise StackError(f"Kafka needs Java {NEEDED_JAVA} or newer, PATH has {version}: {SET_UP}")
    return java


def _mongod(home: Home, path: str | None) -> str:
    fetched = home.tools / "mongod" / "fiftyone" / "db" / "bin" / "mongod"
    mongod = shutil.which("mongod", path=path) or (str(fetched) if fetched.exists() else None)
    if mongod is None:
        raise StackError(f"mongod is missing, on PATH and in {home.tools}: {SET_UP}")
    return mongod


def _prometheus(path: str | None) -> str:
    prometheus = shutil.which("prometheus", path=path)
    if prometheus is None:
        raise StackError(f"Prometheus is missing on PATH: {SET_UP}")
    return prometheus
