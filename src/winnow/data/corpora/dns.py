"""The data of the Deep Noise Suppression challenges: speech, noise and responses from other corpora, gathered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from winnow.data.corpora import openslr28
from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import identifier, sounds, wrong

_LAYOUT = "datasets_fullband/{clean_fullband, noise_fullband, impulse_responses/{SLR26,SLR28}}, or some of these"
_KINDS = {"clean": "speech", "noise": "noise", "impulse": "room"}
_READER = re.compile(r"reader_(\d+)")
_FREESOUND = re.compile(r"(.+)_Freesound(?:_validated)?_(\d+)", re.IGNORECASE)
_V5 = "https://dnschallengepublic.blob.core.windows.net/dns5archive/V5_training_dataset"


def walk(root: Path) -> Iterator[Found]:
    """Speech, noise and responses, told apart by the folder they are in; test sets and all else are passed over."""
    empty = True
    for path in sounds(root):
        kind = _kind(path.relative_to(root), root)
        if kind is not None:
            empty = False
            yield {"speech": _speech, "noise": _noise, "room": _room}[kind](
                path, identifier(path.with_suffix(""), root)
            )
    if empty:
        raise wrong(root, _LAYOUT)


def _kind(inside: Path, root: Path) -> str | None:
    for part in (*inside.parts[:-1], root.name):
        word = re.match(r"(clean|noise|impulse)(_|$)", part)
        if word:
            return _KINDS[word[1]]
    return None


def _speech(path: Path, name: str) -> Found:
    """A clean recording; its speaker where the name tells: readers of LibriVox, VCTK's and CREMA-D's people."""
    reader = _READER.search(path.stem)
    speaker = f"reader_{reader[1]}" if reader else None
    people = [part for part in path.parent.parts if re.fullmatch(r"[ps]\d{3,4}", part)]
    if speaker is None and people:
        speaker = people[-1]
    if speaker is None and "emotional_speech" in path.parts and (actor := re.match(r"(\d{4})_", path.stem)):
        speaker = f"crema-{actor[1]}"
    return Found(name, path, "speech", speaker=speaker, label=_group(path, "clean"))


def _noise(path: Path, name: str) -> Found:
    """A noise and the recording that it was cut from: of Freesound, or a film of AudioSet's."""
    sound = _FREESOUND.match(path.stem)
    if sound:
        return Found(name, path, "noise", label=sound[1], source=f"freesound-{sound[2]}")
    film = re.fullmatch(r"[\w-]{11}", path.stem)
    return Found(name, path, "noise", source=f"youtube-{path.stem}" if film else path.stem)


def _room(path: Path, name: str) -> Found:
    """A response; SLR28 is sorted as by its own module, its noises among the noise."""
    simulated = path.parent.parent.name.endswith("room")
    if simulated:
        room = f"{path.parent.parent.name}/{path.parent.name}"
        return Found(name, path, "room", room=f"{_slr(path)}/{room}", extra={"simulated": True})
    real = "real_rirs_isotropic_noises" in path.parts
    if not openslr28.is_room(path):
        found = openslr28.noise(path.parent, "real_rirs_isotropic_noises" if real else "pointsource_noises", path)
        return replace(found, id=name)
    return Found(name, path, "room", room=f"{_slr(path)}/{openslr28.real_room(path.stem)}", extra={"simulated": False})


def _slr(path: Path) -> str:
    return next((part for part in path.parts if part.startswith("SLR")), "impulse_responses")


def _group(path: Path, start: str) -> str | None:
    """The folder right below clean_fullband: read_speech, german_speech ..."""
    parts = path.parent.parts
    place = [k for k, part in enumerate(parts) if part.startswith(start)]
    return parts[place[-1] + 1] if place and place[-1] + 1 < len(parts) else None


CORPUS = Corpus(
    name="dns",
    title="Deep Noise Suppression challenge, full band",
    kinds=("speech", "noise", "room"),
    hours=1000,
    gigabytes=892,
    rate=48000,
    licence="CC BY 4.0 (its sources: CC BY, CC BY-SA, CC0; some are non-commercial, see its LICENSE)",
    non_commercial=False,
    home="https://github.com/microsoft/DNS-Challenge",
    good_for="much speech in several languages, 180 hours of noise, responses; what many published networks trained on",
    layout=_LAYOUT,
    citation="Dubey, H. et al. (2024). ICASSP 2023 Deep Noise Suppression Challenge. IEEE OJSP 5.",
    walk=walk,
    downloads=(
        *(
            Download(
                f"noise-audioset-{k}", f"{_V5}/noise_fullband/datasets_fullband.noise_fullband.audioset_{k:03}.tar.bz2"
            )
            for k in range(7)
        ),
        *(
            Download(
                f"noise-freesound-{k}",
                f"{_V5}/noise_fullband/datasets_fullband.noise_fullband.freesound_{k:03}.tar.bz2",
            )
            for k in range(2)
        ),
        Download("rooms", f"{_V5}/datasets_fullband.impulse_responses_000.tar.bz2"),
    ),
    how="The speech, 827 GB in many archives, is fetched with the scripts of its page.",
)
