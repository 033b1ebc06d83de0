"""Sets to evaluate on: two folders with pairs, or mixtures that are drawn once and kept as a list."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from winnow.errors import BadInput, BadOption, OutputError
from winnow.evaluation import mixtures
from winnow.evaluation.mixtures import LIST, Mixture, Recipe
from winnow.evaluation.pairing import Item, Pairs, pair_folders, recordings
from winnow.models import catalog


def made_set(recipe: Recipe, folder: Path) -> list[Mixture]:
    """The mixtures of `folder/mixtures.jsonl`; drawn and written first where there is no such list.

    Raises BadOption where the list there was drawn with other settings; and as `recordings`.
    """
    recipe = _absolute(recipe)
    path = folder / LIST
    if path.exists():
        known, drawn = mixtures.read_list(path)
        if known != recipe:
            was = asdict(known)
            other = ", ".join(f"{key} {was[key]}" for key, value in asdict(recipe).items() if was[key] != value)
            raise BadOption(f"{path} was drawn with other settings ({other}). Give the same ones, or another -o.")
        return drawn
    files = {role: _files(getattr(recipe, role)) for role in ("speech", "noise", "rooms")}
    drawn = mixtures.draw(recipe, files["speech"], files["noise"], files["rooms"])
    make_folder(folder)
    mixtures.write_list(recipe, drawn, path)
    return drawn


def make_folder(folder: Path) -> None:
    """Make a folder for results. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(f"{folder}: this folder cannot be made ({reason}). Choose another -o.") from error


def _absolute(recipe: Recipe) -> Recipe:
    """Folders by their whole path, so that a list can be used from anywhere on this machine."""
    rooms = os.path.abspath(recipe.rooms) if recipe.rooms else None
    return replace(recipe, speech=os.path.abspath(recipe.speech), noise=os.path.abspath(recipe.noise), rooms=rooms)


def _files(folder: str | None) -> list[str]:
    return [path for _, path in recordings(folder)] if folder else []


def items_of(drawn: list[Mixture]) -> Pairs:
    """An item for each mixture."""
    return Pairs([Item(each.name, made=each) for each in drawn])


def open_set(folder: Path) -> Pairs:
    """The set in a folder: `clean/` and `noisy/`, or a list of mixtures. Raises BadInput for another folder."""
    if (folder / LIST).exists():
        return items_of(mixtures.read_list(folder / LIST)[1])
    if (folder / "clean").is_dir() and (folder / "noisy").is_dir():
        return pair_folders(str(folder / "clean"), str(folder / "noisy"))
    raise BadInput(
        f"{folder}: no evaluation set: neither folders clean/ and noisy/, nor a {LIST} of `winnow evaluate`."
    )


def title_of(model: str) -> str:
    """What a network is called: its name, or that of its folder. Raises UnknownModel, BundleError."""
    return catalog.find(model).manifest.name if model in catalog.names() else Path(os.path.abspath(model)).name


def task_of(model: str, measures: tuple[str, ...] | None, recogniser: str | None = None) -> dict[str, Any]:
    """All that decides the scores of a network on a recording. Raises UnknownModel, BundleError."""
    names = None if measures is None else list(measures)
    digest = catalog.find(model).manifest.sha256
    return {"model": title_of(model), "sha256": digest, "measures": names, "recogniser": recogniser}
