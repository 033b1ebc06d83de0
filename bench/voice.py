"""One voice out of two: extracted and removed by bundles that are told whose, on fixed mixtures of speakers they never heard.

    python bench/voice.py --data DATA --models talkers-16k voice-16k voicefilter      rewrites docs/voice-scores.md
    python bench/voice.py --data DATA --models voicefilter voicefilter+org --quick            a quick look; prints only

--models are names or folders of bundles with a voice cue; +org, +inv_div, +inv_sub: with that published mode. Scores are kept in
.bench/ by the hash of the graph and the voice encoder; --anew makes them again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from kit import report
from kit.fixed import Fixed, Sounding, quick, read_set, sounding
from kit.folders import ROOT, add_folders, need_speech
from kit.running import cost
from kit.separating import CACHE, Model, Scores, cell, command, scored
from kit.sound import RATE, Wave, resample, rms
from winnow.engine.chosen import DEFAULT, TELLER, Chosen, ChosenSettings, Person, encoder_for, told_of
from winnow.engine.conversation.passes import tells_talkers
from winnow.engine.conversation.wanted import SAY
from winnow.engine.presence import BELOW, SOFTER, SURE
from winnow.errors import BadOption
from winnow.metrics.bss import sdr
from winnow.metrics.oracle import oracle
from winnow.metrics.recognisers import find
from winnow.metrics.report.pictures import panels
from winnow.metrics.sdr import si_sdr
from winnow.metrics.words import word_errors
from winnow.models.manifest import CLIP
from winnow.models.voices import VoiceEncoder

PAGE = ROOT / "docs" / "voice-scores.md"
PICTURES = ROOT / "docs" / "pictures"
CONDITIONS = ("clean", "noisy", "rooms")
HEARD = ("clean", "noisy")
LISTENED = 12  # mixtures of each of these that the recogniser hears
SHOWN = "voice-clean-002"  # the first one of two voices that lie apart
ENROLLED = "told by the vector alone, as of an enrolled voice"
MIXTURE, ORACLE = "the mixture itself", "oracle: ideal ratio mask"
LIMIT = 100.0
Results = dict[str, list[Scores]]

ABOUT = (
    "54 mixtures of 4 s, the wanted voice -5 to 5 dB against another one, 18 of each kind: *clean*, *noisy* (noise 0 to 10 dB "
    "under both), *rooms* (a hall, a stairwell, a kitchen; wanted is the voice as it sounds there, the reference clip is dry). "
    "12 more in which the voice is absent, 12 in which it is alone. 25 speakers of LibriSpeech and VCTK, noises and rooms that "
    "no network has heard. The reference clip is 4 s of the same speaker from another part of his recording, or from another "
    "recording. `bench/lists/voice.jsonl` tells what each is made of, `bench/make_sets.py` drew it. Mean over mixtures, its "
    "95 % interval (bootstrap), and the median. Rows of *talkers-16k* are as the commands give it, of an enrolled voice 15 dB "
    "softer where it is not found; the other rows are the networks alone. SDR is that of BSS Eval (512 taps), as the "
    "VoiceFilter's authors measure."
)
ABOUT_WRONG = (
    "Wrong voice: share of mixtures in which what comes out has a higher SI-SDR to the other voice than to the wanted one; for "
    "remove, in which what is left has a higher SI-SDR to the voice that should be gone than to all the rest."
)
ABOUT_ABSENT = (
    "Absent: what a person hears who extracts a voice that is not there, and what removing it costs the others. Alone: what "
    "extracting costs a voice that has nothing beside it, and what is left of it when it is removed. *Falls by*: level of the "
    "recording over that of what comes out, dB: high where the voice should be gone, 0 where it should stay; *SI-SDR*: of what "
    f"comes out to the recording, dB, more is better; all means and medians, at most {LIMIT:.0f} dB."
)
ABOUT_WORDS = (
    "The data has no text. **What pocketsphinx hears in the clean voice counts as what was said**: word errors tell how far a "
    "mixture moves its text from that, and how far extracting brings it back, not how well it recognises. {count} mixtures, "
    "{words} words."
)
ABOUT_COST = (
    "Load: time of one core over the length of the sound, in a process of its own, without the voice encoder, which runs once. "
    "Memory: of that process before the first window and at most. The commands run two of these networks, one of them once for "
    "each wanted voice, and the encoder on stretches of the stems."
)
PUBLISHED = (
    ("VoiceFilter (Google, paper)", "LibriSpeech, two speakers", "median SDR 2.5 -> 12.6"),
    ("VoiceFilter (maum-ai), 20 h on a V100", "LibriSpeech, two speakers", "median SDR 1.9 -> 10.2"),
    ("the same, trained by its users", "LibriSpeech, two speakers", "median SDR 4.5 to 5.5 after"),
    ("ESPnet TD-SpeakerBeam", "LibriMix", "SI-SDR -1.9 -> 10.7"),
    ("PureSound TD-ConvTasNet, not causal / causal", "Libri2Mix clean", "12.7 / 8.1 dB SI-SNRi"),
    ("ClearerVoice SpEx+", "WSJ0-2mix", "17.1 dB SI-SDRi"),
)


def main() -> None:
    """Score, measure, print, and rewrite the page where the run was a whole one."""
    args = arguments()
    everything = read_set("voice")
    chosen = quick(everything, 2) if args.quick else everything
    words = Words(chosen)
    models = {model.title: model for model in map(Model, args.models)}
    systems: dict[str, tuple[str, int, Callable[[Sounding], dict[str, Wave]]]] = {
        MIXTURE: ("", RATE, lambda m: {"voice": m.mixture, "rest": m.mixture}),
        ORACLE: ("", RATE, ideal),
    }
    for title, model in models.items():
        known, own = version(model, args.encoder), partial(told, model, args.encoder)
        talkers = tells_talkers(model.bundle)
        systems[f"{title} and {TELLER}" if talkers else title] = (known, model.rate, own)
        if talkers or any(cue.name == CLIP for cue in model.bundle.manifest.cues):
            known = f"vector, softer {SOFTER:.4f} below {SURE:g}, {BELOW:g} {known}"
            systems[f"{title}, {ENROLLED}"] = (known, model.rate, partial(own, by_clip=False))
    results = {}
    for title, (known, rate, separate) in systems.items():
        score = partial(measured, separate, rate, words)
        results[title] = scored(f"voice {title}", known, sounding(chosen, args.data), score, args.anew)
        words.keep()
    shown = [m for m in everything if m.id == SHOWN]
    whole = bool(args.models) and not args.quick
    figures = (
        [figure(model, args.encoder, next(sounding(shown, args.data))) for model in models.values()] if whole else []
    )
    text = page(args, chosen, results, models, figures)
    print(text)
    if whole:
        report.rewrite("voice", text, PAGE)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--models", nargs="*", default=[DEFAULT, "voice-16k"], help="bundles (%(default)s)")
    parser.add_argument("--encoder", default="", help="bundle of the voice encoder (the one that ships)")
    parser.add_argument("--hour", action="store_true", help="memory on an hour too, at the load of the table")
    parser.add_argument("--quick", action="store_true", help="two mixtures of each kind; prints only")
    parser.add_argument("--anew", action="store_true", help="make kept scores again")
    args = parser.parse_args()
    need_speech(parser, args)
    return args


def encoder_of(model: Model, given: str) -> VoiceEncoder:
    """What makes the vectors that a bundle is told, or by which its talkers are chosen; ends the benchmark where it is not here."""
    try:
        return encoder_for(model.bundle, given)
    except BadOption as error:
        sys.exit(str(error))


def version(model: Model, encoder: str) -> str:
    """Of a bundle, and of what tells it the voice."""
    known = f"{model.bundle.manifest.sha256} {model.mode} {encoder_of(model, encoder).identity}"
    if tells_talkers(model.bundle):
        known += f" {Model(TELLER).bundle.manifest.sha256} {SAY:g}"
    return known


def told(model: Model, encoder: str, mixture: Sounding, by_clip: bool = True) -> dict[str, Wave]:
    """Stems of a bundle that is told the voice by its reference clip, or of which the voice is chosen by it.

    by_clip: False: by a vector of it alone, as of an enrolled voice.
    """
    if tells_talkers(model.bundle):
        return commanded(model, encoder, mixture, by_clip)
    person = wanted(encoder_of(model, encoder), mixture, by_clip)
    return model.stems(mixture.mixture, mixture.rate, told_of(person, model.bundle.manifest))


def wanted(encoder: VoiceEncoder, mixture: Sounding, by_clip: bool) -> Person:
    """Whose voice is meant, by the reference clip, or as `told` says."""
    clip = resample(mixture.stems["reference"], mixture.rate, RATE)
    return Person("voice", tuple(encoder(clip, RATE).tolist()), tuple(clip.tolist()) if by_clip else ())


def commanded(model: Model, encoder: str, mixture: Sounding, by_clip: bool) -> dict[str, Wave]:
    """Stems as the commands give them."""
    heard = encoder_of(model, encoder)
    person = wanted(heard, mixture, by_clip)
    chosen = Chosen(mixture.rate, 1, ChosenSettings(model=str(model.folder), persons=(person,)), heard)
    parts = [chosen.feed(mixture.mixture[None]), chosen.flush()]
    return {name: np.concatenate([part[name] for part in parts], axis=1)[0] for name in ("voice", "rest")}


def ideal(mixture: Sounding) -> dict[str, Wave]:
    """The ideal ratio masks of the voice and the rest."""
    true = np.stack([mixture.stems["voice"], rest(mixture)])
    found = oracle(mixture.mixture, true, "irm")
    return {"voice": np.asarray(found[0], np.float32), "rest": np.asarray(found[1], np.float32)}


def rest(mixture: Sounding) -> Wave:
    """Everything but the voice."""
    return mixture.stems["other"] + mixture.stems["background"]


def measured(separate: Callable[[Sounding], dict[str, Wave]], rate: int, words: Words, mixture: Sounding) -> Scores:
    """All measures of one mixture, by its kind; estimates are at `rate`."""
    found = separate(mixture)
    true = {"mixture": mixture.mixture, "voice": mixture.stems["voice"], "rest": rest(mixture)}
    true = {name: resample(stem, RATE, rate) for name, stem in (true | {"other": mixture.stems["other"]}).items()}
    if mixture.fixed.condition in CONDITIONS:
        scores = compared(true, found)
        if mixture.fixed.id in words.wanted:
            scores |= words.errors(mixture.stems["voice"], resample(found["voice"], rate, RATE))
        return scores
    kept, gone = ("rest", "voice") if mixture.fixed.condition == "absent" else ("voice", "rest")
    ratio = si_sdr(true["mixture"], found[kept])
    lost = fall(true["mixture"], found[kept])
    return {"kept": LIMIT if ratio is None else ratio, "lost": lost, "gone": fall(true["mixture"], found[gone])}


def compared(true: dict[str, Wave], found: dict[str, Wave]) -> Scores:
    """Of both directions: SDR before and after, SI-SDR improvement, and whether the wrong voice came out."""
    scores: Scores = {}
    for name, wrong in (("voice", "other"), ("rest", "voice")):
        target, estimate, mixture = true[name], found[name], true["mixture"]
        ratios = {"sdr_before": sdr(target, mixture), "sdr": sdr(target, estimate)}
        before, after, other = (
            si_sdr(*pair) for pair in ((target, mixture), (target, estimate), (true[wrong], estimate))
        )
        assert before is not None and after is not None and other is not None
        scores |= {f"{name}_{key}": float(value or 0.0) for key, value in ratios.items()}
        scores |= {f"{name}_gain": after - before, f"{name}_wrong": float(other > after)}
    return scores


def fall(before: Wave, after: Wave) -> float:
    """By how much the level falls, dB."""
    return float(min(LIMIT, 20 * np.log10(rms(before) / max(rms(after), 1e-9))))


class Words:
    """The recogniser, and what it has heard before. wanted: ids of the mixtures that it is to hear."""

    def __init__(self, mixtures: Sequence[Fixed]) -> None:
        self.wanted = {m.id for c in HEARD for m in [m for m in mixtures if m.condition == c][:LISTENED]}
        self._path = CACHE / "heard.json"
        self._known: dict[str, str] = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._recogniser = find("pocketsphinx")

    def errors(self, clean: Wave, estimate: Wave) -> Scores:
        """Word errors in the estimate, and words in the clean voice."""
        found = word_errors(self._text(clean), self._text(estimate))
        return {"errors": float(found.substitutions + found.deletions + found.insertions), "words": float(found.said)}

    def _text(self, samples: Wave) -> str:
        samples = np.ascontiguousarray(samples / max(1.0, float(np.abs(samples).max())), np.float32)
        key = f"{zlib.crc32(samples.tobytes()):08x}-{samples.size}"
        if key not in self._known:
            self._known[key] = " ".join(self._recogniser.hear([samples]))
        return self._known[key]

    def keep(self) -> None:
        """Write what was heard."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._known))


def figure(model: Model, encoder: str, mixture: Sounding) -> str:
    """Spectrograms of one mixture and of what both modes make of it, as a PNG in docs/pictures; the line that shows it."""
    found = told(model, encoder, mixture)
    signals = {
        "mixture": mixture.mixture,
        "reference clip, another moment": mixture.stems["reference"],
        "extract: wanted": mixture.stems["voice"],
        "extract: what came out": resample(found["voice"], model.rate, RATE),
        "remove: wanted": rest(mixture),
        "remove: what came out": resample(found["rest"], model.rate, RATE),
    }
    name = f"voice-{re.sub(r'[^a-z0-9_]+', '-', model.title.lower()).strip('-')}.png"
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / name).write_bytes(panels(signals, RATE))
    return f"{model.title}:\n\n![mixture, wanted and result of both modes, {model.title}](pictures/{name})"


def page(
    args: argparse.Namespace,
    mixtures: Sequence[Fixed],
    results: Results,
    models: dict[str, Model],
    figures: Sequence[str],
) -> str:
    """The section."""
    parts = [
        "## Measured",
        report.facts(
            command("voice", args.models, *(["--hour"] if args.hour else [])), ["numpy", "onnxruntime", "pocketsphinx"]
        ),
        ABOUT,
        *(part for name in ("voice", "rest") for part in directions(mixtures, results, name)),
        "### Wrong voice",
        ABOUT_WRONG,
        wrong_voice(mixtures, results),
        "### Voice absent, voice alone",
        ABOUT_ABSENT,
        absent(mixtures, results),
        "### Speech recognition",
        *spoken(mixtures, results),
        "### Cost",
        ABOUT_COST,
        costs(models, args.hour),
    ]
    if figures:
        parts += ["### To look at", f"The mixture {SHOWN}, chosen before there were results.", *figures]
    published = "For orientation only: **other mixtures**, and trained on hundreds of hours of clean speech, ours on about three."
    parts += ["## As published", published, report.table(["network", "mixtures", "dB"], PUBLISHED)]
    return "\n\n".join(parts)


def directions(mixtures: Sequence[Fixed], results: Results, name: str) -> list[str]:
    """One direction: SDR and SI-SDR improvement by kind of mixture."""
    sdrs, gains = [], []
    for title, found in results.items():
        columns = [chosen(mixtures, found, (c,)) for c in CONDITIONS] + [chosen(mixtures, found, CONDITIONS)]
        key = f"{name}_sdr_before" if title == MIXTURE else f"{name}_sdr"
        sdrs.append([title, *(cell(each[key] for each in column) for column in columns)])
        if title != MIXTURE:
            gains.append([title, *(cell((each[f"{name}_gain"] for each in column), sign="+") for column in columns)])
    return [
        "### Extract" if name == "voice" else "### Remove",
        report.table(["SDR, dB", *CONDITIONS, "all"], sdrs),
        report.table(["SI-SDR improvement, dB", *CONDITIONS, "all"], gains),
    ]


def chosen(mixtures: Sequence[Fixed], found: Sequence[Scores], conditions: Iterable[str]) -> list[Scores]:
    """The scores of some kinds of mixtures."""
    wanted = set(conditions)
    return [scores for mixture, scores in zip(mixtures, found, strict=True) if mixture.condition in wanted]


def wrong_voice(mixtures: Sequence[Fixed], results: Results) -> str:
    """Percentages, by kind and by pair."""
    rows = []
    for title, found in results.items():
        cells = []
        for name in ("voice", "rest"):
            groups = [chosen(mixtures, found, (c,)) for c in CONDITIONS] + [chosen(mixtures, found, CONDITIONS)]
            cells.append(" / ".join(f"{100 * np.mean([s[f'{name}_wrong'] for s in group]):.0f}" for group in groups))
        both = list(zip(mixtures, found, strict=True))
        pairs = [
            [s for m, s in both if m.condition in CONDITIONS and m.pair == p] for p in ("lower", "higher", "different")
        ]
        cells.append(
            " / ".join(f"{100 * np.mean([s['voice_wrong'] for s in pair]):.0f}" if pair else "-" for pair in pairs)
        )
        rows.append([title, *cells])
    kinds = " / ".join((*CONDITIONS, "all"))
    return report.table(
        ["% of mixtures", f"extract: {kinds}", f"remove: {kinds}", "extract: lower / higher / different voices"], rows
    )


def absent(mixtures: Sequence[Fixed], results: Results) -> str:
    """What happens without the voice, and with nothing else."""
    rows = []
    for title, found in results.items():
        if title in (MIXTURE, ORACLE):
            continue
        gone, alone = chosen(mixtures, found, ("absent",)), chosen(mixtures, found, ("alone",))
        columns = ((gone, "gone"), (gone, "kept"), (alone, "lost"), (alone, "kept"), (alone, "gone"))
        rows.append([title, *(cell(each[key] for each in group) for group, key in columns)])
    extract, remove = "alone, extract", "remove"
    head = [
        "dB",
        "absent, extract: falls by",
        f"{remove}: SI-SDR",
        f"{extract}: falls by",
        "SI-SDR",
        f"{remove}: falls by",
    ]
    return report.table(head, rows)


def spoken(mixtures: Sequence[Fixed], results: Results) -> list[str]:
    """Word errors over all words of a kind of mixture."""
    rows, total = [], [s for s in results[MIXTURE] if "words" in s]
    for title, found in results.items():
        cells = []
        for conditions in (*((c,) for c in HEARD), HEARD):
            group = [s for s in chosen(mixtures, found, conditions) if "words" in s]
            words = sum(s["words"] for s in group)
            cells.append(f"{100 * sum(s['errors'] for s in group) / words:.0f}" if words else "-")
        rows.append([f"{title}: before" if title == MIXTURE else title, *cells])
    about = ABOUT_WORDS.format(count=len(total), words=round(sum(s["words"] for s in total)))
    return [about, report.table(["word errors after extract, %", *HEARD, "both"], rows)]


def costs(models: dict[str, Model], hour: bool) -> str:
    """Size and speed of each bundle; a published mode costs what its bundle costs."""
    rows, known = [], set()
    for model in models.values():
        if model.folder in known:
            continue
        known.add(model.folder)
        found = cost(model.folder)
        size, parameters = model.bundle.size / 1e6, f"{model.bundle.manifest.parameters:,}"
        speed = [f"{found.macs / 1e9:.2f} G", f"{found.load:.3f}", f"{1 / found.load:.1f}x"]
        memory = [f"{found.before:.0f} -> {found.megabytes:.0f}"]
        memory += [f"{cost(model.folder, 3600).megabytes:.0f}"] if hour else []
        rows.append([model.bundle.manifest.name, parameters, f"{size:.1f}", *speed, *memory])
    head = ["network", "parameters", "MB on disk", "MACs/s", "load", "x real time", "MB of memory, 30 s"]
    return report.table([*head, *(["an hour"] if hour else [])], rows)


if __name__ == "__main__":
    main()
