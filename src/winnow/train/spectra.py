"""The spectrum of `winnow.dsp.spectrum` in torch, so that gradients pass; both agree to float precision (tested)."""

from __future__ import annotations

import torch
from torch import Tensor

from winnow.dsp.spectrum import EPSILON


def stft(x: Tensor, window: int, hop: int) -> Tensor:
    """`(N, time)` to complex `(N, T, F)` with a root-Hann window; frame t is centred on sample `t * hop`."""
    spectrum = torch.stft(x, window, hop, window=root_hann(window, x.device), pad_mode="constant", return_complex=True)
    return spectrum.transpose(1, 2)


def istft(spectrum: Tensor, window: int, hop: int, length: int) -> Tensor:
    """The inverse of `stft`, `(N, T, F)` to `(N, length)`."""
    shape = root_hann(window, spectrum.device)
    return torch.istft(spectrum.transpose(1, 2), window, hop, window=shape, length=length)


def root_hann(window: int, device: torch.device) -> Tensor:
    """Square root of the periodic Hann window: analysis and synthesis together add up to one at half overlap."""
    return torch.hann_window(window, device=device).sqrt()


def compress(spectrum: Tensor, power: float) -> Tensor:
    """Magnitudes to the given power, phases kept; complex in, `(..., 2)` real and imaginary out."""
    parts = torch.view_as_real(spectrum)
    return parts * (parts.square().sum(-1, keepdim=True) + EPSILON) ** ((power - 1) / 2)


def expand(parts: Tensor, power: float) -> Tensor:
    """The inverse of `compress`: `(..., 2)` in, complex out."""
    scale = (parts.square().sum(-1, keepdim=True) + EPSILON) ** ((1 / power - 1) / 2)
    return torch.view_as_complex((parts * scale).contiguous())


def multiply(mask: Tensor, parts: Tensor) -> Tensor:
    """Complex product of `(..., 2)` tensors."""
    a, b = mask.unbind(-1)
    c, d = parts.unbind(-1)
    return torch.stack([a * c - b * d, a * d + b * c], -1)


def hann_stft(x: Tensor, fft: int, hop: int) -> Tensor:
    """`(N, time)` to complex `(N, T, F)` with a Hann window as long as the transform, centred frames, zeros at the ends."""
    window = torch.hann_window(fft, device=x.device)
    return torch.stft(x, fft, hop, window=window, pad_mode="constant", return_complex=True).transpose(1, 2)


def hann_istft(spectrum: Tensor, fft: int, hop: int, length: int) -> Tensor:
    """The inverse of `hann_stft`, `(N, T, F)` to `(N, length)`; fft is said, since an odd one cannot be told from F."""
    window = torch.hann_window(fft, device=spectrum.device)
    return torch.istft(spectrum.transpose(1, 2), fft, hop, window=window, length=length)


def decibels(size: Tensor, reference: Tensor) -> Tensor:
    """Magnitudes in decibels relative to a reference, none below -80 dB of their own loudest, `(N, T, F)`.

    As librosa's `amplitude_to_db` with its defaults (amin 1e-5, top_db 80), over each example.
    """
    level = 20 * torch.log10(size.clamp(min=1e-5)) - 20 * torch.log10(reference.clamp(min=1e-5))
    return level.maximum(level.amax((1, 2), keepdim=True) - 80)


def root_hann_stft(x: Tensor, window: int) -> Tensor:
    """`(N, time)` to complex `(N, T, F)` as the kind `complex` makes it: root-Hann windows at half overlap, mirrored edges."""
    shape = root_hann(window, x.device)
    return torch.stft(x, window, window // 2, window=shape, pad_mode="reflect", return_complex=True).transpose(1, 2)


def compressed(spectrum: Tensor, power: float) -> Tensor:
    """Complex `(N, T, F)` at a root mean square of one over each example, then `compress`ed, `(N, T, F, 2)`."""
    level = spectrum.abs().square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-6)
    return compress(spectrum / level, power)


def masked(masks: Tensor, spectrum: Tensor, window: int, length: int) -> Tensor:
    """Waveforms of the stems, `(N, S, length)`.

    masks: `(N, S, T, F', 2)` of the lower F' bins, the others get the last of them; spectrum: complex `(N, T, F)`.
    """
    n, s = masks.shape[:2]
    whole = torch.view_as_complex(masks.contiguous())
    above = whole[..., -1:].expand(*whole.shape[:-1], spectrum.shape[-1] - whole.shape[-1])
    stems = torch.cat([whole, above], -1) * spectrum[:, None]
    flat = stems.reshape(n * s, *stems.shape[2:]).transpose(1, 2)
    waves = torch.istft(flat, window, window // 2, window=root_hann(window, spectrum.device), length=length)
    return waves.reshape(n, s, length)


WINDOWS = (256, 1024, 2048)
"""Of `multi_resolution`, samples; finer in time and finer in frequency than the networks see."""


def multi_resolution(estimate: Tensor, target: Tensor, mixture: Tensor, power: float) -> Tensor:
    """Mean error of compressed magnitudes at several resolutions (Yamamoto et al. 2020), of sounds `(..., time)`.

    All are set to the level of the mixture first, so that of a silent target what comes out counts.
    """
    level = mixture.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-6)
    errors = []
    for window in WINDOWS:
        sizes = []
        for sound in (estimate, target):
            spectrum = hann_stft((sound / level).flatten(0, -2), window, window // 2).abs()
            sizes.append((spectrum.square() / window + EPSILON) ** (power / 2))
        errors.append((sizes[0] - sizes[1]).abs().mean())
    return torch.stack(errors).mean()


def padded_stft(x: Tensor, fft: int, window: int, hop: int) -> Tensor:
    """`(N, time)` to complex `(N, T, F)` with a Hann window in the middle of a longer transform, centred frames, mirrored edges.

    As `winnow.dsp.published.Stft`, and as librosa does it.
    """
    shape = torch.hann_window(window, device=x.device)
    return torch.stft(x, fft, hop, window, shape, pad_mode="reflect", return_complex=True).transpose(1, 2)


def padded_istft(spectrum: Tensor, fft: int, window: int, hop: int, length: int) -> Tensor:
    """The inverse of `padded_stft`, `(N, T, F)` to `(N, length)`."""
    shape = torch.hann_window(window, device=spectrum.device)
    return torch.istft(spectrum.transpose(1, 2), fft, hop, window, shape, length=length)
