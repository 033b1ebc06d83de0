"""`winnow data download`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from winnow.cli.progress import Quiet
from winnow.cli.words import megabytes, one_line


def download(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", hidden=True)],
    parts: Annotated[list[str] | None, typer.Argument(metavar="PARTS", hidden=True)] = None,
    *,
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="Where it goes.")],
    keep_archives: Annotated[bool, typer.Option("--keep-archives", help="After they are unpacked.")] = False,
    quiet: Quiet = False,
) -> None:
    """winnow data download librispeech dev-clean -o corpora/
    winnow data download daps -o corpora/

    Fetch a corpus, or PARTS of it, from its publisher, check and unpack it. What was begun is gone on with.
    `winnow data list CORPUS` names the parts and the licence, or how to get what may not simply be fetched.
    """
    from winnow.cli.ending import kept_in
    from winnow.cli.progress import progress
    from winnow.data.corpora import find_corpus
    from winnow.data.download import Options, choose, fetch_all

    found = find_corpus(corpus)
    wanted = choose(found, parts or [])
    folder = Path(output)
    with kept_in(folder), progress(found.name, quiet, megabytes) as move:
        fetched = fetch_all(
            found, parts or [], folder, lambda what, done, total: move(done, total, what), Options(keep_archives)
        )
    there = len(wanted) - len(fetched)
    print(f"{one_line(folder)}   {len(fetched)} fetched" + (f", {there} there already" if there else ""))
    print(f"licence of {found.name}: {found.licence}; cite: {found.citation}", file=sys.stderr)
