"""`winnow train voice`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli import train as common


def voice(
    *,
    speech: common.Speech,
    noise: common.OptionalNoise = None,
    rooms: common.Rooms = None,
    valid_speech: common.ValidSpeech = None,
    valid_noise: common.ValidNoise = None,
    valid_rooms: common.ValidRooms = None,
    run: common.Run = "runs/voice",
    encoder: common.Encoder = None,
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
    """winnow train voice --speech voices.jsonl --noise noise.jsonl --rooms rooms.jsonl
    winnow train voice --speech voices.jsonl --noise n.jsonl --from runs/talkers

    Train the network of `winnow extract` and `winnow remove`: one voice, told by a vector of
    it. --from may be a run of `winnow train talkers`, which shortens the way.
    """
    sounds, held = (speech, noise or [], rooms), (valid_speech, valid_noise, valid_rooms)
    schedule = {"minutes": minutes, "steps": steps, "epochs": epochs, "seed": seed, "device": device}
    schedule |= {"precision": precision}
    more = {
        "preset": preset,
        "settings": [*common.encoded(encoder), *(values or [])],
        "resume": resume,
        "track": track or ["tensorboard"],
    }
    more |= {"begin": Path(begin) if begin else None}
    return common.run_training("voice", sounds, held, run, schedule, threads, more)
