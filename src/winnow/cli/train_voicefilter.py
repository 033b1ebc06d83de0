"""`winnow train voicefilter`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli import train as common


def voicefilter(
    *,
    speech: common.Speech,
    noise: common.OptionalNoise = None,
    rooms: common.Rooms = None,
    valid_speech: common.ValidSpeech = None,
    valid_noise: common.ValidNoise = None,
    valid_rooms: common.ValidRooms = None,
    run: common.Run = "runs/voicefilter",
    encoder: common.Encoder = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Train on everything but the voice.")] = False,
    minutes: common.Minutes = None,
    steps: common.Steps = None,
    epochs: common.Epochs = None,
    track: common.Track = None,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="shipped (small), paper, corrected (its size) or tiny.")
    ] = "shipped",
    begin: common.Begin = None,
    values: common.Values = None,
    resume: common.Resume = False,
    seed: common.Seed = None,
    device: common.Device = "auto",
    precision: common.Precision = None,
    threads: common.Threads = None,
) -> int:
    """winnow train voicefilter --speech voices.jsonl --noise noise.jsonl
    winnow train voicefilter --reverse --speech voices.jsonl --noise n.jsonl

    Train VoiceFilter (system 4): one voice out of a mixture, told by a clip of it.
    Lists are those of `winnow data scan`; each speaker needs a name.
    """
    given = common.encoded(encoder) + (["reverse=True"] if reverse else [])
    sounds, held = (speech, noise or [], rooms), (valid_speech, valid_noise, valid_rooms)
    schedule = {"minutes": minutes, "steps": steps, "epochs": epochs, "seed": seed, "device": device}
    schedule |= {"precision": precision}
    more = {"preset": preset, "settings": [*given, *(values or [])], "resume": resume}
    more |= {"begin": Path(begin) if begin else None}
    return common.run_training(
        "voicefilter", sounds, held, run, schedule, threads, more | {"track": track or ["tensorboard"]}
    )
