"""Recipe voicefilter: the published sizes, training both ways round, export, and the bundle that comes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")

from dataclasses import asdict, replace  # noqa: E402

from speechlike import hiss, talk  # noqa: E402
from toycorpus import speech_rows  # noqa: E402
from winnow.cli import run  # noqa: E402
from winnow.data.items import write_items  # noqa: E402
from winnow.dsp.published import Stft  # noqa: E402
from winnow.engine.bodies import separated  # noqa: E402
from winnow.errors import BadInput, BadOption  # noqa: E402
from winnow.models.bundle import load_bundle  # noqa: E402
from winnow.models.voicefilter import MASKS  # noqa: E402
from winnow.train.encoders import Vectors, open_encoder  # noqa: E402
from winnow.train.export import write_bundle  # noqa: E402
from winnow.train.networks.voicefilter import VoiceFilter, VoiceFilterConfig  # noqa: E402
from winnow.train.recipes.voicefilter import VoiceFilterRecipe, VoiceFilterRunConfig  # noqa: E402
from winnow.train.spectra import padded_istft, padded_stft  # noqa: E402


class Told:
    """An encoder of two numbers, who counts its calls."""

    size, identity, alike = 2, "told-1", 0.5

    def __init__(self):
        self.calls = 0

    def __call__(self, samples, rate):
        self.calls += 1
        high = float(np.abs(np.diff(samples)).mean() > np.abs(samples).mean())
        return np.array([high, 1 - high], np.float32)


def tiny(**changes):
    return VoiceFilterRecipe(replace(VoiceFilterRunConfig.tiny(), **changes), Told())


def batch(seed=0, count=4, time=4000):
    """A buzz and noise, the one or the other wanted, `(N, time)`, `(N, 2, time)`, `(N, time)`."""
    rng = np.random.default_rng(seed)
    sounds = [(talk(0.5, k, 8000)[0], hiss(0.5, k, 0.1, 8000)[0]) for k in range(count)]
    order = [pair if rng.random() < 0.5 else pair[::-1] for pair in sounds]
    stems = torch.from_numpy(np.stack([np.stack(pair) for pair in order]))
    return stems.sum(1), stems, stems[:, 0]


def test_the_published_sizes():
    assert sum(p.numel() for p in VoiceFilter(VoiceFilterConfig()).parameters()) == 18_876_001
    both = VoiceFilter(VoiceFilterConfig())
    assert sum(p.numel() for p in both.lstm.parameters()) == 17_491_200
    one = VoiceFilter(VoiceFilterConfig(bidirectional=False))
    assert sum(p.numel() for p in one.parameters()) == 9_890_401
    with torch.no_grad():
        mask = both.eval()(torch.rand(2, 5, 601), torch.randn(2, 256))
    assert mask.shape == (2, 5, 601) and mask.min() > 0 and mask.max() < 1


def test_the_presets():
    paper, corrected, shipped = (getattr(VoiceFilterRunConfig, name)() for name in ("paper", "corrected", "shipped"))
    assert (paper.masks, paper.level, paper.span, paper.learning_rate, paper.batch_size) == ("level", 20, 100, 1e-3, 8)
    assert paper.mix.seconds == 3 and paper.network == corrected.network == VoiceFilterConfig()
    assert corrected.masks == shipped.masks == "magnitude" and corrected.power == 0.3
    assert 1 + paper.mix.samples // paper.hop == 301


def test_only_the_one_directional_network_does_not_see_what_is_to_come():
    torch.manual_seed(0)
    for both in (False, True):
        # of the convolutions, kernels along time see the future too; without dilation and on one frame's width they reach 5 frames
        network = VoiceFilter(VoiceFilterConfig(9, 2, 4, 2, (1,), 1, 8, 8, both)).eval()
        x = torch.rand(1, 40, 9)
        later = x.clone()
        later[:, 30:] = 0
        with torch.no_grad():
            first, second = (network(each, torch.ones(1, 2))[:, :24] for each in (x, later))
        assert torch.equal(first, second) is not both


def test_the_transform_of_training_is_that_of_running():
    sound = talk(0.5)
    for fft, window, hop in ((1200, 400, 160), (512, 512, 256)):
        theirs = padded_stft(torch.from_numpy(sound), fft, window, hop)
        np.testing.assert_allclose(theirs.numpy(), Stft(fft, hop, window).forward(sound), atol=1e-4)
        back = padded_istft(theirs, fft, window, hop, sound.shape[1])
        np.testing.assert_allclose(back.numpy(), sound, atol=1e-5)


def test_the_published_loss_is_the_mean_squared_error_of_clipped_decibels():
    recipe = tiny(masks="level", level=20.0)
    mixture, stems, clip = batch()
    mask = lambda heard, voice: torch.full_like(heard, 0.9)  # noqa: E731
    found = float(recipe.loss(mask, mixture, stems, clip).total)
    sizes = (np.abs(Stft(128, 64, 128).forward(x.numpy())) for x in (mixture, stems[:, 0]))
    heard, wanted = (np.clip((20 * np.log10(np.maximum(1e-5, size)) - 20) / 100, -1, 0) + 1 for size in sizes)
    assert found == pytest.approx(np.mean((0.9 * heard - wanted) ** 2), rel=1e-3)


@pytest.mark.parametrize("masks", ["magnitude", "level"])
def test_the_mask_that_keeps_what_is_wanted_costs_least(masks):
    recipe = tiny(masks=masks)
    _, stems, clip = batch()
    voice = stems[:, 0]
    alone = torch.stack([voice, torch.zeros_like(voice)], 1)
    losses = [
        float(recipe.loss(lambda heard, _, m=mask: torch.full_like(heard, m), voice, alone, clip).total)
        for mask in (0.5, 0.9, 1.0)
    ]
    assert losses[0] > losses[1] > losses[2]


def test_reverse_wants_the_rest():
    mixture, stems, clip = batch()
    keep = lambda heard, voice: torch.ones_like(heard)  # noqa: E731
    plain, turned = (tiny(reverse=way).loss(keep, mixture, stems, clip).target for way in (False, True))
    torch.testing.assert_close(plain, stems[:, 0])
    torch.testing.assert_close(turned, stems[:, 1])


def test_a_reverse_run_may_begin_with_what_the_other_one_leaves():
    plain, turned = tiny(), tiny(reverse=True)
    network, other = plain.network().eval(), turned.network().eval()
    other.load_state_dict(turned.adopted(plain, network))
    x, voice = torch.rand(2, 9, 65), torch.eye(2)
    with torch.no_grad():
        torch.testing.assert_close(network(x, voice) + other(x, voice), torch.ones_like(x))
    assert plain.adopted(plain, network) is None
    assert tiny(reverse=True, masks="level").adopted(tiny(masks="level"), network) is None


@pytest.mark.parametrize("changes", [{}, {"reverse": True}, {"masks": "level"}], ids=str)
def test_training_learns_whom_it_is_told(changes):
    torch.manual_seed(0)
    recipe = tiny(**changes)
    network = recipe.network()
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    seen = []
    for step in range(40):
        loss = recipe.loss(network, *batch(step % 8)).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seen.append(float(loss.detach()))
    assert np.mean(seen[-8:]) < 0.8 * np.mean(seen[:8])
    mixture, stems, clip = batch(99)
    network.eval()
    with torch.no_grad():
        right, wrong = (recipe.loss(network, mixture, stems, each).total for each in (clip, stems[:, 1]))
    assert right < wrong  # the vector decides which of the two comes out


def test_a_clip_that_comes_again_is_not_heard_again():
    encoder = Told()
    vectors = Vectors(encoder=encoder, most=3)
    clips = np.random.default_rng(0).normal(size=(3, 100)).astype(np.float32)
    first = vectors(clips, 8000)
    assert encoder.calls == 3
    np.testing.assert_array_equal(vectors(clips[::-1], 8000), first[::-1])
    assert encoder.calls == 3
    vectors(np.ones((1, 100), np.float32), 8000)
    vectors(clips, 8000)
    assert encoder.calls > 4  # no more than three are kept


def test_the_size_of_the_vector_and_whose_it_is_are_part_of_a_run():
    recipe = tiny()
    assert (recipe.config.network.voice, recipe.config.identity) == (2, "told-1")
    other = Told()
    other.identity = "other-2"
    with pytest.raises(BadInput, match="told-1, not of other-2"):
        VoiceFilterRecipe(recipe.config, other).loss(recipe.network(), *batch())


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Untrained ones by (masks, reverse)."""
    made = {}
    for masks in ("magnitude", "level"):
        for reverse in (False, True):
            torch.manual_seed(1)
            recipe = tiny(masks=masks, reverse=reverse)
            network = recipe.network().eval()
            folder = tmp_path_factory.mktemp("bundle")
            write_bundle(folder, network, recipe.manifest("v", network))
            made[masks, reverse] = load_bundle(folder), network
    return made


def test_exported_at_any_length(bundles):
    bundle, network = bundles["magnitude", False]
    assert bundle.check().ok and len(bundle.check().differences) >= 3
    for frames in (1, 2, 17, 300):
        x, voice = torch.rand(1, frames, 65), torch.tensor([[0.6, 0.8]])
        with torch.no_grad():
            wanted = network(x, voice).numpy()
        np.testing.assert_allclose(bundle.runner().raw(x.numpy(), {"voice": voice.numpy()}), wanted, atol=1e-5)


def test_a_bundle_makes_its_separator(bundles):
    mix = (talk(2.3, 1, 8000) + hiss(2.3, 2, 0.05, 8000)).astype(np.float32)
    voice = {"voice": np.array([0.6, 0.8], np.float32)}
    for (masks, reverse), (bundle, _) in bundles.items():
        assert bundle.windowed and bundle.manifest.cues[0].source == "told-1"
        assert bundle.manifest.stems == (("rest", "voice") if reverse else ("voice", "rest"))
        assert bundle.manifest.settings.output == {"magnitude": "mask", "level": "level"}[masks]
        for mask in (None, *MASKS):
            separator = bundle.separator(voice, mask=mask)
            out = separated(separator, mix, 8000)
            assert out.shape == (1, *mix.shape) and np.isfinite(out).all()
            assert (separator.stems == bundle.manifest.stems[:1]) is (mask in (None, "org"))


def test_another_voice_gives_another_mask(bundles):
    bundle, _ = bundles["magnitude", False]
    mix = hiss(1.0, 2, 0.05, 8000)
    first, second = (bundle.separator({"voice": np.array(v, np.float32)})(mix, 8000) for v in ((1, 0), (0, 1)))
    assert np.abs(first - second).max() > 1e-6


@pytest.mark.parametrize(
    ("cues", "words"),
    [({}, "needs to be told the voice"), ({"voice": np.ones(3, np.float32)}, "2 numbers, this one has 3")],
)
def test_a_voice_that_is_missing_or_of_another_encoder_is_refused(bundles, cues, words):
    with pytest.raises(BadOption, match=words):
        bundles["magnitude", False][0].separator(cues)


def test_masks_are_for_voicefilters_only():
    from winnow.models import catalog

    with pytest.raises(BadOption, match="one way to mask"):
        catalog.find("unet-8k").separator(mask="org")


def test_trained_from_the_command_line_and_exported(tmp_path, capsys):
    write_items(speech_rows(tmp_path / "speech"), tmp_path / "speech.jsonl")
    words = ["train", "voicefilter", "--reverse", "--preset", "tiny", "--speech", str(tmp_path / "speech.jsonl")]
    words += ["--valid-speech", str(tmp_path / "speech.jsonl"), "--steps", "2", "--device", "cpu", "--track", "none"]
    assert run([*words, "--run", str(tmp_path / "run")]) == 0
    described = json.loads((tmp_path / "run" / "config.json").read_text())
    assert described["config"]["reverse"] is True and described["config"]["identity"]
    assert run([*words, "--steps", "3", "--run", str(tmp_path / "run"), "--resume"]) == 0
    assert run(["export", str(tmp_path / "run"), "-o", str(tmp_path / "bundle")]) == 0
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.manifest.stems == ("rest", "voice") and bundle.check().ok
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("masks=colour", "no masks named"),
        ("network.bins=7", "set network.bins"),
        ("mix.target=talkers", "mix.target is voice"),
        ("network.lstm=0", "whole numbers from 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, capsys, setting, words):
    code = run(["train", "voicefilter", "--speech", "no.jsonl", "--set", setting, "--run", str(tmp_path / "run")])
    assert code == 2 and words in capsys.readouterr().err


def test_a_figure_of_every_mode(bundles):
    pytest.importorskip("matplotlib", reason="draws: pip install winnow-audio[demo]")
    from winnow.audio import Audio
    from winnow.evaluation.modes import figure, results

    voice, mixture = np.array([0.6, 0.8], np.float32), Audio(np.repeat(talk(0.8), 2, axis=0), 16000)
    found = results(bundles["magnitude", True][0], voice, mixture)
    assert list(found) == [
        "corrected: rest",
        "corrected: voice",
        "org: rest",
        "inv_div 0.7: voice",
        "inv_sub 0.7: voice",
    ]
    heard = mixture.resampled(8000).samples[0]
    np.testing.assert_allclose(found["corrected: rest"] + found["corrected: voice"], heard, atol=1e-6)
    drawn = figure(bundles["magnitude", False][0], voice, mixture, {"voice": mixture})
    assert drawn.startswith(b"\x89PNG") and len(drawn) > 5000


def test_an_encoder_is_a_bundle(tmp_path):
    """A run is refused: export writes the bundle's name into the graph, so its hash is known only then."""
    from safetensors.torch import save_file

    from winnow.train.export import export_run
    from winnow.train.recipes.speaker import SpeakerConfig, SpeakerRecipe

    recipe = SpeakerRecipe(SpeakerConfig.tiny())
    run_folder = tmp_path / "my encoder"
    run_folder.mkdir()
    save_file(recipe.network().state_dict(), run_folder / "weights.safetensors")
    (run_folder / "config.json").write_text(json.dumps({"recipe": "speaker", "config": asdict(recipe.config)}))
    export_run(run_folder, tmp_path / "exported")
    with pytest.raises(BadOption, match="a run, not a bundle"):
        open_encoder(str(run_folder))
    made = VoiceFilterRecipe(replace(VoiceFilterRunConfig.tiny(), encoder=str(tmp_path / "exported")))
    assert (made.config.network.voice, made.config.identity) == (16, open_encoder(made.config.encoder).identity)
    away = replace(made.config, encoder=str(tmp_path / "no" / "such"))
    assert (
        VoiceFilterRecipe(away).manifest("v", made.network()).cues[0].source == made.config.identity
    )  # export needs none


@pytest.mark.parametrize(
    ("name", "words"), [("unet-8k", "no encoder of voices"), ("no/such", "no such bundle"), ("spkr", "no model named")]
)
def test_what_is_no_encoder_is_refused(name, words):
    with pytest.raises(BadInput, match=words):
        open_encoder(name)


def test_a_network_is_told_what_the_network_makes_of_a_voice():
    """Not what it makes together with cepstra and pitch: the bundles that ship were trained with it alone."""
    from winnow.models import catalog

    for name in ("voice-16k", "voicefilter"):
        cue = catalog.find(name).manifest.cues[0]
        assert (cue.source, cue.size) == (open_encoder("").identity, open_encoder("").size)
