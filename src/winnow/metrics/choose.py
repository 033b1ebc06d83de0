"""Which measures are computed: those asked for, or all that can be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.util import find_spec

from winnow.errors import BadOption, MissingExtra
from winnow.metrics.measures import MEASURES


def install_line(package: str) -> str:
    """How to get a package of the extras; pesq has one of its own, since it is compiled."""
    return f'pip install "winnow-audio[{"score,pesq" if package == "pesq" else "score"}]"'


def select(measures: Iterable[str] | None, given: set[str], notes: list[str]) -> list[str]:
    """Names in the registry's order.

    measures: names, or None for all whose needs are given and whose package is installed (a note tells of each that is not),
    but for those on request. Raises BadOption for an unknown name or one that needs more, MissingExtra for a named one
    without its package.
    """
    if measures is None:
        applying = [
            name for name, measure in MEASURES.items() if set(measure.needs) <= given and not measure.on_request
        ]
        left = _left_out(applying, notes)
        return [name for name in applying if name not in left]
    wanted = [measures] if isinstance(measures, str) else list(measures)
    for name in wanted:
        _check(name, given)
    return [name for name in MEASURES if name in wanted]


def _left_out(names: Iterable[str], notes: list[str]) -> set[str]:
    left: dict[str, list[str]] = {}
    for name in names:
        package = MEASURES[name].package
        if package and find_spec(package) is None:
            left.setdefault(package, []).append(name)
    notes += [
        f"left out: {', '.join(some)}; needs {package}: {install_line(package)}" for package, some in left.items()
    ]
    return {name for some in left.values() for name in some}


def _check(name: str, given: set[str]) -> None:
    if name not in MEASURES:
        near = difflib.get_close_matches(name, MEASURES, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(MEASURES)}."
        raise BadOption(f'no measure named "{name}". {hint}')
    missing = [need for need in MEASURES[name].needs if need not in given]
    if missing:
        raise BadOption(f"{name} needs {' and '.join(missing)}; give that, or leave {name} out.")
    package = MEASURES[name].package
    if package and find_spec(package) is None:
        raise MissingExtra(f"{name} needs {package}, which is not installed: {install_line(package)}")
