"""The line's own worker `conversation`, which says `ready` when it is given its first records. Run as a
process:

    python -m services.bench.whatsapp_worker
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps

from services.intake.whatsapp.conversation.adapters.turns import Turns
from services.intake.whatsapp.conversation.app import main
from services.kernel.adapters.follower import Rejected
from services.kernel.contracts.codec import Record

_handle = Turns.handle


@wraps(_handle)
async def _says_so(self: Turns, records: Sequence[Record]) -> Sequence[Rejected]:
    print("ready", flush=True)
    Turns.handle = _handle  # type: ignore[method-assign]
    return await _handle(self, records)


if __name__ == "__main__":
    Turns.handle = _says_so  # type: ignore[method-assign]
    main()
