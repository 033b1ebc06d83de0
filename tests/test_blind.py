"""Blind separation: instantaneous mixtures, rooms, sums, order over windows, refusals."""

from itertools import pairwise

import numpy as np
import pytest

from winnow.engine.bodies import WindowBody, separated
from winnow.errors import BadInput, BadOption, MissingExtra, NotSeparable
from winnow.metrics.sdr import si_sdr
from winnow.models.blind import NAMES, Blind, order, rank
from winnow.models.blind.ica import fast_ica
from winnow.models.blind.iva import iva
from winnow.models.separator import cross_fade

RATE = 8000


def talkers(count, seconds, seed=0):
    """Bursts of noise with pauses, each burst of another colour, `(count, time)`."""
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE)
    out = np.zeros((count, length))
    for signal in out:
        start = 0
        while start < length:
            size = int(rng.integers(RATE // 10, RATE // 3))
            part = signal[start : start + size]
            colour = rng.standard_normal(6)
            part += (rng.uniform(0.3, 1) * np.convolve(rng.standard_normal(size), colour, "same") * np.hanning(size))[
                : len(part)
            ]
            start += size + int(rng.integers(0, RATE // 4))
    return 0.1 * out / out.std(axis=1, keepdims=True)


def improvements(wanted, stems, mix):
    """Best over the arrangements: mean SI-SDR improvement in dB at the first channel; wanted `(sources, channels, time)`."""
    places = order(wanted.astype(np.float32), stems)
    return [si_sdr(w[0], stems[j][0]) - si_sdr(w[0], mix[0]) for w, j in zip(wanted, places, strict=True)]


def instantaneous(seconds=4.0, matrix=((1.0, 0.6), (0.5, 1.0)), seed=0):
    """Images `(sources, channels, time)` and their sum."""
    matrix = np.array(matrix)
    signals = talkers(matrix.shape[1], seconds, seed)
    images = matrix.T[:, :, None] * signals[:, None, :]
    return images, images.sum(axis=0).astype(np.float32)


def in_room(t60=0.2, seconds=5.0, channels=2, sources=2):
    """Images of talkers in a simulated room, `(sources, channels, time)`, and their sum."""
    pra = pytest.importorskip("pyroomacoustics", reason="simulates the room")
    size = [5, 4, 2.8]
    absorption, reflections = pra.inverse_sabine(t60, size)
    room = pra.ShoeBox(size, fs=RATE, materials=pra.Material(absorption), max_order=min(reflections, 17))
    room.add_microphone_array(np.array([[2.4 + 0.1 * k, 2.1, 1.5] for k in range(channels)]).T)
    for angle, signal in zip(np.linspace(0.5, 2.6, sources), talkers(sources, seconds), strict=True):
        room.add_source([2.45 + 1.2 * np.cos(angle), 2.1 + 1.2 * np.sin(angle), 1.5], signal=signal)
    images = room.simulate(return_premix=True)[:, :, : round(seconds * RATE)]
    return images, images.sum(axis=0).astype(np.float32)


def test_ica_separates_an_instantaneous_mixture():
    images, mix = instantaneous()
    stems = Blind("ica", 2)(mix, RATE)
    assert min(improvements(images, stems, mix)) > 15


def test_ica_agrees_with_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition", reason="an independent FastICA")
    _, mix = instantaneous(1.0, ((1, 0.6, 0.2), (0.5, 1, -0.4), (0.3, -0.7, 1)))
    signals = mix.astype(float) - mix.mean(axis=1, keepdims=True)
    ours = fast_ica(signals, 3) @ signals
    theirs = decomposition.FastICA(3, whiten="unit-variance", tol=1e-7, max_iter=500, random_state=0).fit_transform(
        signals.T
    )
    likeness = np.abs(np.corrcoef(ours, theirs.T)[:3, 3:])
    assert np.allclose(likeness.max(axis=1), 1, atol=1e-5)


def test_the_published_ica_did_nothing():
    """One microphone and a channel of random numbers: what comes out is the microphone and the random numbers."""
    mono = talkers(2, 4.0).sum(axis=0)
    dummy = np.random.default_rng(0).random(len(mono))
    signals = np.stack([mono, dummy])
    signals -= signals.mean(axis=1, keepdims=True)
    found = fast_ica(signals, 2) @ signals
    likeness = np.abs(np.corrcoef(found, signals)[:2, 2:])
    assert likeness.max(axis=0) == pytest.approx([1, 1], abs=1e-3)


@pytest.mark.parametrize(("method", "least"), [("auxiva", 8), ("ilrma", 8), ("fastmnmf", 8)])
def test_rooms_are_separated(method, least):
    images, mix = in_room()
    stems = Blind(method, 2)(mix, RATE)
    assert np.abs(stems.sum(axis=0) - mix).max() < 1e-6
    assert np.mean(improvements(images, stems, mix)) > least
    across = [si_sdr(image[1], stem[1]) for image, stem in zip(images, stems[list(order(images, stems))], strict=True)]
    assert min(across) > 5  # the image at the other microphone is right too, in scale and in sign
    gains = [np.vdot(i, s) / np.vdot(i, i) for i, s in zip(images, stems[list(order(images, stems))], strict=True)]
    assert np.allclose(gains, 1, atol=0.2)


@pytest.mark.parametrize("method", ["ilrma", "fastmnmf"])
def test_more_microphones_than_sources(method):
    """Reduced to as many components as sources, and back to every microphone in the right scale."""
    images, mix = in_room(channels=4)
    stems = Blind(method, 4, 2)(mix, RATE)
    assert stems.shape == (3, *mix.shape) and np.abs(stems.sum(axis=0) - mix).max() < 1e-6
    assert np.mean(improvements(images, stems[:2], mix)) > 5
    placed = stems[list(order(images, stems[:2]))]
    across = [si_sdr(image[3], stem[3]) for image, stem in zip(images, placed, strict=True)]
    assert min(across) > 3


def test_the_same_again_and_global_random_numbers_untouched():
    pytest.importorskip("pyroomacoustics", reason="separates the room")
    mix = instantaneous(2.0)[1]
    np.random.seed(5)
    state = np.random.get_state()[1].copy()
    first = Blind("ilrma", 2)(mix, RATE)
    assert np.array_equal(np.random.get_state()[1], state)
    np.random.seed(6)
    assert np.array_equal(Blind("ilrma", 2)(mix, RATE), first)


@pytest.mark.parametrize("method", NAMES)
def test_fewer_sources_than_channels_leave_a_rest(method):
    if method != "ica":
        pytest.importorskip("pyroomacoustics", reason="separates the room")
    images, _ = instantaneous(3.0, ((1, 0.6), (0.5, 1), (0.9, -0.4)))
    noise = 1e-3 * np.random.default_rng(1).standard_normal(images.shape[1:])
    mix = (images.sum(axis=0) + noise).astype(np.float32)
    separator = Blind(method, 3, 2)
    stems = separator(mix, RATE)
    assert separator.stems == ("source1", "source2", "rest") and stems.shape == (3, *mix.shape)
    assert np.abs(stems.sum(axis=0) - mix).max() < 1e-6
    assert np.mean(improvements(images, stems[:2], mix)) > 12
    assert np.mean(stems[2] ** 2) < 0.05 * np.mean(mix**2)


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("samples", [1, 50, 3000])
def test_any_length_adds_up(method, samples):
    mix = np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)
    given = mix.copy()
    stems = Blind(method, 2)(mix, RATE)
    assert stems.shape == (2, 2, samples) and np.abs(stems.sum(axis=0) - mix).max() < 1e-5
    assert np.array_equal(mix, given)


def test_bins_without_rank_do_no_harm():
    """A codec that makes the upper band one channel, and nothing at all above 3 kHz."""
    pytest.importorskip("pyroomacoustics", reason="separates the room")
    mix = instantaneous(2.0)[1]
    spectrum = np.fft.rfft(mix)
    middle, top = spectrum.shape[1] // 2, spectrum.shape[1] * 3 // 4
    spectrum[1, middle:] = 0.7 * spectrum[0, middle:]
    spectrum[:, top:] = 0
    mix = np.fft.irfft(spectrum, mix.shape[1]).astype(np.float32)
    for method in ("auxiva", "ilrma", "fastmnmf"):
        stems = Blind(method, 2)(mix, RATE)
        assert np.isfinite(stems).all() and np.abs(stems.sum(axis=0) - mix).max() < 1e-6
        assert np.abs(stems).max() < 3 * np.abs(mix).max()


def test_refusals_name_the_reason_and_the_way_out():
    mono = talkers(1, 1.0).astype(np.float32)
    with pytest.raises(BadInput, match=r"one channel.*--method network"):
        Blind("ica", 1)
    with pytest.raises(BadInput, match=r"3 sources.*2 channels.*at most 2"):
        Blind("ica", 2, 3)
    with pytest.raises(BadInput, match=r"at least two"):
        Blind("ica", 2, 1)
    with pytest.raises(BadOption, match=r"no blind method.*auxiva"):
        Blind("pca", 2)
    for other in (mono, 0.3 * mono, -mono, 0 * mono, np.round(mono * 2**15) / 2**15):
        with pytest.raises(NotSeparable, match=r"copies of each other.*--method network"):
            Blind("auxiva", 2)(np.concatenate([mono, other]).astype(np.float32), RATE)
    three = np.concatenate([instantaneous(1.0)[1], instantaneous(1.0)[1][:1]])
    with pytest.raises(NotSeparable, match=r"only 2 independent.*2 sources"):
        Blind("ica", 3)(three, RATE)
    assert len(Blind("ica", 3, 2)(three, RATE)) == 3


def test_a_weak_microphone_is_no_copy():
    mix = instantaneous(1.0)[1]
    mix[1] *= 1e-3
    assert rank.independent(mix) == 2
    assert rank.independent(np.zeros((2, 100), np.float32)) == 0


def test_a_missing_package_is_named_and_auxiva_needs_none(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyroomacoustics", None)
    mix = instantaneous(2.0)[1]
    for method in ("ilrma", "fastmnmf"):
        with pytest.raises(MissingExtra, match=r"winnow-audio\[array\]"):
            Blind(method, 2)(mix, RATE)
    assert np.abs(Blind("auxiva", 2)(mix, RATE).sum(axis=0) - mix).max() < 1e-6


@pytest.mark.parametrize("count", [2, 5, 8])
def test_order_finds_the_arrangement(count):
    rng = np.random.default_rng(count)
    before = rng.standard_normal((count, 2, 400)).astype(np.float32)
    places = rng.permutation(count)
    after = before + 0.3 * rng.standard_normal(before.shape).astype(np.float32)
    after = after[np.argsort(places)]
    assert order(before, after) == tuple(places)


def test_order_is_right_where_a_source_is_silent():
    """Only leakage in the one stem, which looks like the other source: a correlation coefficient would not tell them apart."""
    loud = talkers(1, 1.0).astype(np.float32)
    before = np.stack([loud, 0.05 * loud])
    after = np.stack([0.08 * loud, 0.97 * loud])
    assert order(before, after) == (1, 0)


class Swapping:
    """Tells the left channel from the right one, in another order in every window."""

    stems, rate, window, overlap, ordered = ("a", "b"), None, 1.0, 0.25, False

    def __init__(self):
        self.calls = 0

    def __call__(self, mix, rate):
        self.calls += 1
        parts = np.stack([np.stack([mix[0], 0 * mix[0]]), np.stack([0 * mix[1], mix[1]])])
        return parts[:: 1 if self.calls % 2 else -1]


def test_sources_keep_their_places_over_windows():
    mix = talkers(2, 6.3).astype(np.float32)
    separator = Swapping()
    stems = separated(separator, mix, RATE)
    assert separator.calls == 9
    assert np.abs(stems[0, 0] - mix[0]).max() < 1e-6 and np.abs(stems[1, 1] - mix[1]).max() < 1e-6


def test_ica_over_windows_is_as_good_as_in_one_and_adds_up():
    images, mix = instantaneous(12.0)
    separator = Blind("ica", 2)
    separator.window, separator.overlap = 3.0, 1.0
    stems = separated(separator, mix, RATE)
    assert np.abs(stems.sum(axis=0) - mix).max() < 1e-6
    assert min(improvements(images, stems, mix)) > 15


def test_a_stretch_of_copies_inside_a_recording_is_passed_on():
    _, mix = instantaneous(9.0)
    mix[1, 3 * RATE : 7 * RATE] = mix[0, 3 * RATE : 7 * RATE]
    separator = Blind("ica", 2)
    separator.window, separator.overlap = 2.0, 0.5
    stems = separated(separator, mix, RATE)
    assert np.abs(stems.sum(axis=0) - mix).max() < 1e-6
    with pytest.raises(NotSeparable):
        separated(separator, mix[:, 3 * RATE : 7 * RATE], RATE)


@pytest.mark.parametrize("length", [1, 99, 100, 101, 180, 181, 1000])
def test_windows_cover_everything_and_overlap(length):
    seen = []

    class Spy(Swapping):
        window, overlap = 1.0, 0.2

        def __call__(self, mix, rate):
            seen.append(mix[0])
            return super().__call__(mix, rate)

    mix = np.stack([np.arange(length), np.arange(length)]).astype(np.float32)
    assert separated(Spy(), mix, 100).shape == (2, 2, length)
    assert all(part.size == 100 for part in seen[:-1])
    assert seen[0][0] == 0 and seen[-1][-1] == length - 1
    assert all(before[80] == after[0] and after.size > 20 for before, after in pairwise(seen))


def test_a_cross_fade_of_equals_changes_nothing():
    x = np.random.default_rng(0).standard_normal((2, 50)).astype(np.float32)
    assert np.abs(cross_fade(x, x) - x).max() < 1e-6


@pytest.mark.parametrize(("channels", "sources"), [(2, 2), (4, 4), (4, 2), (3, 2)])
def test_our_vector_analysis_agrees_with_pyroomacoustics(channels, sources):
    """Filters after 15 steps, with bins of three blocks, to 1e-8 of their size."""
    bss = pytest.importorskip("pyroomacoustics", reason="an independent AuxIVA").bss
    rng = np.random.default_rng(channels)
    sound = rng.laplace(size=(60, 140, channels)) + 1j * rng.laplace(size=(60, 140, channels))
    mix = sound @ (np.eye(channels) + 0.4 * rng.standard_normal((channels, channels)))
    shares = []
    ours = iva(mix, sources, 15, shares.append)
    theirs = bss.auxiva(mix, n_src=sources, n_iter=15, proj_back=False, return_filters=True)[1]
    assert np.abs(ours - theirs).max() < 1e-8 * np.abs(theirs).max()
    assert shares == pytest.approx([(k + 1) / 15 for k in range(15)])


@pytest.mark.parametrize("method", ["auxiva", "ilrma", "fastmnmf"])
def test_progress_within_a_window(method):
    """Shares that rise from nearly nothing to nearly all, several to a window."""
    if method != "auxiva":
        pytest.importorskip("pyroomacoustics", reason="separates the room")
    separator, shares = Blind(method, 2), []
    separator.tell = shares.append
    separator(instantaneous(2.0)[1], RATE)
    assert len(shares) > 5 and shares == sorted(shares) and shares[0] < 0.1 and 0.7 < shares[-1] <= 1


class Slow:
    """Passes everything on, and tells when half of it is done and when all is."""

    stems, rate, window, overlap, ordered = ("a",), None, 1.0, 0.25, True

    def __init__(self):
        self.tell = None

    def __call__(self, mix, rate):
        self.tell(0.5)
        self.tell(1.0)
        return mix[None]


@pytest.mark.parametrize("linked", [True, False])
def test_progress_over_windows_is_in_seconds_and_never_goes_back(linked):
    told = []
    body = WindowBody(Slow(), 2, 100, linked, 0.0)
    body.watch(told.append)
    body.feed(np.ones((2, 240), np.float32))
    body.flush()
    ends = [0, 0.75, 1.5, 2.4]  # of the three windows, less what overlaps
    steps = [0.5, 1.0] if linked else [0.25, 0.5, 0.75, 1.0]
    assert told == pytest.approx([start + step * (end - start) for start, end in pairwise(ends) for step in steps])
