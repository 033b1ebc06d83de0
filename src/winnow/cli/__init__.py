"""The command `winnow`: it reads options and prints; the work is done by the layers below."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence


def main() -> None:
    """Entry point of the command."""
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before `run` listens to it: while modules are read
        print("winnow: stopped", file=sys.stderr)
        sys.exit(130)
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the work is done: no traceback from the interpreter's own end
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code.

    0 done, 1 failed, 2 wrong input or option, 128 + n stopped by signal n.
    """
    from winnow.cli.stop import stoppable

    _survive_any_character()
    try:
        with stoppable():
            return _run(arguments)
    except KeyboardInterrupt as stop:
        return _complain("stopped", 128 + getattr(stop, "signum", 2))


def _run(arguments: Sequence[str]) -> int:
    import typer

    from winnow.cli.app import command

    try:
        with command().make_context("winnow", list(arguments) or ["--help"]) as context:
            return context.command.invoke(context) or 0
    except typer.Exit as leave:
        return leave.exit_code
    except typer.Abort:
        return _complain("stopped", 128 + signal.SIGINT)
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    import typer

    from winnow.errors import WinnowError

    if isinstance(error, typer.BadParameter.__mro__[1]):  # UsageError; where typer keeps it changes with its version
        return _complain(_usage(error), 2)
    if isinstance(error, WinnowError):
        return _complain(str(error), error.exit_code)
    return _bug(error)


def _survive_any_character() -> None:
    """A file name that the terminal's encoding lacks is printed with a mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _complain(message: str, exit_code: int) -> int:
    from winnow.cli.words import one_line

    print(f"winnow: {one_line(message)}", file=sys.stderr)
    return exit_code


def _usage(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "winnow"
    message = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    return f"{message[:1].lower()}{message[1:].rstrip('.')}. `{where} --help` shows how"


def _reader_gone() -> int:
    """Whoever read our output has left (`| head`): that is no error, and Python shall not complain when it flushes."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return 128 + 13


def _bug(error: Exception) -> int:
    from winnow.engine.jobs import DEBUG

    if os.environ.get(DEBUG):
        raise error
    return _complain(
        f"{type(error).__name__}: {error}; this is a bug in winnow, run with {DEBUG}=1 for the traceback", 1
    )
