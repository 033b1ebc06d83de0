"""Training runs as the command line starts them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from winnow.errors import BadInput, BadOption
from winnow.settings import changed
from winnow.train.bank import build_bank
from winnow.train.export import load_run
from winnow.train.mixing import Banks, MixConfig, complete_banks, draw, render
from winnow.train.recipes import find_recipe
from winnow.train.recipes.denoise import FullbandRecipe
from winnow.train.solver import Examples, Schedule, Solver
from winnow.train.tracking import chosen

PRESETS = ("shipped", "paper", "corrected", "split", "tiny")


@dataclass(frozen=True)
class Sounds:
    """What a run is trained on: folders, lists (.jsonl) or packs, each also with `=WEIGHT`."""

    speech: Sequence[str]
    noise: Sequence[str]
    rooms: Sequence[str] = ()


def train(
    name: str,
    sounds: Sounds,
    folder: Path,
    schedule: Schedule,
    *,
    preset: str = "shipped",
    settings: Sequence[str] = (),
    core: Path | None = None,
    valid: Sounds | None = None,
    resume: bool = False,
    track: Sequence[str] = ("tensorboard",),
    begin: Path | None = None,
) -> Iterator[dict[str, float]]:
    """Train a network on folders of sound; yields where it stands about once a second.

    name: of the recipe; folder: of the run; settings: `key=value`; core: run of a 16 kHz enhancer, to train the 48 kHz one on
    top of it; valid: held-out recordings, scored on the way; resume: go on in the folder, with its settings;
    track: tensorboard, wandb or none; begin: run of the same network whose weights are the first ones.
    Raises BadInput, BadOption, MissingExtra.
    """
    chosen(track)
    _check(folder, resume)
    recipe = _resumed(name, folder, settings) if resume else _recipe(name, preset, settings, core)
    feed = _feed(recipe)
    material = feed.gather(sounds, recipe.config, schedule.seed, folder.parent / ".cache")
    held = feed.gather(valid, recipe.config, schedule.seed + 1, folder.parent / ".cache") if valid else None
    solver = Solver(recipe, folder, schedule, track)
    if begin and not resume:
        solver.start_from(_weights(begin, recipe))
    make = feed.examples(material, recipe.config, schedule.seed, _process(), solver.device)
    held_out = None if held is None else feed.held_out(held, recipe.config, schedule.seed + 1, solver.device)
    yield from solver.run(make, held_out, resume)


class Feed(Protocol):
    """Where the examples of a recipe come from; a recipe may have its own as `feed`."""

    def gather(self, sounds: Sounds, config: Any, seed: int, cache: Path) -> Any:
        """Read what examples are made of."""

    def examples(self, material: Any, config: Any, seed: int, process: int, device: torch.device) -> Examples:
        """Step number to a batch to train on; each process of several draws its own."""

    def held_out(self, material: Any, config: Any, seed: int, device: torch.device) -> Examples:
        """Step number to a batch to score."""


def _feed(recipe: Any) -> Feed:
    """The recipe's own, that of several voices by `winnow.data`, or speech and noise mixed where the network is."""
    from winnow.data.presets import MixConfig as DrawnConfig
    from winnow.train.live import Drawn

    own: Feed | None = getattr(recipe, "feed", None)
    if own is not None:
        return own
    return Drawn() if isinstance(recipe.config.mix, DrawnConfig) else Mixed()


class Mixed:
    """One voice and noise, mixed on the network's device, see `winnow.train.mixing`."""

    def gather(self, sounds: Sounds, config: Any, seed: int, cache: Path) -> Banks:
        """Decode the recordings, and add what is synthesised."""
        return gather(sounds, config.mix, seed, cache, 32000 if config.mix.rate > 16000 else 0)

    def examples(self, material: Banks, config: Any, seed: int, process: int, device: torch.device) -> Examples:
        """Batches `(mixture, speech)`."""
        return examples(material.to(device), config.mix, config.batch_size, seed, process)

    def held_out(self, material: Banks, config: Any, seed: int, device: torch.device) -> Examples:
        """Sixteen at a time, none of them clean or silent, of which SI-SDR tells nothing."""
        noisy = replace(config.mix, clean_chance=0.0, silent_chance=0.0)
        return examples(material.to(device), noisy, 16, seed, 0)


def gather(sounds: Sounds, mix: MixConfig, seed: int, cache: Path, lowest: int) -> Banks:
    """Decode the recordings, and add what is synthesised."""
    measured = build_bank(sounds.rooms, mix.rate, use="rooms", cache=cache) if sounds.rooms else None
    voices = build_bank(sounds.speech, mix.rate, use="speech", lowest_rate=lowest, cache=cache)
    noises = build_bank(sounds.noise, mix.rate, use="noise", lowest_rate=lowest, cache=cache)
    return complete_banks(voices, noises, measured, mix, seed)


def examples(banks: Banks, mix: MixConfig, count: int, seed: int, process: int) -> Examples:
    """Step number to a batch; each process of several draws its own."""

    def make(step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([seed, process, step])
        return render(draw(rng, count, mix, banks), mix, banks)

    return make


def _check(folder: Path, resume: bool) -> None:
    if resume and not (folder / "state.pt").exists():
        raise BadInput(f"{folder}: nothing to resume, there is no state.pt. Leave out --resume to begin a run.")
    if not resume and (folder / "state.pt").exists():
        raise BadInput(f"{folder} holds a run already. Add --resume to go on with it, or give another --run.")


def _resumed(name: str, folder: Path, settings: Sequence[str] = ()) -> Any:
    recipe = load_run(folder)[0]
    if recipe.name not in (name, f"{name}-fullband"):
        raise BadInput(f"{folder} holds a run of `winnow train {recipe.name}`, not of {name}. Give another --run.")
    if changed(recipe.config, settings) != recipe.config:
        raise BadOption(
            f"{folder} was begun with other settings, and keeps them. Leave these out, or give another --run."
        )
    return recipe


def _recipe(name: str, preset: str, settings: Sequence[str], core: Path | None) -> Any:
    cls = find_recipe("denoise-fullband" if core else name)
    presets = [p for p in PRESETS if hasattr(cls.config_class, p)]
    if preset not in presets:
        raise BadOption(f"no preset named {preset}; there are {', '.join(presets)}.")
    config = changed(getattr(cls.config_class, preset)(), settings)
    if min(config.batch_size, config.epoch, getattr(config.mix, "seconds", 1)) <= 0 or config.learning_rate < 0:
        raise BadOption("batch_size, epoch and mix.seconds are above 0, and learning_rate is not below it.")
    if core is None:
        return cls(config)
    below, network = load_run(core)
    config = replace(config, network=replace(config.network, core=below.config.network))
    return FullbandRecipe(config, network.state_dict())


def _weights(run: Path, recipe: Any) -> dict[str, Tensor]:
    """The averaged weights of a run of the same network, or what the recipe adopts of another."""
    other, network = load_run(run)
    adopted = getattr(recipe, "adopted", None)
    weights: dict[str, Tensor] | None = adopted(other, network) if adopted else None
    if weights is not None:
        return weights
    if other.config.network != recipe.config.network:
        raise BadInput(f"{run}: its network is another one: {other.config.network}. Begin without --from.")
    return network.state_dict()


def _process() -> int:
    return int(os.environ.get("RANK", "0"))


def use_threads(count: int | None) -> None:
    """Threads of torch on the CPU; and numbers too small to matter count as zero, which keeps silence from being slow."""
    torch.set_flush_denormal(True)
    if count is not None:
        if count < 1:
            raise BadOption(f"--threads is 1 or more, not {count}.")
        torch.set_num_threads(count)
