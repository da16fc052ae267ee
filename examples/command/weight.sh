#!/bin/sh
# Graygate's `command` executor on one side, set-weight.sh and get-weight.sh on the other.
# Reads no JSON: what it needs is in GRAYGATE_ACTION and GRAYGATE_EXPOSURE.
# In the operator's file: {"executor": "command", "argv": ["/opt/deploy/weight.sh"],
#   "env": ["WEIGHT_FILE"], "grain": 0.01}
set -eu
here=$(dirname "$0")

# Rounded down to whole percents, and at least one where anything is wanted at all.
percent() {
    awk -v share="$GRAYGATE_EXPOSURE" 'BEGIN {
        whole = int(share * 100 + 0.000001)
        print (share > 0 && whole < 1) ? 1 : whole
    }'
}

# What is so now. No number: an error, and never a zero.
answer() {
    now=$("$here/get-weight.sh")
    case "$now" in '' | *[!0-9]*) echo "get-weight.sh said: $now" >&2; exit 1 ;; esac
    awk -v now="$now" 'BEGIN { printf "{\"exposure\": %.2f}\n", now / 100 }'
}

case "$GRAYGATE_ACTION" in
    apply) "$here/set-weight.sh" "$(percent)" >&2; answer ;;
    observe) answer ;;
    validate) "$here/get-weight.sh" > /dev/null
        printf '{"detail": "set-weight.sh %s"}\n' "$(percent)" ;;
    *) echo "unknown action: $GRAYGATE_ACTION" >&2; exit 64 ;;
esac
