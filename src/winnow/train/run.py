"""Training runs as the command line starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from winnow.errors import BadInput, BadOption
from winnow.train.bank import build_bank
from winnow.train.export import load_run
from winnow.train.mixing import Banks, MixConfig, complete_banks, draw, render
from winnow.train.recipes import find_recipe
from winnow.train.recipes.denoise import FullbandRecipe
from winnow.train.settings import changed
from winnow.train.solver import Examples, Schedule, Solver

PRESETS = ("shipped", "tiny")


def train_denoise(
    speech: Sequence[str],
    noise: Sequence[str],
    rooms: Sequence[str],
    folder: Path,
    schedule: Schedule,
    *,
    preset: str = "shipped",
    settings: Sequence[str] = (),
    core: Path | None = None,
    valid_speech: Sequence[str] = (),
    valid_noise: Sequence[str] = (),
    valid_rooms: Sequence[str] = (),
    resume: bool = False,
) -> Iterator[dict[str, float]]:
    """Train an enhancer on folders of sound; yields where it stands about once a second.

    speech, noise, rooms: `FOLDER` or `FOLDER=WEIGHT`; folder: of the run; settings: `key=value`;
    core: run of a 16 kHz enhancer, to train the 48 kHz one on top of it; valid_*: held-out recordings, scored on the
    way; resume: go on in the folder, with its settings.
    Raises BadInput, BadOption.
    """
    _check(folder, resume, preset)
    recipe = _recipe(folder, preset, settings, core, resume)
    mix = recipe.config.mix
    cache = folder.parent / ".cache"
    lowest = 32000 if mix.rate > 16000 else 0
    banks = gather(speech, noise, rooms, mix, schedule.seed, cache, lowest)
    valid = None
    if valid_speech and valid_noise:
        valid = gather(valid_speech, valid_noise, valid_rooms, mix, schedule.seed + 1, cache, lowest)
    noisy = replace(mix, clean_chance=0.0, silent_chance=0.0)  # of clean and silent examples SI-SDR tells nothing
    solver = Solver(recipe, folder, schedule)
    make = examples(banks.to(solver.device), mix, recipe.config.batch_size, schedule.seed, _process())
    held_out = None if valid is None else examples(valid.to(solver.device), noisy, 16, schedule.seed + 1, 0)
    yield from solver.run(make, held_out, resume)


def gather(
    speech: Sequence[str],
    noise: Sequence[str],
    rooms: Sequence[str],
    mix: MixConfig,
    seed: int,
    cache: Path,
    lowest: int,
) -> Banks:
    """Decode the folders, and add what is synthesised."""
    measured = build_bank(rooms, mix.rate, cache=cache) if rooms else None
    voices = build_bank(speech, mix.rate, lowest_rate=lowest, cache=cache)
    sounds = build_bank(noise, mix.rate, lowest_rate=lowest, cache=cache)
    return complete_banks(voices, sounds, measured, mix, seed)


def examples(banks: Banks, mix: MixConfig, count: int, seed: int, process: int) -> Examples:
    """Step number to a batch; each process of several draws its own."""

    def make(step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([seed, process, step])
        return render(draw(rng, count, mix, banks), mix, banks)

    return make


def _check(folder: Path, resume: bool, preset: str) -> None:
    if preset not in PRESETS:
        raise BadOption(f"no preset named {preset}; there are {', '.join(PRESETS)}.")
    if resume and not (folder / "state.pt").exists():
        raise BadInput(f"{folder}: nothing to resume, there is no state.pt. Leave out --resume to begin a run.")
    if not resume and (folder / "state.pt").exists():
        raise BadInput(f"{folder} holds a run already. Add --resume to go on with it, or give another --run.")


def _recipe(folder: Path, preset: str, settings: Sequence[str], core: Path | None, resume: bool) -> Any:
    if resume:
        return load_run(folder)[0]
    name = "denoise-fullband" if core else "denoise"
    cls = find_recipe(name)
    config = changed(getattr(cls.config_class, preset)(), settings)
    if core is None:
        return cls(config)
    below, network = load_run(core)
    config = replace(config, network=replace(config.network, core=below.config.network))
    return FullbandRecipe(config, network.state_dict())


def _process() -> int:
    return int(os.environ.get("RANK", "0"))


def use_threads(count: int | None) -> None:
    """Threads of torch on the CPU; and numbers too small to matter count as zero, which keeps silence from being slow."""
    torch.set_flush_denormal(True)
    if count:
        torch.set_num_threads(count)
