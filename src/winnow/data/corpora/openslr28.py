"""OpenSLR-28, RIRS_NOISES: real responses (REVERB, RWCP, AIR), simulated ones, and noise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import folders, identifier, lines, sounds, wrong
from winnow.errors import BadInput

PARTS = (
    "real_rirs_isotropic_noises",
    "simulated_rirs/smallroom",
    "simulated_rirs/mediumroom",
    "simulated_rirs/largeroom",
    "pointsource_noises",
)
_SHORT = {"real_rirs_isotropic_noises": "real"}
_LAYOUT = (
    "RIRS_NOISES/{real_rirs_isotropic_noises/{rir_list,noise_list}, simulated_rirs/{smallroom,mediumroom,largeroom}/rir_list, "
    "pointsource_noises/noise_list}"
)


def walk(root: Path) -> Iterator[Found]:
    """Responses and noises by the lists of each part; a part without lists is walked by its names."""
    base = _base(root)
    for part in PARTS:
        folder = base / part
        if not folder.is_dir():
            continue
        listed = [folder / name for name in ("rir_list", "noise_list") if (folder / name).is_file()]
        for path in listed:
            yield from _listed(base, part, path)
        if not listed:
            for path in sounds(folder):
                yield room(base, part, path) if is_room(path) else noise(base, part, path)


def _base(root: Path) -> Path:
    for each in (root, *folders(root)):
        if any((each / part).is_dir() for part in PARTS):
            return each
    raise wrong(root, _LAYOUT)


def is_room(path: Path) -> bool:
    """Whether a file of this corpus is a response: the word noise in its name (not in its folder's) says no."""
    return "noise" not in path.name.lower()


def parse(line: str, where: str) -> tuple[dict[str, str], str]:
    """`--rir-id 00001 --room-id RVB2014_largeroom1 PATH` to its options and the path. Raises BadInput."""
    words = line.split()
    options: dict[str, str] = {}
    while len(words) >= 2 and words[0].startswith("--"):
        options[words[0][2:]] = words[1]
        words = words[2:]
    if len(words) != 1 or words[0].startswith("--"):
        raise BadInput(
            f"{where}: expected `--rir-id ID --room-id ROOM PATH` or the same of a noise; found {line!r:.80}."
        )
    return options, words[0]


def _listed(base: Path, part: str, path: Path) -> Iterator[Found]:
    for number, line in enumerate(lines(path), 1):
        options, name = parse(line, f"{path}:{number}")
        # The lists name files from above the corpus, whatever its folder is called here.
        inside = Path(name.partition(f"{part}/")[2] or Path(name).name)
        file = base / part / inside
        if path.name == "noise_list":
            yield noise(base, part, file, options)
        elif is_room(file):
            yield room(base, part, file, options.get("room-id"))


def room(base: Path, part: str, path: Path, name: str | None = None) -> Found:
    """A response. Rooms are counted anew in each part, so the part belongs to their name."""
    simulated = part.startswith("simulated")
    short = _SHORT.get(part, part.rpartition("/")[2])
    place = name or (path.parent.name if simulated else real_room(path.stem))
    return Found(
        id=identifier(path.with_suffix(""), base),
        path=path,
        kind="room",
        room=f"{short}/{place}",
        extra={"simulated": simulated},
    )


def real_room(stem: str) -> str:
    """The room in a name without a list: `RVB2014_type1_rir_largeroom1_far_angla` is `RVB2014_largeroom1`."""
    words = stem.split("_")
    if len(words) < 4:
        return stem
    alone = words[0] == "RVB2014" or len(words) == 4
    return "_".join([words[0], words[3]] if alone else [words[0], *words[3:-1]])


def noise(base: Path, part: str, path: Path, options: dict[str, str] | None = None) -> Found:
    """A noise: isotropic, of a room, or from one point (cut from MUSAN's)."""
    options = options or {}
    real = part in _SHORT
    place = options.get("room-linkage") or (real_room(path.stem) if real else None)
    kind = options.get("noise-type", "isotropic" if real else "point-source")
    extra: dict[str, object] = {"background": True} if options.get("bg-fg-type") == "background" else {}
    return Found(
        id=identifier(path.with_suffix(""), base),
        path=path,
        kind="noise",
        label=kind,
        room=f"{_SHORT[part]}/{place}" if real and place else None,
        source=path.stem,
        extra=extra,
    )


CORPUS = Corpus(
    name="openslr28",
    title="OpenSLR-28: room impulse responses and noises (with REVERB's)",
    kinds=("room", "noise"),
    hours=0,
    gigabytes=1.3,
    rate=16000,
    licence="Apache-2.0",
    non_commercial=False,
    home="https://www.openslr.org/28/",
    good_for="60 000 simulated and 325 real responses; the rooms of the REVERB challenge with their own noise",
    layout=_LAYOUT,
    citation="Ko, T. et al. (2017). A Study on Data Augmentation of Reverberant Speech for Robust Speech Recognition. ICASSP.",
    walk=walk,
    downloads=(
        Download(
            "all",
            "https://www.openslr.org/resources/28/rirs_noises.zip",
            checksum="md5:e6f48e257286e05de56413b4779d8ffb",
        ),
    ),
)
