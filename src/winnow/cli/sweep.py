"""`winnow sweep`: search for good settings of a recipe, look at a search, run one trial of it for W&B."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli import train

if TYPE_CHECKING:
    from winnow.train.sweep.plan import Plan
    from winnow.train.sweep.work import Done, Work

OWN = {"run": "each trial has its own run", "resume": "a sweep goes on by itself", "minutes": "say --minutes-per-trial"}


Values = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=RANGE", help="KEY=LOW..HIGH, KEY=A,B,C, or KEY=A for all trials."),
]
Maximise = Annotated[str | None, typer.Option("--maximise", metavar="SCORE", help="A held-out score, such as si_sdr.")]
Minimise = Annotated[str | None, typer.Option("--minimise", metavar="LOSS", help="Or a loss, such as loss.")]
Trials = Annotated[int, typer.Option("--trials", metavar="N", help="How many in all.")]
Minutes = Annotated[
    float | None, typer.Option("--minutes-per-trial", metavar="N", help="How long each is. [default: 10]")
]
Steps = Annotated[int | None, typer.Option("--steps", metavar="N", help="Or in steps.")]
Epochs = Annotated[int | None, typer.Option("--epochs", metavar="N", help="Or in epochs.")]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", help="Trials at once.")]
Processes = Annotated[int, typer.Option("--processes", metavar="N", help="Processes of one trial, for several GPUs.")]
Sampler = Annotated[str, typer.Option("--sampler", metavar="NAME", help="tpe (learns) or random.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of search and training.")]


def sweep() -> None:
    """winnow sweep unet --maximise iou --trials 20 --set lr=5e-5..2e-4 ...
    winnow sweep show NAME      the trials and the best settings

    Search for the settings of a recipe that train best. It needs optuna: pip install "winnow-audio[sweep,train]"
    """


def search(recipe: str) -> Callable[..., int]:
    """The command that searches for settings of a recipe."""

    def command(
        context: typer.Context,
        *,
        values: Values = None,
        maximise: Maximise = None,
        minimise: Minimise = None,
        name: Annotated[str, typer.Option("--name", metavar="NAME", help="Of the sweep, in sweeps/NAME.")] = recipe,
        trials: Trials = 20,
        minutes: Minutes = None,
        steps: Steps = None,
        epochs: Epochs = None,
        jobs: Jobs = 1,
        processes: Processes = 1,
        sampler: Sampler = "tpe",
        seed: Seed = 0,
    ) -> int:
        train._need_torch()
        length = {"--minutes": minutes, "--steps": steps, "--epochs": epochs}
        _check({"--trials": trials, "--jobs": jobs, "--processes": processes})
        asked = _Asked(recipe, values or [], maximise, minimise, length, processes, sampler, seed, context.args)
        folder, plan = _begun(name, asked, jobs)
        return _run(folder, plan, trials, jobs, seed)

    command.__doc__ = f"""winnow sweep {recipe} --set lr=5e-4..5e-3 --speech a/ --noise b/
    winnow sweep {recipe} --name {recipe}                  go on with it

    Search for settings of `winnow train {recipe}`; all other options, such as the folders of sound, are as there. The same
    command again goes on after a stop, also in several windows at once.
    """
    return command


class _Asked:
    """What the command line asks for, made a plan."""

    def __init__(
        self,
        recipe: str,
        values: list[str],
        maximise: str | None,
        minimise: str | None,
        length: dict[str, Any],
        processes: int,
        sampler: str,
        seed: int,
        passed: list[str],
    ) -> None:
        self.recipe, self.values, self.maximise, self.minimise = recipe, values, maximise, minimise
        self.length = {option: value for option, value in length.items() if value is not None}
        self.processes, self.sampler, self.seed, self.passed = processes, sampler, seed, passed

    @property
    def anything(self) -> bool:
        """Whether more was asked for than to go on."""
        return bool(self.values or self.maximise or self.minimise or self.length or self.passed)

    def plan(self, jobs: int) -> Plan:
        """Raises BadOption, or a UsageError of the options that go on to `winnow train`."""
        from winnow.errors import BadOption
        from winnow.train.recipes import find_recipe
        from winnow.train.sweep.plan import SAMPLERS, Plan
        from winnow.train.sweep.space import space

        if self.sampler not in SAMPLERS:
            raise BadOption(f"no sampler named {self.sampler}; there are {', '.join(SAMPLERS)}.")
        given = _parsed(self.recipe, self.passed)
        recipe = find_recipe("denoise-fullband" if given.get("core") else self.recipe)
        preset = getattr(recipe.config_class, given["preset"], None)
        if preset is None:
            raise BadOption(f"no preset named {given['preset']}; `winnow train {self.recipe} --help` names them.")
        held_out = bool(given.get("valid_speech") and given.get("valid_noise"))
        key, up = self._goal(getattr(recipe, "maximise", None), held_out)
        best = up and key == f"valid_{getattr(recipe, 'maximise', None)}"
        passed = [*self.passed, "--seed", str(self.seed)]
        if jobs > 1 and given.get("threads") is None:
            passed += ["--threads", str(max(1, (os.cpu_count() or 1) // jobs))]
        return Plan(
            recipe=self.recipe,
            key=key,
            maximise=up,
            keep="best" if best else "last",
            space=space(preset(), self.values),
            passed=tuple(passed),
            length=self._length(),
            sampler=self.sampler,
            processes=self.processes,
        )

    def _goal(self, own: str | None, held_out: bool) -> tuple[str, bool]:
        from winnow.errors import BadOption

        if self.maximise and self.minimise:
            raise BadOption("--maximise and --minimise contradict each other. Give one of them.")
        up = bool(self.maximise or (own and held_out and not self.minimise))
        name = self.maximise or self.minimise or (own if up and own else "loss")
        if not held_out and (self.maximise or name.startswith("valid_")):
            raise BadOption(f"{name} is a score of held-out sound: add --valid-speech DIR and --valid-noise DIR.")
        return (f"valid_{name.removeprefix('valid_')}" if held_out else name), up

    def _length(self) -> tuple[str, ...]:
        from winnow.errors import BadOption

        if len(self.length) > 1:
            raise BadOption("give one of --minutes-per-trial, --steps and --epochs.")
        for option, value in self.length.items() or {"--minutes": 10}.items():
            if value <= 0:
                raise BadOption(f"a trial of {value:g} {option[2:]} is no trial. Give more.")
            return option, f"{value:g}"
        return ()


def _parsed(recipe: str, passed: list[str]) -> dict[str, Any]:
    """The further options as `winnow train` understands them, which complains as it would."""
    from winnow.cli.app import command
    from winnow.errors import BadOption

    training = command().commands["train"].commands[recipe]
    context = training.make_context(f"winnow train {recipe}", list(passed))
    for name, why in OWN.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise BadOption(f"--{name} is not for a sweep: {why}.")
    return dict(context.params)


def _check(numbers: dict[str, int]) -> None:
    from winnow.errors import BadOption

    for option, value in numbers.items():
        if value < 1:
            raise BadOption(f"{option} {value}: give 1 or more.")


def _need_optuna() -> None:
    from importlib.util import find_spec

    from winnow.errors import MissingExtra

    if find_spec("optuna") is None:
        raise MissingExtra('a sweep needs optuna: pip install "winnow-audio[sweep]"')


def _begun(name: str, asked: _Asked, jobs: int) -> tuple[Path, Plan]:
    """The sweep of that name, begun if there is none."""
    from winnow.train.sweep import plan as plans

    folder = plans.folder_of(name)
    if (folder / plans.NAME).exists():
        return folder, _go_on(folder, asked)
    plan = asked.plan(jobs)
    _need_optuna()
    plans.write(folder, plan)
    return folder, plan


def _go_on(folder: Path, asked: _Asked) -> Plan:
    """The plan of a sweep that was begun; what is asked for again must be the same."""
    from winnow.errors import BadOption
    from winnow.train.sweep.plan import read

    plan = read(folder)
    if plan.recipe != asked.recipe:
        raise BadOption(f"{folder} is a sweep of {plan.recipe}. Give another --name.")
    if asked.anything:
        again = asked.plan(1)
        same = ("key", "maximise", "space", "length")
        own = again.passed[: again.passed.index("--seed")] == plan.passed[: plan.passed.index("--seed")]
        if not own or any(getattr(again, name) != getattr(plan, name) for name in same):
            raise BadOption(
                f"{folder} was begun with other options. Leave them out to go on with it, or give another --name."
            )
    return plan


def _run(folder: Path, plan: Plan, trials: int, jobs: int, seed: int) -> int:
    from contextlib import closing

    from winnow.cli.ending import told_when_stopped
    from winnow.train.sweep.plan import open_study
    from winnow.train.sweep.work import Work

    work = Work(folder, plan, open_study(folder, plan, seed), trials)
    words = f"`winnow sweep {plan.recipe} --name {folder.name}` goes on with it"
    with told_when_stopped(words, line="\n"), closing(work.run(jobs)) as ended:
        _report(work, ended)
    _say_best(folder, plan, work.study)
    print(f"{folder}   done; `winnow sweep show {folder.name}` shows all trials")
    return 0


def _report(work: Work, ended: Iterator[Done | None]) -> None:
    """A line for each trial, and on a terminal how many there are meanwhile."""
    import time

    from winnow.cli.words import clock
    from winnow.train.sweep.page import best, rows

    began, done = time.monotonic(), 0
    for each in ended:
        if each is not None:
            done += 1
            winner = best(rows(work.plan, work.study))
            print(
                f"{_clear()}{_line(work.plan, each)}{f'   (best: trial {winner.number})' if winner else ''}", flush=True
            )
        elif sys.stdout.isatty():
            found = rows(work.plan, work.study)
            finished = sum(row.state in ("done", "given up") for row in found)
            left = (work.trials - finished) * (time.monotonic() - began) / done if done else None
            print(f"{_clear()}{finished} of {work.trials} trials · {clock(left)} left", end="", flush=True)


def _clear() -> str:
    return "\r\033[K" if sys.stdout.isatty() else ""


def _line(plan: Plan, done: Done) -> str:
    from winnow.cli.words import one_line
    from winnow.train.curves import number

    outcome = done.outcome
    result = {
        "done": f"{plan.key} {number(outcome.value or 0.0)}",
        "pruned": "given up: worse than most at this stage",
        "failed": f"failed: {one_line(outcome.message)}",
        "stopped": "stopped",
    }[outcome.state]
    settings = " ".join(
        f"{key.rpartition('.')[2]}={number(value) if isinstance(value, float) else value}"
        for key, value in done.parameters.items()
    )
    return f"trial {done.number}   {result}   {settings}"


def _say_best(folder: Path, plan: Plan, study: Any) -> None:
    from winnow.cli.words import one_line
    from winnow.train.curves import number
    from winnow.train.sweep.page import advice, best, rows

    row = best(rows(plan, study))
    if row is not None and row.value is not None:
        print(f"best   {plan.key} {number(row.value)} in trial {row.number}; train with it:")
        print(f"  {one_line(advice(folder, plan, row))}")


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", hidden=True)],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="PAGE", help="[default: sweeps/NAME/sweep.html]")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="The trials as JSON, and no page.")] = False,
) -> None:
    """winnow sweep show unet

    Show a sweep: its trials, the best settings and the command that trains with them; and write a page with its history, the
    importance of each setting, and all trials in parallel coordinates.
    """
    from winnow.aside import write_text
    from winnow.train.sweep.page import page, rows
    from winnow.train.sweep.plan import folder_of, open_study, read

    folder = folder_of(name)
    plan = read(folder)
    study = open_study(folder, plan)
    found = rows(plan, study)
    if json:
        _print_json(found)
        return
    _print_rows(plan, found)
    _say_best(folder, plan, study)
    path = Path(output) if output else folder / "sweep.html"
    write_text(path, page(folder, plan, found))
    print(path)


def _print_json(found: list[Any]) -> None:
    import json
    from dataclasses import asdict

    print(json.dumps([asdict(row) for row in found], indent=1, ensure_ascii=False))


def _print_rows(plan: Plan, found: list[Any]) -> None:
    from winnow.cli.scoretables import new_table, print_table
    from winnow.train.curves import number

    keys = [each.key for each in plan.space.parameters]
    table = new_table(["trial", "state", plan.key, "minutes", *(key.rpartition(".")[2] for key in keys)], ["state"])
    for row in found:
        values = [row.parameters.get(key, "") for key in keys]
        cells = [number(value) if isinstance(value, float) else str(value) for value in values]
        took = f"{row.seconds / 60:.1f}" if row.seconds is not None else ""
        table.add_row(str(row.number), row.state, "" if row.value is None else number(row.value), took, *cells)
    print_table(table)


def trial(
    name: Annotated[str, typer.Argument(metavar="NAME", hidden=True)],
    values: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", hidden=True)] = None,
) -> int:
    """winnow sweep trial unet learning_rate=1e-3

    Train once with the options of a sweep and these settings, tracked by W&B: what `wandb agent` calls.
    """
    from winnow.cli import run
    from winnow.errors import BadOption
    from winnow.train.sweep.plan import folder_of, read

    folder = folder_of(name)
    plan = read(folder)
    pairs = [value.partition("=") for value in values or []]
    wrong = next((key for key, _, text in pairs if key not in {p.key for p in plan.space.parameters} or not text), None)
    if wrong is not None:
        raise BadOption(f"{wrong}: write KEY=VALUE; keys are {', '.join(p.key for p in plan.space.parameters)}.")
    own = folder / f"wandb-{os.environ.get('WANDB_RUN_ID') or os.getpid()}"
    return run([*plan.command(str(own), {key: text for key, _, text in pairs}), "--track", "wandb"])
