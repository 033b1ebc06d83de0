"""`winnow train` and `winnow export`; what they call needs the extra `train`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.words import times

if TYPE_CHECKING:
    from winnow.models.manifest import Manifest
    from winnow.train.schedule import Schedule

INSTALL = 'pip install "winnow-audio[train]"'


SCHEDULE = ("minutes", "steps", "epochs", "seed", "device", "precision")


def train() -> None:
    """winnow train denoise --speech speech/ --noise noise/ --minutes 60

    Train a network on folders of sound. It needs more than winnow itself:

    pip install "winnow-audio[train]"
    """


def start(name: str, given: dict[str, Any]) -> int:
    """Start a recipe; given: the values of its options, see `winnow.cli.recipes`; set: what its own ones stand for, too."""
    os.environ.setdefault(
        "OPENBLAS_NUM_THREADS", "1"
    )  # before NumPy is read: its threads would wait where the network's work
    _need_torch()
    from winnow.errors import BadOption
    from winnow.train.run import Sounds, train, use_threads
    from winnow.train.schedule import planned

    use_threads(given["threads"])
    speech, noise, rooms = (given[f"valid_{kind}"] for kind in ("speech", "noise", "rooms"))
    if (bool(speech) != bool(noise) and given["noise"]) or ((noise or rooms) and not speech):
        raise BadOption("held-out sound is both --valid-speech and --valid-noise; --valid-rooms may be added.")
    folder = Path(given["run"])
    plan = planned(folder, given["resume"], **{name: given[name] for name in SCHEDULE})
    records = train(
        name,
        Sounds(given["speech"], given["noise"] or [], given["rooms"] or []),
        folder,
        plan,
        preset=given["preset"],
        settings=given["set"],
        core=_path(given.get("core")),
        valid=Sounds(speech, noise or [], rooms or []) if speech else None,
        resume=given["resume"],
        track=given["track"] or _trackers(given["run"]),
        begin=_path(given["begin"]),
    )
    return _follow(records, plan, given["run"])


def _trackers(run: str) -> list[str]:
    """Those that nobody asked for: TensorBoard, where it is."""
    from importlib.util import find_spec

    if find_spec("tensorboard") is not None:
        return ["tensorboard"]
    if os.environ.get("RANK", "0") == "0":
        print(
            f"winnow: no TensorBoard here, {INSTALL} brings it; `winnow train show {run}` draws the log",
            file=sys.stderr,
        )
    return ["none"]


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _follow(records: Iterator[dict[str, float]], schedule: Schedule, run: str) -> int:
    """Show where the training stands: one line that changes on a terminal, a line a minute in a log."""
    from winnow.cli.ending import told_when_stopped

    terminal, told = sys.stdout.isatty(), -1.0
    line = ""
    with told_when_stopped(f"the run is saved, --resume --run {run} goes on with it", line="\n"):
        for record in records:
            line = _line(record, schedule)
            if terminal:
                print(f"\r{line}\033[K", end="", flush=True)
            elif record["minutes"] - told >= 1:
                told = record["minutes"]
                print(line, flush=True)
    if not line:  # one of several processes, and not the one that speaks
        return 0
    print("" if terminal else line)
    print(f"{run}   done; `winnow export {run} -o my-model` makes a bundle of it")
    return 0


def _line(record: dict[str, float], schedule: Schedule) -> str:
    """`12.3 of 60 min · step 840 · 62x real time · loss 0.123`."""
    from winnow.train.log import USUAL

    values = [f"{name} {value:.3f}" for name, value in record.items() if name not in USUAL]
    timed = schedule.steps is None and schedule.epochs is None
    minutes = f"{record['minutes']:.1f}" + (f" of {schedule.minutes:g} min" if timed else " min")
    step = f"step {record['step']:.0f}" + (f" of {schedule.steps}" if schedule.steps else "")
    return " · ".join([minutes, step, f"{times(record['times_real_time'])} real time", *values])


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", hidden=True)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="BUNDLE", help="Folder of the bundle.")],
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="[default: that of the folder]")] = None,
    about: Annotated[
        str | None, typer.Option("--about", metavar="FILE", help="JSON: title, licence, corpora ...")
    ] = None,
    bits: Annotated[int, typer.Option("--bits", metavar="N", help="32, or 8: convolutions a quarter as large.")] = 32,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that exists.")] = False,
) -> None:
    """winnow export runs/denoise -o my-model

    Make a bundle of RUN, the folder of a training run, and verify that it computes what the trained network does.
    """
    _need_torch()
    from winnow.train.export import export_run

    manifest = export_run(Path(run), Path(output), name=name, about=_path(about), force=force, bits=bits)
    print(f"{output}   {manifest.name}: {manifest.parameters} parameters; try `{_trial(manifest, output)}`")


def _trial(manifest: Manifest, output: str) -> str:
    """A command that uses a bundle, by what it is for."""
    if manifest.kind == "speaker":
        return f"winnow train voice --encoder {output}"
    if any(cue.name == "voice" for cue in manifest.cues):
        return f"winnow extract talk.mp4 --voice alice.wav --model {output}"
    if "speech" in manifest.stems:
        return f"winnow enhance talk.mp4 --model {output}"
    return f"winnow check {output}" if manifest.cues else f"winnow separate talk.mp4 --model {output}"


def _need_torch() -> None:
    from importlib.util import find_spec

    from winnow.errors import MissingExtra

    missing = [name for name in ("torch", "accelerate") if find_spec(name) is None]
    if missing:
        raise MissingExtra(f"training needs {' and '.join(missing)}, which is not installed: {INSTALL}")
