"""The commands `winnow train NAME`: a row of `RECIPES` for each, and the options that all of them have."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any, NamedTuple

import typer

from winnow.cli import train


class Option(NamedTuple):
    """An option of `winnow train`.

    default: `...` where it must be given; sets: the settings of the recipe that it stands for, `{}` being its value;
    name: of its value, where it is not the flag's.
    """

    flag: str
    kind: Any
    metavar: str | None
    help: str
    default: Any = None
    sets: tuple[str, ...] = ()
    name: str = ""

    def parameter(self) -> Parameter:
        """What typer makes the option of."""
        option = typer.Option(self.flag, metavar=self.metavar, help=self.help)
        default = Parameter.empty if self.default is ... else self.default
        return Parameter(self.key, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[self.kind, option])

    @property
    def key(self) -> str:
        """The name of its value."""
        return self.name or self.flag.removeprefix("--").replace("-", "_")

    def settings(self, value: Any) -> list[str]:
        """The settings that its value stands for."""
        return [] if value is None or value is False else [each.format(value) for each in self.sets]


class Recipe(NamedTuple):
    """A recipe as a command.

    brief: its line in the list; help: examples, an empty line, and what it is; presets: what --preset says; noise: whether
    it must have some; options: its own.
    """

    name: str
    brief: str
    help: str
    presets: str = "shipped, or tiny for a try."
    noise: bool = False
    options: tuple[Option, ...] = ()

    def command(self) -> Callable[..., int]:
        """The command, for typer."""

        def command(**values: Any) -> int:
            given = [setting for option in self.options for setting in option.settings(values[option.key])]
            return train.start(self.name, {**values, "set": [*given, *(values["set"] or [])]})

        command.__doc__ = self.help
        command.__signature__ = Signature([each.parameter() for each in self._all()])  # type: ignore[attr-defined]
        return command

    def _all(self) -> list[Option]:
        """All options, in the order of the help."""
        noise = Option("--noise", list[str] if self.noise else WORDS, "DIR", "Noise; may be repeated.")
        return [
            SPEECH,
            noise._replace(default=... if self.noise else None),
            *SOUNDS,
            Option("--run", str, "FOLDER", "Where weights and logs go.", f"runs/{self.name}"),
            *self.options,
            *LENGTH,
            Option("--preset", str, "NAME", self.presets, "shipped"),
            *REST,
        ]


WORDS, NUMBER, WORD = list[str] | None, int | None, str | None

SPEECH = Option("--speech", list[str], "DIR", "Speech: a folder, list (.jsonl) or pack; DIR=2 counts twice.", ...)
SOUNDS = (
    Option("--rooms", WORDS, "DIR", "Impulse responses of rooms."),
    Option("--valid-speech", WORDS, "DIR", "Held-out speech, to score on the way."),
    Option("--valid-noise", WORDS, "DIR", "Held-out noise."),
    Option("--valid-rooms", WORDS, "DIR", "Held-out rooms."),
)
LENGTH = (
    Option("--minutes", float | None, "N", "Stop after this time. [default: 60]"),
    Option("--steps", NUMBER, "N", "Stop after so many steps instead."),
    Option("--epochs", NUMBER, "N", "Or after so many epochs."),
    Option("--track", WORDS, "NAME", "tensorboard (default), wandb or none; repeatable."),
)
REST = (
    Option("--from", WORD, "RUN", "Begin with the weights of this run, of the same network.", name="begin"),
    Option("--set", WORDS, "KEY=VALUE", "A setting of the recipe; may be repeated."),
    Option("--resume", bool, None, "Go on with the run.", False),
    Option("--seed", NUMBER, "N", "Of the random numbers. [default: 0]"),
    Option("--device", str, "NAME", "auto (a GPU if there is one) or cpu.", "auto"),
    Option("--precision", WORD, "NAME", "full, or bf16: faster where the processor has it."),
    Option("--threads", NUMBER, "N", "Of the CPU. [default: all]"),
)
ENCODER = Option("--encoder", WORD, "BUNDLE", "Makes the vectors of voices. [default: ours]", sets=("encoder={}",))

RECIPES = (
    Recipe(
        "denoise",
        "The network of `winnow enhance`.",
        """winnow train denoise --speech speech/ --noise noise/ --minutes 60
        winnow train denoise --speech a/ --speech b/ --noise c/ --set batch_size=32

        Train the network of `winnow enhance`. Clean speech and noise are mixed while training;
        `winnow export` makes a bundle of the run.
        """,
        noise=True,
        options=(Option("--core", WORD, "RUN", "A 16 kHz run: train the 48 kHz network on top of it."),),
    ),
    Recipe(
        "unet",
        "System 1: spectrogram U-Nets at 8 kHz.",
        """winnow train unet --speech speech/ --noise noise/ --model unet --epochs 10
        winnow train unet --preset paper --start-fm 16 --batch-size 16 --lr 1e-4 ...

        Train a spectrogram U-Net at 8 kHz (system 1), corrected or as it was published.
        """,
        presets="shipped, paper (as published), split (16 kHz) or tiny.",
        noise=True,
        options=(
            Option("--model", WORD, "NAME", "unet or resnet.", sets=("network.model={}",)),
            Option("--dropout", float | None, "P", "Of the resnet's decoder.", sets=("network.dropout={}",)),
            Option("--start-fm", NUMBER, "N", "Maps of the first level.", sets=("network.start_fm={}",)),
            Option("--batch-size", NUMBER, "N", "Examples a step.", sets=("batch_size={}",)),
            Option("--lr", float | None, "X", "Learning rate.", sets=("learning_rate={}",)),
        ),
    ),
    Recipe(
        "spleeter",
        "A U-Net in Spleeter's shape.",
        """winnow train spleeter --speech speech/ --noise noise/ --minutes 60

        Train a U-Net in Spleeter's shape on speech against music, babble and noise.
        """,
        presets="shipped (16 kHz), paper (44.1 kHz, as published) or tiny.",
        noise=True,
    ),
    Recipe(
        "talkers",
        "Overlapping talkers apart.",
        """winnow train talkers --speech voices.jsonl --noise noise.jsonl --rooms r.jsonl
        winnow train talkers --speech v.jsonl --set mix.noise=0 --set mix.room=0

        Train the network of `winnow separate`: two talkers apart. It needs lists that say who
        speaks; `winnow data scan` writes them.
        """,
    ),
    Recipe(
        "mossformer2",
        "MossFormer2: talkers apart, on the waveform.",
        """winnow train mossformer2 --speech voices.jsonl --noise noise.jsonl --minutes 60
        winnow train mossformer2 --speech voices.jsonl --preset paper

        Train MossFormer2 (system 5): overlapping talkers apart, on the waveform. Lists of speech
        say who speaks; `winnow data scan` writes them.
        """,
        presets="shipped (small, 16 kHz), paper (as published, 8 kHz) or tiny.",
    ),
    Recipe(
        "looking",
        "System 3: talkers apart, without looking.",
        """winnow train looking --speech voices.jsonl --noise noise.jsonl --minutes 60
        winnow train looking --speech voices.jsonl --talkers 3 --set mix.noise=0
        winnow train looking --preset paper --speech voices.jsonl --noise noise.jsonl

        Train the audio-only network of Looking to Listen (system 3). It needs lists that say who
        speaks; `winnow data scan` writes them.
        """,
        presets="shipped (small), paper (as published) or tiny.",
        options=(
            Option(
                "--talkers",
                NUMBER,
                "N",
                "2 or 3. [default: 2]",
                sets=("network.talkers={}", "mix.talkers={0},{0}"),
            ),
        ),
    ),
    Recipe(
        "speaker",
        "An encoder of voices.",
        """winnow train speaker --speech voices.jsonl --noise noise/ --rooms rooms/

        Train an encoder of voices, for `winnow voices`, by the loss GE2E. Lists tell who speaks;
        in folders, recordings of one speaker lie in one folder.
        """,
        presets="shipped, paper (3 LSTM of 768, as published) or tiny.",
        noise=True,
    ),
    Recipe(
        "voicefilter",
        "System 4: one voice, or all but it.",
        """winnow train voicefilter --speech voices.jsonl --noise noise.jsonl
        winnow train voicefilter --reverse --speech voices.jsonl --noise n.jsonl

        Train VoiceFilter (system 4): one voice out of a mixture, told by a clip of it.
        Lists are those of `winnow data scan`; each speaker needs a name.
        """,
        presets="shipped (small), paper, corrected (its size) or tiny.",
        options=(
            ENCODER,
            Option("--reverse", bool, None, "Train on everything but the voice.", False, ("reverse={}",)),
        ),
    ),
    Recipe(
        "voice",
        "One chosen voice, and the rest.",
        """winnow train voice --speech voices.jsonl --noise noise.jsonl --rooms rooms.jsonl
        winnow train voice --speech voices.jsonl --noise n.jsonl --from runs/talkers

        Train the network of `winnow extract` and `winnow remove`: one voice, told by a vector of
        it. --from may be a run of `winnow train talkers`, which shortens the way.
        """,
        options=(ENCODER,),
    ),
)
"""A new recipe is a row here, and one in `winnow.train.recipes`."""
