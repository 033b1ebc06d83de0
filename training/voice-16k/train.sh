#!/usr/bin/env bash
# Trains voice-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES the length of the last part; further arguments go
# to `winnow train` (--resume goes on with a run).
set -euo pipefail
HERE=$(dirname "$0") DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/voice-16k} MINUTES=${MINUTES:-28} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || DATA=$DATA LISTS=$LISTS "$HERE/../lists.sh"
teach() {
  winnow train voice --precision bf16 --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
    --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
}
# Two parts, of the first the log is first.jsonl. It begins with what talkers-16k knows, and others talk all the time beside the voice. In the second
# they also take turns, more of the voices are played faster or slower, and the reference comes through another microphone, so that the network
# compares voices and not recordings.
if [ ! -e "$RUN/state.pt" ]; then
  [ -e "$RUN-first/weights.safetensors" ] || teach --run "$RUN-first" --minutes 58 --from "${FROM:-$HERE/../talkers-16k}" --seed 11 \
    --set floor=15 --set learning_rate=0.001 --set microphone=0
  set -- --from "$RUN-first" --seed 12 --set floor=18 --set learning_rate=0.0007 --set mix.overlap=any --set mix.alone=0.1 --set mix.room=0.3 \
    --set mix.speed=0.8,1.25 --set mix.speed_chance=0.8 "$@"
fi
teach --run "$RUN" --minutes "$MINUTES" "$@"
