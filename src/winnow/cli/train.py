"""`winnow train` and `winnow export`; what they call needs the extra `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

INSTALL = 'pip install "winnow-audio[train]"'
Speech = Annotated[list[str], typer.Option("--speech", metavar="DIR", help="Folder of clean speech; may be repeated.")]
Noise = Annotated[list[str], typer.Option("--noise", metavar="DIR", help="Folder of noise; may be repeated.")]
Rooms = Annotated[
    list[str] | None, typer.Option("--rooms", metavar="DIR", help="Folder of room impulse responses; may be repeated.")
]
Values = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the recipe; may be repeated.")
]


def train() -> None:
    """winnow train denoise --speech speech/ --noise noise/ --minutes 60

    Train a network on folders of sound. Needs the extra: pip install "winnow-audio[train]"
    """


def denoise(
    *,
    speech: Speech,
    noise: Noise,
    rooms: Rooms = None,
    run: Annotated[
        str, typer.Option("--run", metavar="FOLDER", help="Where checkpoints and logs go.")
    ] = "runs/denoise",
    minutes: Annotated[
        float | None, typer.Option("--minutes", metavar="N", help="Stop after this time; resumable.")
    ] = None,
    preset: Annotated[str, typer.Option("--preset", metavar="NAME", help="Sizes of network and training.")] = "shipped",
    values: Values = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of the run.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the random numbers.")] = 0,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="cpu, cuda, cuda:1; auto takes a GPU where there is one.")
    ] = "auto",
) -> None:
    """winnow train denoise --speech speech/ --noise noise/ --minutes 60
    winnow train denoise --speech a/ --speech b/ --noise noise/ --rooms rooms/ --run runs/mine --set batch_size=32

    Train the network of `winnow enhance`. Clean speech and noise are mixed while training;
    `winnow export` makes a bundle of the run.
    """
    settings = dict(_pair(text) for text in values or [])
    _need_torch()
    from winnow.train import run_denoise

    run_denoise(
        speech=speech,
        noise=noise,
        rooms=rooms or [],
        run=run,
        minutes=minutes,
        preset=preset,
        settings=settings,
        resume=resume,
        seed=seed,
        device=device,
    )


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", hidden=True)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="BUNDLE", help="Folder of the bundle.")],
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="[default: that of the folder]")] = None,
    about: Annotated[
        str | None, typer.Option("--about", metavar="FILE", help="JSON: title, licence, corpora ...")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that exists.")] = False,
) -> None:
    """winnow export runs/denoise -o my-model

    Make a bundle of RUN, the folder of a training run, and verify that it computes what the trained network does.
    """
    _need_torch()
    from winnow.train.export import export_run

    manifest = export_run(Path(run), Path(output), name=name, about=Path(about) if about else None, force=force)
    print(
        f"{output}   {manifest.name}: {manifest.parameters} parameters; try `winnow enhance talk.mp4 --model {output}`"
    )


def _pair(text: str) -> tuple[str, Any]:
    """`batch_size=32` as a name and a value; numbers, lists and true/false as in JSON, else text."""
    import json

    from winnow.errors import BadOption

    key, equals, value = text.partition("=")
    if not key or not equals:
        raise BadOption(f"--set {text}: write it as name=value, for example --set batch_size=32")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _need_torch() -> None:
    from importlib.util import find_spec

    from winnow.errors import MissingExtra

    missing = [name for name in ("torch", "accelerate") if find_spec(name) is None]
    if missing:
        raise MissingExtra(f"training needs {' and '.join(missing)}, which is not installed: {INSTALL}")
