"""The manifest of a bundle: everything needed to run it, in one strict dataclass."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from winnow.errors import BundleError

SCHEMA = 1


@dataclass(frozen=True)
class FramesSettings:
    """Kind `frames`: spectrum frames and state in, masks and state out.

    window: samples of the root-Hann window, hop is half of it; power: compression of the magnitudes, see
    `winnow.dsp.spectrum.compress`; bins: frequency bins that the network sees, from 0 hertz up, of window / 2 + 1;
    state: shape of the state tensor, zeros before the first frame; most: largest gain of a bin, linear; exponent: to which
    the gains are raised, see `winnow.dsp.masks.expand_mask`.
    """

    window: int
    power: float
    bins: int
    state: tuple[int, ...]
    most: float = 2.0
    exponent: float = 1.0

    def __post_init__(self) -> None:
        if (
            self.window <= 0
            or self.window % 2
            or not 0 < self.bins <= self.window // 2 + 1
            or not 0 < self.power <= 1
            or self.exponent <= 0
        ):
            raise BundleError("manifest.json: the settings of kind frames make no sense together.")


@dataclass(frozen=True)
class SpectralSettings:
    """Kind `spectral`: windows of a spectrogram in, masks out, the network's window sliding over the recording.

    fft, window, hop: samples of the transform, a Hann window; frames: of a window; multiple: frames come in multiples of it;
    bins: that the network sees, from 0 hertz up; input: "magnitude", or "decibel": `(x - centre) / span`, relative to the loudest
    bin of the window, none below -80, or "clipped": `clip((x - centre) / span, -1, 0) + 1`, relative to 1; output: "mask" (of
    magnitudes, 0 to 1), "gain" (the same before a sigmoid), "noise" (decibels of noise, as `(x - out_centre) / out_span`) or
    "level" (a mask of the clipped decibels, 0 to 1); overlap: share of a window that the next one repeats.
    as_published: window by window with the published arithmetic, defects included (SYSTEMS.md, system 1).
    A network of this kind that takes a cue runs as a `Separator`, see `winnow.models.voicefilter`.
    """

    fft: int
    window: int
    hop: int
    frames: int
    bins: int
    multiple: int
    input: str
    output: str
    centre: float = 0.0
    span: float = 1.0
    out_centre: float = 0.0
    out_span: float = 1.0
    overlap: float = 0.25
    as_published: bool = False

    def __post_init__(self) -> None:
        whole = 0 < self.hop <= self.window <= self.fft and 0 < self.bins <= self.fft // 2 + 1
        if (
            not whole
            or self.multiple < 1
            or self.frames < 1
            or self.frames % self.multiple
            or self.span == 0
            or self.input not in ("decibel", "magnitude", "clipped")
            or self.output not in ("gain", "mask", "noise", "level")
            or (self.output == "level" and self.input != "clipped")
            or not 0 <= self.overlap <= 0.5
        ):
            raise BundleError("manifest.json: the settings of kind spectral make no sense together.")


@dataclass(frozen=True)
class ComplexSettings:
    """Kind `complex`: windows of a complex spectrogram in, a complex mask for each stem out (a ratio of spectra, no bounds).

    fft, window, hop: samples of the transform; shape: of its window, "hann" or "root-hann"; centred: frames centred on multiples of
    the hop, edges mirrored, else none outside the sound; bins: that the network sees, from 0 hertz up, those above get the last
    one's mask; level: what a window of the recording is divided by, its "rms" (of the spectrum), its "peak" or "none"; power:
    to which magnitudes are then raised; domain: "linear" masks are for the spectrum as it is, "compressed" ones for the magnitudes
    raised to power; compression: of the masks, "none", "tanh" or "sigmoid" with k and c, see `winnow.dsp.crm`; samples: of a
    window of the recording; share: of it that the next one repeats; whole: the graph takes windows of that length only.
    """

    fft: int
    window: int
    hop: int
    bins: int
    shape: str = "hann"
    centred: bool = True
    level: str = "rms"
    power: float = 1.0
    domain: str = "linear"
    compression: str = "none"
    k: float = 10.0
    c: float = 0.1
    samples: int = 96000
    share: float = 1 / 3
    whole: bool = False

    def __post_init__(self) -> None:
        sizes = 0 < self.hop <= self.window <= self.fft and 0 < self.bins <= self.fft // 2 + 1
        words = (
            self.shape in ("hann", "root-hann")
            and self.level in ("rms", "peak", "none")
            and self.domain in ("linear", "compressed")
            and self.compression in ("none", "tanh", "sigmoid")
        )
        numbers = (
            0 < self.power <= 1 and self.samples >= self.window and 0 <= self.share <= 0.5 and self.k > 0 and self.c > 0
        )
        if not (sizes and words and numbers):
            raise BundleError("manifest.json: the settings of kind complex make no sense together.")


@dataclass(frozen=True)
class WaveSettings:
    """Kind `wave`: windows of samples in, a waveform for each stem out.

    window, overlap: seconds of a window of the recording, and of it that the next one repeats; level: root mean square, dB of full
    scale, to which a window is brought for the network; least: samples that the graph takes; fitted: the network's waveforms
    have no level of their own, see `winnow.models.wave.fitted`.
    """

    window: float
    overlap: float
    level: float = -25.0
    least: int = 1
    fitted: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= self.window / 2 or self.window <= 0 or self.least < 1:
            raise BundleError("manifest.json: the settings of kind wave make no sense together.")


@dataclass(frozen=True)
class SpeakerSettings:
    """Kind `speaker`: windows of log10 mel powers in, unit vectors out; a voice is the mean of its windows' vectors.

    rate: hertz; fft, window, hop: samples, a Hann window; mels: bands from 0 to `highest` hertz; frames: of a window; stride:
    frames from one to the next; level: dBFS to which the speech is brought first, None for as it is; active: windows in which
    nearly nothing is within so many dB of the loud frames are left out, 0 for none; alike: cosine from which two voices are
    rather one than two.
    """

    rate: int
    fft: int
    window: int
    hop: int
    mels: int
    highest: float
    frames: int
    stride: int
    level: float | None = None
    active: float = 0.0
    alike: float = 0.5

    def __post_init__(self) -> None:
        whole = 0 < self.hop <= self.window <= self.fft and 0 < self.highest <= self.rate / 2
        if not whole or min(self.mels, self.frames, self.stride) < 1 or self.active < 0:
            raise BundleError("manifest.json: the settings of kind speaker make no sense together.")


Settings = FramesSettings | SpectralSettings | ComplexSettings | WaveSettings | SpeakerSettings

SETTINGS: dict[str, type[Any]] = {
    "frames": FramesSettings,
    "spectral": SpectralSettings,
    "complex": ComplexSettings,
    "wave": WaveSettings,
    "speaker": SpeakerSettings,
}


CLIP = "clip"
"""The cue that is some samples of the wanted voice, silent where there are none."""


@dataclass(frozen=True)
class Cue:
    """A second input. rate None: one fact (a voice, a clip), a vector of `size`; else it runs along the audio, hertz.

    source: where a fact comes from: the bundle (its name and hash) whose vectors the network was trained with.
    """

    name: str
    rate: float | None = None
    size: int = 0
    source: str = ""


@dataclass(frozen=True)
class Corpus:
    """What weights were trained on."""

    name: str
    licence: str
    hours: float


@dataclass(frozen=True)
class Manifest:
    """What a bundle is.

    stems: names of what comes out, in order; the last one is the remainder (input minus the others) if `remainder`.
    ordered: False when the stems may swap places between windows. latency: algorithmic, seconds. licence: of the weights.
    sha256: of model.onnx.
    """

    name: str
    kind: str
    title: str
    rate: int
    stems: tuple[str, ...]
    remainder: bool
    ordered: bool
    latency: float
    parameters: int
    licence: str
    non_commercial: bool
    corpora: tuple[Corpus, ...]
    settings: Any
    sha256: str
    cues: tuple[Cue, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    schema: int = SCHEMA

    def to_json(self) -> str:
        """As it is written to manifest.json."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.json. Raises BundleError for anything missing, unknown or of a wrong type."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{path.parent}: no manifest.json, so this is no bundle. Give a folder made by `winnow export`."
        ) from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read ({error}).") from None
    return parse_manifest(raw, str(path))


def parse_manifest(raw: Any, where: str) -> Manifest:
    """A manifest from decoded JSON; `where` names it in errors. Raises BundleError."""
    if not isinstance(raw, dict):
        raise BundleError(f"{where}: a manifest is an object with keys.")
    if raw.get("schema") != SCHEMA:
        raise BundleError(
            f"{where}: schema {raw.get('schema')!r}, this winnow reads {SCHEMA}. Update winnow, or export again."
        )
    values = dict(raw)
    kind = values.get("kind")
    if kind not in SETTINGS:
        raise BundleError(f"{where}: unknown kind {kind!r}. This winnow runs {', '.join(SETTINGS)}.")
    _known(Manifest, values, where)
    values["settings"] = _made(SETTINGS[kind], values["settings"], where)
    values["cues"] = tuple(_made(Cue, cue, where) for cue in values.get("cues", ()))
    values["corpora"] = tuple(_made(Corpus, corpus, where) for corpus in values["corpora"])
    values["stems"] = tuple(values["stems"])
    for name, kinds in (("rate", int), ("name", str), ("latency", (int, float)), ("sha256", str), ("remainder", bool)):
        if not isinstance(values[name], kinds):
            raise BundleError(f"{where}: {name} has the wrong type.")
    return Manifest(**values)


def _known(cls: type, values: dict[str, Any], where: str) -> None:
    names = {f.name for f in fields(cls)}
    needed = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}
    for unknown in sorted(set(values) - names):
        raise BundleError(f"{where}: unknown key {unknown!r}. The bundle is for another winnow, or mistyped.")
    for missing in sorted(needed - set(values)):
        raise BundleError(f"{where}: {missing} is missing.")


def _made(cls: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise BundleError(f"{where}: {cls.__name__} is an object with keys.")
    _known(cls, values, where)
    try:
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
    except TypeError as error:
        raise BundleError(f"{where}: {error}.") from None
