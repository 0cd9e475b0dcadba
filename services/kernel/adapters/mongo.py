"""MongoDB: the one module that imports motor and pymongo (see docs/decisions/0002).

What fails because the store is away is told as `Unavailable`; the rest is let through.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bson import Binary, CodecOptions
from bson.errors import InvalidDocument
from gridfs.errors import NoFile
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
    AsyncIOMotorGridFSBucket,
)
from pymongo import (
    ASCENDING,
    DESCENDING,
    IndexModel,
    ReplaceOne,
    ReturnDocument,
    UpdateMany,
    UpdateOne,
)
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.kernel.domain.errors import Unavailable

__all__ = [
    "ASCENDING",
    "DESCENDING",
    "Binary",
    "BulkWriteError",
    "Collection",
    "Database",
    "Document",
    "DuplicateKeyError",
    "Files",
    "IndexModel",
    "InvalidDocument",
    "NoFile",
    "OperationFailure",
    "ReplaceOne",
    "ReturnDocument",
    "UpdateMany",
    "UpdateOne",
    "close",
    "connect",
    "ping",
    "store_errors",
]

Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
Files = AsyncIOMotorGridFSBucket
"""Files in pieces, in the collections `<bucket name>.files` and `<bucket name>.chunks`."""

DUPLICATE_KEY = 11000
# Codes of a server that is stopping, electing or recovering: the driver raises them in bulk results too.
_PASSING = {6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}


def connect(
    url: str, database: str, *, timeout_seconds: float = 5.0, retry_writes: bool = True
) -> Database:
    """A handle; connections are made at first use. Writes are majority-acknowledged and journaled.

    `retry_writes` False is for those who run a batch again anyway and find what was written: MongoDB then
    keeps no record of every single write for the driver's sake.
    """
    milliseconds = int(timeout_seconds * 1000)
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        url,
        tz_aware=True,
        serverSelectionTimeoutMS=milliseconds,
        connectTimeoutMS=milliseconds,
        socketTimeoutMS=milliseconds * 4,
        retryWrites=retry_writes,
        appname="samvad",
    )
    return client.get_database(
        database,
        codec_options=CodecOptions(tz_aware=True),
        write_concern=WriteConcern(w="majority", j=True, wtimeout=milliseconds * 2),
        read_concern=ReadConcern("local"),
    )


def close(database: Database) -> None:
    database.client.close()


async def ping(database: Database) -> bool:
    """Whether a primary answers."""
    try:
        reply = await database.client.admin.command("hello")
    except PyMongoError:
        return False
    return bool(reply.get("isWritablePrimary"))


@asynccontextmanager
async def store_errors() -> AsyncIterator[None]:
    """Tell the store's absence as `Unavailable`. A wait for the majority that ran out counts as absence:
    the write may or may not stay, and every writer here is safe to run again."""
    try:
        yield
    except (ConnectionFailure, WTimeoutError, ExecutionTimeout) as error:
        raise Unavailable("the store") from error
    except BulkWriteError as error:
        details = error.details or {}
        codes = {fault.get("code") for fault in details.get("writeErrors", [])}
        if codes & _PASSING or details.get("writeConcernErrors"):
            raise Unavailable("the store") from error
        raise
    except OperationFailure as error:
        if error.code in _PASSING:
            raise Unavailable("the store") from error
        raise


def duplicates(error: BulkWriteError) -> list[int]:
    """The positions of the bulk's operations that lost to a duplicate key.

    Raises the error itself when anything else went wrong in the bulk.
    """
    faults = (error.details or {}).get("writeErrors", [])
    if any(fault.get("code") != DUPLICATE_KEY for fault in faults):
        raise error
    return [int(fault["index"]) for fault in faults]
