"""`winnow data show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def show(
    folder: Annotated[str, typer.Argument(metavar="SET", hidden=True)],
    number: Annotated[int, typer.Argument(metavar="NUMBER", hidden=True)],
    *,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FOLDER", help="Write sound and pictures there.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the record as it stands in the list.")] = False,
) -> None:
    """winnow data show set/ 17             its parts, levels, ratio, rooms, effects
    winnow data show set/ 17 -o seen/    the stems as WAV and their spectrograms too

    Describe one example of SET: it is made again from its record, and measured.
    """
    from winnow.cli.words import one_line
    from winnow.data.recordings import Recordings
    from winnow.data.sets import read_example
    from winnow.data.show import keep, made

    example = read_example(Path(folder), number)
    if json:
        print(example.to_json())
        return
    stems, lines = made(example, Recordings())
    names = keep(Path(output), example, stems, lines) if output else []
    for line in [*lines, *([""] if names else []), *names]:
        print(one_line(line))
