"""The training loop all recipes share: time-boxed, seeded, resumable, logged; CPU, one GPU or several (accelerate)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from winnow.aside import aside, write_text
from winnow.errors import BadOption
from winnow.train.log import Log
from winnow.train.losses import Loss
from winnow.train.muon import Muon
from winnow.train.native.bandsplit import quicken
from winnow.train.schedule import Progress, Schedule
from winnow.train.scores import Examples, validation
from winnow.train.tracking import Tracking
from winnow.train.whole import whole

__all__ = ["Examples", "Progress", "Recipe", "Schedule", "Solver"]


class Recipe(Protocol):
    """What the solver needs to know of a recipe.

    Besides, a recipe may have `score(network, *batch) -> dict[str, number or (N,)]` (of held-out examples; else SI-SDR),
    `maximise`, the name of the score whose best weights are kept, and `pictures(network, *batch)` for the trackers:
    spectrograms in dB by name, each `(frequencies, frames)` float32; and `sounds(network, *batch)`: `(time,)` by name.
    """

    name: str
    config: Any

    def network(self) -> nn.Module:
        """A new network."""
        ...

    def loss(self, network: nn.Module, *batch: Tensor) -> Loss:
        """Of a batch: a mixture `(N, time)`, its target, and what else the recipe's examples hold."""
        ...


def optimiser_of(network: nn.Module, config: Any) -> torch.optim.Optimizer:
    """What moves the weights, by the configuration of a recipe. Raises BadOption."""
    rate, decay, betas = config.learning_rate, config.weight_decay, (0.9, 0.98)
    if config.optimiser == "muon":
        return Muon(network, rate, betas, decay)
    if config.optimiser != "adamw":
        raise BadOption(f"optimiser {config.optimiser}: there are adamw and muon.")
    trained = [p for p in network.parameters() if p.requires_grad]
    return torch.optim.AdamW(trained, rate, betas=betas, weight_decay=decay)


class Solver:
    """Trains one recipe in one run folder.

    The folder holds config.json, log.jsonl, what the trackers keep, state.pt (to resume), weights.safetensors (the running
    average of the weights) and, for a recipe that has `maximise`, best.safetensors (the average when its score was best).
    """

    def __init__(
        self, recipe: Recipe, folder: Path, schedule: Schedule, track: Sequence[str] = ("tensorboard",)
    ) -> None:
        from accelerate import Accelerator

        self.recipe, self.folder, self.tracking = recipe, folder, Tracking(track, folder)
        mixed = "bf16" if schedule.precision == "bf16" else "no"
        self.accelerator = Accelerator(cpu=schedule.device == "cpu", mixed_precision=mixed, **self.tracking.arguments())
        self.schedule = schedule.of(recipe.config, self.accelerator.num_processes)
        torch.manual_seed(schedule.seed)
        network = recipe.network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = recipe.network().to(self.accelerator.device)
        self.average.load_state_dict(network.state_dict())
        self.native = False
        if mixed == "bf16" and self.accelerator.device.type == "cpu":
            self.native = not quicken(network) and not quicken(self.average)
        self.network, self.optimiser = self.accelerator.prepare(network, optimiser_of(network, recipe.config))
        self.progress = Progress()
        self._log: Log | None = None
        self._latest: dict[str, float] = {}

    @property
    def device(self) -> torch.device:
        """Where the network and the examples live."""
        return self.accelerator.device

    @property
    def share(self) -> float:
        """Part of the run that is done, 0 to 1."""
        timed = self.progress.elapsed / (self.schedule.minutes * 60)
        return min(1.0, self.progress.step / self.schedule.steps if self.schedule.steps else timed)

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Take these weights in place of random ones."""
        self.accelerator.unwrap_model(self.network).load_state_dict(weights)
        self.average.load_state_dict(weights)

    def run(
        self, examples: Examples, valid: Examples | None = None, resume: bool = False
    ) -> Iterator[dict[str, float]]:
        """Train until the time is up; yields one record per second or so.

        valid: held-out examples, scored on the way. Saved on the way, at the end and when interrupted.
        """
        self._begin(resume)
        try:
            yield from self._steps(examples, valid)
            yield from self._last(valid)
        finally:
            self.save()
            if self._log is not None:
                self._log.close()
            names = ("weights.safetensors", "best.safetensors", "config.json")
            self.tracking.end([self.folder / name for name in names if (self.folder / name).exists()])

    def _begin(self, resume: bool) -> None:
        if resume:
            self.load()
        if self.accelerator.is_main_process:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._describe()
            self._log = Log(self.folder, self.progress.step)
        self.tracking.begin(self.accelerator, self.recipe.name, self.recipe.config, resume)

    def _describe(self) -> None:
        """Write what the run is; of a resumed run the schedule may be another than before."""
        recipe = {"recipe": self.recipe.name, "config": asdict(self.recipe.config)}
        described = {**recipe, "schedule": asdict(self.schedule), "native": self.native}
        text = json.dumps(described, indent=2) + "\n"
        write_text(self.folder / "config.json", text)

    def _steps(self, examples: Examples, valid: Examples | None) -> Iterator[dict[str, float]]:
        told = saved = self.progress.elapsed
        while self.share < 1:
            if valid and self._due():
                self._validate(valid)
            began = time.monotonic()
            batch = examples(self.progress.step)
            with whole():
                self._step(batch, began)
            now = self.progress.elapsed
            if now - saved >= self.schedule.save_every * 60:
                saved = now
                self.save()
            if self.accelerator.is_main_process and (now - told >= 1 or self.share >= 1):
                told = now
                yield self._record(self._means(), quiet=True)

    def _due(self) -> bool:
        """Whether it is time to validate: after so many steps, or so many minutes."""
        p, every = self.progress, self.schedule.validate_steps
        if every:
            return p.step // every > p.validated // every
        return p.elapsed - p.validated_at >= self.schedule.validate_every * 60

    def _last(self, valid: Examples | None) -> Iterator[dict[str, float]]:
        """At least one record, also when the run had had its time before."""
        p = self.progress
        if p.count:
            self._note()
        record = self._validate(valid) if valid and p.validated < p.step else self._record({}, quiet=True)
        if self.accelerator.is_main_process:
            yield record

    def _agreed(self, elapsed: float) -> float:
        """The first process's clock: all must stop at the same step, or the others wait for ever."""
        if self.accelerator.num_processes == 1:
            return elapsed
        from accelerate.utils import broadcast

        return float(broadcast(torch.tensor(elapsed, dtype=torch.float64, device=self.device)))

    def _step(self, batch: tuple[Tensor, ...], began: float) -> None:
        """One step, its losses added to the sums, and those written where it is time."""
        p, rate = self.progress, self._learning_rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self._seed()
        self.network.train()
        loss, parts, *_ = self.recipe.loss(self.network, *batch)
        self.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        norm = self.accelerator.clip_grad_norm_(self.network.parameters(), self.recipe.config.clip_norm)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
        self._follow()
        for name, value in {"loss": loss, "gradient": norm, **parts}.items():
            p.sums[name] = p.sums.get(name, 0.0) + float(value.detach())
        p.count += 1
        p.step += 1
        p.audio += batch[0].numel() / self.recipe.config.mix.rate * self.accelerator.num_processes
        p.elapsed = self._agreed(p.elapsed + time.monotonic() - began)
        if p.step % (self.schedule.log_steps or 1) == 0:
            self._note()

    def _seed(self) -> None:
        """What is random in a network, such as dropout, depends on the number of the step, so that a resumed run repeats it."""
        place = [self.schedule.seed, self.accelerator.process_index, self.progress.step]
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0]))

    def _means(self) -> dict[str, float]:
        """Of the losses since the last record, or of that record."""
        if self.progress.count:
            self._latest = {name: value / self.progress.count for name, value in self.progress.sums.items()}
        return self._latest

    def _note(self) -> None:
        """The mean losses since the last time, into the log."""
        self._record(self._means())
        self.progress.sums, self.progress.count = {}, 0

    def _learning_rate(self) -> float:
        """Linear warm-up, then half a cosine over the time that the run has."""
        c = self.recipe.config
        if self.share < c.warm_up:
            return float(c.learning_rate * (self.share / c.warm_up * 0.99 + 0.01))
        turn = (self.share - c.warm_up) / (1 - c.warm_up)
        return float(c.final_rate + (c.learning_rate - c.final_rate) * 0.5 * (1 + math.cos(math.pi * turn)))

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the running average of weights and statistics."""
        keep = min(self.recipe.config.average, (1 + self.progress.step) / (10 + self.progress.step))
        source = self.accelerator.unwrap_model(self.network).state_dict()
        pairs = [(value, source[name]) for name, value in self.average.state_dict().items()]
        moved = [pair for pair in pairs if pair[0].dtype.is_floating_point]
        torch._foreach_lerp_([value for value, _ in moved], [new for _, new in moved], 1 - keep)
        for value, new in pairs:
            if not value.dtype.is_floating_point:
                value.copy_(new)

    def validate(self, valid: Examples, batches: int = 4) -> dict[str, float]:
        """Scores of the averaged network on fixed held-out examples, see `winnow.train.scores`."""
        return validation(self.recipe, self.average, valid, batches)

    def _validate(self, valid: Examples) -> dict[str, float]:
        """Score, keep the weights if they are the best so far, and show pictures and sounds."""
        scores, p = self.validate(valid), self.progress
        self._show(valid)
        with whole():
            score = scores.get(f"valid_{getattr(self.recipe, 'maximise', None)}")
            if score is not None and (p.best is None or score > p.best):
                p.best = score
                self._save_weights("best")
            p.validated, p.validated_at = p.step, p.elapsed
            return self._record(scores)

    def _show(self, valid: Examples) -> None:
        """Pictures and sounds of a held-out batch for the trackers."""
        if self.tracking.names and self.accelerator.is_main_process:
            self.tracking.pictures(self._shown("pictures", valid), self.progress.step)
            self.tracking.sounds(self._shown("sounds", valid), self.recipe.config.mix.rate, self.progress.step)

    @torch.no_grad()
    def _shown(self, kind: str, valid: Examples) -> dict[str, Any]:
        made = getattr(self.recipe, kind, None)
        found = made(self.average, *valid(0)) if made else {}
        return {name: torch.as_tensor(values).float().cpu().numpy() for name, values in found.items()}

    def _record(self, values: dict[str, float], quiet: bool = False) -> dict[str, float]:
        p = self.progress
        speed = p.audio / max(p.elapsed, 1e-9)
        record = {"step": p.step, "minutes": p.elapsed / 60, "hours_heard": p.audio / 3600, "times_real_time": speed}
        rate = self._learning_rate()
        record |= {"learning_rate": rate, **values}
        if not quiet and self._log is not None:
            self._log.write(record)
            self.tracking.log({"learning_rate": rate, **values}, p.step)
        return record

    def _save_weights(self, name: str) -> None:
        """The averaged weights, aside first, so that a cut leaves the older ones."""
        from safetensors.torch import save_file

        if self.accelerator.is_main_process:
            weights = {k: v.detach().cpu().contiguous() for k, v in self.average.state_dict().items()}
            with aside(self.folder / f"{name}.safetensors") as part:
                save_file(weights, part)

    def save(self) -> None:
        """Write the averaged weights and everything a resumed run needs."""
        if not self.accelerator.is_main_process:
            return
        self._save_weights("weights")
        state = {
            "network": self.accelerator.unwrap_model(self.network).state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": asdict(self.progress),
        }
        with aside(self.folder / "state.pt") as part:
            torch.save(state, part)

    def load(self) -> None:
        """Continue from the folder's state.pt."""
        state = torch.load(self.folder / "state.pt", map_location="cpu", weights_only=True)
        self.accelerator.unwrap_model(self.network).load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])
