"""`winnow.dsp.published` and `winnow.dsp.crm` in torch, so that gradients pass; both agree to float precision (tested)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from winnow.dsp.crm import C, K, check_form
from winnow.dsp.published import Stft
from winnow.train.spectra import multiply


def forward(x: Tensor, transform: Stft) -> Tensor:
    """`Stft.forward`: `(..., time)` to complex `(..., T, F)`."""
    c = transform
    flat = x.reshape(-1, 1, x.shape[-1])
    reach = c.size if c.centred else c.window
    if c.centred:
        mode = "reflect" if x.shape[-1] > c.size // 2 else "constant"
        flat = nn.functional.pad(flat, (c.size // 2, c.size // 2), mode)
    spectrum = torch.fft.rfft(flat[:, 0].unfold(-1, reach, c.hop) * _shape(c, x), c.size)
    return spectrum.reshape(*x.shape[:-1], *spectrum.shape[1:])


def inverse(spectrum: Tensor, transform: Stft, count: int) -> Tensor:
    """`Stft.inverse`: `(..., T, F)` to `(..., count)`."""
    c = transform
    shape = _shape(c, spectrum.real)
    frames = torch.fft.irfft(spectrum, c.size)[..., : len(shape)] * shape
    frames = frames.reshape(-1, *frames.shape[-2:]).transpose(1, 2)
    total = (frames.shape[-1] - 1) * c.hop + len(shape)
    both = torch.cat([frames, (shape**2)[None, :, None].expand(1, -1, frames.shape[-1])])
    added = nn.functional.fold(both, (1, total), (1, len(shape)), stride=(1, c.hop))[:, 0, 0]
    out = torch.where(added[-1] > 1e-10, added[:-1] / added[-1].clamp(min=1e-10), 0)
    out = out[:, c.size // 2 if c.centred else 0 :][:, :count]
    return nn.functional.pad(out, (0, count - out.shape[-1])).reshape(*spectrum.shape[:-2], count)


def _shape(transform: Stft, like: Tensor) -> Tensor:
    return torch.from_numpy(transform.shape()).to(like)


def ideal_mask(clean: Tensor, mixture: Tensor) -> Tensor:
    """`winnow.dsp.crm.complex_mask` in real and imaginary parts, `(..., 2)` all three."""
    power = mixture.square().sum(-1, keepdim=True)
    conjugate = mixture * mixture.new_tensor([1.0, -1.0])
    return torch.where(power > 0, multiply(clean, conjugate) / torch.where(power > 0, power, 1), 0)


def compress_mask(parts: Tensor, form: str, k: float = K, c: float = C) -> Tensor:
    """`winnow.dsp.crm.compress_mask`: "tanh" into (-k, k), "sigmoid" into (0, 1). Raises BadOption for another form."""
    check_form(form)
    bounded = torch.tanh(parts * (c / 2))
    return k * bounded if form == "tanh" else (1 + bounded) / 2


def expand_mask(compressed: Tensor, form: str, k: float = K, c: float = C) -> Tensor:
    """`winnow.dsp.crm.expand_mask`: the inverse, finite on and beyond the bound too. Raises BadOption for another form."""
    check_form(form)
    bounded = compressed / k if form == "tanh" else 2 * compressed - 1
    edge = 1 - 2.0**-23
    return 2 / c * torch.atanh(bounded.clamp(-edge, edge))
