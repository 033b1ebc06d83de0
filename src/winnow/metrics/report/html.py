"""Pieces of HTML, and the one file that holds them all: no address in it leads anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
LOCKED = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; media-src data:"


@dataclass(frozen=True)
class Cell:
    """A cell of a table. html: its content, escaped already; value: what it is sorted by; kind: its CSS class; columns: spanned."""

    html: str
    value: float | None = None
    kind: str = ""
    columns: int = 1

    def __str__(self) -> str:
        span = f' colspan="{self.columns}"' if self.columns > 1 else ""
        value = f' data-value="{self.value:.10g}"' if self.value is not None else ""
        return f"<td{_class(self.kind)}{span}{value}>{self.html}</td>"


def text(content: object, kind: str = "text") -> Cell:
    """A cell of plain text."""
    return Cell(escape(str(content)), kind=kind)


def table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[Cell]], *, sortable: bool = False) -> str:
    """A table; heads are (title, CSS class or "")."""
    top = "".join(f"<th{_class(kind)}>{escape(title)}</th>" for title, kind in heads)
    body = "\n".join("<tr>" + "".join(map(str, row)) + "</tr>" for row in rows)
    kind = _class("sortable" if sortable else "")
    return f'<div class="scroll"><table{kind}><thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def paragraph(content: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{_class(kind)}>{escape(content)}</p>" if content else ""


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def heading(title: str) -> str:
    """Title of a section."""
    return f"<h2>{escape(title)}</h2>"


def listing(lines: Sequence[str]) -> str:
    """A list of plain lines, nothing where there are none."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def folded(title: str, content: str) -> str:
    """Content that shows when its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def badge(word: str) -> str:
    """`better` in green, `worse` in red, everything else in grey."""
    return f'<span class="badge {escape(word)}">{escape(word)}</span>' if word else ""


def document(title: str, body: Iterable[str]) -> str:
    """The whole file: style and script inside, and nothing is fetched."""
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    content = "\n".join(part for part in body if part)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{LOCKED}">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
{content}
<script>
{script}</script>
</body>
</html>
"""
