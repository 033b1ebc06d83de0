#!/usr/bin/env bash
# Trains talkers-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES the length of its second part; further arguments go
# to `winnow train` (--resume goes on with a run: this folder's config.json and state.pt are such a run's).
set -euo pipefail
DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/talkers-16k} MINUTES=${MINUTES:-40} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || DATA=$DATA LISTS=$LISTS "$(dirname "$0")/../lists.sh"
teach() {
  winnow train talkers --precision bf16 --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
    --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
}
# First mostly clean talkers who overlap all the time, which is learnt soonest; then all kinds.
[ -e "$RUN/state.pt" ] || [ -e "$RUN-first/weights.safetensors" ] ||
  teach --run "$RUN-first" --minutes 50 --set mix.overlap=full --set mix.noise=0.3 --set mix.room=0.15 --set mix.snr=5,30 \
    --set learning_rate=0.0015 --set final_rate=0.0004
[ -e "$RUN/state.pt" ] && set -- --resume "$@" || set -- --from "$RUN-first" "$@"
teach --run "$RUN" --minutes "$MINUTES" "$@"
