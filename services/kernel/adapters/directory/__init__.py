"""The directory's file and document: reading, checking and comparing them."""

from services.kernel.adapters.directory.changes import (
    Change,
    Changes,
    ForbiddenChange,
    differences,
)
from services.kernel.adapters.directory.check import check
from services.kernel.adapters.directory.document import (
    district_from_document,
    district_to_document,
)
from services.kernel.adapters.directory.faults import DirectoryFaults, Fault
from services.kernel.adapters.directory.reader import Inspection, inspect, read_district

__all__ = [
    "Change",
    "Changes",
    "DirectoryFaults",
    "Fault",
    "ForbiddenChange",
    "Inspection",
    "check",
    "differences",
    "district_from_document",
    "district_to_document",
    "inspect",
    "read_district",
]
