"""References: a few seconds of a person that say whose voice is meant, and the checks that they are fit for it.

A reference is a recording (`alice.wav`), a stretch of one (`interview.mp4@00:12-00:20`), or an enrolled voice (`@alice`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.dsp.resample import StreamResampler
from winnow.errors import BadAudio, BadOption, NoAudio
from winnow.metrics.activity import FRAME, RATE, Level, describe
from winnow.models.voices import VoiceEncoder, unit

Floats = npt.NDArray[np.float32]

LEAST, SHORT = 1.0, 3.0
"""Seconds of speech that a reference must have, and below which it is called short."""

MOST = 300.0
"""Seconds of a recording that are heard, so that memory stays small: a voice is known long before."""

CLIP = 5.0
"""Seconds of speech that are kept for networks which hear the voice itself."""

PART = 1.5
"""Seconds of speech in each of the pieces between which one voice may end and another begin."""

RANGE, VOICED = 14.0, 0.5
"""Decibels between the soft and the loud tenth of speech, and share of it that has a pitch: below either it is hardly speech.

Readers have more of both, also in noise 10 dB below them; music has nearly always less range, other sounds mostly less of one.
"""

_SPAN = re.compile(r"^(?P<path>.+)@(?P<begin>[\d:.]+)-(?P<end>[\d:.]*)$", re.DOTALL)
_CLOCK = re.compile(r"^(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?)$")


@dataclass(frozen=True)
class Reference:
    """Where to hear a person.

    path: of a recording; begin, end: seconds, end None for its end; enrolled: a name from the store, then there is no path.
    text: as it was given, for messages.
    """

    text: str
    path: str = ""
    begin: float = 0.0
    end: float | None = None
    enrolled: str | None = None


@dataclass(frozen=True, eq=False)
class Voice:
    """A voice as a vector.

    vector: `(size,)` float32 of unit length; seconds: of speech that it was made of; encoder: `identity` of what made it;
    warnings: what is doubtful about the references, a line each; clip: the beginning of that speech at 16 kHz, `(time,)`, None of
    an enrolled voice, of which no sound is kept.
    """

    vector: Floats
    seconds: float
    encoder: str
    warnings: tuple[str, ...] = ()
    clip: Floats | None = None


def parse(text: str) -> Reference:
    """What `--voice` says. Raises BadOption where a stretch makes no sense."""
    if not text.strip("@ "):
        raise BadOption("the reference is empty. Give a recording, FILE@0:12-0:20, or @NAME of an enrolled voice.")
    if text.startswith("@") and not os.path.exists(text):
        return Reference(text, enrolled=text[1:])
    found = None if os.path.exists(text) else _SPAN.match(text)
    if found is None:
        _refuse_no_stretch(text)
        return Reference(text, text)
    begin = _seconds(found["begin"], text)
    end = _seconds(found["end"], text) if found["end"] else None
    if end is not None and end <= begin:
        raise BadOption(f"{text}: the stretch ends before it begins. Write it as FILE@0:12-0:20.")
    return Reference(text, found["path"], begin, end)


def _refuse_no_stretch(text: str) -> None:
    """Raises BadOption for what is no file, but looks as if a stretch of one was meant."""
    path, at, span = text.rpartition("@")
    if at and not os.path.exists(text) and (os.path.isfile(path) or "-" in span):
        missing = "" if os.path.isfile(path) else "no such file, and "
        raise BadOption(f"{text}: {missing}{span!r} is no stretch of time. Write it as FILE@0:12-0:20.")


def _seconds(clock: str, text: str) -> float:
    """`12.5`, `1:12.5` or `1:02:03`."""
    found = _CLOCK.match(clock)
    if found is None:
        raise BadOption(f"{text}: {clock!r} is no time. Write the stretch as FILE@0:12-0:20.")
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def voice_of(references: Sequence[str], encoder: VoiceEncoder) -> Voice:
    """The voice of one person, the mean over all references; the clip is the longest one's.

    Raises InputNotFound, BadInput, NoAudio, BadAudio (silent, or too little speech), BadOption (a stretch that is none or lies
    outside, an unknown name), in one line that says which reference it is about.
    """
    if not references:
        raise BadOption("no reference of a voice. Give a recording of it, or @NAME of an enrolled voice.")
    voices = [_one(parse(text), encoder) for text in references]
    total = np.sum([voice.vector for voice in voices], axis=0)
    warnings = [line for voice in voices for line in voice.warnings]
    far = _farthest(voices)
    if far is not None and far[2] < encoder.alike:
        warnings.append(f"{references[far[0]]} and {references[far[1]]} do not sound like one person.")
    seconds = sum(voice.seconds for voice in voices)
    return Voice(unit(total), seconds, encoder.identity, tuple(warnings), longest(voices))


def longest(voices: Iterable[Voice]) -> Floats | None:
    """The longest clip of several voices of one person, the first of those, None where there is none."""
    return max((voice.clip for voice in voices if voice.clip is not None), key=len, default=None)


def _farthest(voices: Sequence[Voice]) -> tuple[int, int, float] | None:
    pairs = [(i, k, float(a.vector @ b.vector)) for i, a in enumerate(voices) for k, b in enumerate(voices) if i < k]
    return min(pairs, key=lambda pair: pair[2]) if pairs else None


def _one(reference: Reference, encoder: VoiceEncoder) -> Voice:
    if reference.enrolled is not None:
        from winnow.engine.voicestore import load

        return load(reference.enrolled, encoder)
    return voice_in(speech_of(reference), encoder, reference.text)


def voice_in(speech: Floats, encoder: VoiceEncoder, name: str) -> Voice:
    """The voice in speech at 16 kHz `(time,)` without pauses; name: for messages. Raises BadAudio for less than LEAST."""
    seconds = len(speech) / RATE
    if seconds < 0.1:
        raise BadAudio(f"{name}: no speech found in it. Give a recording in which the person speaks, without music.")
    if seconds < LEAST:
        raise BadAudio(
            f"{name}: only {seconds:.1f} s of speech in it, {LEAST:g} s are needed. Give a longer reference."
        )
    warnings = []
    if round(seconds, 1) < SHORT:
        warnings.append(f"{name}: only {seconds:.1f} s of speech; {SHORT:g} s and more tell a voice better.")
    elif not like_speech(speech):  # a short stretch may have no soft tenth
        warnings.append(f"{name}: this sounds like music or noise. Give a few seconds of the person alone.")
    if two_voices(speech, encoder) or _together(speech, encoder):
        warnings.append(f"{name}: there seem to be two voices in it. Give a stretch where one person speaks alone.")
    clip = speech[: round(CLIP * RATE)].copy()
    return Voice(encoder(speech, RATE), seconds, encoder.identity, tuple(warnings), clip)


def _together(speech: Floats, encoder: VoiceEncoder) -> bool:
    """Whether two speak in it at once, as far as there is a network to tell."""
    from winnow.engine.conversation.passes import MODEL, network_of, tells_talkers
    from winnow.engine.conversation.together import together
    from winnow.models import catalog

    bundle = catalog.find(MODEL) if MODEL in catalog.names() else None
    return bundle is not None and tells_talkers(bundle) and together(speech[None], RATE, encoder, network_of(bundle))


def like_speech(speech: Floats) -> bool:
    """Whether `(time,)` rises and falls as speech does, and has a pitch as often."""
    level, pitch = describe(speech[: len(speech) // FRAME * FRAME].reshape(-1, FRAME))
    low, high = np.percentile(level, [10, 90])
    return bool(high - low >= RANGE and (pitch >= Level.PITCHED).mean() >= VOICED)


def two_voices(speech: Floats, encoder: VoiceEncoder) -> bool:
    """Whether what comes before some moment of speech `(time,)` and what comes after it, two pieces or more, are not alike."""
    count = int(len(speech) / RATE / PART)
    borders = np.linspace(0, len(speech), count + 1).astype(int)[2:-2]  # none where it is short
    return any(float(encoder(speech[:k], RATE) @ encoder(speech[k:], RATE)) < encoder.alike for k in borders)


def speech_of(reference: Reference) -> Floats:
    """What is spoken in a reference, at 16 kHz without its pauses, `(time,)`; at most the first MOST seconds are heard.

    Raises as `voice_of`.
    """
    sound = _heard(reference)
    if float(np.abs(sound).max(initial=0.0)) < 1e-4:
        raise BadAudio(f"{reference.text}: this is silent. Give a reference in which the person speaks.")
    return active(sound)


def _heard(reference: Reference) -> Floats:
    """The mean of its channels at 16 kHz, `(time,)`."""
    if reference.end is None and reference.begin == 0:
        return _from_start(reference.path)
    from winnow.media.excerpt import sound
    from winnow.media.source import Source

    end = reference.begin + MOST if reference.end is None else min(reference.end, reference.begin + MOST)
    with Source(reference.path) as source:
        audio, present = sound(source, reference.begin, end - reference.begin, RATE)
    if present <= 0 or (reference.end is not None and present < end - reference.begin - 0.05):
        last = reference.begin + max(0.0, present)
        ending = f"it ends at {_clock(last)}" if present > 0 else f"there is no sound at {_clock(reference.begin)}"
        raise BadOption(f"{reference.text}: this stretch lies outside the recording; {ending}.")
    return audio.samples[0, : round(present * RATE)]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"


def _from_start(path: str) -> Floats:
    from winnow.media import open_reader

    with open_reader(path) as reader:
        resampler = StreamResampler(reader.rate, RATE, 1)
        blocks: list[Floats] = []
        for block in _until(reader, round(MOST * reader.rate)):
            blocks.append(resampler.feed(block.mean(axis=0, keepdims=True)))
        blocks.append(resampler.flush())
    joined = np.concatenate(blocks, axis=1)[0]
    if not len(joined):
        raise NoAudio(f"{path}: this file holds no samples. Give a recording of the person.")
    return np.asarray(joined, np.float32)


def _until(blocks: Iterable[Floats], samples: int) -> Iterator[Floats]:
    for block in blocks:
        yield block[:, :samples]
        samples -= block.shape[1]
        if samples <= 0:
            return


def active(sound: Floats) -> Floats:
    """The speech in `(time,)` at 16 kHz: what stands out from the noise around it, in runs that have a voice's pitch.

    See `winnow.metrics.activity.Level`; runs reach 96 ms further on both sides, so that no consonant is cut off.
    """
    detector = Level()
    scores = np.concatenate([detector.feed(sound), detector.flush()])
    wide = np.convolve(scores > 0, np.ones(7), "same") > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wide.astype(np.int8), [0]])))
    runs = [
        sound[start * FRAME : end * FRAME]
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if scores[start:end].max() >= Level.VOICED
    ]
    return np.concatenate(runs) if runs else sound[:0]
