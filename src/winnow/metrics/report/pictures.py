"""Pictures as PNG: spectrograms on one scale, and score against signal-to-noise ratio."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from winnow.metrics.report.tables import label, unit

if TYPE_CHECKING:
    from winnow.audio import Audio, Samples

RANGE = 80.0  # dB below the strongest value that a spectrogram shows
COLUMNS = 900  # of a spectrogram, more than its width on the page
COLOUR_MAP = "magma"
INK, FAINT = "#1d2530", "#6b7684"
COLOURS = ("#8a939e", "#0b6e8a", "#c4622d", "#5a8f3d", "#7d4f9e", "#a08218")
TITLES = {"mixture": "before (mixture)", "estimate": "after (estimate)", "reference": "wanted (reference)"}


def spectrograms(sounds: Mapping[str, Audio], titles: Mapping[str, str] | None = None) -> bytes:
    """A PNG with a panel for each of mixture, estimate, reference and their difference, all on one scale.

    sounds: by role, each `(1, time)`; compared at the lowest of the rates. The difference is what is wrong in the estimate
    (estimate minus reference), without a reference what was removed (mixture minus estimate). titles: of the panels; needed for
    other roles, such as the stems of an example.
    """
    rate = min(sound.rate for sound in sounds.values())
    by_role = {role: sound.resampled(rate).samples[0] for role, sound in sounds.items()}
    titles = titles or (TITLES if len(sounds) > 1 else dict.fromkeys(sounds, ""))
    return panels({titles[role]: signal for role, signal in by_role.items()} | _difference(by_role), rate)


def panels(signals: Mapping[str, Samples], rate: int) -> bytes:
    """A PNG with a spectrogram for each signal `(time,)`, by title, all on one scale. rate: hertz, of all of them."""
    levels = {title: levels_of(signal, rate) for title, signal in signals.items()}
    return drawn(levels, {title: signal.size / rate for title, signal in signals.items()}, rate)


def drawn(levels: Mapping[str, npt.NDArray[np.float32]], seconds: Mapping[str, float], rate: int) -> bytes:
    """A PNG with a spectrogram for each of the levels `(frequencies, frames)` in dB, by title, all on one scale.

    seconds: that each of them lasts, by title; rate: hertz, of the sound that they were made of.
    """
    top = max(float(level.max()) for level in levels.values())
    figure, axes = _figure(len(levels))
    for place, (title, level) in zip(axes, levels.items(), strict=True):
        _panel(place, title, level, seconds[title], rate, top)
    bar = figure.colorbar(axes[0].images[0], ax=axes, fraction=0.03, pad=0.01)
    bar.set_label("dB, 0 = strongest", fontsize=8, color=FAINT)
    bar.ax.tick_params(labelsize=7, colors=FAINT)
    return _with_palette(_png(figure))


def _difference(by_role: Mapping[str, Samples]) -> dict[str, Samples]:
    if "estimate" in by_role and "reference" in by_role:
        first, second, title = "estimate", "reference", "wrong in it (estimate - reference)"
    elif "estimate" in by_role and "mixture" in by_role:
        first, second, title = "mixture", "estimate", "removed (mixture - estimate)"
    else:
        return {}
    length = min(by_role[first].size, by_role[second].size)
    return {title: by_role[first][:length] - by_role[second][:length]}


def levels_of(signal: Samples, rate: int) -> npt.NDArray[np.float32]:
    """Short-time spectrum of `(time,)` in dB of full scale, `(frequencies, frames)`: 32 ms Hann windows."""
    size = max(64, 2 * round(rate * 0.016))
    hop = max(size // 4, -(-signal.size // COLUMNS))
    padded = np.pad(signal, (size // 2, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)).T / (size / 4)
    return np.asarray(20 * np.log10(np.maximum(power, 1e-7)), np.float32)


def _figure(count: int) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    columns = 1 if count == 1 else 2
    lines = -(-count // columns)
    figure = Figure(figsize=(10.4, 0.3 + 2.0 * lines), dpi=90, layout="constrained")
    axes = [figure.add_subplot(lines, columns, number + 1) for number in range(count)]
    return figure, axes


def _panel(place: Any, title: str, level: npt.NDArray[np.float32], seconds: float, rate: int, top: float) -> None:
    place.imshow(
        level - top,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, rate / 2000),
        vmin=-RANGE,
        vmax=0,
        cmap=COLOUR_MAP,
        interpolation="nearest",
    )
    place.set_title(title, fontsize=9, color=INK, loc="left")
    place.set_ylabel("kHz", fontsize=8, color=FAINT)
    place.set_xlabel("s", fontsize=8, color=FAINT, labelpad=1)
    place.tick_params(labelsize=7, colors=FAINT)


def over_time(lines: Mapping[str, Sequence[float]], step: float, least: float) -> bytes:
    """A PNG with a panel for each line of values from 0 to 1, by title, every `step` seconds; filled where `least` or more."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.4, 0.5 + 1.2 * len(lines)), dpi=90, layout="constrained")
    long = max(map(len, lines.values())) * step >= 20
    for number, ((title, values), colour) in enumerate(zip(lines.items(), _colours(len(lines)), strict=True)):
        place = figure.add_subplot(len(lines), 1, number + 1)
        value, size = pooled(np.asarray(values, np.float64))
        time = (np.arange(len(value)) + 0.5) * size * step
        place.plot(time, value, color=colour, linewidth=0.8)
        place.fill_between(time, value, where=(value >= least).tolist(), color=colour, alpha=0.35, step="mid")
        place.axhline(least, color=FAINT, linewidth=0.6, linestyle=":")
        place.set_ylim(0, 1.02)
        place.set_xlim(0, max(len(values) * step, step))
        place.set_title(title, fontsize=9, color=INK, loc="left")
        place.xaxis.set_major_formatter(lambda x, _: f"{int(x) // 60}:{int(x) % 60:02}" if long else f"{x:g} s")
        place.tick_params(labelsize=7, colors=FAINT)
        place.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def pooled(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], int]:
    """The largest of each few values, so that there are `2 COLUMNS` at most and nothing short is lost, and how many that are."""
    size = max(1, -(-len(values) // (2 * COLUMNS)))
    padded = np.pad(values, (0, -len(values) % size))
    return padded.reshape(-1, size).max(axis=1), size


class LongSpectrogram:
    """The short-time spectrum of a recording of any length in `COLUMNS` to twice as many columns, in constant memory.

    Frames of 32 ms, a quarter of it apart; their powers, and those of all channels, are averaged over each column.
    """

    def __init__(self, rate: int) -> None:
        self._size = max(64, 2 * round(rate * 0.016))
        self._hop, self._each = self._size // 4, 1
        self._kept: Samples | None = None
        self._columns: list[npt.NDArray[np.float64]] = []
        self._frames: list[npt.NDArray[np.float64]] = []  # of a column that is not complete

    def add(self, samples: Samples) -> None:
        """Take the next samples `(channels, time)`."""
        kept = np.zeros((len(samples), self._size // 2), np.float32) if self._kept is None else self._kept
        joined = np.concatenate([kept, samples], axis=1)
        count = max(0, (joined.shape[1] - self._size) // self._hop + 1)
        self._kept = joined[:, count * self._hop :]
        if not count:
            return
        frames = np.lib.stride_tricks.sliding_window_view(joined, self._size, axis=1)[:, :: self._hop][:, :count]
        spectra = np.fft.rfft(frames * np.hanning(self._size).astype(np.float32))
        for power in np.square(np.abs(spectra), dtype=np.float64).mean(0) / (self._size / 4) ** 2:
            self._frames.append(power)
            self._complete()

    def _complete(self) -> None:
        if len(self._frames) == self._each:
            self._columns.append(np.mean(self._frames, axis=0))
            self._frames = []
        if len(self._columns) == 2 * COLUMNS:
            self._columns = [(a + b) / 2 for a, b in zip(self._columns[::2], self._columns[1::2], strict=True)]
            self._each *= 2

    def levels(self) -> npt.NDArray[np.float32]:
        """What there is so far, dB of full scale, `(frequencies, columns)`."""
        rest = [np.mean(self._frames, axis=0)] if self._frames else []
        power = np.array([*self._columns, *rest] or [np.zeros(self._size // 2 + 1)])
        return np.asarray(10 * np.log10(np.maximum(power.T, 1e-14)), np.float32)


def scores_by_snr(name: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> bytes:
    """A PNG of a measure against the mixtures' ratio: (dB, value) points of each system, and their mean at each ratio."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.0), dpi=90, layout="constrained")
    place = figure.add_subplot()
    for (title, points), colour in zip(lines.items(), _colours(len(lines)), strict=True):
        at = np.asarray([x for x, _ in points])
        values = np.asarray([y for _, y in points])
        place.plot(at, values, ".", color=colour, alpha=0.25, markersize=4)
        steps = np.unique(np.round(at)) if np.unique(at).size > 25 else np.unique(at)
        nearest = steps[np.abs(at[:, None] - steps).argmin(axis=1)]
        place.plot(
            steps, [values[nearest == step].mean() for step in steps], "o-", color=colour, label=title, markersize=4
        )
    if steps.size <= 12:
        place.set_xticks(steps)
    place.set_xlabel("signal-to-noise ratio of the mixture, dB", fontsize=8, color=FAINT)
    place.set_ylabel(f"{label(name)}{f', {unit(name)}' if unit(name) else ''}", fontsize=8, color=FAINT)
    place.tick_params(labelsize=7, colors=FAINT)
    place.grid(alpha=0.25)
    place.spines[["top", "right"]].set_visible(False)
    place.legend(fontsize=8, frameon=False)
    return _png(figure)


def _colours(count: int) -> list[str]:
    return [COLOURS[k % len(COLOURS)] for k in range(count)]


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _with_palette(png: bytes) -> bytes:
    """The same picture in the colours of the spectrograms and in greys: a third of the size, no difference to see."""
    from matplotlib import colormaps
    from PIL import Image

    colours = np.rint(colormaps[COLOUR_MAP](np.linspace(0, 1, 200))[:, :3] * 255)
    palette = np.concatenate([colours, np.repeat(np.rint(np.linspace(0, 255, 56))[:, None], 3, axis=1)])
    drawn = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    packed = drawn.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)  # one number sorts faster than three
    numbers, which = np.unique(packed, return_inverse=True)
    kinds = numbers[:, None] >> np.array([16, 8, 0]) & 255
    # |a - b|^2 without |a|^2, which is the same for all b
    nearest = (np.sum(palette**2, axis=1) - 2 * kinds.astype(np.float64) @ palette.T).argmin(axis=1).astype(np.uint8)
    image = Image.fromarray(nearest[which].reshape(drawn.shape[:2]), mode="P")
    image.putpalette(palette.astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, format="png", optimize=True)
    return file.getvalue()
