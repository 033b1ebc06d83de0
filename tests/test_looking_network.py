"""Looking to Listen, audio-only: counts of the published network, its frames, and complex masks in torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")

from winnow.dsp import crm  # noqa: E402
from winnow.dsp.published import LOOKING, UNET, VOICEFILTER, Stft  # noqa: E402
from winnow.errors import BadOption  # noqa: E402
from winnow.train import published  # noqa: E402
from winnow.train.macs import multiply_accumulates  # noqa: E402
from winnow.train.networks.looking import Looking, LookingConfig  # noqa: E402
from winnow.train.spectra import multiply  # noqa: E402

SMALL = LookingConfig(bins=17, channels=4, narrow=3, cells=6, dense=10)
LARGER = {"cells": 400, "join": "sum"}


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.1


@pytest.mark.parametrize(
    ("config", "trained", "total"),
    [
        (LookingConfig(), 8_026_308, 8_029_012),
        (LookingConfig(**LARGER), 12_277_508, 12_280_212),
        (LookingConfig(talkers=3), 8_026_308 + 2 * 257 * 601, 8_029_012 + 2 * 257 * 601),
    ],
)
def test_parameter_counts_are_those_of_keras(config, trained, total):
    """8.03 M and 12.28 M as published; the derivation is in the module's docstring."""
    network = Looking(config)
    assert network.counts() == (trained, total)
    held = [value for name, value in network.named_parameters() if not value.requires_grad]
    assert all(not value.any() for value in held)  # the second biases of torch's LSTM, which Keras has not
    every = sum(p.numel() for p in network.parameters())
    assert every - trained == sum(value.numel() for value in held) == 2 * 4 * config.cells


def test_the_convolutions_are_those_of_the_table():
    layers = [m for m in Looking(LookingConfig()).convolutions if isinstance(m, torch.nn.Conv2d)]
    found = [(layer.kernel_size, layer.dilation) for layer in layers]
    along_time = [((5, 5), (d, 1)) for d in (2, 4, 8, 16, 32)]
    along_both = [((5, 5), (d, d)) for d in (2, 4, 8, 16, 32)]
    five = ((5, 5), (1, 1))
    assert found == [((1, 7), (1, 1)), ((7, 1), (1, 1)), five, *along_time, five, *along_both, ((1, 1), (1, 1))]
    assert [layer.out_channels for layer in layers] == [96] * 14 + [8]


@pytest.mark.parametrize("changes", [{}, {"join": "sum"}, {"talkers": 3}, {"output": "sigmoid"}])
def test_shapes_and_the_range_of_what_comes_out(changes):
    config = replace(SMALL, **changes)
    out = Looking(config).eval()(noise(2, 21, 17, 2))
    assert out.shape == (2, config.talkers, 21, 17, 2)
    assert config.output == "linear" or (out.min() > 0 and out.max() < 1)


def test_multiply_accumulates_of_a_frame():
    """Filters at every bin, the LSTM in two directions, the dense layers; docs/looking.md says it for a second."""
    maps = 7 * 2 * 96 + 7 * 96 * 96 + 12 * 25 * 96 * 96 + 96 * 8
    lstm, dense = 2 * 4 * (8 * 257 + 200) * 200, 400 * 600 + 2 * 600 * 600 + 600 * 1028
    network = Looking(LookingConfig()).eval()
    assert multiply_accumulates(network, torch.zeros(1, 2, 257, 2)) / 2 == 257 * maps + lstm + dense == 732_862_368


def test_frames_are_those_of_tf_signal():
    """48,000 samples are 298 frames of 400 with nothing at the edges, each followed by 112 zeros, bit for bit the same sums."""
    x = noise(48000)
    ours = published.forward(x, LOOKING)
    assert ours.shape == (298, 257)
    for t in (0, 100, 297):
        frame = x[t * 160 : t * 160 + 400].double() * torch.hann_window(400, periodic=True, dtype=torch.float64)
        wanted = torch.fft.rfft(torch.cat([frame, torch.zeros(112, dtype=torch.float64)]))
        torch.testing.assert_close(ours[t].to(torch.complex128), wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("transform", [LOOKING, UNET, VOICEFILTER, Stft(64, 32, 64)])
def test_the_transform_in_torch_is_that_of_numpy(transform):
    x = noise(2, 3, 100 * transform.hop + 7)
    ours, theirs = published.forward(x, transform), transform.forward(x.numpy())
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-5)
    changed = ours * noise(*ours.shape, seed=1)
    inside = slice(transform.window, -transform.window)
    back = published.inverse(changed, transform, x.shape[-1])
    again = transform.inverse(changed.numpy(), x.shape[-1])
    assert back.shape == x.shape
    np.testing.assert_allclose(back.numpy()[..., inside], again[..., inside], atol=1e-5)
    same = published.inverse(ours, transform, x.shape[-1])
    torch.testing.assert_close(same[..., inside], x[..., inside], atol=1e-5, rtol=0)


def test_an_ideal_mask_in_torch_is_that_of_numpy():
    clean, other = (LOOKING.forward(noise(4000, seed=k).numpy()) for k in (0, 1))
    mixture = clean + other
    mixture[0] = 0
    pair = [torch.from_numpy(crm.as_parts(x)) for x in (clean, mixture)]
    mask = published.ideal_mask(*pair)
    np.testing.assert_allclose(crm.as_complex(mask.numpy()), crm.complex_mask(clean, mixture), atol=1e-9)
    torch.testing.assert_close(multiply(mask, pair[1])[1:], pair[0][1:])


@pytest.mark.parametrize("form", crm.FORMS)
def test_compression_of_masks_in_torch_is_that_of_numpy_and_exactly_undone(form):
    values = torch.linspace(-60, 60, 1001, dtype=torch.float64)
    small = published.compress_mask(values, form)
    np.testing.assert_allclose(small.numpy(), crm.compress_mask(values.numpy(), form), rtol=1e-12)
    torch.testing.assert_close(published.expand_mask(small, form), values, rtol=1e-9, atol=1e-9)
    with pytest.raises(BadOption, match="tanh and sigmoid"):
        published.expand_mask(small, "relu")


@pytest.mark.parametrize(("form", "bound"), [("tanh", 10.0), ("sigmoid", 1.0)])
def test_saturated_masks_stay_finite_and_so_do_their_gradients(form, bound):
    told = torch.tensor([bound, 2 * bound, -5 * bound, bound / 2], requires_grad=True)
    masks = published.expand_mask(told, form)
    np.testing.assert_allclose(
        masks.detach().numpy(), crm.expand_mask(told.detach().numpy(), form), rtol=1e-4, atol=1e-4
    )
    assert masks[0] == masks[1] > 100 and masks[2] < -100
    masks.sum().backward()
    assert torch.isfinite(told.grad).all()
