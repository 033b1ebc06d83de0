"""`winnow train mossformer2`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli import train as common


def mossformer2(
    *,
    speech: common.Speech,
    noise: common.OptionalNoise = None,
    rooms: common.Rooms = None,
    valid_speech: common.ValidSpeech = None,
    valid_noise: common.ValidNoise = None,
    valid_rooms: common.ValidRooms = None,
    run: common.Run = "runs/mossformer2",
    minutes: common.Minutes = None,
    steps: common.Steps = None,
    epochs: common.Epochs = None,
    track: common.Track = None,
    preset: Annotated[
        str,
        typer.Option("--preset", metavar="NAME", help="shipped (small, 16 kHz), paper (as published, 8 kHz) or tiny."),
    ] = "shipped",
    begin: common.Begin = None,
    values: common.Values = None,
    resume: common.Resume = False,
    seed: common.Seed = None,
    device: common.Device = "auto",
    precision: common.Precision = None,
    threads: common.Threads = None,
) -> int:
    """winnow train mossformer2 --speech voices.jsonl --noise noise.jsonl --minutes 60
    winnow train mossformer2 --speech voices.jsonl --preset paper

    Train MossFormer2 (system 5): overlapping talkers apart, on the waveform. Lists of speech
    say who speaks; `winnow data scan` writes them.
    """
    sounds, held = (speech, noise or [], rooms), (valid_speech, valid_noise, valid_rooms)
    schedule = {"minutes": minutes, "steps": steps, "epochs": epochs, "seed": seed, "device": device}
    schedule |= {"precision": precision}
    more = {"preset": preset, "settings": values or [], "resume": resume, "track": track or ["tensorboard"]}
    more |= {"begin": Path(begin) if begin else None}
    return common.run_training("mossformer2", sounds, held, run, schedule, threads, more)
