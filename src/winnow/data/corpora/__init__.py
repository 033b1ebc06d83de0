"""The corpora that winnow knows, one module each, each with its `CORPUS`."""

from __future__ import annotations

import difflib
from importlib import import_module

from winnow.data.corpora.base import Corpus
from winnow.errors import BadOption

MODULES: tuple[str, ...] = (
    "librispeech",
    "vctk",
    "voicebank_demand",
    "daps",
    "librimix",
    "voxceleb",
    "vivos",
    "common_voice",
    "grid",
    "esc50",
    "urbansound8k",
    "musan",
    "demand",
    "dns",
    "ace",
    "openslr28",
    "mit_survey",
    "avspeech",
    "audioset",
    "folder",
    "tree",
)
"""Names of the modules in this package, in the order of `winnow data list`; the name of a corpus is its module's, "_" for "-"."""


def find_corpus(name: str) -> Corpus:
    """A corpus by its name. Raises BadOption with the nearest names."""
    names = [module.replace("_", "-") for module in MODULES]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=2, cutoff=0.4)
        hint = f"Did you mean {' or '.join(near)}? " if near else ""
        raise BadOption(f'no corpus named "{name}". {hint}`winnow data list` lists all.')
    corpus: Corpus = import_module(f"winnow.data.corpora.{name.replace('-', '_')}").CORPUS
    return corpus


def all_corpora() -> list[Corpus]:
    """Every corpus that winnow knows."""
    return [find_corpus(module.replace("_", "-")) for module in MODULES]
