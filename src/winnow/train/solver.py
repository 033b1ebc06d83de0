"""The training loop all recipes share: time-boxed, seeded, resumable, logged; CPU, one GPU or several (accelerate)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from winnow.train.losses import Loss, si_sdr

Examples = Callable[[int], tuple[Tensor, Tensor]]
"""Step number to (mixture, target), each `(N, time)`; the same number gives the same examples."""


class Recipe(Protocol):
    """What the solver needs to know of a recipe."""

    name: str
    config: Any

    def network(self) -> nn.Module:
        """A new network."""
        ...

    def loss(self, network: nn.Module, mixture: Tensor, target: Tensor) -> Loss:
        """Of a mixture and its target, `(N, time)`."""
        ...


@dataclass(frozen=True)
class Schedule:
    """How long a run goes and what it does on the way; times in minutes of training, start-up not counted.

    epochs: of as many examples as the recipe's config says (`epoch`), instead of a time;
    precision: "full", or "bf16": matrix products in bfloat16, several times faster where the processor has them.
    """

    minutes: float = 60.0
    steps: int | None = None
    epochs: int | None = None
    save_every: float = 2.0
    validate_every: float = 5.0
    seed: int = 0
    device: str = "auto"
    precision: str = "full"


@dataclass
class Progress:
    """Where a run stands; what a resumed run starts from."""

    step: int = 0
    elapsed: float = 0.0
    audio: float = 0.0


class Solver:
    """Trains one recipe in one run folder.

    The folder holds config.json, log.jsonl, tensorboard/, state.pt (to resume) and weights.safetensors (the running
    average of the weights, what is exported).
    """

    def __init__(self, recipe: Recipe, folder: Path, schedule: Schedule) -> None:
        from accelerate import Accelerator

        self.recipe, self.folder, self.schedule = recipe, folder, schedule
        mixed = "bf16" if schedule.precision == "bf16" else "no"
        self.accelerator = Accelerator(cpu=schedule.device == "cpu", mixed_precision=mixed)
        torch.manual_seed(schedule.seed)
        network = recipe.network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = recipe.network().to(self.accelerator.device)
        self.average.load_state_dict(network.state_dict())
        c = recipe.config
        trained = [p for p in network.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(trained, c.learning_rate, betas=(0.9, 0.98), weight_decay=c.weight_decay)
        self.network, self.optimiser = self.accelerator.prepare(network, optimiser)
        self.progress = Progress()
        self._steps_wanted = schedule.steps
        if schedule.epochs is not None:
            self._steps_wanted = math.ceil(schedule.epochs * c.epoch / (c.batch_size * self.accelerator.num_processes))
        self._log: Any = None
        self._board: Any = None

    @property
    def device(self) -> torch.device:
        """Where the network and the examples live."""
        return self.accelerator.device

    @property
    def share(self) -> float:
        """Part of the run that is done, 0 to 1."""
        timed = self.progress.elapsed / (self.schedule.minutes * 60)
        return min(1.0, self.progress.step / self._steps_wanted if self._steps_wanted else timed)

    def run(
        self, examples: Examples, valid: Examples | None = None, resume: bool = False
    ) -> Iterator[dict[str, float]]:
        """Train until the time is up; yields one record per second or so.

        valid: held-out examples, scored on the way. Saved on the way, at the end and when interrupted.
        """
        self._begin(resume)
        try:
            yield from self._steps(examples, valid)
            if self.accelerator.is_main_process:  # at least one record, also when the run had had its time before
                yield self._record(self.validate(valid)) if valid else self._record({}, quiet=True)
        finally:
            self.save()
            if self.accelerator.is_main_process:
                self._log.close()
                self._board.close()

    def _begin(self, resume: bool) -> None:
        from torch.utils.tensorboard import SummaryWriter

        if resume:
            self.load()
        if not self.accelerator.is_main_process:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            described = {
                "recipe": self.recipe.name,
                "config": asdict(self.recipe.config),
                "schedule": asdict(self.schedule),
            }
            (self.folder / "config.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        self._log = (self.folder / "log.jsonl").open("a" if resume else "w", encoding="utf-8")
        self._board = SummaryWriter(str(self.folder / "tensorboard"))

    def _steps(self, examples: Examples, valid: Examples | None) -> Iterator[dict[str, float]]:
        told = saved = validated = self.progress.elapsed
        sums: dict[str, float] = {}
        count = 0
        while self.share < 1:
            began = time.monotonic()
            for name, value in self._step(examples).items():
                sums[name] = sums.get(name, 0.0) + value
            count += 1
            now = self.progress.elapsed = self._agreed(self.progress.elapsed + time.monotonic() - began)
            if valid and now - validated >= self.schedule.validate_every * 60:
                validated = now
                self._record(self.validate(valid))
            if now - saved >= self.schedule.save_every * 60:
                saved = now
                self.save()
            if self.accelerator.is_main_process and (now - told >= 1 or self.share >= 1):
                told = now
                yield self._record({name: value / count for name, value in sums.items()}, quiet=True)
                if count >= 50:
                    self._record({name: value / count for name, value in sums.items()})
                    sums, count = {}, 0

    def _agreed(self, elapsed: float) -> float:
        """The first process's clock: all must stop at the same step, or the others wait for ever."""
        if self.accelerator.num_processes == 1:
            return elapsed
        from accelerate.utils import broadcast

        return float(broadcast(torch.tensor(elapsed, dtype=torch.float64, device=self.device)))

    def _step(self, examples: Examples) -> dict[str, float]:
        mixture, target = examples(self.progress.step)
        rate = self._learning_rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.network.train()
        loss, parts, *_ = self.recipe.loss(self.network, mixture, target)
        self.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        norm = self.accelerator.clip_grad_norm_(self.network.parameters(), self.recipe.config.clip_norm)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
        self._follow()
        self.progress.step += 1
        self.progress.audio += mixture.numel() / self.recipe.config.mix.rate * self.accelerator.num_processes
        values = {"loss": loss, "gradient": norm, **parts}
        return {name: float(value.detach()) for name, value in values.items()}

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
        for name, value in self.average.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(source[name], 1 - keep)
            else:
                value.copy_(source[name])

    @torch.no_grad()
    def validate(self, valid: Examples, batches: int = 4) -> dict[str, float]:
        """SI-SDR of the averaged network and its improvement on fixed held-out examples, dB."""
        self.average.eval()
        before, after = [], []
        for i in range(batches):
            mixture, target = valid(i)
            loss = self.recipe.loss(self.average, mixture, target)
            heard = loss.target.square().mean(-1) > 1e-8
            before.append(si_sdr(loss.mixture, loss.target)[heard])
            after.append(si_sdr(loss.estimate, loss.target)[heard])
        mean, first = float(torch.cat(after).mean()), float(torch.cat(before).mean())
        return {"valid_si_sdr": mean, "valid_si_sdr_improvement": mean - first}

    def _record(self, values: dict[str, float], quiet: bool = False) -> dict[str, float]:
        p = self.progress
        speed = p.audio / max(p.elapsed, 1e-9)
        record = {"step": p.step, "minutes": p.elapsed / 60, "hours_heard": p.audio / 3600, "times_real_time": speed}
        record |= {"learning_rate": self._learning_rate(), **values}
        if not quiet and self.accelerator.is_main_process:
            self._log.write(json.dumps({k: round(v, 6) for k, v in record.items()}) + "\n")
            self._log.flush()
            for name, value in values.items():
                self._board.add_scalar(name, value, p.step)
        return record

    def save(self) -> None:
        """Write the averaged weights and everything a resumed run needs, aside first, so that a cut leaves the older ones."""
        from safetensors.torch import save_file

        if not self.accelerator.is_main_process:
            return
        weights = {k: v.detach().cpu().contiguous() for k, v in self.average.state_dict().items()}
        save_file(weights, self.folder / "weights.part")
        state = {
            "network": self.accelerator.unwrap_model(self.network).state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": asdict(self.progress),
        }
        torch.save(state, self.folder / "state.part")
        (self.folder / "weights.part").replace(self.folder / "weights.safetensors")
        (self.folder / "state.part").replace(self.folder / "state.pt")

    def load(self) -> None:
        """Continue from the folder's state.pt."""
        state = torch.load(self.folder / "state.pt", map_location="cpu", weights_only=True)
        self.accelerator.unwrap_model(self.network).load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])
