"""What a person can ask of a transcription."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from winnow.errors import BadOption

if TYPE_CHECKING:
    from winnow.engine.run import Settings as Cleaning

After = Literal["none", "enhance", "split"]
SPLIT_MODEL = "split-16k"


@dataclass(frozen=True)
class Settings:
    """What a person can ask for.

    recogniser: "pocketsphinx" or "whisper:FOLDER". after: what is done to the sound first. model: the network for that, None:
    the one of `after`. compare: the untouched recording is recognised too. vad: "silero", "level" or "auto". format: a key of
    FORMATS; None: by the output's suffix. Raises BadOption.
    """

    recogniser: str = "pocketsphinx"
    after: After = "none"
    model: str | None = None
    compare: bool = False
    vad: str = "auto"
    format: str | None = None

    def __post_init__(self) -> None:
        if self.after not in get_args(After):
            raise BadOption(f'--after is none, enhance or split, not "{self.after}"')
        if self.compare and self.after == "none":
            raise BadOption("--compare needs two texts: add --after enhance or --after split")
        if self.model is not None and self.after == "none":
            raise BadOption("--model is the network that cleans first: add --after enhance or --after split")
        if self.format not in (None, "srt", "vtt", "txt", "json"):
            raise BadOption(f'--format is srt, vtt, txt or json, not "{self.format}"')
        if self.compare and self.format in ("srt", "vtt"):
            raise BadOption(f"--compare writes two texts, which {self.format} cannot hold; take --format txt or json")

    @property
    def cleaning(self) -> Cleaning | None:
        """How the sound is cleaned first, None for not at all. The split takes its own network where it is shipped."""
        from winnow.engine.run import Settings as Cleaning
        from winnow.models import catalog

        if self.after == "none":
            return None
        split = self.after == "split" and SPLIT_MODEL in catalog.names()
        return Cleaning(model=self.model or (SPLIT_MODEL if split else "auto"))
