"""`winnow train speaker`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli import train as common


def speaker(
    *,
    speech: common.Speech,
    noise: common.Noise,
    rooms: common.Rooms = None,
    valid_speech: common.ValidSpeech = None,
    valid_noise: common.ValidNoise = None,
    valid_rooms: common.ValidRooms = None,
    run: common.Run = "runs/speaker",
    minutes: common.Minutes = None,
    steps: common.Steps = None,
    epochs: common.Epochs = None,
    track: common.Track = None,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="shipped, paper (3 LSTM of 768, as published) or tiny.")
    ] = "shipped",
    begin: common.Begin = None,
    values: common.Values = None,
    resume: common.Resume = False,
    seed: common.Seed = None,
    device: common.Device = "auto",
    precision: common.Precision = None,
    threads: common.Threads = None,
) -> int:
    """winnow train speaker --speech voices.jsonl --noise noise/ --rooms rooms/

    Train an encoder of voices, for `winnow voices`, by the loss GE2E. Lists tell who speaks;
    in folders, recordings of one speaker lie in one folder.
    """
    sounds, held = (speech, noise, rooms), (valid_speech, valid_noise, valid_rooms)
    schedule = {"minutes": minutes, "steps": steps, "epochs": epochs, "seed": seed, "device": device}
    schedule |= {"precision": precision}
    more = {"preset": preset, "settings": values or [], "resume": resume, "track": track or ["tensorboard"]}
    more |= {"begin": Path(begin) if begin else None}
    return common.run_training("speaker", sounds, held, run, schedule, threads, more)
