"""From what a person typed to a list of jobs: folders are searched, outputs named, clashes found before any work."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from winnow.engine import naming
from winnow.engine.jobs import PIPE, Job, Task
from winnow.errors import BadInput, BadOption, InputNotFound, OutputIsInput, WinnowError

Paths = Sequence[str | os.PathLike[str]]
Identity = tuple[int, int] | None
StemsOf = Callable[[str], tuple[str, ...]]
ONE: tuple[Task, ...] = ("enhance", "extract", "remove", "transcribe")
"""Tasks with one output that standard output can hold."""


@dataclass(frozen=True)
class Source:
    """A recording, and the folder below the searched one where it lies ("" for a file named by itself)."""

    path: str
    below: str = ""
    problem: WinnowError | None = None


def plan(
    inputs: Paths,
    output: str | os.PathLike[str] | None = None,
    *,
    task: Task = "enhance",
    track: int = 0,
    force: bool = False,
    stems: StemsOf | None = None,
    suffix: str | None = None,
) -> list[Job]:
    """List the jobs for files and folders.

    output: a file (one input only), a folder, "-" for standard output, or None for beside each input.
    suffix: of the outputs, such as ".vtt"; None: what the task gives; a file that is named keeps its own.
    Folders are searched with all below them, and the same tree is made in the output folder. A folder or file that
    cannot be read becomes a job with a problem. stems: a recording to the words in the names of its outputs, where the task
    does not tell them; what it raises of a recording becomes that job's problem. Raises BadOption where inputs and output do
    not go together.
    """
    given = check_inputs(inputs)
    target = None if output is None else os.fspath(output)
    if track < 0:
        raise BadOption(f"--track counts from 0, {track} is no track; `winnow info FILE` lists them")
    file, folder = _destination(given, target, task, suffix)
    sources = _unique(_search(given, folder, task))
    words = stems or (lambda _: naming.WORDS[task])
    jobs = _keep_apart([_job(source, file, folder, task, words, suffix) for source in sources])
    own = identities(source.path for source in sources)
    return [protected(replace(job, track=track, force=force), own) for job in jobs]


def check_inputs(inputs: Paths) -> list[str]:
    """The paths of recordings and folders as text. Raises BadOption where they cannot be done together."""
    given = [os.fspath(path) for path in inputs]
    if not given:
        raise BadOption("nothing to do: give at least one recording or folder")
    if "" in given:
        raise BadOption("one of the inputs is an empty name; give recordings or folders")
    if PIPE in given and len(given) > 1:
        raise BadOption("'-' (standard input) stands alone; give the files in a command of their own")
    return given


def _destination(given: list[str], target: str | None, task: Task, wanted: str | None) -> tuple[str | None, str | None]:
    """The output as (file, folder): at most one of them is set. wanted: its suffix, where that was named apart from it."""
    if target is None:
        return (PIPE, None) if given == [PIPE] and task in ONE else (None, None)
    if target == "":
        raise BadOption("-o is empty; name a file, a folder or '-'")
    if target == PIPE:
        return _pipe(given, task), None
    suffix = naming.suffix_of(target)
    several = len(given) > 1 or os.path.isdir(given[0])
    if os.path.isdir(target) or target.endswith(("/", os.sep)):
        return None, target
    files = naming.TEXT if task == "transcribe" else naming.AUDIO | naming.VIDEO
    if several and (suffix in files or os.path.exists(target)):
        raise BadOption(
            f"-o {target} is one file, but there are several inputs; name a folder: -o {stem_folder(target)}"
        )
    if several or not suffix or " " in suffix:
        return None, target
    if wanted is None:
        _check_suffix(target, suffix, task)
    return target, None


def stem_folder(target: str) -> str:
    """A folder to propose in place of a file's name."""
    return os.path.splitext(target)[0] + "/"


def _pipe(given: list[str], task: Task) -> str:
    if task not in ONE:
        raise BadOption("a split makes several tracks, which standard output cannot hold; name a folder: -o parts/")
    if len(given) > 1 or (given[0] != PIPE and os.path.isdir(given[0])):
        raise BadOption(
            "standard output holds the text or sound of one recording, but there are several inputs; name a folder: -o out/"
        )
    return PIPE


def _check_suffix(target: str, suffix: str, task: Task) -> None:
    if task in naming.APART and suffix not in naming.SPLIT_WRITTEN:
        hint = "; for a video with the parts as tracks add --into-video" if suffix in naming.VIDEO else ""
        raise BadOption(f"{target}: a split is written as .wav or .flac, so that the parts sum to the original{hint}")
    formats = naming.TEXT if task == "transcribe" else naming.WRITTEN
    if suffix not in formats:
        known = " ".join(sorted(formats))
        raise BadOption(f"{target}: winnow cannot write {suffix}; it writes {known}")


def _search(given: list[str], folder: str | None, task: Task) -> Iterator[Source]:
    folders = [path for path in given if path != PIPE and os.path.isdir(path)]
    for path in given:
        if path not in folders:
            yield Source(path)
            continue
        # Of several folders each keeps its name in the output, as `cp -r` does: both may hold an 01.mp3.
        name = os.path.basename(os.path.abspath(path)) if len(folders) > 1 else ""
        for source in _walk(path, folder, task):
            yield replace(source, below=os.path.normpath(os.path.join(name, source.below)) if name else source.below)


def _walk(top: str, folder: str | None, task: Task) -> Iterator[Source]:
    """The recordings in a folder and below, in the order of their names; the output folder is left out."""
    problems: list[OSError] = []
    own = os.path.realpath(folder) if folder is not None else None
    found = False
    for here, folders, files in os.walk(top, onerror=problems.append):
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and os.path.realpath(os.path.join(here, f)) != own
        )
        below = os.path.relpath(here, top)
        for name in sorted(files):
            path = os.path.join(here, name)
            if naming.is_recording(path, task):
                found = True
                yield Source(path, "" if below == os.curdir else below)
    for error in problems:
        where = str(error.filename)
        yield Source(
            where,
            problem=InputNotFound(f"{where}: this folder cannot be read ({_reason(error)}); check its permissions"),
        )
    if not found and not problems:
        what = "video" if task == "into-video" else "recording"
        yield Source(
            top, problem=BadInput(f"{top}: no {what} in this folder; name the file itself if its suffix is unusual")
        )


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _unique(sources: Iterator[Source]) -> list[Source]:
    """Each file once, even when it was named by itself and with its folder."""
    seen: dict[str, Source] = {}
    for source in sources:
        seen.setdefault(source.path if source.path == PIPE else os.path.realpath(source.path), source)
    return list(seen.values())


def _job(source: Source, file: str | None, folder: str | None, task: Task, stems: StemsOf, wanted: str | None) -> Job:
    if source.problem is not None:
        return Job(source.path, (), task, problem=source.problem)
    try:
        words = stems(source.path)
    except WinnowError as problem:
        return Job(source.path, (), task, problem=problem)
    if file is not None:
        return Job(source.path, _for_file(file, task, words), task, words)
    suffix, note = (wanted, "") if wanted else naming.output_suffix(source.path, task)
    names = naming.output_names(naming.stem_of(source.path), words, suffix)
    where = os.path.dirname(source.path) if folder is None else os.path.join(folder, source.below)
    return Job(source.path, tuple(os.path.join(where, name) for name in names), task, words, note=note)


def _for_file(file: str, task: Task, words: tuple[str, ...]) -> tuple[str, ...]:
    """A split called `talk.wav` becomes `talk.speech.wav` and `talk.background.wav`."""
    if task not in naming.APART:
        return (file,)
    stem, suffix = os.path.splitext(file)
    return naming.output_names(stem, words, suffix)


def _keep_apart(jobs: list[Job]) -> list[Job]:
    """Give inputs that would share an output the suffix in its name: `talk.mp3.speech.wav`, `talk.wav.speech.wav`."""
    taken = Counter(_key(job.outputs[0]) for job in jobs if job.outputs)
    jobs = [_with_suffix(job) if job.outputs and taken[_key(job.outputs[0])] > 1 else job for job in jobs]
    owners: dict[str, Job] = {}
    for job in jobs:
        for path in job.outputs:
            other = owners.setdefault(_key(path), job)
            if other is not job:
                raise BadOption(
                    f"{other.source} and {job.source} would both be written to {path}; "
                    "name the folder that holds both (its tree is kept), or give each its own -o"
                )
    return jobs


def _key(path: str) -> str:
    return path if path == PIPE else os.path.normcase(os.path.abspath(path))


def _with_suffix(job: Job) -> Job:
    where = os.path.dirname(job.outputs[0])
    names = naming.output_names(os.path.basename(job.source), job.stems, naming.suffix_of(job.outputs[0]))
    return replace(job, outputs=tuple(os.path.join(where, name) for name in names))


def protected(job: Job, inputs: dict[Identity, str]) -> Job:
    """A job whose output is one of the inputs (by any name: link, other case) gets that as its problem."""
    for path in job.outputs:
        source = inputs.get(_identity(path)) if path != PIPE else None
        if source is not None:
            text = (
                f"{job.source}: the output {path} is the input {source}, which is never overwritten; choose another -o"
            )
            return replace(job, problem=OutputIsInput(text))
    return job


def identities(paths: Iterable[str]) -> dict[Identity, str]:
    """Files that exist, for `protected`."""
    found = {_identity(path): path for path in paths if path != PIPE}
    return {identity: path for identity, path in found.items() if identity is not None}


def _identity(path: str) -> Identity:
    """Device and inode, which all names of one file share; None for a file that does not exist."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a name with a null character
        return None
    return status.st_dev, status.st_ino
