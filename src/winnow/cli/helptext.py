"""Help that fits a screen and begins with an example; commands that share their options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand, TyperGroup


class _ExampleFirst:
    """Writes the first paragraph of the docstring, the examples, above the usage line and the rest below it."""

    help: str | None

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        formatter.write(self._parts()[0] + "\n\n")
        super().format_usage(ctx, formatter)  # type: ignore[misc]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            for paragraph in self._parts()[1].split("\n\n"):
                formatter.write_text(" ".join(paragraph.split()))

    def _parts(self) -> tuple[str, str]:
        examples, _, rest = inspect.cleandoc(self.help or "").partition("\n\n")
        return examples, rest


class Command(_ExampleFirst, TyperCommand):
    """A command whose help begins with an example."""


class Group(_ExampleFirst, TyperGroup):
    """A group of commands whose help begins with an example."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which they were added, the most used first."""
        return list(self.commands)


def narrowed(function: Callable[..., int], help: str, **fixed: Any) -> Callable[..., int]:
    """The command that `function` is with some of its parameters fixed; the others are its options."""

    def command(*values: Any, **options: Any) -> int:
        return function(*values, **options, **fixed)

    whole = inspect.signature(function, eval_str=True)
    left = [each for name, each in whole.parameters.items() if name not in fixed]
    command.__doc__, command.__signature__ = help, whole.replace(parameters=left)  # type: ignore[attr-defined]
    return command
