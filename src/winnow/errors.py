"""What can go wrong, one class per cause.

Every class carries the exit code that the command line returns: 2 when the input or an option is wrong, 1 when winnow
or the machine failed. The message is one line that says what is wrong and what to do next. Each class is also a
built-in exception, so that callers who do not know winnow can still catch it.
"""

from __future__ import annotations


class WinnowError(Exception):
    """Base of all errors that winnow raises on purpose."""

    exit_code = 1


class BadInput(WinnowError, ValueError):
    """Something that the caller gave cannot be used."""

    exit_code = 2


class InputNotFound(BadInput, FileNotFoundError):
    """No such file or folder, or it cannot be read."""


class NoAudio(BadInput):
    """The file exists, but holds no audio that can be decoded."""


class BadAudio(BadInput):
    """The samples cannot be used: a wrong shape, no samples, a rate that is no rate."""


class BadOption(BadInput):
    """An option has a value outside what it allows."""


class NotSeparable(BadInput):
    """The channels of a recording do not hold enough independent signals to separate sources by."""


class NoSpeech(BadInput):
    """Nobody speaks in a recording."""


class OutputIsInput(BadInput):
    """The output would overwrite its own input."""


class UnknownModel(BadInput, LookupError):
    """No bundle of that name."""


class BundleError(BadInput):
    """A bundle is incomplete, corrupt, tampered with, or of a version that this winnow does not know."""


class OutputError(WinnowError, OSError):
    """The output could not be written: no space, no permission, a format that cannot hold it."""


class MissingExtra(WinnowError, ImportError):
    """An optional dependency is not installed; the message holds the install line."""
