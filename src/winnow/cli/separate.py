"""`winnow separate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.process import Force, Inputs, Jobs, Json, Output, Quiet, Track, process

if TYPE_CHECKING:
    from winnow.engine.plan import StemsOf


def separate(
    inputs: Inputs,
    *,
    output: Output = None,
    method: Annotated[
        str,
        typer.Option("--method", metavar="NAME", help="auxiva, ilrma, fastmnmf (rooms), or ica (a mixing desk)."),
    ] = "auxiva",
    sources: Annotated[
        int | None, typer.Option("--sources", metavar="N", help="How many. [default: as many as microphones]")
    ] = None,
    jobs: Jobs = None,
    track: Track = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """winnow separate meeting_4ch.wav --sources 3     meeting_4ch.source1.wav ...
    winnow separate meeting_4ch.wav --method ilrma -o parts/

    One track for each source, from a recording of several microphones: nothing is known
    of the sources but that they are apart. Together the tracks are the recording.
    Who is source 1 is chance. ilrma and fastmnmf need pip install "winnow-audio[array]".
    """
    from winnow.engine.run import Settings
    from winnow.errors import BadOption
    from winnow.models.methods import BLIND

    if method not in BLIND:
        raise BadOption(f'no method "{method}" here; there are {", ".join(BLIND)}.')
    if sources is not None and sources < 2:
        raise BadOption(f"--sources is 2 or more, not {sources}.")
    settings = Settings(model=method, sources=sources)
    stems = _stems(method, sources, track)
    return process(
        inputs,
        output,
        settings,
        task="separate",
        track=track,
        force=force,
        workers=jobs,
        json=json,
        quiet=quiet,
        stems=stems,
    )


def _stems(method: str, sources: int | None, track: int) -> StemsOf:
    """What a recording's stems will be called, by its number of channels."""
    from winnow.engine.jobs import PIPE
    from winnow.errors import BadOption
    from winnow.media import probe
    from winnow.models.methods import METHODS

    def stems(path: str) -> tuple[str, ...]:
        if path == PIPE:
            raise BadOption("standard input does not tell its channels beforehand; give a file.")
        tracks = probe(path).audio
        if track >= len(tracks):
            raise BadOption(f"there is no audio track {track}, only {len(tracks)}; `winnow info` lists them.")
        return METHODS[method](tracks[track].channels, sources).stems

    return stems
