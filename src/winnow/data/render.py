"""Make the sound of an example from its record: no chance, no threads, the same samples bit for bit whenever and wherever.

All is float32, sums and products of arrays and transforms of single signals, in a fixed order; no matrix products, of which the
rounding depends on the machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from winnow.audio import Samples
from winnow.data import augment
from winnow.data.example import DRY, EARLY, REFERENCE, WHOLE, Example, Part, is_background
from winnow.data.level import SILENCE, active_rms, speech_to_noise
from winnow.data.recordings import Kept, Recordings, Unusable
from winnow.dsp.lengths import fast_length

FADE = 0.005  # seconds, where a stretch begins or ends inside the example
LOOP_FADE = 0.05  # seconds of cross-fade where a recording is repeated
SHORT = 0.1  # seconds that a recording may be shorter than its list says
REFERENCE_LEVEL = 0.05  # active root mean square of a reference clip, -26 dB
LIMIT = 0.99  # of full scale, for the loudest sample of all stems


def render(example: Example, recordings: Recordings) -> dict[str, Samples]:
    """The stems of an example by name, each `(samples,)` float32: "mixture", its targets, "reference" (of its own length).

    Without effects on the mixture it is the sum of the targets to 1e-6 of full scale, except for the target "rest" alone. All stems
    are made quieter by one factor where any would pass 0.99 of full scale. Raises Unusable.
    """
    images, factors = _images(example, recordings)
    stems = {"mixture": _sum((images[role].whole * factors[role] for role in images), example.samples)}
    for name, target in example.targets.items():
        if target.of is not None:
            forms = (images[role].form(target.room) * factors[role] for role in target.of if role in images)
            stems[name] = _sum(forms, example.samples)
    for name, target in example.targets.items():
        if target.of is None:
            stems[name] = stems["mixture"] - _sum((stems[each] for each in stems if each != "mixture"), example.samples)
    stems = {name: stems[name] for name in ("mixture", *example.targets)}
    for effect in example.effects:
        stems["mixture"] = augment.apply(stems["mixture"], example.rate, effect)
    stems = _limited(stems, example)
    if example.reference:
        stems[REFERENCE] = _reference(example, recordings)
    return stems


def measured_snr(example: Example, recordings: Recordings) -> float | None:
    """Speech in its room to background in the mixture before effects on it, dB, as `winnow.data.level.speech_to_noise`; None
    where one of them is not there. Raises Unusable.
    """
    images, factors = _images(example, recordings)

    def side(behind: bool) -> Samples:
        roles = (role for role in images if is_background(role) == behind)
        return _sum((images[role].whole * factors[role] for role in roles), example.samples)

    return speech_to_noise(side(False), side(True), example.rate)


@dataclass(frozen=True)
class Image:
    """A role in its room, `(samples,)` each: as it is heard, and the forms that a target may keep."""

    whole: Samples
    early: Samples | None = None
    dry: Samples | None = None

    def form(self, room: str) -> Samples:
        """What a target keeps; without a room all are the same."""
        kept = {WHOLE: self.whole, EARLY: self.early, DRY: self.dry}[room]
        return self.whole if kept is None else kept


def _images(example: Example, recordings: Recordings) -> tuple[dict[str, Image], dict[str, np.float32]]:
    """Each role, and its factor in the mixture."""
    images = {role: _image(example, role, recordings) for role in example.roles}
    return images, _balanced(example, images)


def _image(example: Example, role: str, recordings: Recordings) -> Image:
    parts = example.of(role)
    dry = _sum((_placed(part, example, example.samples, recordings) for part in parts), example.samples)
    room = parts[0].room
    if room is None:
        return Image(dry)
    response = recordings.response(room, example.rate, example.taps)
    forms = {target.room for target in example.targets.values() if target.of is not None and role in target.of}
    first = early_part(response, example) if EARLY in forms else None
    heard = convolve(dry, [response, *([] if first is None else [first])])
    return Image(heard[0], None if first is None else heard[1], dry)


def early_part(response: Samples, example: Example) -> Samples:
    """A response without what comes later than `example.early` seconds after the direct sound, cut."""
    from winnow.data.response import early

    kept = early(response, example.rate, example.early, min(0.01, example.early))
    return kept[: round(example.early * example.rate) + 1].astype(np.float32)


def convolve(samples: Samples, responses: Iterable[Samples]) -> list[Samples]:
    """`(time,)` through each response `(taps,)`, cut to `(time,)`."""
    responses = list(responses)
    size = fast_length(samples.size + max(each.size for each in responses) - 1)
    spectrum = np.fft.rfft(samples, size)
    made = (np.fft.irfft(spectrum * np.fft.rfft(each, size), size) for each in responses)
    return [np.asarray(each[: samples.size], np.float32) for each in made]


def _placed(part: Part, example: Example, length: int, recordings: Recordings) -> Samples:
    """A part where it lies, zeros around it, `(length,)`; in the mode "snr" at unit level before its gain."""
    kept = recordings.recording(part.path, example.rate)
    samples = _stretch(part, kept, example.rate)
    for effect in part.effects:
        samples = augment.apply(samples, example.rate, effect)
    level = active_rms(samples, example.rate)
    if level <= SILENCE:
        raise Unusable(part.path, f"there is nothing but silence from {part.start:.2f} s on.", once=True)
    samples = samples * np.float32(part.gain / level if example.mode == "snr" or part.role == REFERENCE else part.gain)
    if part.at == 0 and samples.size == length:
        return samples
    out = np.zeros(length, np.float32)
    out[part.at : part.at + samples.size] = _faded(samples, part, length, round(FADE * example.rate))
    return out


def _stretch(part: Part, kept: Kept, rate: int) -> Samples:
    """The stretch of the recording at its speed, `(part.length,)`. Raises Unusable where it ends too early."""
    start = round(part.start * rate)
    length = part.length if part.speed == 1 else augment.speed_span(part.length, part.speed)
    if part.loop:
        samples = looped(kept, start, length, round(LOOP_FADE * rate))
    else:
        samples = kept.stretch(start, length)
        if samples.size < length - SHORT * rate:
            found, wanted = kept.size / rate, (start + length) / rate
            raise Unusable(part.path, f"it ends after {found:.2f} s, and its list promises {wanted:.2f} s or more.")
    if part.speed != 1:
        samples = augment.apply(samples, rate, {"name": "speed", "factor": part.speed})
    missing = part.length - samples.size
    return samples[: part.length] if missing <= 0 else np.pad(samples, (0, missing))


def looped(kept: Kept, start: int, length: int, fade: int) -> Samples:
    """`(length,)` from `start` on, over and over: the end fades into the beginning with equal power."""
    fade = min(fade, kept.size // 4)
    period = kept.stretch(0, kept.size - fade)
    if fade:
        rising = np.sqrt((np.arange(fade, dtype=np.float32) + np.float32(0.5)) / np.float32(fade))
        period[:fade] = period[:fade] * rising + kept.stretch(kept.size - fade, fade) * rising[::-1]
    start %= period.size
    return np.resize(np.concatenate([period[start:], period[:start]]), length)


def _faded(samples: Samples, part: Part, length: int, fade: int) -> Samples:
    """Cut edges inside the example fade, so that they do not click."""
    fade = min(fade, samples.size // 2)
    ramp = (np.arange(fade, dtype=np.float32) + np.float32(0.5)) / np.float32(max(fade, 1))
    if fade and part.at > 0:
        samples[:fade] *= ramp
    if fade and part.at + part.length < length:
        samples[-fade:] *= ramp[::-1]
    return samples


def _balanced(example: Example, images: dict[str, Image]) -> dict[str, np.float32]:
    """The factor of each role, from the levels that the record asks for."""
    voices = [role for role in images if not is_background(role)]
    behind = [role for role in images if is_background(role)]
    if example.mode == "peak":
        return _floats({role: example.of(role)[0].gain / _top([image.whole]) for role, image in images.items()})
    if example.mode == "amplitude":
        return _floats(dict.fromkeys(images, 1.0))
    speech, noise = _whole(images, voices, example), _whole(images, behind, example)
    level = 10 ** (example.level / 20) if example.level is not None else 1.0
    loud = active_rms(speech if voices else noise, example.rate)
    front = level / loud if loud else 1.0
    ratio = speech_to_noise(speech, noise, example.rate) if voices and behind else None
    back = front if ratio is None or example.snr is None else front * 10 ** ((ratio - example.snr) / 20)
    return _floats(dict.fromkeys(voices, front) | dict.fromkeys(behind, back))


def _floats(factors: dict[str, float]) -> dict[str, np.float32]:
    return {role: np.float32(factor) for role, factor in factors.items()}


def _whole(images: dict[str, Image], roles: list[str], example: Example) -> Samples:
    return _sum((images[role].whole for role in roles), example.samples)


def _sum(signals: Iterable[Samples], length: int) -> Samples:
    """The sum in the order given, a new array `(length,)`; of nothing zeros."""
    total: Samples | None = None
    for signal in signals:
        total = signal.copy() if total is None else np.add(total, signal, out=total)
    return np.zeros(length, np.float32) if total is None else total


def _top(signals: Iterable[Samples]) -> float:
    return max(max(float(signal.max(initial=0)), -float(signal.min(initial=0))) for signal in signals) or 1.0


def _limited(stems: dict[str, Samples], example: Example) -> dict[str, Samples]:
    """All stems by one factor: so that the mixture peaks as the record asks, and none passes 0.99."""
    factor = example.full_scale / _top([stems["mixture"]]) if example.full_scale else 1.0
    top = _top(stems.values()) * factor
    factor *= min(1.0, LIMIT / top)
    return {name: stem * np.float32(factor) for name, stem in stems.items()} if factor != 1 else stems


def _reference(example: Example, recordings: Recordings) -> Samples:
    parts = example.of(REFERENCE)
    clip = _sum((_placed(part, example, example.reference, recordings) for part in parts), example.reference)
    return clip * np.float32(REFERENCE_LEVEL)
