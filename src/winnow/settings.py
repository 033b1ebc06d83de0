"""Configurations as nested frozen dataclasses: changed by `key=value`, written to JSON, read back strictly."""

from __future__ import annotations

import ast
import difflib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from winnow.errors import BadOption

T = TypeVar("T")


def changed(config: T, assignments: Iterable[str]) -> T:
    """A configuration with some values changed, such as `batch_size=32` or `mix.snr=-5,15`. Raises BadOption.

    All change at once: values that must agree with each other can be set together.
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        key, sep, text = assignment.partition("=")
        if not sep:
            raise BadOption(
                f"--set {assignment}: write key=value, such as batch_size=32. Keys: {', '.join(keys(config))}."
            )
        _note(changes, config, key.strip().split("."), text.strip(), key.strip())
    return _with(config, changes)


def keys(config: Any, prefix: str = "") -> list[str]:
    """All keys that `changed` takes."""
    found = []
    for f in fields(config):
        value = getattr(config, f.name)
        found += keys(value, f"{prefix}{f.name}.") if is_dataclass(value) else [prefix + f.name]
    return found


def _note(changes: dict[str, Any], config: Any, path: list[str], text: str, key: str) -> None:
    """Write down the value that an assignment gives, in a mapping for each dataclass on its path."""
    if not is_dataclass(config) or path[0] not in {f.name for f in fields(config)}:
        raise BadOption(f"--set {key}: no such setting{_near(config, path[0])}.")
    old = getattr(config, path[0])
    if len(path) > 1:
        _note(changes.setdefault(path[0], {}), old, path[1:], text, key)
    else:
        changes[path[0]] = _like(old, text, key)


def _with(config: T, changes: Mapping[str, Any]) -> T:
    made = {name: _with(getattr(config, name), new) if isinstance(new, dict) else new for name, new in changes.items()}
    return replace(config, **made) if made else config  # type: ignore[type-var]


def _near(config: Any, name: str) -> str:
    if not is_dataclass(config):
        return ""
    near = difflib.get_close_matches(name, [f.name for f in fields(config)], n=2)
    return f"; did you mean {' or '.join(near)}" if near else f"; there are {', '.join(keys(config))}"


def _like(old: Any, text: str, key: str) -> Any:
    """Text as a value of the old value's type."""
    try:
        value = text if isinstance(old, str) else ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise BadOption(f"--set {key}={text}: not a value.") from None
    if isinstance(old, float) and isinstance(value, int):
        value = float(value)
    if not isinstance(value, type(old)) or isinstance(value, bool) != isinstance(old, bool):
        raise BadOption(f"--set {key}={text}: this is {type(old).__name__}, such as {old}.")
    return value


def restored(cls: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from the mapping that `dataclasses.asdict` made of it; unknown keys raise BadOption."""
    hints = typing.get_type_hints(cls)
    unknown = set(values) - set(hints)
    if unknown:
        raise BadOption(
            f"{cls.__name__}: unknown settings {', '.join(sorted(unknown))}; the run was made by another winnow."
        )
    made: dict[str, Any] = {}
    for name, value in values.items():
        hint = hints[name]
        if is_dataclass(hint) and isinstance(hint, type):
            made[name] = restored(hint, value)
        else:
            made[name] = tuple(value) if isinstance(value, list) else value
    return cls(**made)
