"""A bundle: a folder with manifest.json, model.onnx, probe.npz and card.md that tells everything needed to run it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from winnow.dsp.masks import Mask
from winnow.dsp.spectrum import Spectrum, Transform
from winnow.errors import BadOption, BundleError
from winnow.models.complexmask import ComplexMasks, ComplexRunner
from winnow.models.frames import FramesRunner
from winnow.models.manifest import Manifest, read_manifest
from winnow.models.published import PublishedUNet
from winnow.models.separator import Separator
from winnow.models.speaker import SpeakerRunner, VoiceNetwork
from winnow.models.spectral import SpectralRunner
from winnow.models.voicefilter import VoiceFilter
from winnow.models.wave import WaveRunner, WaveSeparator


class Masker(Protocol):
    """Makes the masks of one channel, frame after frame; stems that are no remainder come first in a mask."""

    def feed(self, spectrum: Spectrum) -> Mask:
        """Complex `(T, F)` to the masks that are finished, `(stems, T', F)`."""
        ...

    def flush(self) -> Mask:
        """The rest: altogether one mask for each frame."""
        ...


class Graph(Protocol):
    """Runs a bundle's graph."""

    def differences(self, probe: Mapping[str, npt.NDArray[np.float32]]) -> dict[int, float]:
        """Largest difference to what the export wrote down, by the number of frames in a call."""
        ...


class Runner(Graph, Protocol):
    """Runs a graph that makes masks on one continuous spectrogram."""

    transform: Transform

    def masker(self) -> Masker:
        """A masker for a channel."""
        ...


KINDS: dict[str, Callable[..., Any]] = {
    "frames": FramesRunner,
    "spectral": SpectralRunner,
    "complex": ComplexRunner,
    "wave": WaveRunner,
    "speaker": SpeakerRunner,
}
"""What runs the graphs of each kind; `winnow.models.manifest.SETTINGS` has their settings."""

TOLERANCE = 1e-4
"""Largest difference allowed between a graph's output and its probe."""


@dataclass(frozen=True)
class CheckReport:
    """What `Bundle.check` found: the largest difference to the probe for each number of frames tried."""

    name: str
    differences: dict[int, float]

    @property
    def worst(self) -> float:
        """The largest of the differences."""
        return max(self.differences.values())

    @property
    def ok(self) -> bool:
        """Whether all are within TOLERANCE."""
        return self.worst <= TOLERANCE


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk whose manifest was read; the graph is read, and its hash compared, when it is first needed."""

    path: Path
    manifest: Manifest

    @cached_property
    def graph(self) -> bytes:
        """The bytes of model.onnx. Raises BundleError when it is missing or not the one that the manifest speaks of."""
        try:
            data = (self.path / "model.onnx").read_bytes()
        except OSError:
            raise BundleError(
                f"{self.path}: model.onnx is missing or cannot be read. Install or export the bundle again."
            ) from None
        if hashlib.sha256(data).hexdigest() != self.manifest.sha256:
            raise BundleError(
                f"{self.path / 'model.onnx'}: the graph was changed since it was exported. Install or export the bundle again."
            )
        return data

    @property
    def card(self) -> str:
        """The text of card.md, empty if there is none."""
        path = self.path / "card.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def size(self) -> int:
        """Bytes of the graph."""
        path = self.path / "model.onnx"
        return path.stat().st_size if path.exists() else 0

    @property
    def windowed(self) -> bool:
        """Whether it runs as a `Separator` instead of making masks."""
        published = bool(getattr(self.manifest.settings, "as_published", False))
        return self.manifest.kind in ("complex", "wave") or published or self._voicefilter

    @property
    def _voicefilter(self) -> bool:
        """Whether it is a mask of a spectrogram told by a voice."""
        return self.manifest.kind == "spectral" and [cue.name for cue in self.manifest.cues] == ["voice"]

    def separator(
        self,
        cues: Mapping[str, npt.NDArray[np.float32]] | None = None,
        threads: int = 1,
        *,
        mask: str | None = None,
        factor: float | None = None,
    ) -> Separator:
        """What separates a stretch of samples; its `stems` are those that it gives, without the remainder.

        cues: by name, what the manifest's cues ask for; mask, factor: of a voicefilter, see `winnow.models.voicefilter`.
        Raises BadOption.
        """
        given = dict(cues or {})
        self._check_cues(given)
        if self._voicefilter:
            return VoiceFilter(self._graph(threads), self.manifest, given["voice"], mask, factor)
        if mask is not None or factor is not None:
            raise BadOption(f"{self.manifest.name} has one way to mask: leave out --mask and --factor.")
        if self.manifest.kind == "complex":
            return ComplexMasks(self._graph(threads), self.manifest, given)
        if self.manifest.kind == "wave":
            return WaveSeparator(self._graph(threads), self.manifest)
        return PublishedUNet(self.graph, self.manifest.settings, self.manifest.name)

    def _check_cues(self, given: Mapping[str, npt.NDArray[np.float32]]) -> None:
        names = [cue.name for cue in self.manifest.cues]
        for name in given:
            if name not in names:
                raise BadOption(f"{self.manifest.name} takes no {name}.")
        for name in names:
            if name not in given:
                raise BadOption(f"{self.manifest.name} needs to be told the {name}.")
        for cue in self.manifest.cues:
            if cue.rate is None and cue.size and np.shape(given[cue.name]) != (cue.size,):
                raise BadOption(
                    f"{self.manifest.name} takes a {cue.name} of {cue.size} numbers, this one has {np.size(given[cue.name])}: "
                    "it was made by another encoder."
                )

    def encoder(self, threads: int = 1) -> VoiceNetwork:
        """What turns speech into voice vectors. Raises BadOption for a bundle that does something else."""
        if self.manifest.kind != "speaker":
            raise BadOption(
                f"{self.manifest.name} is no encoder of voices (kind speaker), but of kind {self.manifest.kind}."
            )
        return VoiceNetwork(self._graph(threads), f"{self.manifest.name}-{self.manifest.sha256[:12]}")

    def runner(self, threads: int = 1) -> Runner:
        """What makes masks with the graph. Raises BadOption for a bundle that makes no sound."""
        if self.manifest.kind == "speaker":
            raise BadOption(
                f"{self.manifest.name} tells voices apart and makes no sound. `winnow models` lists all networks."
            )
        runner: Runner = self._graph(threads)
        return runner

    def _graph(self, threads: int = 1) -> Any:
        """What runs the graph; the same again within a process, since opening takes as long as a second of sound."""
        return _opened(self.path, self.manifest.sha256, self.manifest.settings, threads)

    def check(self) -> CheckReport:
        """Run the probe at its three lengths and frame by frame, and compare with what the export wrote down.

        Raises BundleError when the bundle is incomplete or tampered with.
        """
        with self._probe() as probe:
            return CheckReport(self.manifest.name, self._graph().differences(probe))

    def _probe(self) -> Any:
        try:
            return np.load(self.path / "probe.npz", allow_pickle=False)
        except (OSError, ValueError):
            raise BundleError(
                f"{self.path}: probe.npz is missing or broken. Install or export the bundle again."
            ) from None


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle's manifest. Raises BundleError."""
    return Bundle(folder, read_manifest(folder / "manifest.json"))


@lru_cache(maxsize=4)
def _opened(folder: Path, sha256: str, settings: Any, threads: int) -> Any:
    """Hash and settings are part of the key: a bundle that was changed is opened again."""
    bundle = load_bundle(folder)
    return KINDS[bundle.manifest.kind](bundle.graph, settings, bundle.manifest.name, threads)
