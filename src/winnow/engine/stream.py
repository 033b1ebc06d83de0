"""`Stream`: clean speech while it is being spoken, from any source of blocks."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np

from winnow.audio import Samples, as_samples
from winnow.engine.run import Separation, Settings
from winnow.errors import BadAudio, BadOption
from winnow.models import catalog
from winnow.models.methods import METHODS


class Stream:
    """A recording or a microphone, cleaned block by block.

    model: as in Settings; rate: hertz, of what is fed (default: the model's own, without resampling); channels: of what is fed;
    options: the other fields of Settings. Use as a context manager, or call `flush` at the end.
    Raises UnknownModel, BadOption, BadAudio.
    """

    def __init__(self, model: str = "denoise-16k", rate: int | None = None, channels: int = 1, **options: Any) -> None:
        if rate is None and model == "auto":
            raise BadOption('give rate= too: model="auto" chooses by the sample rate of what is fed.')
        if rate is None and model in METHODS:
            raise BadOption(f"give rate= too: {model} works at the sample rate of what is fed.")
        self.rate = catalog.find(model).manifest.rate if rate is None else rate
        settings = Settings(model=model, **options)
        settings.check_speech()
        self._separation = Separation(self.rate, channels, settings)
        self._flat = False

    @property
    def latency(self) -> float:
        """Algorithmic latency of the model, seconds."""
        return self._separation.latency

    def feed(self, block: Any) -> Samples:
        """Give samples `(time,)` or `(channels, time)`, of any length; take the speech that is finished, in the same form.

        Floating point within +-1, or PCM of 8, 16 or 32 bits; float32 comes out. Raises BadAudio, and BadInput after `flush`.
        """
        samples = as_samples(block)
        if samples.ndim not in (1, 2):
            raise BadAudio(f"a block has shape (time,) or (channels, time), not {samples.shape}.")
        self._flat = samples.ndim == 1
        return self._form(self._separation.feed(np.atleast_2d(samples))["speech"])

    def flush(self) -> Samples:
        """The rest; altogether exactly as many samples come out as went in."""
        return self._form(self._separation.flush()["speech"])

    def _form(self, speech: Samples) -> Samples:
        return speech[0] if self._flat else speech

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
