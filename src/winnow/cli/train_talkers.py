"""`winnow train talkers`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli import train as common


def talkers(
    *,
    speech: common.Speech,
    noise: common.OptionalNoise = None,
    rooms: common.Rooms = None,
    valid_speech: common.ValidSpeech = None,
    valid_noise: common.ValidNoise = None,
    valid_rooms: common.ValidRooms = None,
    run: common.Run = "runs/talkers",
    minutes: common.Minutes = None,
    steps: common.Steps = None,
    epochs: common.Epochs = None,
    track: common.Track = None,
    preset: Annotated[str, typer.Option("--preset", metavar="NAME", help="shipped, or tiny for a try.")] = "shipped",
    begin: common.Begin = None,
    values: common.Values = None,
    resume: common.Resume = False,
    seed: common.Seed = None,
    device: common.Device = "auto",
    precision: common.Precision = None,
    threads: common.Threads = None,
) -> int:
    """winnow train talkers --speech voices.jsonl --noise noise.jsonl --rooms r.jsonl
    winnow train talkers --speech v.jsonl --set mix.noise=0 --set mix.room=0

    Train the network of `winnow separate`: two talkers apart. It needs lists that say who
    speaks; `winnow data scan` writes them.
    """
    sounds, held = (speech, noise or [], rooms), (valid_speech, valid_noise, valid_rooms)
    schedule = {"minutes": minutes, "steps": steps, "epochs": epochs, "seed": seed, "device": device}
    schedule |= {"precision": precision}
    more = {"preset": preset, "settings": values or [], "resume": resume, "track": track or ["tensorboard"]}
    more |= {"begin": Path(begin) if begin else None}
    return common.run_training("talkers", sounds, held, run, schedule, threads, more)
