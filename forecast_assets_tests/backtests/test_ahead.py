"""Working ahead loses nothing, hides nothing and stops when nobody reads."""

import threading

import pytest

from forecast_assets.backtests.prefetch import Prefetcher


def test_items_come_in_their_order():
    assert list(Prefetcher(iter(range(100)))) == list(range(100))


def test_the_maker_is_ahead_of_its_reader():
    is_ahead = threading.Event()

    def items():
        yield 1
        is_ahead.set()
        yield 2

    reader = iter(Prefetcher(items()))
    assert next(reader) == 1
    assert is_ahead.wait(timeout=10)
    assert list(reader) == [2]


def test_error_of_the_maker_comes_after_the_items_before_it():
    def items():
        yield 1
        raise OSError("the lake is gone")

    read: list[int] = []
    with pytest.raises(OSError, match="the lake is gone"):
        read.extend(Prefetcher(items()))
    assert read == [1]


def test_a_reader_that_leaves_stops_the_maker_at_its_next_item():
    closed = threading.Event()

    def items():
        try:
            yield from range(10**9)
        finally:
            closed.set()

    maker = items()
    reader = iter(Prefetcher(maker))
    assert next(reader) == 0
    del reader
    maker.close()
    assert closed.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
