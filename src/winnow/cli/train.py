"""`winnow train` and `winnow export`; what they call needs the extra `train`."""

from __future__ import annotations

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


def _folders(name: str, what: str) -> Any:
    return typer.Option(name, metavar="DIR", help=what)


Speech = Annotated[list[str], _folders("--speech", "Speech: a folder, list (.jsonl) or pack; DIR=2 counts twice.")]
Noise = Annotated[list[str], _folders("--noise", "Noise; may be repeated.")]
OptionalNoise = Annotated[list[str] | None, _folders("--noise", "Noise; may be repeated.")]
Rooms = Annotated[list[str] | None, _folders("--rooms", "Impulse responses of rooms.")]
ValidSpeech = Annotated[list[str] | None, _folders("--valid-speech", "Held-out speech, to score on the way.")]
ValidNoise = Annotated[list[str] | None, _folders("--valid-noise", "Held-out noise.")]
ValidRooms = Annotated[list[str] | None, _folders("--valid-rooms", "Held-out rooms.")]
Run = Annotated[str, typer.Option("--run", metavar="FOLDER", help="Where weights and logs go.")]
Minutes = Annotated[float | None, typer.Option("--minutes", metavar="N", help="Stop after this time. [default: 60]")]
Steps = Annotated[int | None, typer.Option("--steps", metavar="N", help="Stop after so many steps instead.")]
Epochs = Annotated[int | None, typer.Option("--epochs", metavar="N", help="Or after so many epochs.")]
Track = Annotated[
    list[str] | None, typer.Option("--track", metavar="NAME", help="tensorboard (default), wandb or none; repeatable.")
]
Values = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the recipe; may be repeated.")
]
Begin = Annotated[
    str | None, typer.Option("--from", metavar="RUN", help="Begin with the weights of this run, of the same network.")
]
Encoder = Annotated[
    str | None, typer.Option("--encoder", metavar="BUNDLE", help="Makes the vectors of voices. [default: ours]")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Of the random numbers. [default: 0]")]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="auto (a GPU if there is one) or cpu.")]
Precision = Annotated[
    str | None, typer.Option("--precision", metavar="NAME", help="full, or bf16: faster where the processor has it.")
]
Threads = Annotated[int | None, typer.Option("--threads", metavar="N", help="Of the CPU. [default: all]")]


def train() -> None:
    """winnow train denoise --speech speech/ --noise noise/ --minutes 60

    Train a network on folders of sound. It needs more than winnow itself:

    pip install "winnow-audio[train]"
    """


def denoise(
    *,
    speech: Speech,
    noise: Noise,
    rooms: Rooms = None,
    valid_speech: ValidSpeech = None,
    valid_noise: ValidNoise = None,
    valid_rooms: ValidRooms = None,
    run: Run = "runs/denoise",
    core: Annotated[
        str | None, typer.Option("--core", metavar="RUN", help="A 16 kHz run: train the 48 kHz network on top of it.")
    ] = None,
    minutes: Minutes = None,
    steps: Steps = None,
    epochs: Epochs = None,
    track: Track = None,
    preset: Annotated[str, typer.Option("--preset", metavar="NAME", help="shipped, or tiny for a try.")] = "shipped",
    begin: Begin = None,
    values: Values = None,
    resume: Resume = False,
    seed: Seed = None,
    device: Device = "auto",
    precision: Precision = None,
    threads: Threads = None,
) -> int:
    """winnow train denoise --speech speech/ --noise noise/ --minutes 60
    winnow train denoise --speech a/ --speech b/ --noise c/ --set batch_size=32

    Train the network of `winnow enhance`. Clean speech and noise are mixed while training;
    `winnow export` makes a bundle of the run.
    """
    sounds, held = (speech, noise, rooms), (valid_speech, valid_noise, valid_rooms)
    schedule = {"minutes": minutes, "steps": steps, "epochs": epochs, "seed": seed, "device": device}
    schedule |= {"precision": precision}
    more = {"preset": preset, "settings": values or [], "core": Path(core) if core else None, "resume": resume}
    more |= {"begin": Path(begin) if begin else None}
    return run_training("denoise", sounds, held, run, schedule, threads, more | {"track": track or ["tensorboard"]})


def unet(
    *,
    speech: Speech,
    noise: Noise,
    rooms: Rooms = None,
    valid_speech: ValidSpeech = None,
    valid_noise: ValidNoise = None,
    valid_rooms: ValidRooms = None,
    run: Run = "runs/unet",
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="unet or resnet.")] = None,
    dropout: Annotated[float | None, typer.Option("--dropout", metavar="P", help="Of the resnet's decoder.")] = None,
    start_fm: Annotated[int | None, typer.Option("--start-fm", metavar="N", help="Maps of the first level.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", metavar="N", help="Examples a step.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", metavar="X", help="Learning rate.")] = None,
    minutes: Minutes = None,
    steps: Steps = None,
    epochs: Epochs = None,
    track: Track = None,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="shipped, paper (as published), split (16 kHz) or tiny.")
    ] = "shipped",
    begin: Begin = None,
    values: Values = None,
    resume: Resume = False,
    seed: Seed = None,
    device: Device = "auto",
    precision: Precision = None,
    threads: Threads = None,
) -> int:
    """winnow train unet --speech speech/ --noise noise/ --model unet --epochs 10
    winnow train unet --preset paper --start-fm 16 --batch-size 16 --lr 1e-4 ...

    Train a spectrogram U-Net at 8 kHz (system 1), corrected or as it was published.
    """
    flags = {
        "network.model": model,
        "network.dropout": dropout,
        "network.start_fm": start_fm,
        "batch_size": batch_size,
        "learning_rate": lr,
    }
    given = [f"{key}={value}" for key, value in flags.items() if value is not None]
    sounds, held = (speech, noise, rooms), (valid_speech, valid_noise, valid_rooms)
    schedule = {"minutes": minutes, "steps": steps, "epochs": epochs, "seed": seed, "device": device}
    schedule |= {"precision": precision}
    more = {"preset": preset, "settings": [*given, *(values or [])], "resume": resume}
    more |= {"begin": Path(begin) if begin else None}
    return run_training("unet", sounds, held, run, schedule, threads, more | {"track": track or ["tensorboard"]})


def spleeter(
    *,
    speech: Speech,
    noise: Noise,
    rooms: Rooms = None,
    valid_speech: ValidSpeech = None,
    valid_noise: ValidNoise = None,
    valid_rooms: ValidRooms = None,
    run: Run = "runs/spleeter",
    minutes: Minutes = None,
    steps: Steps = None,
    epochs: Epochs = None,
    track: Track = None,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="shipped (16 kHz), paper (44.1 kHz, as published) or tiny.")
    ] = "shipped",
    begin: Begin = None,
    values: Values = None,
    resume: Resume = False,
    seed: Seed = None,
    device: Device = "auto",
    precision: Precision = None,
    threads: Threads = None,
) -> int:
    """winnow train spleeter --speech speech/ --noise noise/ --minutes 60

    Train a U-Net in Spleeter's shape on speech against music, babble and noise.
    """
    sounds, held = (speech, noise, rooms), (valid_speech, valid_noise, valid_rooms)
    schedule = {"minutes": minutes, "steps": steps, "epochs": epochs, "seed": seed, "device": device}
    schedule |= {"precision": precision}
    more = {"preset": preset, "settings": values or [], "resume": resume, "track": track or ["tensorboard"]}
    more |= {"begin": Path(begin) if begin else None}
    return run_training("spleeter", sounds, held, run, schedule, threads, more)


def encoded(encoder: str | None) -> list[str]:
    """The setting that --encoder stands for."""
    return [f"encoder={encoder}"] if encoder else []


def run_training(name: str, sounds: Any, held: Any, run: str, schedule: Any, threads: int | None, more: Any) -> int:
    """Start a recipe; sounds, held: speech, noise and rooms to train on and to score by; more: as in `winnow.train.run.train`."""
    _need_torch()
    from winnow.errors import BadOption
    from winnow.train.run import Sounds, train, use_threads
    from winnow.train.schedule import planned

    use_threads(threads)
    if (bool(held[0]) != bool(held[1]) and sounds[1]) or ((held[1] or held[2]) and not held[0]):
        raise BadOption("held-out sound is both --valid-speech and --valid-noise; --valid-rooms may be added.")
    valid = Sounds(held[0], held[1] or [], held[2] or []) if held[0] else None
    heard = Sounds(sounds[0], sounds[1], sounds[2] or [])
    plan = planned(Path(run), more["resume"], **schedule)
    records = train(name, heard, Path(run), plan, valid=valid, **more)
    return _follow(records, plan, run)


def _follow(records: Iterator[dict[str, float]], schedule: Schedule, run: str) -> int:
    """Show where the training stands: one line that changes on a terminal, a line a minute in a log."""
    from winnow.cli.stop import stoppable

    terminal, told = sys.stdout.isatty(), -1.0
    line = ""
    try:
        with stoppable():
            for record in records:
                line = _line(record, schedule)
                if terminal:
                    print(f"\r{line}\033[K", end="", flush=True)
                elif record["minutes"] - told >= 1:
                    told = record["minutes"]
                    print(line, flush=True)
    except KeyboardInterrupt as stop:
        print(f"\nwinnow: stopped; the run is saved, --resume --run {run} goes on with it", file=sys.stderr)
        return 128 + getattr(stop, "signum", 2)
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

    manifest = export_run(
        Path(run), Path(output), name=name, about=Path(about) if about else None, force=force, bits=bits
    )
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
