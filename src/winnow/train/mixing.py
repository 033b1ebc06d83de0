"""Training examples for enhancement: drawn first (NumPy, seeded), then applied by pure functions in torch on any device.

`draw` decides everything about a batch, `render` turns the decisions into sound. Shapes: N examples, time in samples.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from winnow.dsp.lengths import fast_length
from winnow.train.bank import Bank, bank_of
from winnow.train.music import synthetic_music
from winnow.train.synthetic import decaying_rooms, smooth_gain, synthetic_noise


@dataclass(frozen=True)
class MixConfig:
    """What examples look like. Chances are per example, levels in dB, times in seconds.

    music_share: of the synthesised sounds.
    amplitude: if its end is above 0, an example is a recording plus u times a noise, u drawn from it, both as loud as their
    recordings are at full scale, and nothing else is done (system 1).
    """

    rate: int = 16000
    seconds: float = 2.0
    snr: tuple[float, float] = (-5.0, 20.0)
    low_snr: tuple[float, float] = (-12.0, -5.0)
    low_snr_chance: float = 0.06
    clean_chance: float = 0.1
    silent_chance: float = 0.04
    level: tuple[float, float] = (-42.0, -12.0)
    room_chance: float = 0.5
    simulated_room_chance: float = 0.6
    early: float = 0.06
    early_fade: float = 0.04
    second_noise_chance: float = 0.35
    synthetic_chance: float = 0.3
    babble_chance: float = 0.1
    talker_chance: float = 0.06
    noise_room_chance: float = 0.2
    synthetic_count: int = 600
    simulated_count: int = 1500
    equalise_speech: float = 4.0
    equalise_noise: float = 9.0
    band_limit_chance: float = 0.2
    clip_chance: float = 0.06
    codec_chance: float = 0.08
    amplitude: tuple[float, float] = (0.0, 0.0)
    music_share: float = 0.0


@dataclass(frozen=True)
class Banks:
    """What examples are made of: recorded speech and noise, measured rooms if there are any, and what was synthesised."""

    speech: Bank
    noise: Bank
    rooms: Bank | None
    synthetic: Bank
    simulated: Bank

    def to(self, device: torch.device) -> Banks:
        """The same banks on another device."""
        return Banks(*(bank and bank.to(device) for bank in (getattr(self, f.name) for f in fields(self))))


def complete_banks(speech: Bank, noise: Bank, rooms: Bank | None, config: MixConfig, seed: int) -> Banks:
    """Add synthetic noises (4 s each) and simulated rooms, made once: anew for each example they cost more than training."""
    chance = torch.Generator().manual_seed(seed)
    length = round(4 * config.rate)
    music = round(config.synthetic_count * config.music_share)
    sounds = [synthetic_noise(20, length, config.rate, chance) for _ in range((config.synthetic_count - music) // 20)]
    sounds += [synthetic_music(music, length, config.rate, chance)] if music else []
    responses = decaying_rooms(config.simulated_count, room_taps(config), config.rate, chance)
    return Banks(speech, noise, rooms, bank_of(torch.cat(sounds), config.rate), bank_of(responses, config.rate))


def room_taps(config: MixConfig) -> int:
    """Length of the room responses used, samples."""
    return round(0.8 * config.rate)


@dataclass(frozen=True)
class Draw:
    """All decisions of one batch; `(N,)` unless said otherwise."""

    speech: np.ndarray
    speech_place: np.ndarray
    speech_speed: np.ndarray
    noise: np.ndarray  # (2, N)
    noise_place: np.ndarray  # (2, N)
    noise_speed: np.ndarray  # (2, N)
    noise_kind: np.ndarray  # (2, N): 0 none, 1 recorded, 2 synthetic, 3 babble, 4 one distant talker
    noise_balance: np.ndarray  # dB of the second noise in relation to the first
    babble: np.ndarray  # (6, N) speech recordings
    babble_place: np.ndarray  # (6, N)
    babble_level: np.ndarray  # (6, N) linear
    room: np.ndarray  # number of the response
    room_kind: np.ndarray  # 0 none, 1 measured, 2 simulated
    noise_room: np.ndarray  # bool
    snr: np.ndarray
    level: np.ndarray
    silent: np.ndarray  # bool: no speech at all
    speech_curve: np.ndarray  # (N, 8) dB, at log-spaced frequencies
    noise_curve: np.ndarray  # (2, N, 8) dB
    cutoff: np.ndarray  # hertz; at or above half the rate: none
    clip: np.ndarray  # share of the peak kept, 1: none
    codec: np.ndarray  # threshold in dB below the loudest bin around, 0: none
    amplitude: np.ndarray  # of the noise, where MixConfig.amplitude asks for it

    def __str__(self) -> str:
        return "\n".join(f"{f.name}: {getattr(self, f.name)}" for f in fields(self))


def draw(rng: np.random.Generator, count: int, config: MixConfig, banks: Banks) -> Draw:
    """Decide everything about `count` examples."""

    def pick(bank: Bank, *shape: int) -> np.ndarray:
        return rng.choice(bank.chance.size, shape, p=bank.chance)

    def happens(chance: float, *shape: int) -> np.ndarray:
        return rng.random(shape or (count,)) < chance

    kind = rng.choice([1, 2, 3, 4], (2, count), p=_kinds(config))
    kind[1] *= happens(config.second_noise_chance)
    snr = rng.uniform(*config.snr, count)
    snr = np.where(happens(config.low_snr_chance), rng.uniform(*config.low_snr, count), snr)
    snr = np.where(happens(config.clean_chance), rng.uniform(35, 60, count), snr)
    room_kind = np.where(happens(config.simulated_room_chance), 2, 1 if banks.rooms is not None else 2)
    room = np.where(room_kind == 2, pick(banks.simulated, count), pick(banks.rooms or banks.simulated, count))
    cutoffs = rng.choice([1700, 2000, 2800, 3400, 4000, 5500, 6500, 7000, 8000, 11025, 12000, 16000, 20000], count)
    return Draw(
        speech=pick(banks.speech, count),
        speech_place=rng.random(count),
        speech_speed=np.where(happens(0.5), rng.uniform(0.88, 1.14, count), 1.0),
        noise=np.where(kind == 2, pick(banks.synthetic, 2, count), pick(banks.noise, 2, count)),
        noise_place=rng.random((2, count)),
        noise_speed=np.where(happens(0.6, 2, count), np.exp(rng.uniform(-0.45, 0.45, (2, count))), 1.0),
        noise_kind=kind,
        noise_balance=rng.uniform(-12, 6, count),
        babble=pick(banks.speech, 6, count),
        babble_place=rng.random((6, count)),
        babble_level=rng.uniform(0.3, 1.3, (6, count)),
        room=room,
        room_kind=room_kind * happens(config.room_chance),
        noise_room=happens(config.noise_room_chance),
        snr=snr,
        level=rng.uniform(*config.level, count),
        silent=happens(config.silent_chance),
        speech_curve=rng.normal(0, 1, (count, 8)) * rng.uniform(0, config.equalise_speech, (count, 1)),
        noise_curve=rng.normal(0, 1, (2, count, 8)) * rng.uniform(0, config.equalise_noise, (2, count, 1)),
        cutoff=np.where(happens(config.band_limit_chance), cutoffs, 10**6),
        clip=np.where(happens(config.clip_chance), rng.uniform(0.1, 0.7, count), 1.0),
        codec=np.where(happens(config.codec_chance), rng.uniform(14, 30, count), 0.0),
        amplitude=rng.uniform(*config.amplitude, count),
    )


def _kinds(config: MixConfig) -> list[float]:
    rest = 1 - config.synthetic_chance - config.babble_chance - config.talker_chance
    return [rest, config.synthetic_chance, config.babble_chance, config.talker_chance]


def render(choice: Draw, config: MixConfig, banks: Banks) -> tuple[Tensor, Tensor]:
    """Make the mixtures and their targets, each `(N, time)` float32, on the device of the banks."""
    if config.amplitude[1] > 0:
        return _plain_sum(choice, config, banks)
    device = banks.speech.samples.device
    length = round(config.seconds * config.rate)
    dry = banks.speech.crops(choice.speech, choice.speech_place, choice.speech_speed, length, loop=False)
    dry = _equalise(dry, choice.speech_curve, config.rate)
    rows, response = _responses(choice, config, banks)
    wet, target = dry, dry.clone()
    if rows.size:
        wet = dry.clone()
        wet[rows], target[rows] = convolve(dry[rows], response), convolve(dry[rows], early_part(response, config))
    voiced = torch.as_tensor(~choice.silent, device=device)[:, None]
    wet, target = wet * voiced, target * voiced
    background = _background(choice, config, banks, response)
    scale = _db(choice.level, device) / active_rms(target).clamp(min=1e-4)
    scale = torch.where(voiced, scale, _db(choice.level, device))
    wet, target = wet * scale, target * scale
    background = background / active_rms(background).clamp(min=1e-6) * _db(choice.level - choice.snr, device)
    return _damage(wet + background, target, choice, config)


def _plain_sum(choice: Draw, config: MixConfig, banks: Banks) -> tuple[Tensor, Tensor]:
    """Voice plus u times noise (vbelz/Speech-enhancement), `(N, time)`."""
    length, still = round(config.seconds * config.rate), np.ones(choice.snr.size)
    voice = banks.speech.crops(choice.speech, choice.speech_place, still, length, loop=False)
    noise = banks.noise.crops(choice.noise[0], choice.noise_place[0], still, length, loop=True)
    u = torch.as_tensor(choice.amplitude, dtype=torch.float32, device=voice.device)[:, None]
    return voice + u * noise, voice


def convolve(x: Tensor, response: Tensor) -> Tensor:
    """Convolution by FFT, cut to the length of `x`: `(N, time)` with `(N, taps)`."""
    size = fast_length(x.shape[-1] + response.shape[-1])
    spectrum = torch.fft.rfft(x, size) * torch.fft.rfft(response, size)
    return torch.fft.irfft(spectrum, size)[..., : x.shape[-1]]


def active_rms(x: Tensor, frame: int = 320) -> Tensor:
    """Root mean square over the frames within 30 dB of the loudest one, `(N, time)` to `(N, 1)`."""
    power = x[..., : x.shape[-1] // frame * frame].reshape(*x.shape[:-1], -1, frame).square().mean(-1)
    loud = power >= power.amax(-1, keepdim=True) * 1e-3
    return ((power * loud).sum(-1, keepdim=True) / loud.sum(-1, keepdim=True).clamp(min=1)).sqrt()


def _db(value: np.ndarray, device: torch.device) -> Tensor:
    return torch.as_tensor(10 ** (value / 20), dtype=torch.float32, device=device)[:, None]


def _equalise(x: Tensor, curve: np.ndarray, rate: int) -> Tensor:
    """Filter with a smooth zero-phase gain given in dB at log-spaced frequencies."""
    spectrum = torch.fft.rfft(x)
    gain = smooth_gain(torch.as_tensor(curve, dtype=torch.float32, device=x.device), spectrum.shape[-1], rate)
    return torch.fft.irfft(spectrum * gain, x.shape[-1])


def _responses(choice: Draw, config: MixConfig, banks: Banks) -> tuple[np.ndarray, Tensor]:
    """The rows that have a room, and their responses `(rows, taps)`."""
    rows = np.flatnonzero(choice.room_kind)
    taps = room_taps(config)
    response = torch.zeros(rows.size, taps, device=banks.speech.samples.device)
    for kind, bank in ((1, banks.rooms), (2, banks.simulated)):
        inside = np.flatnonzero(choice.room_kind[rows] == kind)
        if bank is not None and inside.size:
            still = np.ones(inside.size)
            response[inside] = aligned(bank.crops(choice.room[rows[inside]], still * 0, still, taps, loop=False))
    return rows, response


def early_part(response: Tensor, config: MixConfig) -> Tensor:
    """What the target keeps of a room: all until `early` seconds, fading out within `early_fade`, `(N, taps)`."""
    time = torch.arange(response.shape[-1], device=response.device) / config.rate
    return response * (1 - (time - config.early) / config.early_fade).clamp(0, 1)


def aligned(response: Tensor) -> Tensor:
    """Responses moved so that the direct sound is at 0, scaled to unit energy in its first 2.5 ms, `(N, taps)`.

    The direct sound is the onset, the first sample above 30 % of the peak: a reflection may be louder.
    """
    size = response.abs()
    onset = (size > 0.3 * size.amax(-1, keepdim=True)).byte().argmax(-1, keepdim=True)
    index = torch.arange(response.shape[-1], device=response.device)[None] + onset
    inside = index < response.shape[-1]
    moved = response.gather(1, index.clamp(max=response.shape[-1] - 1)) * inside
    return moved / moved[:, :40].square().sum(-1, keepdim=True).sqrt().clamp(min=1e-6)


def _background(choice: Draw, config: MixConfig, banks: Banks, response: Tensor) -> Tensor:
    """The sum of one or two noises, `(N, time)`; some through a room of this batch."""
    total = _noise(choice, 0, np.arange(choice.snr.size), config, banks, response)
    second = np.flatnonzero(choice.noise_kind[1])
    if second.size:
        part = _noise(choice, 1, second, config, banks, response)
        total[second] += part * _db(choice.noise_balance[second], total.device)
    roomy = np.flatnonzero(choice.noise_room)
    if roomy.size and len(response):
        total[roomy] = convolve(total[roomy], response[roomy % len(response)])
    return total


def _noise(choice: Draw, slot: int, rows: np.ndarray, config: MixConfig, banks: Banks, response: Tensor) -> Tensor:
    """The noise in one of the two slots at unit level, `(rows, time)`."""
    length = round(config.seconds * config.rate)
    part = torch.zeros(rows.size, length, device=response.device)
    kind = choice.noise_kind[slot][rows]
    for number, bank in ((1, banks.noise), (2, banks.synthetic)):
        inside = np.flatnonzero(kind == number)
        if inside.size:
            at = rows[inside]
            which, place, speed = choice.noise[slot][at], choice.noise_place[slot][at], choice.noise_speed[slot][at]
            part[inside] = bank.crops(which, place, speed, length, loop=True)
    voices = np.flatnonzero(kind >= 3)
    if voices.size:
        part[voices] = _voices(choice, rows[voices], kind[voices] == 3, length, banks, response)
    part = _equalise(part, choice.noise_curve[slot][rows], config.rate)
    return part / active_rms(part).clamp(min=1e-6)


def _voices(choice: Draw, rows: np.ndarray, babble: np.ndarray, length: int, banks: Banks, response: Tensor) -> Tensor:
    """Babble of six voices, or one distant talker, in a room of this batch, `(rows, time)`."""
    total = torch.zeros(rows.size, length, device=response.device)
    for j in range(6):
        heard = np.flatnonzero(babble) if j else np.arange(rows.size)
        if heard.size:
            still = np.ones(heard.size)
            which, place = choice.babble[j][rows[heard]], choice.babble_place[j][rows[heard]]
            voice = banks.speech.crops(which, place, still, length, loop=True)
            level = torch.as_tensor(choice.babble_level[j][rows[heard]], dtype=torch.float32, device=total.device)
            total[heard] += voice / active_rms(voice).clamp(min=1e-6) * level[:, None]
    return convolve(total, response[rows % len(response)]) if len(response) else total


def _damage(mixture: Tensor, target: Tensor, choice: Draw, config: MixConfig) -> tuple[Tensor, Tensor]:
    """What recorders and lines do: band limits (mixture and target), codec holes and clipping (mixture), full scale (both)."""
    rows = np.flatnonzero(choice.cutoff < config.rate / 2)
    if rows.size:
        both = low_pass(torch.cat([mixture[rows], target[rows]]), np.tile(choice.cutoff[rows], 2), config.rate)
        mixture[rows], target[rows] = both.chunk(2)
    rows = np.flatnonzero(choice.codec > 0)
    if rows.size:
        mixture[rows] = codec_holes(mixture[rows], choice.codec[rows])
    keep = torch.as_tensor(choice.clip, dtype=torch.float32, device=mixture.device)[:, None]
    limit = mixture.abs().amax(-1, keepdim=True) * keep
    mixture = mixture.clamp(-limit, limit)
    over = mixture.abs().amax(-1, keepdim=True).clamp(min=1.0)
    return mixture / over, target / over


def low_pass(x: Tensor, cutoff: np.ndarray, rate: int) -> Tensor:
    """Low-pass with a raised-cosine edge 10 % wide, zero phase, `(N, time)`; cutoff in hertz `(N,)`."""
    spectrum = torch.fft.rfft(x)
    frequency = torch.linspace(0, rate / 2, spectrum.shape[-1], device=x.device)[None]
    edge = torch.as_tensor(cutoff, dtype=torch.float32, device=x.device)[:, None]
    fall = ((frequency - edge * 0.95) / (edge * 0.1)).clamp(0, 1)
    return torch.fft.irfft(spectrum * (0.5 + 0.5 * torch.cos(torch.pi * fall)), x.shape[-1])


def codec_holes(x: Tensor, below: np.ndarray) -> Tensor:
    """Zero the bins far below the loudest one in their surroundings, as perceptual codecs at low rates do, `(N, time)`."""
    window = torch.hann_window(512, device=x.device)
    spectrum = torch.stft(x, 512, 256, window=window, return_complex=True)
    size = spectrum.abs()
    around = torch.nn.functional.max_pool1d(size.transpose(1, 2).flatten(0, 1)[:, None], 33, 1, 16)[:, 0]
    around = around.reshape(size.shape[0], size.shape[2], -1).transpose(1, 2)
    floor = torch.as_tensor(10 ** (-below / 20), dtype=torch.float32, device=x.device)[:, None, None]
    return torch.istft(spectrum * (size > around * floor), 512, 256, window=window, length=x.shape[-1])
