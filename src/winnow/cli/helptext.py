"""Help that fits a screen and begins with an example."""

from __future__ import annotations

import inspect
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
