#!/usr/bin/env bash
# Trains split-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES its length; further arguments go to
# `winnow train` (--resume goes on with a run: this folder's config.json and state.pt are such a run's).
set -euo pipefail
DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/split-16k} MINUTES=${MINUTES:-14}
S=$DATA/train/speech S48=$DATA/train/speech48 N=$DATA/train/noise N48=$DATA/train/noise48 V=$DATA/valid M=$DATA/train/noise48/moodist

# As denoise-16k, but a spectrogram U-Net, and against music (synthesised by the recipe), babble and crowds. What comes nearest to music among
# the recordings is named twice. Non-commercial corpora are left out, UrbanSound8K's street music with them.
exec winnow train unet --preset split --precision bf16 --run "$RUN" --minutes "$MINUTES" "$@" \
  --speech "$S/librispeech=4" --speech "$S/picovoice-intent=2" --speech "$S/picovoice-wakeword=0.6" \
  --speech "$S/rhasspy-flemishguy=0.7" --speech "$S/rhasspy-kerstin=0.7" --speech "$S/vctk=1.5" \
  --speech "$S48/rhasspy-nathalie=0.8" --speech "$S48/vctk=0.3" --speech "$DATA/train/speech8k=0.8" \
  --speech "$DATA/train/paired/voicebank-demand-train/clean=0.5" \
  --noise "$N/esc10=0.1" --noise "$N/clearervoice-samples=0.1" --noise "$N/speechbrain-samples=0.05" \
  --noise "$N48/blanket=0.2" --noise "$N48/esc10=0.1" --noise "$M=0.6" \
  --noise "$M/places/cafe.opus=0.15" --noise "$M/urban/crowd.opus=0.15" --noise "$N48/blanket/sounds/coffee-shop.opus=0.1" \
  --noise "$M/things/singing-bowl.opus=0.06" --noise "$M/things/wind-chimes.opus=0.06" --noise "$M/things/vinyl-effect.opus=0.06" \
  --rooms "$DATA/train/rir" \
  --valid-speech "$V/speech/librispeech" --valid-speech "$V/speech/vctk" \
  --valid-noise "$V/noise/esc10" --valid-noise "$V/noise/picovoice" --valid-noise "$V/noise48" --valid-rooms "$V/rir"
