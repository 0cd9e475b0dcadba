"""Readiness of the one-node replica set, and its initiation at the first start."""

import asyncio
import socket
from typing import Any

from services.cli.stack.settings import ADDRESS, REPLICA_SET

ANSWER_SECONDS = 2.0
NOT_YET_INITIALIZED = 94  # MongoDB's error code of that name


def primary(port: int) -> bool:
    """Whether mongod answers and accepts writes.

    Initiates the replica set where that was never done, and tells it its address where the port
    has changed since the last start.
    """
    try:
        # A closed port is the usual case while mongod starts; that needs no driver.
        socket.create_connection((ADDRESS, port), 1).close()
    except OSError:
        return False
    return asyncio.run(_primary(port))


async def _primary(port: int) -> bool:
    # Imported here: the driver takes a third of a second, which most commands need not pay.
    from services.kernel.adapters import mongo
    from services.kernel.domain.errors import Unavailable

    url = f"mongodb://{ADDRESS}:{port}/?directConnection=true"
    database = mongo.connect(url, "admin", timeout_seconds=ANSWER_SECONDS)
    try:
        async with mongo.store_errors():
            hello = await database.command("hello")
            if hello.get("isWritablePrimary"):
                return True
            if hello.get("isreplicaset"):  # has no configuration in which it finds itself
                await _configure(database, port)
    except (Unavailable, mongo.OperationFailure):
        return False
    finally:
        mongo.close(database)
    return False


async def _configure(database: Any, port: int) -> None:
    from services.kernel.adapters import mongo

    member = {"_id": 0, "host": f"{ADDRESS}:{port}"}
    try:
        current = (await database.command("replSetGetConfig"))["config"]
    except mongo.OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        await database.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
        return
    moved = {**current, "version": current["version"] + 1, "members": [member]}
    await database.command("replSetReconfig", moved, force=True)
