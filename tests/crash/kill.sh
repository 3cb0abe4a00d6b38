#!/usr/bin/env bash
# kill -9 at random moments: ATP_KILLS (default 200) in all, half of `atp pack`, half of `atp pack --append`.
# What is left must be the old state or the new one, whole, and must not disturb the next run.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/crash/lib.sh disable=SC1091
. "$here/lib.sh"

kills=${ATP_KILLS:-200}
RANDOM=4711
"$make_extxyz" 60 4000 >input.xyz
"$atp" pack input.xyz -o old.atp --quiet --limit 1500 >/dev/null

# verify, where this atp has it, must agree with the digest.
have_verify=no
if "$atp" help verify >/dev/null 2>&1; then have_verify=yes; fi
verified() { [ $have_verify = no ] || "$atp" verify "$1" >/dev/null; }

now_us() { echo $((${EPOCHREALTIME/./})); }

# Kills `atp pack` after a random part of its duration; the later half is where it commits.
killed_run() {  # killed_run COUNT_OF_RUN ARGUMENT...
  local from=$(($1 % 2 == 0 ? 0 : duration * 6 / 10)) delay
  shift
  delay=$((from + (RANDOM * 32768 + RANDOM) % (duration * 11 / 10 - from)))
  timeout -s KILL "$(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000)))" "$atp" pack "$@" --quiet >/dev/null 2>&1
  [ $? = 137 ]
}

for mode in create append; do
  mkdir -p d
  arguments=(input.xyz -o d/x.atp)
  if [ $mode = append ]; then arguments+=(--append) && cp old.atp d/x.atp; fi
  start=$(now_us)
  "$atp" pack "${arguments[@]}" --quiet >/dev/null
  duration=$(($(now_us) - start))
  new=$(holds d/x.atp) old=$(holds old.atp) before=0 after=0 finished=0
  for ((i = 0; i < kills / 2; i++)); do
    rm -rf d
    mkdir d
    if [ $mode = append ]; then cp old.atp d/x.atp; fi
    killed_run "$i" "${arguments[@]}" 2>/dev/null || finished=$((finished + 1))
    if [ ! -e d/x.atp ]; then
      check "$mode, run $i: the old file is there" is $mode create
      before=$((before + 1))
      continue
    fi
    now=$(holds d/x.atp)
    check "$mode, run $i: verify agrees" verified d/x.atp
    if [ "$now" = "$new" ]; then
      passed=$((passed + 1)) after=$((after + 1))
    elif [ $mode = append ] && [ "$now" = "$old" ]; then
      passed=$((passed + 1)) before=$((before + 1))
    else
      fail "$mode, run $i leaves '$now', neither '$old' nor '$new'"
    fi
  done
  echo "kill.sh: $mode, $((duration / 1000)) ms: $((i - finished)) killed, $finished done before; $before old, $after new"

  # What killed runs leave behind is named and does not disturb the next one.
  rm -rf d
  mkdir d
  if [ $mode = append ]; then cp old.atp d/x.atp; fi
  until compgen -G 'd/*.tmp-*' >/dev/null; do
    killed_run 0 "${arguments[@]}" 2>/dev/null
    if [ -e d/x.atp ] && [ "$(holds d/x.atp)" = "$new" ]; then
      rm -rf d && mkdir d
      if [ $mode = append ]; then cp old.atp d/x.atp; fi
    fi
  done
  run "$atp" pack "${arguments[@]}"
  check "$mode beside leftovers: exit code" is $code 0
  check "$mode beside leftovers: says so" said "that a killed run left behind"
  check "$mode beside leftovers: the result" is "$(holds d/x.atp)" "$new"
done
finish
