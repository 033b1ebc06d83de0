"""`winnow data list`."""

from __future__ import annotations

import json as json_
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from winnow.data.corpora.base import Corpus

WIDTH = 80


def list_(
    corpus: Annotated[str | None, typer.Argument(metavar="CORPUS", hidden=True)] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """winnow data list                 every corpus known
    winnow data list librispeech     one in full: layout, licence, downloads

    List the corpora that winnow can scan: what, hours, size, licence, where to get them, what they are good for.
    """
    from winnow.data.corpora import all_corpora, find_corpus

    one = None if corpus is None else find_corpus(corpus)
    if json:
        print(json_.dumps(facts(one) if one else [facts(each) for each in all_corpora()], ensure_ascii=False))
        return
    for line in whole(one) if one else table(all_corpora()):
        print(line)


def facts(corpus: Corpus) -> dict[str, Any]:
    """What `--json` prints: everything but the function that walks it. Hours, gigabytes, hertz, bytes."""
    values = {each.name: getattr(corpus, each.name) for each in fields(corpus) if each.name != "walk"}
    return values | {"downloads": [asdict(each) for each in corpus.downloads]}


def table(corpora: Sequence[Corpus]) -> list[str]:
    """Two lines for each corpus: the facts in columns, and what it is good for."""
    rows = [("corpus", "hours", "size", "get it", "licence"), *map(_row, corpora)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    below = [
        line
        for corpus, row in zip(corpora, lines[1:], strict=True)
        for line in (row, *_indented(f"{', '.join(corpus.kinds)}: {corpus.good_for}"))
    ]
    return [
        lines[0],
        *below,
        "",
        "NC: not for commercial use.",
        "`winnow data list CORPUS` shows one in full, `winnow data scan` lists its files.",
    ]


def _row(corpus: Corpus) -> tuple[str, ...]:
    get = "download" if corpus.downloads else "on request" if corpus.home else "yours"
    licence = corpus.licence.partition(" (")[0].partition(";")[0]
    if corpus.non_commercial and "NC" not in licence:
        licence += " (NC)"
    return (corpus.name, _hours(corpus.hours), _size(corpus.gigabytes), get, licence)


def _hours(hours: float) -> str:
    return f"{hours:g}" if hours else "-"


def _size(gigabytes: float) -> str:
    return f"{gigabytes:g} GB" if gigabytes else "-"


def _indented(text: str, first: str = "    ", width: int = WIDTH) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False)


def whole(corpus: Corpus) -> list[str]:
    """Everything about one corpus."""
    rate = f"{corpus.rate / 1000:g} kHz" if corpus.rate else "varies"
    amounts = [f"{corpus.hours:g} hours"] * (corpus.hours > 0) + [_size(corpus.gigabytes)] * (corpus.gigabytes > 0)
    use = "non-commercial only" if corpus.non_commercial else "commercial use allowed"
    rows = {
        "holds": "; ".join([", ".join(corpus.kinds), *amounts, f"rate {rate}"]),
        "good for": corpus.good_for,
        "licence": f"{corpus.licence} - {use}" if corpus.home else corpus.licence,
        "home": corpus.home,
        "layout": corpus.layout,
        "cite": corpus.citation,
        "get it": corpus.how,
    }
    lines = _indented(f"{corpus.name}   {corpus.title}", "")
    for name, text in rows.items():
        lines += _indented(text, f"  {name:<9} ") if text else []
    return lines + _downloads(corpus)


def _downloads(corpus: Corpus) -> list[str]:
    if not corpus.downloads:
        return []
    lines = [f"  `winnow data download {corpus.name} [PART] -o DIR` fetches"]
    wide = max(len(each.part) for each in corpus.downloads)
    for each in corpus.downloads:
        size = f"{each.size / 1e9:.2f} GB" if each.size else "size not known"
        check = (each.checksum or "no checksum").partition(":")[0]
        lines.append(f"    {each.part:<{wide}}   {size:>14}   {check}")
        lines.append(f"      {each.url}")
    return lines
