"""Recipe `voice`: one voice and the rest, told by a vector and a clip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from winnow.dsp.published import Stft
from winnow.errors import BadInput
from winnow.models.bundle import load_bundle
from winnow.models.complexmask import ComplexRunner

torch = pytest.importorskip("torch", reason="training needs torch: the extra train")
pytest.importorskip("accelerate", reason="training needs accelerate: the extra train")

from winnow.train.export import write_bundle  # noqa: E402
from winnow.train.networks.bandsplit import BandSplitConfig, grown  # noqa: E402
from winnow.train.recipes.talkers import TalkersConfig, TalkersRecipe  # noqa: E402
from winnow.train.recipes.voice import Chosen, VoiceConfig, VoiceRecipe, microphone  # noqa: E402


class Pitch:
    """A stand-in for an encoder: the strongest frequency of a clip as one of four directions."""

    size, identity = 4, "pitch-1"

    def __call__(self, samples, rate):
        place = np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)
        return np.eye(4, dtype=np.float32)[min(3, int(place // 250))]


def tones(hertz, count, seconds=0.5, rate=16000):
    time = np.arange(round(seconds * rate)) / rate
    phases = np.random.default_rng(0).uniform(0, 6, (count, 1))
    return torch.from_numpy(np.sin(2 * np.pi * np.asarray(hertz)[:, None] * time + phases).astype(np.float32) * 0.1)


def batch(wanted, others, absent=()):
    """Mixtures of two tones, the voice and the rest, and clips of the voice."""
    voice, rest = tones(wanted, len(wanted)), tones(others, len(others))
    clips = voice.clone()
    voice[list(absent)] = 0
    return voice + rest, torch.stack([voice, rest], 1), clips


def recipe():
    tiny = VoiceConfig.tiny()
    return VoiceRecipe(replace(tiny, network=replace(tiny.network, counts=(64,), sizes=(4,))), Pitch())


def test_masks_of_both_add_up_to_one():
    torch.manual_seed(0)
    config = BandSplitConfig(counts=(4,), sizes=(8,), width=8, hidden=4, blocks=1, voice=4)
    network = Chosen(config)
    spectrum, voice = torch.randn(1, 6, 32, 2), torch.eye(4)[:1]
    raw = network.network(spectrum, voice)
    mask = network(spectrum, voice)
    swapped = 0.5 * (torch.tensor([1.0, 0.0]) + raw[:, 1:] - raw[:, :1])
    torch.testing.assert_close(mask + swapped, torch.tensor([1.0, 0.0]).expand_as(mask))


def test_learns_which_voice_is_wanted():
    """Two tones, either of which may be asked for, and one that is not there: told apart by the vector alone."""
    torch.manual_seed(0)
    made = recipe()
    network = made.network()
    examples = batch([300, 600, 300, 600], [600, 300, 600, 300], absent=[2])
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    first = made.loss(network, *examples)
    for _ in range(60):
        loss = made.loss(network, *examples)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    assert loss.parts["error"].item() < -10 < first.parts["error"].item()
    power = loss.estimate[:, 0].square().mean(-1)
    assert (10 * torch.log10(power[2] / power[0])).item() < -10


class Deaf:
    """An encoder to which all voices are one."""

    size, identity = 4, "deaf-1"

    def __call__(self, samples, rate):
        return np.eye(4, dtype=np.float32)[0]


def test_learns_from_the_clip_which_voice_is_wanted():
    """One mixture, either of whose tones may be asked for, and vectors that say nothing; without a clip it stays unknown which."""
    torch.manual_seed(0)
    made = VoiceRecipe(replace(recipe().config, identity="", blank=0.0, microphone=0.0), Deaf())
    network = made.network()
    both = tones([300, 600], 2)
    examples = both.sum(0).expand(2, -1), torch.stack([both, both.flip(0)], 1), both
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(200):
        loss = made.loss(network, *examples)
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    silent = VoiceRecipe(replace(made.config, blank=1.0), Deaf())
    with torch.no_grad():
        unknown = silent.loss(network, *examples)
    assert loss.parts["error"].item() < -10
    assert unknown.parts["error"].item() > loss.parts["error"].item() + 5


def test_a_share_of_the_references_is_a_vector_alone_and_each_mixture_decides_for_itself():
    made = VoiceRecipe(replace(recipe().config, blank=0.3, microphone=0.6), Pitch())
    rng = np.random.default_rng(0)
    mixtures, clips = (rng.standard_normal((600, size)).astype(np.float32) for size in (400, 8000))
    heard, blank = made._references(mixtures, clips)
    other = np.abs(heard - clips).max(axis=1) > 0
    assert 0.25 < blank.mean() < 0.35
    assert 0.55 < other.mean() < 0.65
    again, turned = made._references(mixtures[::-1], clips[::-1])
    np.testing.assert_array_equal(turned, blank[::-1])
    np.testing.assert_array_equal(again, heard[::-1])
    silent = made._clips(heard, blank).abs().amax((1, 2, 3)) == 0
    np.testing.assert_array_equal(silent.numpy(), blank)


def test_a_network_may_be_told_the_vector_alone():
    known = recipe().config
    made = VoiceRecipe(replace(known, network=replace(known.network, clip=False)), Pitch())
    network = made.network()
    assert [cue.name for cue in made.manifest("voice", network).cues] == ["voice"]
    assert torch.isfinite(made.loss(network, *batch([300], [600])).total)


def test_another_microphone_changes_colour_and_adds_noise():
    tone = tones([440], 1)[0].numpy()
    for seed in range(20):
        heard = microphone(np.random.default_rng(seed), tone)
        scale = heard @ tone / (tone @ tone)
        noise = 10 * np.log10(np.square(heard - scale * tone).mean() / np.square(scale * tone).mean())
        assert 0.3 < scale < 1.7
        assert noise < -12


def test_takes_first_weights_of_a_network_of_talkers():
    made = recipe()
    plain = replace(made.config.network, voice=0, clip=False)
    other = TalkersRecipe(replace(TalkersConfig.tiny(), network=plain))
    network = other.network().eval()
    taken = made.network()
    taken.load_state_dict(made.adopted(other, network))
    spectrum = torch.randn(1, 6, 256, 2)
    with torch.no_grad():
        masks = network(spectrum)
        told = taken.eval()(spectrum, torch.eye(4)[:1])
        clip = torch.randn(1, 4, 256, 2)
        after = taken(spectrum, torch.eye(4)[:1], clip)
        joined = network(torch.cat([clip, spectrum], 1))[:, :, 4:]
    expected = 0.5 * (torch.tensor([1.0, 0.0]) + masks[:, :1] - masks[:, 1:])
    torch.testing.assert_close(told, expected)  # a vector does nothing yet
    torch.testing.assert_close(after, 0.5 * (torch.tensor([1.0, 0.0]) + joined[:, :1] - joined[:, 1:]))
    with torch.no_grad():
        taken.network.mark.normal_()  # from here on the clip is something else than the recording
        assert (taken(spectrum, torch.eye(4)[:1], clip) - after).abs().max() > 1e-3
        torch.testing.assert_close(taken(spectrum, torch.eye(4)[:1]), expected)
    deeper = Chosen(replace(made.config.network, blocks=3))
    deeper.network.load_state_dict(grown(network.state_dict(), deeper.network))
    with torch.no_grad():
        torch.testing.assert_close(deeper.eval()(spectrum, torch.eye(4)[:1]), expected)  # nor does what it has more
    wider = TalkersRecipe(TalkersConfig.tiny())
    assert made.adopted(wider, wider.network()) is None


def test_a_run_keeps_to_its_encoder():
    with pytest.raises(BadInput, match="vectors of pitch-1"):
        VoiceRecipe(recipe().config).vectors(np.zeros((1, 8000), np.float32), 8000)


def test_bundle_follows_its_cue(tmp_path):
    torch.manual_seed(0)
    made = recipe()
    network = made.network().eval()
    with torch.no_grad():
        network.network.film[0].to_scale.weight.normal_()
    folder = tmp_path / "voice"
    folder.mkdir()
    write_bundle(folder, network, made.manifest("voice", network))
    bundle = load_bundle(folder)
    assert bundle.check().ok
    assert bundle.manifest.cues[0].source == "pitch-1"
    mix, high = tones([300], 1).numpy(), tones([600], 1).numpy()[0]
    assert [cue.size for cue in bundle.manifest.cues] == [4, 8000]

    def stem(voice, clip):
        return bundle.separator({"voice": np.eye(4, dtype=np.float32)[voice], "clip": clip})(mix, 16000)

    one, other = stem(0, high), stem(1, high)
    assert one.shape == (1, 1, mix.shape[1])
    assert np.abs(one - other).max() > 1e-4
    assert np.abs(one - stem(0, mix[0])).max() > 1e-4
    np.testing.assert_allclose(one, stem(0, 3 * high), atol=1e-6)  # its level does not matter
    assert np.isfinite(stem(0, 0 * high)).all()


def test_a_clip_is_heard_as_in_training():
    made = recipe()
    network = made.network()
    samples = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 8000)).astype(np.float32))
    settings = made.manifest("voice", network).settings
    runner = ComplexRunner.__new__(ComplexRunner)
    runner.settings, runner.transform = settings, Stft(settings.fft, settings.hop, settings.window, True, True)
    heard = runner.clip(samples[0].numpy())
    trained = made._clips(samples.numpy(), np.zeros(1, bool))[0]
    np.testing.assert_allclose(heard, trained.numpy(), atol=2e-4)
