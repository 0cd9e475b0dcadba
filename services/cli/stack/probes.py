"""Asks a process whether it is ready, and how far it lags behind."""

import http.client

from services.cli.stack import kafka, mongod
from services.cli.stack.plan import Probe, Process
from services.cli.stack.settings import ADDRESS

ANSWER_SECONDS = 3.0
LAG_METRIC = "samvad_consumer_lag"


def ready(process: Process) -> bool:
    """Whether the process does its work now."""
    if process.probe is Probe.KAFKA:
        return kafka.ready(process.port)
    if process.probe is Probe.MONGOD:
        return mongod.primary(process.port)
    return get(process.port, process.ready_path)[0] == 200


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body of a GET on this machine; (0, reason) where nobody answers."""
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()


def lag(process: Process) -> int | None:
    """Records that the process has not handled yet, over all its partitions; None where it tells
    of none."""
    if process.probe is not Probe.HTTP:
        return None
    status, body = get(process.port, "/metrics")
    if status != 200:
        return None
    values = [
        float(line.rsplit(None, 1)[1])
        for line in body.splitlines()
        if line.startswith((LAG_METRIC + "{", LAG_METRIC + " "))
    ]
    return int(sum(values)) if values else None
