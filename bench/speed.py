"""How fast winnow is, and how much memory and disk it takes.

    python bench/speed.py --data FOLDER --peers FOLDER          all parts at full length; rewrites docs/benchmarks.md
    python bench/speed.py --only network,start --minutes 2      a quick look; prints only

Needs a quiet machine with about 4 GB of free disk (--scratch) and Linux. See bench/README.md for both folders.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kit import footprint, movies, report, timing
from kit.folders import add_folders, bundle_folder
from kit.process import WINNOW, Run, clock, watch

CORES = 2
PARTS = ("network", "files", "memory", "start", "size")


@dataclass(frozen=True)
class Figure:
    """One measured figure against its bounds; `higher` where more is better. `aim` may be missing."""

    what: str
    value: float
    unit: str
    least: float
    aim: float | None = None
    higher: bool = False

    def row(self) -> list[str]:
        """As a row of the table of targets."""
        aim = "" if self.aim is None else f"{self.aim:g}"
        value = f"{self.value:.0f}" if abs(self.value) >= 100 else f"{self.value:.3g}"
        return [self.what, self.unit, value, f"{self.least:g}", aim, self.met()]

    def met(self) -> str:
        """`aim`, `yes` (at least) or `no`."""
        if self.aim is not None and self.reaches(self.aim):
            return "aim"
        return "yes" if self.reaches(self.least) else "no"

    def reaches(self, bound: float) -> bool:
        """Whether the value is on the good side of a bound."""
        return self.value >= bound if self.higher else self.value <= bound


def main() -> None:
    """Measure the parts that were asked for, print, and rewrite the section where the run was a whole one."""
    args = arguments()
    makers: dict[str, Callable[[argparse.Namespace], tuple[str, list[Figure]]]] = {
        "network": network, "files": files, "memory": memory, "start": start, "size": size
    }  # fmt: skip
    texts, figures = [], []
    for part in args.only:
        print(f"measuring: {part}", file=sys.stderr)
        text, found = makers[part](args)
        texts.append(text)
        figures += found
    print(page := "\n\n".join([heading(args), targets(figures), *texts]))
    if args.minutes == 60 and args.hours == 10 and set(args.only) == set(PARTS):
        report.rewrite("speed", page)
        print("\ndocs/benchmarks.md: section speed rewritten.")
    else:
        print("\nA partial run: docs/benchmarks.md is left as it is.")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--model", action="append", help="bundle to time, name or folder, may be repeated")
    parser.add_argument("--only", default=",".join(PARTS), help="default: %(default)s")
    parser.add_argument("--minutes", type=float, default=60, help="length of the files to enhance (%(default)s)")
    parser.add_argument("--hours", type=float, default=10, help="length of the file for the memory (%(default)s)")
    parser.add_argument("--scratch", type=Path, help="folder for the long files (the system's temporary one)")
    args = parser.parse_args()
    args.model = args.model or ["denoise-16k", "denoise-48k"]
    args.only = args.only.split(",")
    for name in set(args.only) - set(PARTS):
        parser.error(f"{name}: not one of {', '.join(PARTS)}")
    return args


def heading(args: argparse.Namespace) -> str:
    """Title, machine, versions, command line."""
    command = "python bench/speed.py --data DATA --peers PEERS"
    return f"## Speed and size\n\n{report.facts(command, ['numpy', 'onnxruntime', 'av', 'soxr', 'scipy'])}"


def targets(figures: list[Figure]) -> str:
    """All figures against the project's targets."""
    head = ["what", "unit", "measured", "at least", "aim", "met"]
    return report.table(head, [figure.row() for figure in figures])


def network(args: argparse.Namespace) -> tuple[str, list[Figure]]:
    """One core, one hop at a time, the network alone."""
    mine = [timing.bundle(bundle_folder(model), Path(model).name) for model in args.model]
    there = {name: make for name, (needs, make) in timing.PEERS.items() if args.peers and (args.peers / needs).exists()}
    absent = [name for name in timing.PEERS if name not in there]
    results = timing.compare(mine + [make(args.peers) for make in there.values()])
    base = next((r.load for r in results if r.title == "GTCRN"), None)
    rows = [
        [
            r.title,
            f"{r.hop * 1000:.3g}",
            f"{r.milliseconds:.3f}",
            f"{r.load:.4f}",
            f"{r.load / base:.2f}" if base else "-",
        ]
        for r in results
    ]
    text = (
        "### The network alone\n\nONNX Runtime, one thread, one hop a call with the state carried, without the Fourier "
        "transforms; median of 2000 hops after 200 that warm up, the systems taking turns."
        + (f" Absent in this run: {', '.join(absent)}." if absent else "")
    )
    table = report.table(["network", "hop ms", "ms per hop", "time / real time", "relative to GTCRN"], rows)
    first = results[0]
    figure = Figure(f"{first.title}, one core, network only", first.load, "time / real time", 0.017, 0.008)
    return f"{text}\n\n{table}", [figure]


def enhance(source: Path, target: Path) -> Run:
    """`winnow enhance` with all defaults, in a fresh process, on two cores."""
    return watch([*WINNOW, "enhance", str(source), "-o", str(target)], CORES)


def files(args: argparse.Namespace) -> tuple[str, list[Figure]]:
    """`winnow enhance` of a long WAV and of a long MP4, everything included."""
    samples = movies.talk(args.data)
    runs = {}
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        for name, make in (("talk.wav", movies.long_wav), ("talk.mp4", movies.long_mp4)):
            source = Path(folder) / name
            make(source, samples, args.minutes)
            runs[name] = enhance(source, source.with_name(f"enhanced-{name}"))
    speeds = [args.minutes * 60 / run.seconds for run in runs.values()]
    titles = [f"{args.minutes:g} min, 16 kHz mono WAV", f"{args.minutes:g} min, 48 kHz stereo MP4 with picture"]
    rows = [
        [title, f"{run.seconds:.1f}", f"{speed:.0f}", f"{run.megabytes:.0f}"]
        for title, run, speed in zip(titles, runs.values(), speeds, strict=True)
    ]
    table = report.table(["file", "seconds", "times real time", "peak memory MB"], rows)
    figures = [
        Figure(f"enhance, {title}", speed, "x real time", least, aim, higher=True)
        for title, speed, (least, aim) in zip(titles, speeds, ((60, 200), (25, 80)), strict=True)
    ]
    return (
        f"### Whole files\n\n`winnow enhance` in a fresh process, {CORES} cores, start-up included.\n\n{table}",
        figures,
    )


def memory(args: argparse.Namespace) -> tuple[str, list[Figure]]:
    """Peak memory on a very long file against that on a minute."""
    samples = movies.talk(args.data)
    peaks = []
    for minutes in (1.0, args.hours * 60):
        with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
            source = Path(folder) / "talk.wav"
            movies.long_wav(source, samples, minutes)
            peaks.append((minutes, enhance(source, Path(folder) / "enhanced.wav")))
    rows = [[f"{minutes:g} min", f"{run.seconds:.1f}", f"{run.megabytes:.0f}"] for minutes, run in peaks]
    table = report.table(["16 kHz mono WAV", "seconds", "peak memory MB"], rows)
    more = round(peaks[1][1].megabytes - peaks[0][1].megabytes)  # the same file twice differs by a part of a MB
    figure = Figure(f"peak memory, {args.hours:g} h over 1 min", more, "MB more", 50, 0)
    return f"### Memory\n\n{table}", [figure]


def start(args: argparse.Namespace) -> tuple[str, list[Figure]]:
    """Time to the first sign of life."""
    del args
    times = {
        "`winnow --help`": clock([*WINNOW, "--help"]),
        "`import winnow`": clock([sys.executable, "-c", "import winnow"]),
        "Python alone": clock([sys.executable, "-c", "pass"]),
    }
    table = report.table(["fresh process", "seconds"], [[name, f"{value:.3f}"] for name, value in times.items()])
    figures = [
        Figure(name, times[name], "s", bound) for name, bound in (("`winnow --help`", 0.5), ("`import winnow`", 0.2))
    ]
    return f"### Start\n\nMedian of 10 processes, Python's own start included.\n\n{table}", figures


def size(args: argparse.Namespace) -> tuple[str, list[Figure]]:
    """Disk that the plain package takes with what it depends on."""
    packages = footprint.install(report.PAGE.parents[1], args.scratch)
    total = sum(packages.values())
    largest = sorted(packages.items(), key=lambda item: -item[1])[:10]
    table = report.table(["in site-packages", "MB"], [[name, f"{value:.1f}"] for name, value in largest])
    text = (
        f"### Installed size\n\nA fresh environment after `pip install .`, without pip and setuptools: {total:.0f} MB."
    )
    return f"{text}\n\n{table}", [Figure("installed size", total, "MB", 400, 250)]


if __name__ == "__main__":
    main()
