"""What a fetch from Kafka brought, read in any case.

Kafka takes header names of any bytes and aiokafka only those that are UTF-8: one record with another name,
from whoever may write to the topic, would end every consumer of the partition at every start. Here such a
batch is read again by hand, its odd names spelt with backslashes, and the guard says what becomes of it.

Installed into aiokafka 0.14, whose insides this uses; what aiokafka reads itself costs nothing more.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

_HEAD = struct.Struct(">qiibIhiqqqhii")
"""Of a batch: offset, length, epoch, magic, CRC, attributes, last delta, first and last timestamp, producer,
its epoch and sequence, count."""
_MAGIC = 2
_CODEC, _LOG_APPEND_TIME, _CONTROL = 0x07, 0x08, 0x20
_DECOMPRESS: Mapping[int, Callable[[bytes], bytes]] = {
    1: gzip_decode, 2: snappy_decode, 3: lz4_decode, 4: zstd_decode
}  # fmt: skip
_LENGTH_FROM = 12
"""The length of a batch counts from here on."""


@dataclass(frozen=True, slots=True)
class Read:
    """A record as aiokafka would have read it."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]] = field(repr=False)
    checksum: None = None


class _Kept(MemoryRecords):  # type: ignore[misc]  # aiokafka is untyped
    """Keeps the bytes for a second reading."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class _Patient(fetcher.PartitionRecords):  # type: ignore[misc]
    """Goes on by hand where aiokafka's reader stops at a name that is no text."""

    next_fetch_offset: int

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except UnicodeDecodeError:
            self._records_iterator = self._by_hand()
        return next(self._records_iterator)

    def _by_hand(self) -> Iterator[Any]:
        for records, following in _batches(self._records.data):
            for record in records:
                if record.offset >= self.next_fetch_offset:
                    found = self._consumer_record(self._tp, record)
                    self.next_fetch_offset = record.offset + 1
                    yield found
            self.next_fetch_offset = max(self.next_fetch_offset, following)


def install() -> None:
    """Let every consumer of this process read so."""
    fetcher.MemoryRecords = _Kept
    fetcher.PartitionRecords = _Patient


def _batches(data: bytes) -> Iterator[tuple[Iterator[Read], int]]:
    """The records of each whole batch, and the offset after it."""
    start = 0
    while start + _HEAD.size <= len(data):
        base, length, _, magic, _, attributes, last, first_at, last_at, *_rest, count = (
            _HEAD.unpack_from(data, start)
        )
        end = start + _LENGTH_FROM + length
        if end > len(data):
            return  # the fetch ended in the middle of it
        if magic != _MAGIC:
            raise ValueError(f"batches of format {magic} are not read by hand")
        body = data[start + _HEAD.size : end]
        if codec := attributes & _CODEC:
            body = _DECOMPRESS[codec](body)
        append_time = bool(attributes & _LOG_APPEND_TIME)
        records = (
            iter(()) if attributes & _CONTROL
            else _records(body, count, base, last_at if append_time else first_at, append_time)
        )  # fmt: skip
        yield records, base + last + 1
        start = end


def _records(
    body: bytes, count: int, base: int, timestamp: int, append_time: bool
) -> Iterator[Read]:
    at = 0
    for _ in range(count):
        length, at = decode_varint(body, at)
        following = at + length
        at += 1  # attributes, of which there are none
        later, at = decode_varint(body, at)
        delta, at = decode_varint(body, at)
        key, at = _bytes(body, at)
        value, at = _bytes(body, at)
        names, at = decode_varint(body, at)
        headers: list[tuple[str, bytes | None]] = []
        for _ in range(names):
            name, at = _bytes(body, at)
            content, at = _bytes(body, at)
            headers.append(((name or b"").decode(errors="backslashreplace"), content))
        at_time = timestamp if append_time else timestamp + later
        yield Read(base + delta, at_time, int(append_time), key, value, headers)
        at = following


def _bytes(body: bytes, at: int) -> tuple[bytes | None, int]:
    """Bytes with their length before them, and where they end; a length of -1 is None."""
    length, at = decode_varint(body, at)
    return (None, at) if length < 0 else (bytes(body[at : at + length]), at + length)
