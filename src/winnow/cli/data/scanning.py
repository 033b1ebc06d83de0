"""`winnow data scan`."""

from __future__ import annotations

import json as json_
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.progress import Quiet

if TYPE_CHECKING:
    from winnow.data.corpora.base import Corpus
    from winnow.data.scan import Summary


def _from(name: str, what: str) -> Any:
    return typer.Option(name, metavar="WHERE", help=what)


def scan(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", hidden=True)],
    folder: Annotated[str, typer.Argument(metavar="FOLDER", hidden=True)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="LIST", help="The list to write, .jsonl.")],
    *,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Of a plain folder: speech, noise, music or room.")
    ] = None,
    speaker: Annotated[str | None, _from("--speaker-from", "parent, grandparent, name-prefix, name or none.")] = None,
    label: Annotated[str | None, _from("--label-from", "The class of a sound, likewise.")] = None,
    room: Annotated[str | None, _from("--room-from", "The room of a response, likewise.")] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", metavar="TEXT", help="Of all recordings, such as `CC BY 4.0`.")
    ] = None,
    relative: Annotated[bool, typer.Option("--relative", help="Paths seen from the list: both may move.")] = False,
    checksum: Annotated[bool, typer.Option("--checksum/--no-checksum", help="SHA-256 of files.")] = True,
    max_bad: Annotated[
        str, typer.Option("--max-bad", metavar="N|P%", help="Unreadable ones to skip, but 10 at least.")
    ] = "1%",
    jobs: Annotated[int | None, typer.Option("--jobs", metavar="N", help="Processes. [default: cores]")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """winnow data scan librispeech LibriSpeech/ -o libri.jsonl
    winnow data scan folder my_recordings/ --speaker-from parent -o mine.jsonl

    List the recordings of a corpus, a row each: who, what, rate, length, checksum. `winnow data list` tells the
    corpora and their layouts. Bad files are left out and named in LIST.bad.txt; a scan that was stopped goes on.
    """
    from winnow.cli.ending import kept_in
    from winnow.cli.process import workers
    from winnow.cli.scoring import check_writable
    from winnow.data import scan as scanning

    options = scanning.Options(checksum, workers(jobs), scanning.Limit.parse(max_bad), relative)
    check_writable(output)
    chosen = _corpus(corpus, licence, {"kind": kind, "speaker": speaker, "label": label, "room": room})
    with kept_in(Path(output).with_name(f".{Path(output).name}.part")):
        summary = _run(chosen, Path(folder), Path(output), options, quiet or json)
    if json:
        print(json_.dumps({"list": output, **asdict(summary)}))
    else:
        _tell(summary, output)


def _corpus(name: str, licence: str | None, rules: dict[str, str | None]) -> Corpus:
    from winnow.data.corpora import find_corpus
    from winnow.data.corpora.folder import Folder
    from winnow.errors import BadOption

    corpus = find_corpus(name)
    given = {key: value for key, value in rules.items() if value is not None}
    if name == "folder":
        corpus = replace(corpus, walk=Folder(**given).walk, licence="not stated")
    elif given:
        raise BadOption(
            f"--kind, --speaker-from, --label-from and --room-from are for plain folders; {name} knows them"
        )
    if licence is not None and name not in ("folder", "tree"):
        raise BadOption(f"--licence is for plain folders; {name} knows its own")
    return replace(corpus, licence=licence, non_commercial=_non_commercial(licence)) if licence else corpus


def _non_commercial(licence: str) -> bool:
    from winnow.data.corpora.walking import non_commercial

    return non_commercial(licence)


def _run(corpus: Corpus, folder: Path, output: Path, options: Any, quiet: bool) -> Summary:
    from winnow.cli.progress import progress
    from winnow.data.scan import scan as work

    with progress(f"scanning {corpus.name}", quiet) as move:
        return work(corpus, folder, output, options, lambda so_far: move(so_far.good + so_far.bad, so_far.total))


def _tell(summary: Summary, output: str) -> None:
    from winnow.cli.words import one_line

    kept = f", {summary.kept} from the scan before" if summary.kept else ""
    print(f"{one_line(output)}   {summary.good} recordings, {summary.seconds / 3600:.2f} h{kept}")
    if summary.bad:
        bad = Path(output).name.removesuffix(".jsonl") + ".bad.txt"
        print(f"winnow: {summary.bad} left out, they cannot be read: {one_line(bad)} says why", file=sys.stderr)
