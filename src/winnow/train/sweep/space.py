"""What a sweep may change: ranges and lists of a recipe's settings, as the command line writes them."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from winnow.errors import BadOption
from winnow.train.settings import changed, keys

ALIASES = {"lr": "learning_rate"}
SCALES = ("log", "linear")


@dataclass(frozen=True)
class Range:
    """All numbers from low to high, both included; log: by their logarithm; whole: whole numbers only."""

    key: str
    low: float
    high: float
    whole: bool
    log: bool

    def suggest(self, trial: Any) -> int | float:
        """The value of an optuna trial."""
        if self.whole:
            return int(trial.suggest_int(self.key, int(self.low), int(self.high), log=self.log))
        return float(trial.suggest_float(self.key, self.low, self.high, log=self.log))


@dataclass(frozen=True)
class Choice:
    """One of some values; a value that is a list is kept as text."""

    key: str
    values: tuple[bool | int | float | str, ...]

    def suggest(self, trial: Any) -> bool | int | float | str:
        """The value of an optuna trial."""
        value: bool | int | float | str = trial.suggest_categorical(self.key, list(self.values))
        return value


@dataclass(frozen=True)
class Space:
    """parameters: what is searched; fixed: `key=value` that all trials share."""

    parameters: tuple[Range | Choice, ...]
    fixed: tuple[str, ...]


def space(config: Any, assignments: Iterable[str]) -> Space:
    """From `key=low..high` (a range), `key=a,b,c` (a choice) and `key=a` (fixed), checked against a configuration.

    A key may be its last part where that is the only one of this name: `start_fm` for `network.start_fm`. Raises BadOption.
    """
    parameters: list[Range | Choice] = []
    fixed: list[str] = []
    for assignment in assignments:
        name, sep, text = (part.strip() for part in assignment.partition("="))
        if not sep or not text:
            raise BadOption(f"--set {assignment}: write key=low..high, key=a,b,c or key=value.")
        key = full_key(config, name)
        if key in {each.key for each in parameters} | {each.partition("=")[0] for each in fixed}:
            raise BadOption(f"--set {name} is given twice. Leave one out.")
        found = _range(config, key, text) if ".." in text else _choice(config, key, text)
        if isinstance(found, str):
            fixed.append(found)
        else:
            parameters.append(found)
    if not parameters:
        raise BadOption("nothing to search: add --set key=low..high or --set key=a,b,c, such as --set lr=1e-4..1e-2.")
    return Space(tuple(parameters), tuple(fixed))


def full_key(config: Any, name: str) -> str:
    """The key that a name means. Raises BadOption, which names the choices."""
    known = keys(config)
    name = ALIASES.get(name, name)
    matches = [name] if name in known else [key for key in known if key.rpartition(".")[2] == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise BadOption(f"--set {name}: which one? There are {', '.join(matches)}.")
    raise BadOption(f"--set {name}: no such setting; there are {', '.join(known)}.")


def _range(config: Any, key: str, text: str) -> Range:
    numbers, _, scale = text.partition(":")
    first, _, second = numbers.partition("..")
    try:
        low, high = float(first), float(second)
    except ValueError:
        raise BadOption(f"--set {key}={text}: a range is two numbers, such as {key}=1..10.") from None
    old = _value(config, key)
    if isinstance(old, bool) or not isinstance(old, (int, float)):
        raise BadOption(f"--set {key}={text}: {key} is no number, but {type(old).__name__}. Give a list: a,b,c.")
    whole = isinstance(old, int)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BadOption(f"--set {key}={text}: impossible range, the first number must be smaller than the second.")
    if whole and not (low.is_integer() and high.is_integer()):
        raise BadOption(f"--set {key}={text}: {key} is a whole number, such as {old}.")
    if scale and scale not in SCALES:
        raise BadOption(f"--set {key}={text}: after the colon may stand {' or '.join(SCALES)}.")
    if scale == "log" and low <= 0:
        raise BadOption(f"--set {key}={text}: a logarithm needs a range above 0.")
    changed(config, [f"{key}={_text(value, whole)}" for value in (low, high)])
    return Range(key, low, high, whole, scale == "log" or (not scale and low > 0 and high / low >= 10))


def _choice(config: Any, key: str, text: str) -> Choice | str:
    """Choices of a list, or `key=value` where there is only one."""
    parts = _parts(_value(config, key), key, text)
    if len(parts) == 1:
        changed(config, [f"{key}={parts[0]}"])
        return f"{key}={parts[0]}"
    made = []
    for part in parts:
        value = _value(changed(config, [f"{key}={part}"]), key)
        made.append(value if isinstance(value, (bool, int, float, str)) else part)
    return Choice(key, tuple(dict.fromkeys(made)))


def _parts(old: Any, key: str, text: str) -> list[str]:
    """The single values of a list; values that are lists themselves stand in brackets."""
    if not isinstance(old, tuple):
        return [part.strip() for part in text.split(",")]
    try:
        values = ast.literal_eval(f"[{text}]")
    except (ValueError, SyntaxError):
        raise BadOption(f"--set {key}={text}: write lists in brackets, such as {old},{old}.") from None
    return [str(value) for value in values] if all(isinstance(value, tuple) for value in values) else [text]


def _value(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = getattr(config, part)
    return config


def _text(value: float, whole: bool) -> str:
    return str(int(value)) if whole else repr(value)


def assignments(parameters: dict[str, Any]) -> list[str]:
    """Parameters of a trial as `key=value`."""
    return [f"{key}={value if isinstance(value, str) else repr(value)}" for key, value in parameters.items()]
