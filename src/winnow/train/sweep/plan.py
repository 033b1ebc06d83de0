"""A sweep's folder: what it is about (sweep.json), its trials (sweep.db), their runs, and a file for W&B."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from winnow.aside import write_text
from winnow.errors import BadInput, BadOption, MissingExtra, OutputError
from winnow.train.sweep.space import Choice, Range, Space, assignments

FOLDER = "sweeps"
NAME, STORAGE, WANDB = "sweep.json", "sweep.db", "wandb-sweep.yaml"
SAMPLERS = ("tpe", "random")


@dataclass(frozen=True)
class Plan:
    """What a sweep searches, and for what.

    recipe: of `winnow train`; key: of the log, such as valid_iou; keep: whether a trial counts with its best or its last value;
    passed: further options of `winnow train`; length: how long a trial is, as options; processes: of one trial.
    """

    recipe: str
    key: str
    maximise: bool
    keep: str
    space: Space
    passed: tuple[str, ...]
    length: tuple[str, ...]
    sampler: str = "tpe"
    processes: int = 1

    def command(self, run: str, parameters: Mapping[str, Any]) -> list[str]:
        """Arguments of winnow that train with some settings."""
        values = [*self.space.fixed, *assignments(dict(parameters))]
        return ["train", self.recipe, *self.passed, *_each("--set", values), *self.length, "--run", run]


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def folder_of(name: str) -> Path:
    """The folder of a sweep by its name, or itself. Raises BadOption."""
    if not name or name in (".", "..") or "\0" in name:
        raise BadOption("a sweep needs a name: --name NAME.")
    inside = Path(FOLDER) / name
    return Path(name) if not inside.exists() and (Path(name) / NAME).exists() else inside


def write(folder: Path, plan: Plan) -> None:
    """Begin a sweep. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(f"{folder}: cannot be made ({reason}). Give another --name.") from None
    write_text(folder / WANDB, wandb_file(folder, plan))
    write_text(folder / NAME, json.dumps(asdict(plan), indent=1, ensure_ascii=False) + "\n")


def read(folder: Path) -> Plan:
    """The plan of a sweep that was begun. Raises BadInput."""
    try:
        kept = json.loads((folder / NAME).read_text(encoding="utf-8"))
        space = kept.pop("space")
        parameters = tuple(_parameter(each) for each in space["parameters"])
        kept |= {key: tuple(kept[key]) for key in ("passed", "length")}
        return Plan(space=Space(parameters, tuple(space["fixed"])), **kept)
    except FileNotFoundError:
        raise BadInput(f"{folder}: no {NAME} in this folder, so it is no sweep. {_others(folder.parent)}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{folder / NAME}: cannot be read as a sweep's ({error}).") from None


def _parameter(kept: dict[str, Any]) -> Range | Choice:
    return Choice(kept["key"], tuple(kept["values"])) if "values" in kept else Range(**kept)


def _others(folder: Path) -> str:
    names = sorted(path.parent.name for path in folder.glob(f"*/{NAME}"))
    return f"There are {', '.join(names)}." if names else "`winnow sweep` makes one."


def open_study(folder: Path, plan: Plan, seed: int = 0) -> Any:
    """The optuna study in the folder, made if there is none yet. Raises MissingExtra, BadInput."""
    try:
        import optuna
    except ImportError:
        raise MissingExtra('a sweep needs optuna: pip install "winnow-audio[sweep]"') from None
    import sqlite3

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = str((folder / STORAGE).resolve())

    def connect() -> sqlite3.Connection:  # by path: in an address a ? or % in the name would mean something else
        return sqlite3.connect(path, timeout=60, check_same_thread=False)

    samplers: dict[str, Any] = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{STORAGE}", engine_kwargs={"creator": connect})
        study = optuna.create_study(
            storage=storage,
            study_name="sweep",
            direction="maximize" if plan.maximise else "minimize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
        )
        # not the draws of the first trials once more when a sweep is resumed
        study.sampler = samplers[plan.sampler](seed=seed + len(study.get_trials(deepcopy=False)))
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("sqlalchemy", "sqlite3"):
            raise
        raise BadInput(f"{folder / STORAGE}: cannot be read as a sweep's trials. Give another --name.") from None
    return study


def wandb_file(folder: Path, plan: Plan) -> str:
    """The same search for `wandb sweep`: YAML, of which JSON is a part."""
    sweep = {
        "program": "winnow",
        "method": "bayes" if plan.sampler == "tpe" else "random",
        "metric": {"name": plan.key, "goal": "maximize" if plan.maximise else "minimize"},
        "parameters": {each.key: _distribution(each) for each in plan.space.parameters},
        "command": ["${env}", "${interpreter}", "-m", "winnow", "sweep", "trial", str(folder), "${args_no_hyphens}"],
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in sweep.items()]
    begin = f"# wandb sweep {shlex.quote(str(folder / WANDB))}, then `wandb agent` as that says\n"
    return begin + "\n".join(lines) + "\n"


def _distribution(parameter: Range | Choice) -> dict[str, Any]:
    if isinstance(parameter, Choice):
        return {"values": list(parameter.values)}
    if parameter.whole:
        ends = {"min": int(parameter.low), "max": int(parameter.high)}
        return {"distribution": "q_log_uniform_values", "q": 1, **ends} if parameter.log else ends
    name = "log_uniform_values" if parameter.log else "uniform"
    return {"distribution": name, "min": parameter.low, "max": parameter.high}
