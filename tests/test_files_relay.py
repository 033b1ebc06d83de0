"""The thread between network and encoder: order, errors, and no waiting in vain."""

import threading

import pytest

from winnow.engine.relay import ROOM, Relay


def test_all_items_arrive_in_order_in_another_thread():
    got, threads = [], set()

    def write(item):
        got.append(item)
        threads.add(threading.get_ident())

    with Relay(write) as relay:
        for number in range(50):
            relay.send(number)
    assert got == list(range(50))
    assert threading.get_ident() not in threads and len(threads) == 1


@pytest.mark.parametrize("count", [1, 3 * ROOM])
def test_an_error_comes_out_and_later_items_are_dropped(count):
    got = []

    def write(item):
        got.append(item)
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Relay(write) as relay:
        for number in range(count):
            relay.send(number)
    assert got == [0]


def test_after_an_exception_outside_nothing_more_is_written():
    started, proceed, got = threading.Event(), threading.Event(), []

    def write(item):
        got.append(item)
        started.set()
        proceed.wait(10)

    def stop(relay):
        for number in range(ROOM):
            relay.send(number)
        started.wait(10)
        threading.Timer(0.05, proceed.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Relay(write) as relay:
        stop(relay)
    assert got == [0]
