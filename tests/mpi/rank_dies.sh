#!/usr/bin/env bash
# A rank that is killed in the middle of an all-reduce ends the job: no hang, no success, no process left behind.
# rank_dies.sh MPIRUN PROGRAM RANKS VICTIM
set -u
mark="rank-dies-$$"
timeout --kill-after=5 60 "$1" -n "$3" "$2" --kill-rank "$4" "$mark"
rc=$?
if [ $SECONDS -ge 60 ]; then
  echo "mpirun did not end within 60 s of the death of rank $4"
  exit 1
fi
if [ $rc = 0 ]; then
  echo "mpirun reports success although rank $4 was killed"
  exit 1
fi
for _ in $(seq 50); do
  pgrep -f -- "$2 --kill-rank $4 $mark" > /dev/null || exit 0
  sleep 0.1
done
echo "left behind:"
pgrep -fa -- "$2 --kill-rank $4 $mark"
exit 1
