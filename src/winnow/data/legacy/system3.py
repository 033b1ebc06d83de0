"""The arrays of Lapter57/speech-separation (Looking to Listen): clean/, mix/ and crm/ with its names.

Clips of 3 s at 16 kHz; each array is `(298, 257, 2)` float32: frames, frequencies, real and imaginary part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.data.items import Item
from winnow.data.legacy.common import Pool, Tell, claim, generator, write_array, writing
from winnow.dsp import crm
from winnow.dsp.published import LOOKING
from winnow.errors import BadInput, BadOption

RATE, COUNT = 16000, 48000
POWER, NOISE = 0.3, 0.3
MODES = ("seq", "cp")


@dataclass(frozen=True)
class Looking:
    """How mixtures are made.

    talkers: voices in each; mode: "seq", each clip once, in the order of the list; "cp", every combination of clips; limit:
    mixtures at most; as_published: raise the waveform to 1/0.3 before the transform, which is what the published code does in
    place of raising the magnitudes to 0.3; portable: names without ":" and spaces, which Windows forbids.
    """

    talkers: int = 2
    mode: str = "seq"
    limit: int | None = None
    as_published: bool = False
    portable: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BadOption(f"--mode {self.mode}: use {' or '.join(MODES)}.")
        if not 2 <= self.talkers <= 5:
            raise BadOption(f"--talkers {self.talkers}: use 2 to 5.")


@dataclass(frozen=True)
class Clip:
    """A clip and its name, `12:dQw4w9WgXcQ`."""

    item: Item
    name: str


def clips(items: Sequence[Item]) -> list[Clip]:
    """Clips with the names that their files bear, `idx:youtube_id` or `idx_youtube_id`, else number in the list and end of the id.

    Names are cut to 24 letters, so that those of masks, which hold up to seven, are not too long for a file.
    """
    made = []
    for number, item in enumerate(items):
        found = re.fullmatch(r"(\d+)[:_](.+)", Path(item.path).stem)
        index, name = (found[1], found[2]) if found else (str(number), item.id.rpartition("/")[2])
        made.append(Clip(item, f"{index}:{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[-24:]}"))
    return made


def groups(voices: Sequence[Clip], settings: Looking) -> Iterator[tuple[Clip, ...]]:
    """The voices of each mixture, never two clips of one known speaker."""
    found = _in_order(voices, settings.talkers) if settings.mode == "seq" else _combined(voices, settings.talkers)
    return islice(found, settings.limit)


def _in_order(voices: Sequence[Clip], talkers: int) -> Iterator[tuple[Clip, ...]]:
    group: list[Clip] = []
    for clip in voices:
        if _different([*group, clip]):
            group.append(clip)
        if len(group) == talkers:
            yield tuple(group)
            group = []


def _combined(voices: Sequence[Clip], talkers: int) -> Iterator[tuple[Clip, ...]]:
    return (group for group in combinations(voices, talkers) if _different(group))


def _different(group: Sequence[Clip]) -> bool:
    known = [clip.item.speaker for clip in group if clip.item.speaker is not None]
    return len(set(known)) == len(known)


def mixture_name(group: Sequence[Clip], noise: Clip | None) -> str:
    """`i1:y1.i2:y2`, with noise `i1:y1.i2:y2.n:i3:y3`."""
    return ".".join([*(clip.name for clip in group), *([f"n:{noise.name}"] if noise else [])])


def file_name(name: str, portable: bool) -> str:
    """The name of an array's file; portable: "_" for ":" and "+" for a space."""
    return (name.replace(":", "_").replace(" ", "+") if portable else name) + ".npy"


def spectrum(samples: Samples, as_published: bool) -> npt.NDArray[Any]:
    """`(48000,)` to complex `(298, 257)`, compressed."""
    if as_published:
        return LOOKING.forward(np.sign(samples) * np.abs(samples.astype(np.float64)) ** (1 / POWER))
    return crm.power_law(LOOKING.forward(samples), POWER)


def write_system3(
    speech: Sequence[Item],
    noise: Sequence[Item],
    folder: Path,
    settings: Looking,
    tell: Tell = lambda done, whole: None,
) -> tuple[int, dict[str, str]]:
    """Write the arrays; noise may be empty. Returns how many mixtures, and the recordings that could not be read.

    Raises BadInput, BadOption, OutputError.
    """
    voices, noises = Pool(speech, RATE), Pool(noise, RATE)
    others, chosen = clips(noise), list(groups(clips(speech), settings))
    if not chosen:
        raise BadInput(f"no {settings.talkers} clips of different speakers in the list. Give more clips.")
    claim(folder, {"system": 3, **asdict(settings), "recordings": [len(speech), len(noise)]})
    made = 0
    with writing(folder):
        for each in ("clean", "mix", "crm"):
            (folder / each).mkdir(exist_ok=True)
        for number, group in enumerate(chosen):
            rng = generator(settings.seed, number)
            other = others[int(rng.integers(len(others)))] if others else None
            made += _write(group, other, voices, noises, folder, settings)
            tell(3.0 * (number + 1), 3.0 * len(chosen))
    return made, voices.bad | noises.bad


def _write(group: tuple[Clip, ...], other: Clip | None, voices: Pool, noises: Pool, folder: Path, how: Looking) -> bool:
    """Write one mixture; False where a recording cannot be read."""
    name = mixture_name(group, other)
    mix = folder / "mix" / file_name(name, how.portable)
    if mix.exists():  # written last
        return True
    sounds = [level(voices.samples(clip.item), loop=False) for clip in group]
    noise = level(noises.samples(other.item), loop=True) if other else np.zeros(COUNT, np.float32)
    if noise is None or any(sound is None for sound in sounds):
        return False
    known = [sound for sound in sounds if sound is not None]
    mixture = spectrum(np.sum(known, axis=0) + np.float32(NOISE) * noise, how.as_published)
    for clip, sound in zip(group, known, strict=True):
        clean = spectrum(sound, how.as_published)
        mask = crm.compress_mask(crm.as_parts(crm.complex_mask(clean, mixture)))
        whole = folder / "clean" / file_name(clip.name, how.portable)
        if not whole.exists():
            _save(whole, crm.as_parts(clean))
        _save(folder / "crm" / file_name(f"clean:{clip.name} mix:{name}", how.portable), mask)
    _save(mix, crm.as_parts(mixture))
    return True


def level(samples: Samples | None, loop: bool) -> Samples | None:
    """The first 3 s over their largest value; a short sound is repeated or followed by silence. None stays None."""
    if samples is None or not samples.size:
        return None
    whole = np.resize(samples, COUNT) if loop else np.pad(samples[:COUNT], (0, max(0, COUNT - samples.size)))
    peak = np.abs(whole).max()
    return np.asarray(whole / peak if peak > 0 else whole, np.float32)


def _save(path: Path, parts: npt.NDArray[Any]) -> None:
    write_array(path, parts.astype(np.float32))
