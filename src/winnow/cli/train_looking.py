"""`winnow train looking`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli import train as common


def looking(
    *,
    speech: common.Speech,
    noise: common.OptionalNoise = None,
    rooms: common.Rooms = None,
    valid_speech: common.ValidSpeech = None,
    valid_noise: common.ValidNoise = None,
    valid_rooms: common.ValidRooms = None,
    run: common.Run = "runs/looking",
    talkers: Annotated[int | None, typer.Option("--talkers", metavar="N", help="2 or 3. [default: 2]")] = None,
    minutes: common.Minutes = None,
    steps: common.Steps = None,
    epochs: common.Epochs = None,
    track: common.Track = None,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="shipped (small), paper (as published) or tiny.")
    ] = "shipped",
    begin: common.Begin = None,
    values: common.Values = None,
    resume: common.Resume = False,
    seed: common.Seed = None,
    device: common.Device = "auto",
    precision: common.Precision = None,
    threads: common.Threads = None,
) -> int:
    """winnow train looking --speech voices.jsonl --noise noise.jsonl --minutes 60
    winnow train looking --speech voices.jsonl --talkers 3 --set mix.noise=0
    winnow train looking --preset paper --speech voices.jsonl --noise noise.jsonl

    Train the audio-only network of Looking to Listen (system 3). It needs lists that say who
    speaks; `winnow data scan` writes them.
    """
    given = [] if talkers is None else [f"network.talkers={talkers}", f"mix.talkers={talkers},{talkers}"]
    sounds, held = (speech, noise or [], rooms), (valid_speech, valid_noise, valid_rooms)
    schedule = {"minutes": minutes, "steps": steps, "epochs": epochs, "seed": seed, "device": device}
    schedule |= {"precision": precision}
    more = {
        "preset": preset,
        "settings": [*given, *(values or [])],
        "resume": resume,
        "track": track or ["tensorboard"],
    }
    more |= {"begin": Path(begin) if begin else None}
    return common.run_training("looking", sounds, held, run, schedule, threads, more)
