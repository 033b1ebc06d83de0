"""How well measured room responses are brought to a wanted decay time and direct-to-reverberant ratio.

python bench/rooms.py FOLDER       FOLDER holds responses, one channel per file; prints, rewrites docs/rooms.md and its picture

Decay times are measured by pyroomacoustics, which the alteration does not use; ratios by ten lines here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from pyroomacoustics.experimental import measure_rt60

from kit import report
from winnow.data.response import direct_path, measure, with_drr, with_t60
from winnow.errors import BadInput
from winnow.media import read

DOCS = Path(__file__).parents[1] / "docs"
TIMES = (0.2, 0.4, 0.6, 0.9, 1.2)
RATIOS = (-6.0, 0.0, 6.0, 12.0, 18.0)
LIMIT = 0.05

Row = dict[str, object]


def main() -> None:
    """Alter every response to every target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--picture", action="store_true", help="only draw")
    parser.add_argument("--only", default="", help="responses whose path holds this; prints only")
    args = parser.parse_args()
    files = sorted(p for p in args.folder.rglob("*") if p.suffix in (".wav", ".flac", ".ogg") and args.only in str(p))
    if args.picture:
        return picture(next((p for p in files if "omni" in str(p)), files[-1]))
    rows = [altered(path, args.folder) for path in files]
    text = "\n\n".join([times_table(rows), summary(rows), ratios_table(rows)])
    print(text)
    if not args.only:
        facts = report.facts("python bench/rooms.py FOLDER", ("numpy", "scipy", "pyroomacoustics"))
        report.rewrite("rooms", f"{facts}\n\n{text}", DOCS / "rooms.md")
        picture(next((p for p in files if "omni" in str(p)), files[-1]))


def altered(path: Path, folder: Path) -> Row:
    """All measurements of one response; a decay time that cannot be had is a text, the reason."""
    audio = read(path)
    h, rate = audio.samples[0].astype(float), audio.rate
    row: Row = {"group": str(path.parent.relative_to(folder)), "name": path.stem, "own": measure(h, rate)}
    for time in TIMES:
        try:
            made = with_t60(h, rate, time)
        except BadInput as error:
            row[f"t{time}"] = str(error)
            continue
        late = made[direct_path(made) + round(0.0025 * rate) + 1 :]
        kinds = ((late, 30), (late, 20), (made, 30))
        row[f"t{time}"] = [measure_rt60(part, rate, decay_db=fall) / time - 1 for part, fall in kinds]
    for ratio in RATIOS:
        row[f"d{ratio}"] = ratio_of(with_drr(h, rate, ratio), rate) - ratio
    shown = [f"{v[0]:+.1%}" if isinstance(v := row[f"t{time}"], list) else str(v) for time in TIMES]
    print(f"{row['group']}/{row['name']}: T60 {row['own'].t60:.2f} s ", *shown, flush=True)
    return row


def ratio_of(h: np.ndarray, rate: int) -> float:
    """Direct-to-reverberant ratio, dB: 2.5 ms on either side of the largest sample to all the rest."""
    energy = h**2
    peak, half = int(np.argmax(energy)), round(0.0025 * rate)
    direct = energy[max(peak - half, 0) : peak + half + 1].sum()
    return float(10 * np.log10(direct / (energy.sum() - direct)))


def groups(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows by the room that they are of."""
    names = sorted({str(row["group"]) for row in rows})
    return {name: [row for row in rows if row["group"] == name] for name in names}


def times_table(rows: list[Row]) -> str:
    """Worst deviation of T30 in each room and at each time; what could not be altered is counted."""
    header = ["room", "responses", "own T60 s", *(f"to {time:g} s" for time in TIMES)]
    table = []
    for name, members in groups(rows).items():
        own = [row["own"].t60 for row in members if np.isfinite(row["own"].t60)]
        cells = [_worst([row[f"t{time}"] for row in members]) for time in TIMES]
        table.append([name, str(len(members)), f"{np.median(own):.2f}" if own else "none", *cells])
    return report.table(header, table)


def _worst(values: list[object]) -> str:
    lists = [v[0] for v in values if isinstance(v, list)]
    refused = len(values) - len(lists)
    text = f"{max(lists, key=abs):+.1%}" if lists else ""
    return f"{text} {f'({refused} refused)' if refused else ''}".strip()


def summary(rows: list[Row]) -> str:
    """How many lie within the limit, by each way of measuring."""
    cells = [row[f"t{time}"] for row in rows for time in TIMES]
    made = np.array([cell for cell in cells if isinstance(cell, list)])
    lines = []
    names = ("T30 after the direct sound", "T20 after the direct sound", "T30 of the whole response")
    for name, column in zip(names, made.T, strict=True):
        share = np.abs(column) <= LIMIT
        spread = f"median {np.median(np.abs(column)):.1%}, worst {column[np.argmax(np.abs(column))]:+.1%}"
        lines.append([name, f"{share.sum()} of {share.size}", spread])
    refused = len(cells) - len(made)
    table = report.table(["measured by", f"within {LIMIT:.0%}", "deviation"], lines)
    return f"{table}\n\n{refused} of {len(cells)} alterations of the decay time were refused."


def ratios_table(rows: list[Row]) -> str:
    """Deviation of the direct-to-reverberant ratio at each target."""
    header = [
        "ratio wanted",
        "within 0.1 dB",
        "above, for the direct sound would not be the loudest",
        "worst of the rest",
    ]
    table = []
    for ratio in RATIOS:
        values = np.array([float(row[f"d{ratio}"]) for row in rows])
        good = np.abs(values) <= 0.1
        held = values > 0.1
        rest = values[~held]
        worst = f"{rest[np.argmax(np.abs(rest))]:+.4f} dB" if rest.size else ""
        table.append([f"{ratio:+g} dB", f"{good.sum()} of {good.size}", str(int(held.sum())), worst])
    return report.table(header, table)


def picture(path: Path) -> None:
    """Energy decay curves of one response before and after."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    audio = read(path)
    h, rate = audio.samples[0].astype(float), audio.rate
    figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
    for title, samples in [("as measured", h), *((f"to {t:g} s", with_t60(h, rate, t)) for t in (0.3, 0.6, 1.2))]:
        part = samples[direct_path(samples) :]
        curve = 10 * np.log10(np.cumsum(part[::-1] ** 2)[::-1] / np.sum(part**2) + 1e-12)
        step = max(len(curve) // 500, 1)
        axes.plot(np.arange(len(curve))[::step] / rate, curve[::step], label=title, linewidth=1.2)
    axes.set(xlim=(0, 1.6), ylim=(-65, 2), xlabel="time after the direct sound, s", ylabel="energy to come, dB")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    (DOCS / "pictures").mkdir(exist_ok=True)
    figure.savefig(DOCS / "pictures" / "rooms-decay.png", dpi=90, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
