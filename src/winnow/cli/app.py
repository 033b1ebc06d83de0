"""All commands under one name."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.main import get_command

from winnow.cli import (
    benchmark,
    chosen,
    compare,
    curves,
    data,
    doctor,
    evaluate,
    look,
    process,
    score,
    separate,
    sweep,
    train,
    transcribe,
    voices,
)
from winnow.cli.helptext import Command, Group
from winnow.cli.recipes import RECIPES

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
PLAIN: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "context_settings": CONTEXT}


def _version(wanted: bool) -> None:
    if wanted:
        from winnow import __version__

        print(f"winnow {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """winnow enhance talk.mp4   the same video with clean speech: talk.enhanced.mp4

    Any audio or video recording in, the same recording with clean speech out; offline, on this machine.
    """


def command() -> Any:
    """The command tree."""
    app = typer.Typer(cls=Group, **PLAIN)
    app.callback()(_root)
    for name, function, brief in (
        ("enhance", process.enhance, "Clean the speech in recordings."),
        ("split", process.split, "Write speech and background apart."),
        ("separate", separate.separate, "One track for each who talks, and the background."),
        ("extract", chosen.extract, "One voice out of a recording, given some of it."),
        ("remove", chosen.remove, "All but one voice, given some of it."),
        ("transcribe", transcribe.transcribe, "Write what is said, with times."),
        ("score", score.score, "Measure how good recordings are."),
        ("evaluate", evaluate.evaluate, "Run a network over a set and score it."),
        ("benchmark", benchmark.benchmark, "Compare methods: table, sound, pictures."),
        ("compare", compare.compare, "Compare networks and results, side by side."),
        ("info", look.info, "Tell what a recording holds."),
        ("check", look.check, "Verify a bundle: hash, and its probe."),
        ("doctor", doctor.doctor, "Say whether all is in place."),
        ("export", train.export, "Make a bundle from a training run."),
    ):
        app.command(name, cls=Command, short_help=brief, context_settings=CONTEXT)(function)
    app.add_typer(_models(), name="models", short_help="List the networks; show one.")
    app.add_typer(voices.app(), name="voices", short_help="Keep voices by name.")
    app.add_typer(data.app(), name="data", short_help="From corpora to training examples.")
    app.add_typer(_train(), name="train", short_help="Train a network on folders of sound.")
    app.add_typer(_sweep(), name="sweep", short_help="Search for the best settings of a training.")
    return get_command(app)


def _models() -> typer.Typer:
    app = typer.Typer(cls=Group, invoke_without_command=True, **PLAIN)
    app.callback()(look.models)
    app.command("show", cls=Command, context_settings=CONTEXT, short_help="Show the card of one network.")(look.show)
    return app


def _train() -> typer.Typer:
    app = typer.Typer(cls=Group, **PLAIN)
    app.callback()(train.train)
    for recipe in RECIPES:
        app.command(recipe.name, cls=Command, context_settings=CONTEXT, short_help=recipe.brief)(recipe.command())
    brief = "Curves of runs: losses, scores, speed."
    app.command("show", cls=Command, context_settings=CONTEXT, short_help=brief)(curves.show)
    return app


def _sweep() -> typer.Typer:
    app = typer.Typer(cls=Group, **PLAIN)
    app.callback()(sweep.sweep)
    passing = {**CONTEXT, "allow_extra_args": True, "ignore_unknown_options": True}
    for name in ("denoise", "unet"):
        app.command(name, cls=Command, context_settings=passing, short_help=f"Settings of `winnow train {name}`.")(
            sweep.search(name)
        )
    for name, function, brief in (
        ("show", sweep.show, "Trials, best settings, and a page about them."),
        ("trial", sweep.trial, "One trial, for `wandb agent`."),
    ):
        app.command(name, cls=Command, context_settings=CONTEXT, short_help=brief)(function)
    return app
