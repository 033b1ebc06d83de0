"""The peers, each as a function from 16 kHz `(time,)` to enhanced 16 kHz `(time,)` of equal length, in time with it.

They are found in a folder that the reader fills (see bench/README.md); nothing of theirs is part of this repository.
Each adapter takes out the fixed delay of its system, and `quality.py` checks what is left by cross-correlation.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from scipy import fft

from kit.measures import session
from kit.sound import RATE, Wave, fit, resample, shift

Enhancer = Callable[[Wave], Wave]


@dataclass(frozen=True)
class Peer:
    """One peer: how it is called in tables, the file it needs, how to start it, what it is, its delay in samples."""

    title: str
    needs: str
    start: Callable[[Path], Enhancer]
    version: Callable[[Path], str]
    delay: str


def rnnoise(library: Path) -> Enhancer:
    """RNNoise at the clips' rate."""
    enhance = rnnoise_fullband(library)
    return lambda noisy: fit(resample(enhance(resample(noisy, RATE, 48000)), 48000, RATE), len(noisy))


def rnnoise_fullband(library: Path) -> Enhancer:
    """RNNoise (Valin 2018) at 48 kHz, floating-point samples in 16-bit scale, through its C interface."""
    lib = ctypes.CDLL(str(library))
    lib.rnnoise_create.restype = ctypes.c_void_p
    lib.rnnoise_create.argtypes = [ctypes.c_void_p]
    lib.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    pointer = np.ctypeslib.ndpointer(np.float32, flags="C_CONTIGUOUS")
    lib.rnnoise_process_frame.argtypes = [ctypes.c_void_p, pointer, pointer]
    lib.rnnoise_process_frame.restype = ctypes.c_float
    hop = lib.rnnoise_get_frame_size()

    def enhance(full: Wave) -> Wave:
        frames = fit(full * 32768, (len(full) // hop + 3) * hop).reshape(-1, hop)
        out = np.empty_like(frames)
        state = lib.rnnoise_create(None)
        for frame, result in zip(frames, out, strict=True):
            lib.rnnoise_process_frame(state, result, frame)
        lib.rnnoise_destroy(state)
        return fit(shift(out.ravel(), RNNOISE_DELAY) / 32768, len(full))

    return enhance


RNNOISE_DELAY = 960  # two hops of 10 ms at 48 kHz: the overlap of its window, and one hop kept back


def rnnoise_library(folder: Path) -> Path:
    """The shared library inside the PyPI package pyrnnoise, whatever its suffix on this system."""
    names = {"darwin": "librnnoise.dylib", "win32": "rnnoise.dll"}
    return folder / "python" / "pyrnnoise" / names.get(sys.platform, "librnnoise.so")


def noisereduce(folder: Path) -> Enhancer:
    """noisereduce (Sainburg) as it comes: the non-stationary gate, all defaults."""
    module = load(folder / "python", "noisereduce")
    return lambda noisy: fit(module.reduce_noise(y=noisy, sr=RATE, n_jobs=1), len(noisy))


def dtln(folder: Path) -> Enhancer:
    """DTLN (Westhausen & Meyer 2020), its pretrained ONNX pair: blocks of 512, hop 128."""
    first, second = (session(folder / "DTLN" / "pretrained_model" / f"model_{n}.onnx") for n in (1, 2))
    block, hop = 512, 128

    def enhance(noisy: Wave) -> Wave:
        padded = np.pad(noisy, (block - hop, block))
        states = [np.zeros((1, 2, 128, 2), np.float32) for _ in range(2)]
        out = np.zeros(len(padded) + block, np.float32)
        for start in range(0, len(padded) - block + 1, hop):
            spectrum = fft.rfft(padded[start : start + block])
            inputs = {"input_2": np.abs(spectrum)[None, None].astype(np.float32), "input_3": states[0]}
            mask, states[0] = first.run(None, inputs)
            frame = fft.irfft(spectrum * mask[0, 0]).astype(np.float32)
            result, states[1] = second.run(None, {"input_4": frame[None, None], "input_5": states[1]})
            out[start : start + block] += result[0, 0]
        return shift(out, block - hop)[: len(noisy)]

    return enhance


def gtcrn(weights: str) -> Callable[[Path], Enhancer]:
    """GTCRN (Rong et al. 2024): the authors' network in torch with one of their two checkpoints, whole clips."""

    def start(folder: Path) -> Enhancer:
        import torch

        load(folder / "python", "einops")
        network = load(folder / "gtcrn", "gtcrn").GTCRN().eval()
        network.load_state_dict(torch.load(folder / weights, map_location="cpu", weights_only=True)["model"])
        window = torch.hann_window(512).pow(0.5)

        def enhance(noisy: Wave) -> Wave:
            with torch.no_grad():
                spectrum = torch.stft(torch.from_numpy(noisy), 512, 256, 512, window, return_complex=True)
                out = torch.view_as_complex(network(torch.view_as_real(spectrum)[None])[0].contiguous())
                return torch.istft(out, 512, 256, 512, window, length=len(noisy)).numpy()

        return enhance

    return start


def fastenhancer(file: str) -> Callable[[Path], Enhancer]:
    """FastEnhancer (Ahn et al. 2025): an authors' ONNX graph from waveform to waveform, window 512, hop 256."""

    def start(folder: Path) -> Enhancer:
        graph = session(folder / file)
        wave, *states = graph.get_inputs()
        window, hop = wave.shape[1], 256  # the graph takes a window, or a hop and keeps the rest itself

        def enhance(noisy: Wave) -> Wave:
            padded = np.pad(np.clip(noisy, -1, 1), (hop, 4 * hop))
            feed = {node.name: np.zeros(node.shape, np.float32) for node in states}
            out = []
            for at in range(0, len(padded) - window + 1, hop):
                block, *after = graph.run(None, {wave.name: padded[None, at : at + window], **feed})
                feed = {node.name: value for node, value in zip(states, after, strict=True)}
                out.append(block[0])
            return fit(np.concatenate(out)[hop + 512 - window :], len(noisy))

        return enhance

    return start


def load(folder: Path, module: str):  # type: ignore[no-untyped-def]
    """Import a module from a folder of the reader's; what is installed already wins."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return importlib.import_module(module)


def package(name: str) -> Callable[[Path], str]:
    """The version of a Python package in the folder."""

    def version(folder: Path) -> str:
        found = next(iter(metadata.distributions(name=name, path=[str(folder / "python")])), None)
        return f"{name} {found.version}" if found else name

    return version


def digest(*files: str) -> Callable[[Path], str]:
    """The first hexadecimal digits of the files' SHA-256, which tell the weights better than a version does."""
    return lambda folder: (
        "sha256 " + ", ".join(hashlib.sha256((folder / file).read_bytes()).hexdigest()[:10] for file in files)
    )


DNS3, VCTK = (f"gtcrn/checkpoints/model_trained_on_{name}.tar" for name in ("dns3", "vctk"))
DTLN_FILES = ("DTLN/pretrained_model/model_1.onnx", "DTLN/pretrained_model/model_2.onnx")
FAST = {size: f"fastenhancer/onnx/fastenhancer_{size}.onnx" for size in "tb"}
PEERS = {
    "rnnoise": Peer(
        "RNNoise", "python/pyrnnoise", lambda f: rnnoise(rnnoise_library(f)), package("pyrnnoise"), "960 at 48 kHz"
    ),
    "noisereduce": Peer("noisereduce", "python/noisereduce", noisereduce, package("noisereduce"), "0"),
    "dtln": Peer("DTLN", DTLN_FILES[0], dtln, digest(*DTLN_FILES), "384"),
    "gtcrn-dns3": Peer("GTCRN (DNS3)", DNS3, gtcrn(DNS3), digest(DNS3), "0"),
    "gtcrn-vctk": Peer("GTCRN (VCTK)", VCTK, gtcrn(VCTK), digest(VCTK), "0"),
    "fastenhancer-t": Peer("FastEnhancer-T (VCTK)", FAST["t"], fastenhancer(FAST["t"]), digest(FAST["t"]), "256"),
    "fastenhancer-b": Peer("FastEnhancer-B (VCTK)", FAST["b"], fastenhancer(FAST["b"]), digest(FAST["b"]), "0"),
}
