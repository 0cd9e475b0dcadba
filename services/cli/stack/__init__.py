"""The whole line on one machine: real Kafka, real MongoDB, every service, supervised.

Tests drive it with `Stack`: `with Stack(tmp_path, Ports.free(), make_plan=infrastructure) as
stack: …`.
"""

from services.cli.stack.errors import StackError
from services.cli.stack.plan import Plan, Probe, Process, Stage, Task, infrastructure, whole
from services.cli.stack.settings import Home, Ports
from services.cli.stack.stack import ProcessStatus, Stack

__all__ = [
    "Home",
    "Plan",
    "Ports",
    "Probe",
    "Process",
    "ProcessStatus",
    "Stack",
    "StackError",
    "Stage",
    "Task",
    "infrastructure",
    "whole",
]
