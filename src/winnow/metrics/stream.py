"""Recordings side by side, block by block: the same rate, the same number of samples, never the whole in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.audio import Audio, Samples
from winnow.dsp.resample import StreamResampler
from winnow.errors import BadAudio, BadInput

Source = Audio | str | os.PathLike[str] | tuple[Any, int]
"""A recording: an Audio, the path of an audio or video file, or `(array, rate)`."""

Signals = Mapping[str, npt.NDArray[Any]]
"""Equally long signals by role: "estimate", and "reference" or "mixture" where they are given."""

TOLERATED = 0.05
"""Seconds by which two recordings may differ in length: encoders pad by up to about 2048 samples."""


class Recording:
    """Something to be scored that can be read again and again: an Audio, or a file, which is decoded block by block."""

    def __init__(self, source: Source, role: str) -> None:
        self.role, self.name = role, role
        self._audio: Audio | None = None
        if isinstance(source, (str, os.PathLike)):
            self._open(source)
        else:
            self._audio = source if isinstance(source, Audio) else _audio(source)
            self.rate, self.channels = self._audio.rate, self._audio.channels

    def _open(self, path: str | os.PathLike[str]) -> None:
        from winnow.media import open_reader, read

        self.name = os.fspath(path)
        if self.name == "-":  # can be read only once
            self._audio = read("-")
            self.rate, self.channels = self._audio.rate, self._audio.channels
            return
        with open_reader(self.name) as reader:
            self.rate, self.channels = reader.rate, reader.channels

    def blocks(self) -> Iterator[Samples]:
        """Float32 `(channels, time)`, a second each. NaN and Inf samples are 0."""
        if self._audio is None:
            from winnow.media import open_reader

            with open_reader(self.name) as reader:
                yield from reader
            return
        samples = self._audio.samples
        for begin in range(0, samples.shape[1], self.rate):
            yield np.nan_to_num(samples[:, begin : begin + self.rate], posinf=0.0, neginf=0.0)


def _audio(source: Any) -> Audio:
    try:
        samples, rate = source
    except (TypeError, ValueError):
        raise BadAudio("give an Audio, the path of a file, or (array, rate).") from None
    return Audio(samples, rate)


@dataclass
class Lane:
    """How one recording is read beside others: `skip` samples at the common rate left out, then multiplied by `gain`."""

    recording: Recording
    skip: int = 0
    gain: float = 1.0

    def blocks(self, rate: int, channels: int) -> Iterator[Samples]:
        """Blocks at the common rate; the mean of the channels where `channels` is 1."""
        resampler = StreamResampler(self.recording.rate, rate, channels)
        left = self.skip
        for block in self.recording.blocks():
            mixed = block.mean(axis=0, keepdims=True) if channels == 1 else block
            made = resampler.feed(mixed)
            yield made[:, left:] * np.float32(self.gain)
            left -= min(left, made.shape[1])
        yield resampler.flush()[:, left:] * np.float32(self.gain)


class SideBySide:
    """Several recordings as pieces of equal length. Iterate once; `lengths` then holds samples per role."""

    def __init__(self, lanes: Mapping[str, Lane], rate: int, channels: int) -> None:
        self.rate, self.channels = rate, channels
        self._blocks = {role: lane.blocks(rate, channels) for role, lane in lanes.items()}
        self.lengths = dict.fromkeys(lanes, 0)

    def __iter__(self) -> Iterator[dict[str, Samples]]:
        kept = {role: np.zeros((self.channels, 0), np.float32) for role in self._blocks}
        while True:
            kept = {role: self._fill(role, samples) for role, samples in kept.items()}
            count = min(self.rate, *(samples.shape[1] for samples in kept.values()))
            if count == 0:
                break
            yield {role: samples[:, :count] for role, samples in kept.items()}
            kept = {role: samples[:, count:] for role, samples in kept.items()}
        for role, blocks in self._blocks.items():  # what one has more than the others is counted, not scored
            self.lengths[role] += sum(block.shape[1] for block in blocks)

    def _fill(self, role: str, kept: Samples) -> Samples:
        parts = [kept]
        while (
            sum(part.shape[1] for part in parts) < self.rate and (block := next(self._blocks[role], None)) is not None
        ):
            self.lengths[role] += block.shape[1]
            parts.append(block)
        return np.concatenate(parts, axis=1) if len(parts) > 1 else kept


def check_lengths(lanes: Mapping[str, Lane], lengths: Mapping[str, int], rate: int) -> str | None:
    """A note where lengths differ by what an encoder pads; raises BadInput where they differ by more."""
    total = {role: length + lanes[role].skip for role, length in lengths.items()}
    if len(set(total.values())) == 1:
        return None
    told = ", ".join(f"{lanes[role].recording.name} {length / rate:.3f} s" for role, length in total.items())
    if max(total.values()) - min(total.values()) > TOLERATED * rate:
        raise BadInput(f"the recordings differ in length: {told}. Cut them to the same part first.")
    return f"lengths differ ({told}); only the part that all have is compared"


class Branch:
    """Pieces at another rate, channels kept or averaged."""

    def __init__(self, source: int, rate: int, channels: int, mean: bool) -> None:
        self.rate, self.channels, self._mean = rate, 1 if mean else channels, mean
        self._from = source
        self._resamplers: dict[str, StreamResampler] = {}

    def feed(self, piece: Signals) -> Signals:
        """A piece `(channels, time)` per role at the new rate."""
        out = {}
        for role, samples in piece.items():
            mixed = samples.mean(axis=0, keepdims=True) if self._mean else samples
            if role not in self._resamplers:
                self._resamplers[role] = StreamResampler(self._from, self.rate, self.channels)
            out[role] = self._resamplers[role].feed(mixed)
        return out

    def flush(self) -> Signals:
        """The rest."""
        return {role: resampler.flush() for role, resampler in self._resamplers.items()}


class Framer:
    """Overlapping frames of one or more equally long signals, block by block."""

    def __init__(self, window: int, hop: int) -> None:
        self.window, self.hop = window, hop
        self._kept: npt.NDArray[Any] | None = None

    def feed(self, signals: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """`(signals, time)` to the frames completed so far, `(signals, frames, window)`."""
        joined = signals if self._kept is None else np.concatenate([self._kept, signals], axis=1)
        count = max(0, (joined.shape[1] - self.window) // self.hop + 1)
        self._kept = joined[:, count * self.hop :]
        if count == 0:
            return np.zeros((len(joined), 0, self.window), joined.dtype)
        view = np.lib.stride_tricks.sliding_window_view(joined, self.window, axis=1)
        return view[:, :: self.hop][:, :count]


class Windows:
    """Windows of `length` samples for measures that must see much at once; the whole if it is at most 1.5 times that."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._kept: dict[str, list[npt.NDArray[Any]]] = {}
        self._size = 0

    def feed(self, signals: Signals) -> Iterator[dict[str, npt.NDArray[Any]]]:
        """Take `(time,)` per role; give the windows that are complete."""
        for role, samples in signals.items():
            self._kept.setdefault(role, []).append(samples)
        self._size += len(next(iter(signals.values())))
        while self._size > 1.5 * self.length:
            joined = {role: np.concatenate(parts) for role, parts in self._kept.items()}
            yield {role: samples[: self.length] for role, samples in joined.items()}
            self._kept = {role: [samples[self.length :]] for role, samples in joined.items()}
            self._size -= self.length

    def flush(self) -> Iterator[dict[str, npt.NDArray[Any]]]:
        """The last window, half to one and a half as long, or shorter where it is the only one."""
        if self._size:
            yield {role: np.concatenate(parts) for role, parts in self._kept.items()}
        self._kept, self._size = {}, 0
