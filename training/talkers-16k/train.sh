#!/usr/bin/env bash
# Trains talkers-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES the length of its second part; further arguments go
# to `winnow train` (--resume goes on with a run).
set -euo pipefail
DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/talkers-16k} MINUTES=${MINUTES:-37} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || DATA=$DATA LISTS=$LISTS "$(dirname "$0")/../lists.sh"
# Mostly clean talkers who overlap all the time: what is easy to take apart teaches little. Of the shipped network the first part was planned for 50 minutes
# and stopped after 27 (first.jsonl is its log).
teach() {
  winnow train talkers --precision bf16 --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
    --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
}
if [ ! -e "$RUN/state.pt" ]; then
  [ -e "$RUN-first/weights.safetensors" ] || teach --run "$RUN-first" --minutes 27 --set final_rate=0.0004 --set floor=25
  set -- --from "$RUN-first" "$@"
fi
teach --run "$RUN" --minutes "$MINUTES" "$@"
