"""Training: mixtures, losses, the loop, resuming, export. Needs the extra `train`; tiny networks, made-up sounds."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")

from winnow.audio import Audio  # noqa: E402
from winnow.dsp.spectrum import Analysis, Synthesis, Transform, compress  # noqa: E402
from winnow.engine.run import Settings, separate  # noqa: E402
from winnow.errors import BadInput, BadOption, BundleError, OutputError  # noqa: E402
from winnow.media import write  # noqa: E402
from winnow.models.bundle import load_bundle  # noqa: E402
from winnow.train import spectra  # noqa: E402
from winnow.train.bank import bank_of, build_bank  # noqa: E402
from winnow.train.export import export_run, load_run  # noqa: E402
from winnow.train.losses import LossConfig, enhancement_loss, si_sdr  # noqa: E402
from winnow.train.mixing import MixConfig, active_rms, complete_banks, convolve, draw, low_pass, render  # noqa: E402
from winnow.train.networks.bandformer import Bandformer  # noqa: E402
from winnow.train.recipes.denoise import DenoiseConfig, DenoiseRecipe  # noqa: E402
from winnow.train.recipes.speaker import SpeakerConfig  # noqa: E402
from winnow.train.run import Sounds, examples, train  # noqa: E402
from winnow.train.settings import changed, keys, restored  # noqa: E402
from winnow.train.solver import Schedule, Solver  # noqa: E402

HALVES = Transform.halves(512)


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.1


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Folders of speech-like bursts, noise and rooms, 48 kHz."""
    base = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    for kind in ("speech", "noise", "rooms"):
        (base / kind).mkdir()
        for i in range(3):
            samples = rng.normal(0, 0.1, (1, 48000)) * (np.sin(np.arange(48000) / 3000 * (i + 1)) > 0)
            if kind == "rooms":
                samples = samples[:, :9600] * np.exp(-np.arange(9600) / 1500)
            write(base / kind / f"{i}.wav", Audio(samples, 48000))
    (base / "noise" / "no sound.wav").write_text("not a recording")
    return base


@pytest.fixture(scope="module")
def mix():
    return replace(MixConfig(), seconds=0.5, synthetic_count=20, simulated_count=8)


@pytest.fixture(scope="module")
def banks(sounds, mix):
    speech, other = build_bank([str(sounds / "speech")], 16000), build_bank([str(sounds / "noise")], 16000)
    return complete_banks(speech, other, build_bank([str(sounds / "rooms")], 16000), mix, seed=3)


def test_spectra_in_torch_and_numpy_agree():
    samples = noise(2, 4096)
    ours = Analysis(HALVES, 2).feed(np.pad(samples.numpy(), ((0, 0), (0, 256))))
    theirs = spectra.stft(samples, 512, 256).numpy()
    np.testing.assert_allclose(theirs, ours[:, : theirs.shape[1]], atol=1e-4)
    parts = spectra.compress(torch.from_numpy(ours), 0.3)
    np.testing.assert_allclose(parts.numpy(), compress(ours, 0.3), atol=1e-4)
    np.testing.assert_allclose(spectra.expand(parts, 0.3).numpy(), ours, atol=1e-3)
    back = Synthesis(HALVES, 2).feed(ours)[:, 256:]
    np.testing.assert_allclose(spectra.istft(torch.from_numpy(ours), 512, 256, 4096).numpy(), back, atol=1e-5)


def test_crops_are_the_recording_at_the_place_and_speed_drawn():
    ramp = torch.linspace(-1, 1, 1000)[None]
    bank = bank_of(ramp, 16000)
    still = bank.crops(np.array([0]), np.array([0.5]), np.array([1.0]), 500, loop=False)[0]
    torch.testing.assert_close(still, ramp[0, 250:750] * 32000 / 32768, atol=1e-4, rtol=0)
    fast = bank.crops(np.array([0]), np.array([0.0]), np.array([1.5]), 500, loop=True)[0]
    wanted = torch.stack([ramp[0, 0:900:3], (ramp[0, 1:900:3] + ramp[0, 2:900:3]) / 2], 1).flatten()  # at 0, 1.5, 3 ...
    torch.testing.assert_close(fast, wanted[:500] * 32000 / 32768, atol=1e-4, rtol=0)
    short = bank.crops(np.array([0]), np.array([0.5]), np.array([1.0]), 2000, loop=False)[0]
    assert (short[:499] == 0).all()
    assert (short[1501:] == 0).all()  # a short recording stands in silence


def test_the_same_numbers_make_the_same_examples(banks, mix):
    make = examples(banks, mix, 6, seed=5, process=0)
    first, again, other = make(3), make(3), make(4)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert not torch.equal(first[0], examples(banks, mix, 6, seed=5, process=1)(3)[0])


def test_mixtures_have_the_ratio_that_was_drawn(banks, mix):
    plain = replace(mix, room_chance=0, clip_chance=0, codec_chance=0, band_limit_chance=0, silent_chance=0)
    choice = draw(np.random.default_rng(1), 24, plain, banks)
    mixture, target = render(choice, plain, banks)
    ratio = 20 * torch.log10(active_rms(target) / active_rms(mixture - target))[:, 0].numpy()
    np.testing.assert_allclose(ratio, choice.snr, atol=0.5)
    assert mixture.abs().max() <= 1


def test_every_kind_of_damage_gives_finite_sound(banks, mix):
    wild = replace(mix, room_chance=1, clip_chance=1, codec_chance=1, band_limit_chance=1, noise_room_chance=1)
    wild = replace(wild, babble_chance=0.4, talker_chance=0.3, synthetic_chance=0.2, second_noise_chance=1)
    for step in range(3):
        mixture, target = render(draw(np.random.default_rng(step), 8, wild, banks), wild, banks)
        assert mixture.shape == target.shape == (8, 8000)
        assert torch.isfinite(mixture).all()
        assert torch.isfinite(target).all()
    assert "snr" in str(draw(np.random.default_rng(0), 2, wild, banks))


def test_convolution_and_low_pass_against_independent_ones():
    scipy_signal = pytest.importorskip("scipy.signal")
    x, response = noise(2, 3000), noise(2, 700, seed=1)
    wanted = np.stack([scipy_signal.fftconvolve(a, b)[:3000] for a, b in zip(x.numpy(), response.numpy(), strict=True)])
    np.testing.assert_allclose(convolve(x, response).numpy(), wanted, atol=1e-4)
    spectrum = torch.fft.rfft(low_pass(x, np.array([2000, 4000]), 16000)).abs()
    frequency = np.linspace(0, 8000, spectrum.shape[1])
    assert spectrum[0, frequency > 2150].max() < 1e-3
    assert spectrum[1, (frequency > 2200) & (frequency < 3700)].mean() > 1


def test_a_perfect_mask_costs_nothing_and_si_sdr_ignores_scale():
    target = noise(2, 8000)
    mixture = spectra.compress(spectra.stft(target, 512, 256), 0.3)[..., :-1, :]
    mask = torch.stack([torch.ones(mixture.shape[:-1]), torch.zeros(mixture.shape[:-1])], -1)
    _, parts, wave = enhancement_loss(mask, mixture, target, 512, 256, 0.3, LossConfig())
    assert float(parts["complex"]) < 1e-9
    assert float(parts["consistency"]) < 2e-3  # the highest bin is not the network's
    assert float(si_sdr(wave, target).min()) > 25
    assert float(si_sdr(0.1 * target + 0.01 * noise(2, 8000, seed=9), target).mean()) == pytest.approx(20, abs=0.3)


def test_the_network_does_not_look_ahead_and_carries_its_state():
    network = Bandformer(DenoiseConfig.tiny().network).eval()
    x = noise(1, 30, 256, 2)
    with torch.no_grad():
        whole, _ = network(x)
        changed_later = x.clone()
        changed_later[:, 20:] += 1
        assert torch.equal(network(changed_later)[0][:, :20], whole[:, :20])
        first, state = network(x[:, :11])
        second, _ = network(x[:, 11:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, atol=1e-5, rtol=1e-5)


def test_settings_are_changed_by_name_written_and_restored():
    config = changed(DenoiseConfig(), ["batch_size=3", "mix.snr=-5,15", "loss.ratio=1", "network.bands=12"])
    assert (config.batch_size, config.mix.snr, config.loss.ratio, config.network.bands) == (3, (-5, 15), 1.0, 12)
    assert "mix.snr" in keys(config)
    assert restored(DenoiseConfig, json.loads(json.dumps(asdict(config)))) == config
    for wrong in ("batch_size", "colour=1", "batch_size=red", "batch_size=1.5", "mix.colour=1"):
        with pytest.raises(BadOption):
            changed(DenoiseConfig(), [wrong])


def test_settings_that_must_agree_are_changed_together():
    both = changed(SpeakerConfig(), ["features.mels=80", "network.mels=80"])
    assert (both.features.mels, both.network.mels) == (80, 80)
    with pytest.raises(BadOption, match="the same"):
        changed(SpeakerConfig(), ["features.mels=80"])


@pytest.fixture(scope="module")
def runs(sounds, tmp_path_factory):
    """A tiny 16 kHz run, stopped after two steps and resumed for two, and a 48 kHz one on top of it."""
    base = tmp_path_factory.mktemp("runs")
    folders = {name: [str(sounds / name)] for name in ("speech", "noise", "rooms")}
    steps = {"device": "cpu", "seed": 1, "save_every": 100.0}

    def go(run, count, **more):
        return list(
            train(
                "denoise", Sounds(*folders.values()), base / run, Schedule(steps=count, **steps), preset="tiny", **more
            )
        )

    go("low", 2)
    held_out = {"valid": Sounds(folders["speech"], folders["noise"])}
    records = go("low", 4, resume=True, **held_out)
    go("straight", 4)
    go("high", 2, core=base / "low")
    return base, records, go


def test_a_run_is_timed_logged_and_resumed(runs):
    base, records, _ = runs
    assert records[-1]["step"] == 4
    assert "valid_si_sdr_improvement" in records[-1]
    assert list((base / "low" / "tensorboard").iterdir())
    described = json.loads((base / "low" / "config.json").read_text())
    assert described["recipe"] == "denoise"
    assert (base / "low" / "log.jsonl").read_text().count("\n") >= 1


def test_a_resumed_run_goes_on_with_the_examples_that_follow(banks, mix, tmp_path):
    recipe, asked = DenoiseRecipe(replace(DenoiseConfig.tiny(), mix=mix)), []

    def make(step):
        asked.append(step)
        return examples(banks, mix, 2, seed=1, process=0)(step)

    for steps, resume in ((2, False), (4, True)):
        solver = Solver(recipe, tmp_path / "run", Schedule(steps=steps, device="cpu"))
        list(solver.run(make, resume=resume))
    assert asked == [0, 1, 2, 3]


def test_a_run_that_has_had_its_time_says_where_it_stands(runs):
    _, _, go = runs
    assert [record["step"] for record in go("straight", 4, resume=True)] == [4]


def test_runs_are_not_overwritten_and_nothing_is_resumed_from_nothing(runs):
    base, _, go = runs
    with pytest.raises(BadInput, match="holds a run already"):
        go("low", 1)
    with pytest.raises(BadInput, match="nothing to resume"):
        go("new", 1, resume=True)
    with pytest.raises(BadOption, match="no preset"):
        next(train("denoise", Sounds([], []), base / "x", Schedule(), preset="huge"))


@pytest.mark.parametrize(("run", "rate"), [("low", 16000), ("high", 48000)])
def test_export_gives_a_bundle_that_runs(runs, tmp_path, run, rate):
    base, _, _ = runs
    about = tmp_path / "about.json"
    about.write_text(json.dumps({"title": "A try", "corpora": [{"name": "made up", "licence": "CC0", "hours": 0.1}]}))
    manifest = export_run(base / run, tmp_path / "mine", about=about)
    assert (manifest.rate, manifest.name, manifest.title) == (rate, "mine", "A try")
    bundle = load_bundle(tmp_path / "mine")
    assert bundle.check().ok
    assert "made up" in bundle.card
    samples = noise(2, 9000).numpy()
    parts = list(separate([samples], rate, 2, Settings(model=str(tmp_path / "mine"))))
    assert sum(part["speech"].shape[1] for part in parts) == 9000
    (tmp_path / "card.md").write_text("# Written by hand")
    export_run(base / run, tmp_path / "mine", about=about, force=True)
    assert load_bundle(tmp_path / "mine").card == "# Written by hand"
    with pytest.raises(OutputError, match="exists already"):
        export_run(base / run, tmp_path / "mine")
    with pytest.raises(OutputError, match="is no bundle"):
        export_run(base / run, tmp_path, force=True)
    assert {path.name for path in tmp_path.iterdir()} == {"about.json", "card.md", "mine"}


def test_the_48_khz_network_is_the_16_khz_one_below_8_khz(runs):
    base, _, _ = runs
    low, high = load_run(base / "low")[1], load_run(base / "high")[1]
    for name, value in low.state_dict().items():
        torch.testing.assert_close(high.core.state_dict()[name], value)


def test_an_export_that_differs_from_the_network_is_refused(runs, tmp_path, monkeypatch):
    base, _, _ = runs
    import winnow.train.export as module

    real = module.make_probe
    monkeypatch.setattr(
        module, "make_probe", lambda *a: {k: v + 1e-3 if "mask" in k else v for k, v in real(*a).items()}
    )
    with pytest.raises(BundleError, match="differ"):
        export_run(base / "low", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_weights_of_another_network_are_refused(runs, tmp_path):
    base, _, _ = runs
    shutil.copytree(base / "low", tmp_path / "run")
    described = json.loads((tmp_path / "run" / "config.json").read_text())
    described["config"]["network"]["width"] = 12
    (tmp_path / "run" / "config.json").write_text(json.dumps(described))
    with pytest.raises(BadInput, match="do not fit"):
        export_run(tmp_path / "run", tmp_path / "mine")
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(BadInput, match="cannot be read"):
        export_run(tmp_path / "run", tmp_path / "mine")


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no run"):
        export_run(tmp_path, tmp_path / "out")


def test_training_lowers_the_loss():
    recipe = DenoiseRecipe(DenoiseConfig.tiny())
    torch.manual_seed(0)
    network = recipe.network().train()
    target, mixture = noise(2, 8000) * torch.hann_window(8000), noise(2, 8000) * torch.hann_window(8000)
    mixture = mixture + noise(2, 8000, seed=4)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        loss = recipe.loss(network, mixture, target).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_two_processes_train_one_network(sounds, tmp_path):
    """What `accelerate launch` starts, without it: the same command twice, each with its rank; then a second time to resume."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "winnow",
        "train",
        "denoise",
        "--preset",
        "tiny",
        "--device",
        "cpu",
        "--threads",
        "1",
    ]
    command += ["--speech", str(sounds / "speech"), "--noise", str(sounds / "noise"), "--run", str(tmp_path / "run")]
    for more in (["--minutes", "0.01"], ["--minutes", "0.02", "--resume"]):
        common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
        started = [
            subprocess.Popen(
                command + more,
                env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for rank in range(2)
        ]
        said = [process.communicate(timeout=120)[0] for process in started]
        assert [process.returncode for process in started] == [0, 0], said
        assert "done" in said[0]
        assert "done" not in said[1]  # one of them speaks
    progress = torch.load(tmp_path / "run" / "state.pt", weights_only=True)["progress"]
    assert progress["audio"] == pytest.approx(
        progress["step"] * 2 * 2 * 0.5
    )  # both heard two examples of half a second


def test_a_run_may_begin_with_the_weights_of_another(runs):
    base, _, go = runs
    still = ["learning_rate=0.0", "final_rate=0.0", "weight_decay=0.0"]
    go("begun", 1, begin=base / "straight", settings=still)
    (_, before), (_, after) = load_run(base / "straight"), load_run(base / "begun")
    for name, value in before.state_dict().items():
        if "running" not in name and "batches" not in name:  # statistics move without a learning rate
            torch.testing.assert_close(after.state_dict()[name], value, msg=name)
    with pytest.raises(BadInput, match="another one"):
        go("other", 1, begin=base / "straight", settings=["network.width=16"])
