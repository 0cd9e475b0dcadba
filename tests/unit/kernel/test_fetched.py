"""Batches that aiokafka's reader stops at are read by hand, as it would have read them."""

from __future__ import annotations

import pytest
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy as Builder
from aiokafka.structs import ConsumerRecord, TopicPartition

from services.kernel.adapters import fetched

PLACE = TopicPartition("t", 0)
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


class Spelt(str):
    """A header's name of any bytes, in hex."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return bytes.fromhex(self)


def batch(base: int, codec: int, odd: str | None = None) -> bytes:
    """Three records, the second without a value, perhaps with an odd name."""
    builder = Builder(2, codec, 0, -1, -1, -1, 1 << 20)
    for number in range(3):
        name = Spelt(odd) if odd is not None and number == 1 else "name"
        value = None if number == 1 else b"v"
        headers = [("first", b"1"), (name, None)]
        builder.append(number, 1000 + number, b"k%d" % number, value, headers)
    data = bytearray(builder.build())
    data[:8] = base.to_bytes(8, "big")
    return bytes(data)


def patient(data: bytes, start: int = 0) -> fetched._Patient:
    return fetched._Patient(PLACE, fetched._Kept(data), None, start, None, None, True, READ_UNCOMMITTED)


def names(record: ConsumerRecord[bytes, bytes]) -> list[str]:
    return [name for name, _ in record.headers]


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_by_hand_is_as_by_aiokafka(codec: int) -> None:
    data = batch(0, codec) + batch(3, codec) + batch(6, codec)[:-4]
    by_hand = patient(data)
    assert list(by_hand._by_hand()) == list(patient(data))
    assert by_hand.next_fetch_offset == 6


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_a_name_that_is_no_text_is_spelt_and_nothing_is_lost(codec: int) -> None:
    data = batch(0, 0) + batch(3, codec, odd="fffe") + batch(6, 1)
    read = list(patient(data, start=1))
    assert [record.offset for record in read] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [names(record)[1] for record in read if record.offset == 4] == ["\\xff\\xfe"]
    assert all(names(record)[1] == "name" for record in read if record.offset != 4)


def test_other_faults_stay_faults() -> None:
    broken = bytearray(batch(0, 0))
    broken[-1] ^= 1
    with pytest.raises(Exception, match="Invalid CRC"):
        list(patient(bytes(broken)))
