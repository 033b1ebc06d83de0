"""Being stopped: an interrupt that is lost on its way is raised again, a second one ends at once."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from winnow import cli, media
from winnow.audio import Audio
from winnow.cli.stop import Stopped, stoppable
from winnow.engine.relay import Relay
from winnow.media.held import Held

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


def lose():
    """What an `except:` around an import does to an interrupt."""
    with suppress(BaseException):
        signal.raise_signal(signal.SIGINT)


class Loses:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def test_a_lost_interrupt_is_raised_at_the_next_check():
    after = []
    with pytest.raises(Stopped) as caught, stoppable() as stop:
        stop.check()
        lose()
        after.append("goes on")
        stop.check()
        after.append("never")
    assert caught.value.signum == signal.SIGINT and after == ["goes on"]


def test_a_lost_interrupt_is_raised_at_the_end_without_a_traceback_meanwhile(capfd):
    with pytest.raises(Stopped) as caught, stoppable():
        Loses()
    assert caught.value.signum == signal.SIGTERM
    assert capfd.readouterr().err == ""


def test_an_error_that_stands_in_place_of_an_interrupt_does_not_come_out():
    with pytest.raises(Stopped), stoppable():
        lose()
        raise ImportError("a module that was interrupted while it began")


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises(Stopped), stoppable():
        signal.raise_signal(signal.SIGHUP)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_who_answers_inside_is_not_asked_again_outside():
    with stoppable() as outer:
        with pytest.raises(Stopped), stoppable() as inner:
            assert inner is outer
            lose()
        outer.check()


def test_in_a_thread_nothing_happens():
    said = []

    def work():
        with stoppable() as stop:
            stop.check()
            said.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert said == [True]


def test_a_command_that_ends_well_although_it_was_stopped_says_so(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_run", lambda arguments: lose() or 0)
    assert cli.run([]) == 128 + signal.SIGINT
    assert capsys.readouterr().err == "winnow: stopped\n"


SECOND = """
import os, sys, time
from winnow.cli.stop import stoppable
with stoppable() as stop:
    stop.hasty = lambda: os.remove(sys.argv[1])
    try:
        print("begun", flush=True)
        time.sleep(60)
    finally:
        print("cleaning", flush=True)
        time.sleep(60)
"""


def test_a_second_interrupt_ends_at_once(tmp_path):
    part = tmp_path / "half.part"
    part.touch()
    command = [sys.executable, "-c", SECOND, str(part)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # a shell may pass on what the terminal told both: one signal
        assert process.stdout.readline() == b"cleaning\n"
        time.sleep(0.4)
        assert part.exists() and process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert not part.exists()


IN_C = """
import hashlib, signal
from contextlib import suppress
from winnow.cli.stop import stoppable
with stoppable():
    with suppress(BaseException):
        signal.raise_signal(signal.SIGINT)
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def test_a_second_interrupt_ends_what_c_code_does_not_let_go_of():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", IN_C], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline() == b"begun\n"
        time.sleep(0.4)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGINT


class Interrupting:
    """A file whose writing is interrupted, as Python's buffered ones are between two calls of the system."""

    def __init__(self, file):
        self.file = file
        self.seek, self.tell, self.name, self.close = file.seek, file.tell, file.name, file.close

    def write(self, data):
        signal.raise_signal(signal.SIGINT)
        return self.file.write(data)


@pytest.mark.parametrize("seconds", [0.1, 9])
def test_an_interrupt_while_a_file_is_written(tmp_path, monkeypatch, seconds):
    """At the end of the file or in its middle: never a file that lacks what was being written."""
    monkeypatch.setattr(media.writer.Sink, "_open", lambda sink, own=media.writer.Sink._open: Interrupting(own(sink)))
    samples = np.zeros((1, round(seconds * 16000)), np.float32)
    with pytest.raises(KeyboardInterrupt):
        media.write(tmp_path / "a.wav", Audio(samples, 16000))
    assert os.listdir(tmp_path) == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_held_signals_come_at_the_end_in_order():
    got = []
    before = signal.signal(signal.SIGINT, lambda number, _: got.append("interrupt"))
    try:
        with Held():
            signal.raise_signal(signal.SIGINT)
            got.append("work")
    finally:
        signal.signal(signal.SIGINT, before)
    assert got == ["work", "interrupt"]


def test_a_relay_does_not_wait_for_ever_for_a_reader_who_does_not_read(monkeypatch):
    monkeypatch.setattr("winnow.engine.relay.PATIENCE", 0.05)
    stuck, begun = threading.Event(), threading.Event()

    def write(item):
        begun.set()
        stuck.wait(30)

    def stop(relay):
        for number in range(5):  # one in work, and as many as wait
            relay.send(number)
            begun.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Relay(write) as relay:
        stop(relay)
    assert not stuck.is_set()
    stuck.set()
