#!/usr/bin/env bash
# Trains reverse-voicefilter: everything but the voice is wanted. It begins with the complement of the mask of a run of voicefilter, PLAIN, where there
# is one. Else as ../voicefilter/train.sh.
set -euo pipefail
PLAIN=${PLAIN:-runs/voicefilter}
[ -e "$PLAIN/weights.safetensors" ] && set -- --from "$PLAIN" "$@"
RUN=${RUN:-runs/reverse-voicefilter} exec "$(dirname "$0")/../voicefilter/train.sh" --reverse "$@"
