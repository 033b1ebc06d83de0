"""What an example is, for people: its parts in words, its levels as measured, pictures and sound of every stem."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from winnow.audio import Audio, Samples
from winnow.data.example import REFERENCE, Example, Part, Room
from winnow.data.level import active_rms
from winnow.data.recordings import Recordings
from winnow.data.render import measured_snr, render
from winnow.errors import MissingExtra, OutputError

INSTALL = 'pip install "winnow-audio[data]"'


def describe(example: Example, stems: Mapping[str, Samples], recordings: Recordings) -> Iterator[str]:
    """Lines of text about an example and the stems that `render` made of it."""
    drawn = f", drawn {example.attempt + 1} times" if example.attempt else ""
    yield (
        f"example {example.number}   {example.preset}, seed {example.seed}{drawn}   "
        f"{example.samples / example.rate:g} s at {example.rate / 1000:g} kHz"
    )
    yield from ("", "parts")
    for part in example.parts:
        yield from _part(part, example.rate)
    if example.effects:
        yield from ("", "on the mixture", *(f"  {effect(each)}" for each in example.effects))
    yield from ("", *_levels(example, stems))
    yield "  " + _ratio(example, measured_snr(example, recordings))
    rooms = dict.fromkeys(part.room for part in example.parts if part.room)
    yield from ("", "rooms") if rooms else ()
    for room in rooms:
        roles = dict.fromkeys(part.role for part in example.parts if part.room == room)
        yield f"  {', '.join(roles)}: {_room(room, example, recordings)}"


def _part(part: Part, rate: int) -> Iterator[str]:
    yield f"  {part.role:11}{part.item}"
    facts = [
        f"from {part.start:.2f} s on",
        f"heard at {part.at / rate:.2f} to {(part.at + part.length) / rate:.2f} s",
        *([f"{20 * math.log10(part.gain):+.1f} dB"] if part.gain not in (0, 1) else []),
        *([f"speed {part.speed:g}"] if part.speed != 1 else []),
        *(["repeated"] if part.loop else []),
        *(effect(each) for each in part.effects),
    ]
    yield f"  {'':11}{', '.join(facts)}"


def effect(record: Mapping[str, Any]) -> str:
    """An effect in words: `codec (codec opus, bit_rate 12000)`."""
    values = ", ".join(f"{key} {_value(value)}" for key, value in record.items() if key not in ("name", "seed"))
    return f"{record['name']} ({values})" if values else str(record["name"])


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "/".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _levels(example: Example, stems: Mapping[str, Samples]) -> Iterator[str]:
    yield "levels, dB of full scale        active     peak"
    for name, samples in stems.items():
        peak = float(abs(samples).max(initial=0))
        yield f"  {name:28}{_decibels(active_rms(samples, example.rate)):>8} {_decibels(peak):>8}"


def _decibels(value: float) -> str:
    return f"{20 * math.log10(value):.1f}" if value > 0 else "silent"


def _ratio(example: Example, measured: float | None) -> str:
    asked = {"snr": f"asked {example.snr:g} dB" if example.snr is not None else "none asked"}.get(
        example.mode, f"none asked, the mode is {example.mode}"
    )
    return f"speech to background: {asked}, measured " + ("nothing" if measured is None else f"{measured:.1f} dB")


def _room(room: Room, example: Example, recordings: Recordings) -> str:
    from winnow.data.response import measure

    found = measure(recordings.response(room, example.rate, example.taps), example.rate)
    altered = [
        f"to {room.t60:g} s" if room.t60 else "",
        f"to a ratio of {room.drr:g} dB" if room.drr is not None else "",
    ]
    words = " and ".join(filter(None, altered))
    return (
        f"{room.item}, channel {room.channel + 1}{f', altered {words}' if words else ''}: "
        f"T60 {found.t60:.2f} s, direct to reverberant {found.drr:.1f} dB"
    )


def picture(example: Example, stems: Mapping[str, Samples]) -> bytes:
    """A PNG with the spectrogram of every stem on one scale. Raises MissingExtra without matplotlib."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingExtra(f"pictures need matplotlib, which is not installed: {INSTALL}")
    from winnow.metrics.report.pictures import spectrograms

    sounds = {name: Audio(samples[None], example.rate) for name, samples in stems.items()}
    return spectrograms(sounds, {name: "reference clip" if name == REFERENCE else name for name in sounds})


def made(example: Example, recordings: Recordings) -> tuple[dict[str, Samples], list[str]]:
    """The stems of an example and the lines about it. Raises Unusable."""
    stems = render(example, recordings)
    return stems, list(describe(example, stems, recordings))


def keep(folder: Path, example: Example, stems: Mapping[str, Samples], lines: list[str]) -> list[str]:
    """Write the stems as WAV, the picture and the text into a folder; their names. Raises OutputError, MissingExtra."""
    from winnow.data.writing import Writing
    from winnow.media.sink import translated

    drawn = picture(example, stems)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: this folder cannot be made ({error.strerror}). Choose another -o.") from None
    names = []
    for stem, samples in stems.items():
        names.append(str(folder / f"{example.number:06d}-{stem}.wav"))
        Writing(str(folder)).write(names[-1], samples, example.rate)
    for suffix, data in ((".png", drawn), (".txt", ("\n".join(lines) + "\n").encode())):
        names.append(str(folder / f"{example.number:06d}{suffix}"))
        with translated(names[-1]):
            Path(names[-1]).write_bytes(data)
    return names
