#!/usr/bin/env bash
# Trains voice-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES the length of its second part; further arguments go to
# `winnow train` (--resume goes on with a run).
set -euo pipefail
HERE=$(dirname "$0") DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/voice-16k} MINUTES=${MINUTES:-26} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || DATA=$DATA LISTS=$LISTS "$HERE/../lists.sh"
teach() {
  winnow train voice --precision bf16 --set network.blocks=6 \
    --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
    --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
}
# Begins with what talkers-16k knows, and two blocks more; first.jsonl is the log of the first part. In the second one most voices are faster or slower.
if [ ! -e "$RUN/state.pt" ]; then
  [ -e "$RUN-first/weights.safetensors" ] || teach --from "$HERE/../talkers-16k" --run "$RUN-first" --minutes 60 --set learning_rate=0.0015 \
    --set mix.seconds=3 --set mix.speed_chance=0
  set -- --from "$RUN-first" "$@"
fi
teach --run "$RUN" --minutes "$MINUTES" "$@"
