"""How good the enhanced speech is: winnow, its input and its peers on the same clips in one run.

    python bench/quality.py --data FOLDER --peers FOLDER                       all systems; rewrites docs/benchmarks.md
    python bench/quality.py --systems noisy,ours --model BUNDLE --no-dnsmos    a quick look; prints only

See bench/README.md for both folders.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from kit import report
from kit.folders import ROOT, add_folders
from kit.material import Clip, clips
from kit.measures import Dnsmos, all_measures, interval
from kit.peers import PEERS, Enhancer
from kit.sound import RATE, delay, fit

CACHE = ROOT / ".bench"
GROUPS = ("paired", "mixtures", "clean")
COLUMNS = (("pesq", "PESQ-WB", 2), ("si_sdr", "SI-SDR dB", 1), ("stoi", "STOI", 3))
OPINIONS = (("sig", "DNSMOS SIG", 2), ("bak", "BAK", 2), ("ovrl", "OVRL", 2))
Scores = dict[str, float]
Results = dict[str, list[tuple[Clip, Scores]]]


def main() -> None:
    """Score every system on every clip, print, and rewrite the section where the run was a whole one."""
    args = arguments()
    dnsmos = find_dnsmos(args)
    systems, absent = find_systems(args)
    results, versions = score_all(args, systems, dnsmos)
    text = page(results, versions, absent, args)
    print(text)
    if whole(args):
        report.rewrite("quality", text)
        print("\ndocs/benchmarks.md: section quality rewritten.")
    else:
        print("\nA partial run: docs/benchmarks.md is left as it is.")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--systems", default=",".join(("noisy", "ours", *PEERS)), help="default: %(default)s")
    parser.add_argument("--model", action="append", help="name or bundle folder, may be repeated (denoise-16k)")
    parser.add_argument("--groups", default=",".join(GROUPS), help="default: %(default)s")
    parser.add_argument("--no-dnsmos", action="store_true", help="leave out DNSMOS, the slowest measure")
    args = parser.parse_args()
    args.model = args.model or ["denoise-16k"]
    args.systems, args.groups = args.systems.split(","), args.groups.split(",")
    for given, allowed in ((args.systems, ("noisy", "ours", *PEERS)), (args.groups, GROUPS)):
        for name in set(given) - set(allowed):
            parser.error(f"{name}: not one of {', '.join(allowed)}")
    if not args.data or not (args.data / "valid" / "paired").is_dir():
        parser.error("--data (or WINNOW_BENCH_DATA) is a folder that holds valid/paired, valid/speech ...")
    return args


def whole(args: argparse.Namespace) -> bool:
    """Whether every peer was asked for, all material, all measures."""
    return set(args.systems) >= {"noisy", *PEERS} and set(args.groups) == set(GROUPS) and not args.no_dnsmos


def find_dnsmos(args: argparse.Namespace) -> Dnsmos | None:
    """DNSMOS from the peers' folder, unless it is not wanted."""
    if args.no_dnsmos:
        return None
    graph = (args.peers or Path()) / "python" / "speechmos" / "dnsmos_models" / "sig_bak_ovr.onnx"
    if not graph.exists():
        sys.exit("DNSMOS: no python/speechmos in the folder of --peers; see bench/README.md, or give --no-dnsmos")
    return Dnsmos(graph)


def find_systems(args: argparse.Namespace) -> tuple[dict[str, Callable[[], Enhancer]], list[str]]:
    """What can be run, each started only when needed, and the keys of what is absent."""
    found: dict[str, Callable[[], Enhancer]] = {}
    absent = []
    for key in args.systems:
        if key == "noisy":
            found["noisy"] = lambda: lambda noisy: noisy
        elif key == "ours":
            found |= {title(model, args.model): ours(model) for model in args.model}
        elif args.peers and (args.peers / PEERS[key].needs).exists():
            found[PEERS[key].title] = lambda peer=PEERS[key]: peer.start(args.peers)
        else:
            absent.append(key)
    return found, absent


def title(model: str, models: Sequence[str]) -> str:
    """How a bundle of ours is called in the tables: its folder's name, with the folder above it where two are alike."""
    parts = Path(model).parts
    alike = [other for other in models if Path(other).name == Path(model).name]
    return "winnow " + "/".join(parts[-2:] if len(alike) > 1 else parts[-1:])


def ours(model: str) -> Callable[[], Enhancer]:
    """winnow's public API with all settings at their defaults."""

    def start() -> Enhancer:
        import winnow
        from winnow.audio import Audio

        return lambda noisy: winnow.enhance(Audio(noisy, RATE), model=model).samples[0]

    return start


def score_all(
    args: argparse.Namespace, systems: dict[str, Callable[[], Enhancer]], dnsmos: Dnsmos | None
) -> tuple[Results, dict[str, str]]:
    """Scores of every system on every clip; what does not change between runs comes from the cache."""
    material = [clip for clip in clips(args.data) if clip.group.split("-")[0] in args.groups]
    versions = {PEERS[k].title: PEERS[k].version(args.peers) for k in PEERS if PEERS[k].title in systems}
    results: Results = {}
    for name, start in systems.items():
        print(f"{name}: {len(material)} clips", file=sys.stderr)
        results[name] = list(zip(material, score(name, start, material, dnsmos, versions.get(name)), strict=True))
    return results, versions


def score(
    name: str, start: Callable[[], Enhancer], material: Iterable[Clip], dnsmos: Dnsmos | None, version: str | None
) -> list[Scores]:
    """One system's scores; those of winnow itself are always made anew."""
    path = CACHE / f"{name.lower().replace(' ', '-')}.json"
    keep = not name.startswith("winnow ")
    cache: dict[str, Scores] = json.loads(path.read_text()) if keep and path.exists() else {}
    enhance: Enhancer | None = None
    out = []
    for clip in material:
        key = f"{clip.group}/{clip.id} {checksum(clip)} {version or ''}"
        judge = None if clip.group.startswith("clean") else dnsmos  # no table shows it for clean speech
        if key not in cache or (judge and "ovrl" not in cache[key]):
            enhance = enhance or start()
            cache[key] = score_clip(clip, enhance(clip.noisy), judge)
        out.append(cache[key])
    if keep and enhance:
        CACHE.mkdir(exist_ok=True)
        path.write_text(json.dumps(cache))
    return out


def checksum(clip: Clip) -> str:
    """Of the samples, so that scores of other samples are never taken from the cache."""
    return f"{zlib.crc32(clip.noisy.tobytes(), zlib.crc32(clip.reference.tobytes())):08x}"


def score_clip(clip: Clip, enhanced: np.ndarray, dnsmos: Dnsmos | None) -> Scores:
    """All measures of one clip, and how many samples the output still lags the input."""
    enhanced = fit(np.nan_to_num(enhanced), len(clip.reference))
    scores = all_measures(clip.reference, enhanced, dnsmos)
    return scores | {"lag": delay(clip.noisy, enhanced)}


# The page


def page(results: Results, versions: dict[str, str], absent: Sequence[str], args: argparse.Namespace) -> str:
    """The whole section."""
    columns = COLUMNS if args.no_dnsmos else COLUMNS + OPINIONS
    parts = ["## Quality", report.facts(command(args), ["numpy", "onnxruntime", "pesq", "pystoi", "soxr"])]
    parts += [notes(versions, absent, results)]
    if "paired" in args.groups:
        parts += ["### Paired recordings (VoiceBank-DEMAND test, 31 distinct utterances)"]
        parts += [group_table(results, columns, lambda clip: clip.group == "paired")]
    if "mixtures" in args.groups:
        parts += ["### Fixed mixtures (100 of 6 s, 20 at each ratio, half of them in a room)"]
        parts += [mixture_tables(results, columns)]
    if "clean" in args.groups:
        parts += ["### Clean speech in: output against input", clean_table(results)]
    differences = difference_table(results, args.groups)
    parts += ["### Ours minus the peers, clip by clip", differences] if differences else []
    verdict = verdict_table(results, args.groups)
    return "\n\n".join(parts + (["### Against the targets", verdict] if verdict else []))


def command(args: argparse.Namespace) -> str:
    """The command line as a reader would give it, without this machine's folders."""
    words = ["python bench/quality.py --data DATA", "--peers PEERS" if args.peers else ""]
    words += [f"--model {Path(m).name}" for m in args.model if "ours" in args.systems]
    words += ["--no-dnsmos"] if args.no_dnsmos else []
    return " ".join(word for word in words if word)


def notes(versions: dict[str, str], absent: Sequence[str], results: Results) -> str:
    """How to read the tables."""
    delays = "; ".join(f"{peer.title} {peer.delay}" for peer in PEERS.values() if peer.title in results)
    left = "; ".join(f"{name} {lag(rows)}" for name, rows in results.items())
    lines = [
        "Means over clips, with the 95 % interval of the mean (bootstrap over clips) in brackets. Measured at 16 kHz."
        " `noisy` is the input.",
        f"Samples by which an output lags its input, median over clips, by cross-correlation: {left}.",
        f"Delays of the peers, in samples, that were taken out before: {delays}." if delays else "",
        "Peers: " + "; ".join(f"{name} ({version})" for name, version in versions.items()) + "." if versions else "",
        "Absent in this run: " + ", ".join(PEERS[k].title for k in absent) + "." if absent else "",
    ]
    return "\n\n".join(line for line in lines if line)


def lag(rows: Sequence[tuple[Clip, Scores]]) -> str:
    """Median of what is left of a system's delay, samples at 16 kHz."""
    return f"{np.median([scores['lag'] for _, scores in rows]):.0f}"


def group_table(results: Results, columns: Sequence[tuple[str, str, int]], wanted: Callable[[Clip], bool]) -> str:
    """Systems in rows, measures in columns."""
    rows = []
    for name, scored in results.items():
        chosen = [scores for clip, scores in scored if wanted(clip)]
        rows.append([name] + [cell([s[key] for s in chosen], digits) for key, _, digits in columns])
    return report.table(["system", *(head for _, head, _ in columns)], rows)


def cell(values: Sequence[float], digits: int) -> str:
    """Mean and interval in a table's cell."""
    mean, low, high = interval(values)
    return "-" if np.isnan(mean) else f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def mixture_tables(results: Results, columns: Sequence[tuple[str, str, int]]) -> str:
    """All mixtures, then each measure by ratio, then dry and in a room."""
    parts = [group_table(results, columns, lambda clip: clip.group == "mixtures")]
    snrs = sorted({clip.snr for rows in results.values() for clip, _ in rows if clip.snr is not None})
    wanted = [lambda c, snr=snr: c.snr == snr for snr in snrs]
    wanted += [lambda c, room=room: c.group == "mixtures" and c.room == room for room in (False, True)]
    for key, head, digits in (c for c in columns if c[0] in ("pesq", "si_sdr", "stoi", "ovrl")):
        rows = [[name, *(mean_of(scored, key, digits, w) for w in wanted)] for name, scored in results.items()]
        label = "DNSMOS OVRL" if key == "ovrl" else head
        parts.append(f"{label} by speech-to-noise ratio and by place:")
        parts.append(report.table(["system", *(f"{snr} dB" for snr in snrs), "dry", "in a room"], rows))
    return "\n\n".join(parts)


def mean_of(scored: Sequence[tuple[Clip, Scores]], key: str, digits: int, wanted: Callable[[Clip], bool]) -> str:
    """Mean and half-width of its interval."""
    mean, low, high = interval([scores[key] for clip, scores in scored if wanted(clip)])
    return f"{mean:.{digits}f} ±{(high - low) / 2:.{digits}f}"


def clean_table(results: Results) -> str:
    """SI-SDR and PESQ of the output to the input. LibriSpeech has a room and a background of its own."""
    measures = [(corpus, *m) for corpus in ("vctk", "librispeech") for m in (("si_sdr", 1), ("pesq", 2))]
    rows = [
        [name] + [cell([s[key] for c, s in scored if c.group == f"clean-{corpus}"], d) for corpus, key, d in measures]
        for name, scored in results.items()
        if name != "noisy"
    ]
    head = ["system", "VCTK SI-SDR dB", "VCTK PESQ", "LibriSpeech SI-SDR dB", "LibriSpeech PESQ"]
    return report.table(head, rows)


def difference_table(results: Results, groups: Sequence[str]) -> str:
    """Mean difference of each model of ours to each peer on the same clips; an interval that spares 0 is a real one."""
    models = [name for name in results if name.startswith("winnow ")]
    others = [name for name in results if name not in models]
    cells = [(group, *column) for group in ("paired", "mixtures") if group in groups for column in COLUMNS]
    rows = [
        [f"{model} - {other}", *(difference(results[model], results[other], g, key, d) for g, key, _, d in cells)]
        for model in models
        for other in others
    ]
    head = [f"{group} {label}" for group, _, label, _ in cells]
    return report.table(["difference", *head], rows) if rows and cells else ""


def difference(
    mine: Sequence[tuple[Clip, Scores]], theirs: Sequence[tuple[Clip, Scores]], group: str, key: str, digits: int
) -> str:
    """Mean of the differences clip by clip, and its interval."""
    pairs = zip(mine, theirs, strict=True)
    mean, low, high = interval([a[key] - b[key] for (clip, a), (_, b) in pairs if clip.group == group])
    return f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def verdict_table(results: Results, groups: Sequence[str]) -> str:
    """Each target of the project, whether it is met, and by which measure not."""
    rows = []
    for model in (name for name in results if name.startswith("winnow ")):
        for group in ("paired", "mixtures"):
            if group in groups:
                least = above(results, model, ("RNNoise", "noisereduce"), group)
                aim = above(results, model, ("DTLN", "GTCRN (DNS3)", "GTCRN (VCTK)"), group)
                rows.append([model, f"{group}: PESQ and SI-SDR", "above RNNoise, noisereduce", least])
                rows.append([model, f"{group}: PESQ and SI-SDR", "aim: above DTLN, GTCRN", aim])
        if "clean" in groups:
            rows += [[model, *row] for row in clean_verdicts(results[model])]
    return report.table(["model", "what", "target", "met"], rows) if rows else ""


def above(results: Results, model: str, others: Sequence[str], group: str) -> str:
    """`yes`, or where a peer's mean is not below ours; `not measured` where a peer is absent."""
    missing = [other for other in others if other not in results]
    if missing:
        return f"not measured: {', '.join(missing)}"
    lost = [
        f"{label} below {other}"
        for key, label in (("pesq", "PESQ"), ("si_sdr", "SI-SDR"))
        for other in others
        if mean(results[model], key, group) <= mean(results[other], key, group)
    ]
    return "no: " + ", ".join(lost) if lost else "yes"


def mean(scored: Sequence[tuple[Clip, Scores]], key: str, group: str) -> float:
    """Mean of a measure over a group of clips."""
    return interval([scores[key] for clip, scores in scored if clip.group == group], draws=1)[0]


def clean_verdicts(scored: Sequence[tuple[Clip, Scores]]) -> list[list[str]]:
    """The targets for clean speech: at least 20 dB, aim 30 dB, over all clean clips."""
    value = interval([s["si_sdr"] for c, s in scored if c.group.startswith("clean")], draws=1)[0]
    what = f"clean speech in: SI-SDR ({value:.1f} dB)"
    return [[what, label, "yes" if value >= bound else "no"] for label, bound in (("20 dB", 20), ("aim: 30 dB", 30))]


if __name__ == "__main__":
    main()
