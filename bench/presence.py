"""When is the wanted voice there, and by what is it told? On simulated recordings of training voices.

    python bench/presence.py --data DATA                    rewrites its part of docs/voice-scores.md
    python bench/presence.py --data DATA --people 2         a quick look; prints only

Voices are played at another pitch than recorded, so that the networks know them no better than people they never heard.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from kit import report
from kit.conversation import higher, speakers
from kit.folders import add_folders, need_speech
from kit.sound import RATE, Wave, loop, read, rms
from winnow.engine import presence
from winnow.engine.bodies import WindowBody
from winnow.engine.chosen import DEFAULT, Chosen, ChosenSettings, Gate, Person, encoder_for, find_bundle
from winnow.engine.conversation import wanted as chosen_by
from winnow.engine.conversation.passes import Network, network_of
from winnow.models.voices import SPECTRAL, JoinedVoice, SpectralVoice, VoiceEncoder, network_encoder

PAGE = report.PAGE.parent / "voice-scores.md"
WHOLE = 20 * RATE  # samples of a recording, and of a reference
REFERENCE = 4 * RATE
STRETCHES = (15, 20, 30, 40)  # frames of a tenth of a second
THRESHOLDS = (0.1, 0.2, presence.SURE, 0.4, presence.FOUND)
SHARES = (0.0, 0.15, SPECTRAL, 0.45, 0.6)
PITCHES = (0.87, 1.15)
PAIRS = 10
ALL = "as the network gives it"

ABOUT = (
    f"{PAIRS} pairs of training voices at {' or '.join(f'{p:g}' for p in PITCHES)} times their own pitch, recordings of 20 s: in "
    "turns of 5 s; turns that overlap by half; both all the time; the wanted voice alone; without it. SDR of the wanted voice, dB "
    "(without it: by how much the recording falls), where the estimate is left as it is, {softer:.0f} dB softer where its presence "
    "is below a threshold, and mute there. `winnow extract` leaves it, but of an enrolled voice takes {sure:g}, softer; `--sure X` "
    "is X, mute."
)
STRETCH = (
    "Share of the time in which the voice counts as found (presence {found:g}), of the time that it speaks and of the rest, by the "
    "length of the stretches whose voice vectors are compared. winnow takes {long:g} s."
)
TOLD = (
    "The same recordings as of an enrolled voice, of which there is a vector and no clip, by the share of cepstra and pitch in the "
    "likeness of two voices (the rest is that of the voice encoder's network); and heard once instead of once more with what was "
    "found out about the voices ([how](one-voice.md)). winnow takes {share:g}, heard again."
)


def main() -> None:
    """Measure, print, and rewrite the section where the run was a whole one."""
    args = arguments()
    encoder = encoder_for(find_bundle(args.model))
    recordings = list(heard(args.model, encoder, list(drawn(args))[: args.people]))
    shares = {}
    for length in STRETCHES:
        with setting(presence, "LONG", length):
            shares[length] = found(recordings, encoder)
    text = page(args, levels(recordings, encoder), shares, told(args.model, list(drawn(args))[: args.people]))
    print(text)
    if args.people == PAIRS:
        report.rewrite("presence", text, PAGE)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument(
        "--model", default=DEFAULT, help="bundle that takes talkers apart, or is told a voice (%(default)s)"
    )
    parser.add_argument("--people", type=int, default=PAIRS, help="pairs of voices (%(default)s)")
    args = parser.parse_args()
    need_speech(parser, args)
    return args


def drawn(args: argparse.Namespace) -> Iterator[tuple[Wave, Wave, Wave]]:
    """A reference, more of the same voice, and another voice, both as loud."""
    rng = np.random.default_rng(0)
    files = list(speakers(args.data / "train").values())
    for number in range(PAIRS):
        wanted, other = (files[k] for k in rng.choice(len(files), 2, replace=False))
        voice, noise = (higher(read(path), PITCHES[(number + k) % 2]) for k, path in enumerate((wanted, other)))
        voice, noise = (np.float32(0.05) * sound / rms(sound) for sound in (voice, noise))
        yield voice[:REFERENCE], loop(voice[REFERENCE:], 0, WHOLE), loop(noise, 0, WHOLE)


def scenes(voice: Wave, other: Wave) -> dict[str, tuple[Wave, Wave]]:
    """What is heard of the two by the name of the recording."""
    quarter = WHOLE // 4
    turn = np.repeat(np.array([1, 0, 1, 0], np.float32), quarter)
    late = np.repeat(np.array([0, 1, 1, 0, 0, 1, 1, 0], np.float32), quarter // 2)
    silence = np.zeros_like(voice)
    return {
        "turns": (voice * turn, other * (1 - turn)),
        "half": (voice * turn, other * late),
        "both": (voice, other),
        "alone": (voice, silence),
        "without": (silence, other),
    }


@dataclass(frozen=True)
class Heard:
    """A recording of a scene, and what the network makes of it, `(time,)`; reference: vector of the wanted voice."""

    scene: str
    wanted: Wave
    rest: Wave
    estimate: Wave
    reference: Wave

    def presence(self, encoder: VoiceEncoder) -> list[float]:
        """Of the wanted voice."""
        follower = presence.Follower(self.reference, encoder, RATE)
        parts = [follower.feed(self.estimate[None], (self.wanted + self.rest)[None]), follower.flush()]
        return parts[0] + parts[1]


def heard(model: str, encoder: VoiceEncoder, pairs: Iterable[tuple[Wave, Wave, Wave]]) -> Iterator[Heard]:
    """All scenes of all pairs, each through the network once."""
    for reference, voice, other in pairs:
        vector = encoder(reference, RATE)
        for name, (wanted, rest) in scenes(voice, other).items():
            person = Person("voice", tuple(vector.tolist()), tuple(reference.tolist()))
            chosen = Chosen(RATE, 1, ChosenSettings(model=model, sure=0.0, persons=(person,)))
            parts = [chosen.feed((wanted + rest)[None]), chosen.flush()]
            estimate = np.concatenate([part["voice"] for part in parts], axis=1)[0]
            yield Heard(name, wanted, rest, estimate, vector)


Levels = dict[str, dict[str, list[float]]]


def told(model: str, pairs: Iterable[tuple[Wave, Wave, Wave]]) -> Levels:
    """SDR of the wanted voice by recording and by what tells it, each recording taken apart once."""
    network, plain = network_of(find_bundle(model)), network_encoder()
    assert plain is not None
    out: Levels = defaultdict(lambda: defaultdict(list))
    for reference, voice, other in pairs:
        for name, (wanted, rest) in scenes(voice, other).items():
            stems = taken_apart(network, wanted + rest)
            for share in SHARES:
                out[f"{share:g}"][name].append(followed(stems, plain, share, reference, wanted, rest))
            with setting(chosen_by, "ENOUGH", np.inf):
                once = followed(stems, plain, SPECTRAL, reference, wanted, rest)
                out[f"{SPECTRAL:g}, heard once"][name].append(once)
    return out


def taken_apart(network: Network, mixture: Wave) -> Wave:
    """Stems of the talkers, `(streams, 1, time)`."""
    body = WindowBody(network.separator, 1, RATE, True, 0.0)
    parts = [body.feed(mixture[None]).stems, body.flush().stems]
    return np.concatenate(parts, axis=2)[: network.talkers]


def followed(stems: Wave, network: VoiceEncoder, share: float, reference: Wave, wanted: Wave, rest: Wave) -> float:
    """`quality` of the wanted voice if cepstra and pitch have this share."""
    encoder = JoinedVoice(network, SpectralVoice(), share)
    found, _ = chosen_by.tracks(stems, RATE, encoder(reference, RATE)[None], encoder)
    return quality(found[0, 0], wanted, rest)


def levels(heard: Iterable[Heard], encoder: VoiceEncoder) -> Levels:
    """SDR, or how much is taken away, by way and recording."""
    out: Levels = defaultdict(lambda: defaultdict(list))
    for each in heard:
        values, estimate = each.presence(encoder), each.estimate
        out[ALL][each.scene].append(quality(estimate, each.wanted, each.rest))
        for least in THRESHOLDS:
            for way, closed in ((f"{least:g}, softer", presence.SOFTER), (f"{least:g}, mute", 0.0)):
                gains = Gate(least, RATE, closed).gains(values, len(estimate))
                out[way][each.scene].append(quality(estimate * gains[: len(estimate)], each.wanted, each.rest))
    return out


def quality(estimate: Wave, wanted: Wave, rest: Wave) -> float:
    """SDR in dB; of a voice that is not there, dB between the recording and what is left of it, 60 at most."""
    error = float(np.square(estimate - wanted).mean())
    whole = np.square(wanted).mean() or np.square(rest).mean()
    return float(10 * np.log10(whole / (error + 1e-6 * whole)))


def found(heard: Iterable[Heard], encoder: VoiceEncoder) -> dict[str, tuple[float, float]]:
    """Shares of the time in which the voice is found, with it and without it, by recording."""
    counts: dict[str, list[list[int]]] = defaultdict(list)
    for each in heard:
        values = each.presence(encoder)
        there = np.square(each.wanted).reshape(len(values), -1).mean(1) > 1e-6
        told = np.array(values) >= presence.FOUND
        counts[each.scene].append([(told & there).sum(), there.sum(), (told & ~there).sum(), (~there).sum()])
    sums = {name: np.sum(rows, axis=0) for name, rows in counts.items()}
    return {name: (a / max(b, 1), c / max(d, 1)) for name, (a, b, c, d) in sums.items()}


@contextmanager
def setting(module: ModuleType, name: str, value: float) -> Iterator[None]:
    """A constant of winnow with another value."""
    usual = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, usual)


def page(
    args: argparse.Namespace, quality: Levels, found: Mapping[int, Mapping[str, tuple[float, float]]], told: Levels
) -> str:
    """The section."""
    names = list(quality[ALL])
    rows = [[way, *(f"{np.mean(each[name]):.1f}" for name in names)] for way, each in quality.items()]
    shares = [
        [f"{length / 10:g} s", *(f"{100 * each[name][0]:.0f} / {100 * each[name][1]:.0f} %" for name in names)]
        for length, each in found.items()
    ]
    by_share = [[way, *(f"{np.mean(each[name]):.1f}" for name in names)] for way, each in told.items()]
    softer = -20 * np.log10(presence.SOFTER)
    return "\n\n".join(
        [
            "## When the voice is there",
            report.facts(f"python bench/presence.py --data DATA --model {args.model}", ["numpy", "onnxruntime"]),
            ABOUT.format(softer=softer, sure=presence.SURE),
            report.table(["presence", *names], rows),
            STRETCH.format(found=presence.FOUND, long=presence.LONG / 10),
            report.table(["stretches", *names], shares),
            TOLD.format(share=SPECTRAL),
            report.table(["share of cepstra and pitch", *names], by_share),
        ]
    )


if __name__ == "__main__":
    main()
