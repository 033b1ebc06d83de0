"""Tables as Markdown, the machine in words, and the marked sections of docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns of even width, readable as plain text too; the first column is text."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    rule = "|".join("-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths))
    return "\n".join([_line(header, widths), f"|{rule}|", *(_line(row, widths) for row in rows)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
    return "| " + " | ".join(padded) + " |"


def replace_section(page: str, name: str, text: str) -> str:
    """`page` with the part between `<!-- name:begin -->` and `<!-- name:end -->` replaced, or added at the end."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    block = f"{begin}\n{text.strip()}\n{end}"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if pattern.search(page):
        return pattern.sub(lambda _: block, page)
    return f"{page.rstrip()}\n\n{block}\n".lstrip()


def rewrite(name: str, text: str, page: Path = PAGE) -> None:
    """Put `text` into the section `name` of the page on disk."""
    page.parent.mkdir(exist_ok=True)
    old = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    page.write_text(replace_section(old, name, text), encoding="utf-8")


def facts(command: str, packages: Sequence[str]) -> str:
    """When, on what and with what a section was made; no names of machines or folders."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    today = datetime.now(timezone.utc).date().isoformat()
    return (
        f"Made on {today} by `{command}` on {processor()}, {cores()} cores used, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}."
    )


def processor() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = re.findall(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE)
        if names:
            return f"{names[0]} ({len(names)} logical processors)"
    return platform.processor() or platform.machine()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
