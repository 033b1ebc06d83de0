#!/usr/bin/env bash
# Trains unet-8k, or with MODEL=resnet resunet-8k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES its
# length; further arguments go to `winnow train` (--resume goes on with a run: config.json and state.pt are such a run's).
set -euo pipefail
DATA=${DATA:?folder of the recordings} MODEL=${MODEL:-unet} RUN=${RUN:-runs/$MODEL-8k} MINUTES=${MINUTES:-40}
S=$DATA/train/speech S48=$DATA/train/speech48 N=$DATA/train/noise N48=$DATA/train/noise48 V=$DATA/valid M=$N48/moodist

# Noise: the 20 classes of system 1, as far as the recordings have them and their licences allow commercial use: rain, clock tick,
# wind, footsteps, fireworks, washing machine. (No vacuum cleaner, clapping, door knock, engine, mouse click, alarm, keyboard, car
# horn, drinking, snoring, breathing, toilet flush, rooster, laughing.) Weights favour corpora with many talkers.
exec winnow train unet --run "$RUN" --minutes "$MINUTES" --model "$MODEL" --precision bf16 "$@" \
  --speech "$S/librispeech=4" --speech "$S/picovoice-intent=2" --speech "$S/picovoice-wakeword=0.6" \
  --speech "$S/rhasspy-flemishguy=0.7" --speech "$S/rhasspy-kerstin=0.7" --speech "$S/vctk=1.5" \
  --speech "$S48/rhasspy-nathalie=0.8" --speech "$S48/vctk=0.3" --speech "$DATA/train/speech8k=2" \
  --speech "$DATA/train/paired/voicebank-demand-train/clean=0.5" \
  --noise "$N/esc10/rain=1" --noise "$N48/esc10/rain=1" --noise "$M/rain=1.5" --noise "$N48/blanket/sounds/rain.opus=0.3" \
  --noise "$N/esc10/clock_tick=1" --noise "$N48/esc10/clock_tick=1" --noise "$M/things/clock.opus=0.3" \
  --noise "$M/nature/wind.opus=0.5" --noise "$M/nature/wind-in-trees.opus=0.5" --noise "$N48/blanket/sounds/wind.opus=0.5" \
  --noise "$M/nature/walk-in-snow.opus=0.7" --noise "$M/nature/walk-on-leaves.opus=0.7" \
  --noise "$M/urban/fireworks.opus=0.7" --noise "$M/things/washing-machine.opus=0.7" \
  --rooms "$DATA/train/rir" \
  --valid-speech "$V/speech/librispeech" --valid-speech "$V/speech/vctk" \
  --valid-noise "$V/noise/esc10/rain" --valid-noise "$V/noise/esc10/clock_tick" \
  --valid-noise "$V/noise48/esc10/rain" --valid-noise "$V/noise48/esc10/clock_tick" --valid-rooms "$V/rir"
