"""Tracking of a run besides its log: TensorBoard and Weights & Biases, through accelerate's trackers.

W&B works without an account: what it keeps stays in the run folder until `wandb sync`, unless WANDB_MODE or WANDB_API_KEY says
otherwise.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.errors import BadOption, MissingExtra, WinnowError

TRACKERS = ("tensorboard", "wandb")
EXTRAS = {"tensorboard": "train", "wandb": "wandb"}
RANGE = 80.0  # dB below the strongest value that a picture shows
COLOURS = ((0, 0, 4), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191))
"""Of the weakest to the strongest value, in between linear: near to matplotlib's magma, which this need not load."""
PROJECT = "winnow"


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """The trackers asked for, each once; `none` alone means none. Raises BadOption, MissingExtra."""
    for name in names:
        if name not in (*TRACKERS, "none"):
            raise BadOption(f"--track {name}: no such tracker; there are {', '.join(TRACKERS)} and none.")
    wanted = tuple(dict.fromkeys(name for name in names if name != "none"))
    if "none" in names and wanted:
        raise BadOption(f"--track none and --track {wanted[0]} contradict each other. Leave one out.")
    for name in wanted:
        if find_spec(name) is None:
            raise MissingExtra(f'--track {name} needs {name}: pip install "winnow-audio[{EXTRAS[name]}]"')
    return wanted


class Tracking:
    """The trackers of one run; with none of them everything here does nothing."""

    def __init__(self, names: Sequence[str], folder: Path) -> None:
        self.names, self.folder = chosen(names), folder

    def arguments(self) -> dict[str, Any]:
        """For the Accelerator."""
        from accelerate.utils import ProjectConfiguration

        if not self.names:
            return {}
        place = ProjectConfiguration(str(self.folder), logging_dir=str(self.folder / "tensorboard"))
        return {"log_with": list(self.names), "project_config": place}

    def begin(self, accelerator: Any, recipe: str, config: Any, resumed: bool) -> None:
        """Open them, with the configuration as hyper-parameters."""
        self._accelerator = accelerator
        if not self.names:
            return
        values = {"recipe": recipe, **flat(config)}
        kwargs = {"wandb": self._wandb(values)} if "wandb" in self.names and accelerator.is_main_process else {}
        try:
            accelerator.init_trackers(PROJECT, config=None if resumed else values, init_kwargs=kwargs)
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "wandb":
                raise
            raise WinnowError(f"W&B: {error}. WANDB_MODE=offline keeps the run on this machine.") from error

    def _wandb(self, values: dict[str, Any]) -> dict[str, Any]:
        import wandb

        given = {
            "name": self.folder.resolve().name,
            "dir": str(self.folder),
            "config": values,
            "mode": mode(os.environ),
            "settings": wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True),
        }
        if "WANDB_RUN_ID" not in os.environ:  # an agent of a W&B sweep names its runs itself
            given |= {"id": self._number(), "resume": "allow"}
        return given

    def _number(self) -> str:
        """The same for all parts of a run that was resumed, so that W&B shows one curve."""
        kept = self.folder / "wandb" / "id.txt"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(uuid.uuid4().hex[:8], encoding="utf-8")
        return kept.read_text(encoding="utf-8").strip()

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Losses or scores of a step."""
        if self.names:
            self._accelerator.log(dict(values), step=step)

    def pictures(self, levels: Mapping[str, npt.NDArray[np.float32]], step: int) -> None:
        """Spectrograms in dB, `(frequencies, frames)`, the lowest frequency first."""
        for tracker in self._accelerator.trackers if self.names else ():
            images = {f"pictures/{name}": picture(level)[None] for name, level in levels.items()}
            more = {"dataformats": "NHWC"} if tracker.name == "tensorboard" else {}
            tracker.log_images(images, step=step, **more)

    def sounds(self, sounds: Mapping[str, npt.NDArray[np.float32]], rate: int, step: int) -> None:
        """Sounds `(time,)`, one factor bringing the loudest to full scale; TensorBoard only, W&B needs a further library."""
        loudest = max((float(np.abs(sound).max(initial=0)) for sound in sounds.values()), default=0.0)
        for tracker in self._accelerator.trackers if self.names else ():
            if tracker.name == "tensorboard":
                for name, sound in sounds.items():
                    tracker.writer.add_audio(f"sounds/{name}", sound[None] / max(loudest, 1e-6), step, rate)

    def end(self, files: Sequence[Path]) -> None:
        """Hand the weights to W&B, which takes them from where they are when it sends them, and close all."""
        if not self.names:
            return
        if "wandb" in self.names and self._accelerator.is_main_process:
            import wandb

            run = self._accelerator.get_tracker("wandb", unwrap=True)
            artifact = wandb.Artifact(f"{PROJECT}-{run.id}", type="model")
            for path in files:
                artifact.add_file(str(path), policy="mutable")
            run.log_artifact(artifact)
        for tracker in self._accelerator.trackers:
            tracker.finish()


def mode(environment: Mapping[str, str]) -> str:
    """W&B's mode: nothing leaves the machine unless the user has said so, by WANDB_MODE or by a key in WANDB_API_KEY."""
    return environment.get("WANDB_MODE") or ("online" if environment.get("WANDB_API_KEY") else "offline")


def flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """A nested configuration as `{"mix.rate": 16000, ...}`, values as trackers take them: lists become text."""
    found: dict[str, Any] = {}
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            found |= flat(value, f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return found


def picture(level: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Levels in dB as a picture `(height, width, 3)`: the strongest value is light, 80 dB less black, low frequencies below."""
    share = np.clip((level[::-1] - level.max()) / RANGE + 1, 0, 1)
    places = np.linspace(0, 1, len(COLOURS))
    channels = [np.interp(share, places, [colour[k] for colour in COLOURS]) for k in range(3)]
    return np.rint(np.stack(channels, -1)).astype(np.uint8)
