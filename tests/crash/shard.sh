#!/usr/bin/env bash
# `atp shard` under bad conditions: a fault at every call, kill -9 at every call and at random moments
# (ATP_KILLS, default 100), a full disk. Whatever is left, --resume makes of it what an undisturbed run makes;
# a folder without manifest is never taken for a dataset that is complete, and no shard in it is half a shard.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/crash/lib.sh disable=SC1091
. "$here/lib.sh"
export SOURCE_DATE_EPOCH=0 # the manifest states when it was made

kills=${ATP_KILLS:-100}
RANDOM=815
for i in 1 2 3; do
  "$make_extxyz" $((5 * i)) $((10 * i)) >"$i.xyz"
  "$atp" pack "$i.xyz" -o "in$i.atp" --quiet >/dev/null
done
inputs=(in1.atp in2.atp in3.atp)

declare -A options=(
  [keep]="--shards 3 -j1"
  [shuffle]="--shards 3 --order shuffle -j1"
  [split]="--shards 2 --split train=0.7,val=0.3 --codec zstd -j1"
)
shards_of() { find "$1" -name '*.atp' | LC_ALL=C sort; }
all_whole() {
  local shard
  [ -e d ] || return 0
  for shard in $(shards_of d); do whole "$shard" || return 1; done
}
# Every file of d is the same as in `wanted`, but for the command in the manifest.
same_as_wanted() {
  diff <(cd wanted && find . -type f | sort) <(cd d && find . -type f | sort) >&2 || return 1
  local file
  for file in $(cd wanted && find . -type f); do
    diff <(grep -av '"command"' "wanted/$file") <(grep -av '"command"' "d/$file") >/dev/null || return 1
  done
}
# A manifest stands only beside what it names.
manifests_true() {
  local manifest
  [ -e d ] || return 0
  for manifest in $(find d -name manifest.json); do
    "$atp" verify --manifest "$(dirname "$manifest")" >/dev/null || return 1
  done
}
resumed() { "$atp" shard "${inputs[@]}" -o d "${arguments[@]}" --resume --quiet >out 2>err </dev/null; }
atp_with() { # atp_with FAULT_VARIABLE=VALUE...
  { env --default-signal=INT,TERM,HUP "$@" LD_PRELOAD="$faulty_calls" "$atp" shard "${inputs[@]}" -o d "${arguments[@]}" --quiet >out 2>err </dev/null; } 2>/dev/null
  code=$?
}
after_the_fault() { # after_the_fault NAME
  check "$1: shards are whole" all_whole
  check "$1: manifests are true" manifests_true
  check "$1: resume" resumed
  check "$1: as undisturbed" same_as_wanted
}

runs=0
for mode in keep shuffle split; do
  read -ra arguments <<<"${options[$mode]}"
  rm -rf d wanted
  atp_with FAULT_COUNT=calls
  check "$mode without a fault" is $code 0
  mv d wanted
  calls=$(cat calls)
  for at in $(seq "$calls"); do
    for fault in ${ATP_FAULTS:-ENOSPC EIO}; do
      runs=$((runs + 1))
      rm -rf d
      atp_with FAULT_AT="$at" FAULT_DO=$fault
      name="$mode, call $at of $calls: $fault"
      check "$name: exit code" is "$code" 4
      check "$name: one line" is "$(wc -l <err)" 1
      check "$name: no temporary file" is "$(find d -name '*.tmp-*' 2>/dev/null | wc -l)" 0
      after_the_fault "$name"
    done
    runs=$((runs + 1))
    rm -rf d
    atp_with FAULT_AT="$at" FAULT_DO=KILL
    name="$mode, killed at call $at of $calls"
    check "$name: exit code" is $code 137
    after_the_fault "$name"
    runs=$((runs + 1))
    rm -rf d
    atp_with FAULT_AT="$at" FAULT_DO=TERM
    name="$mode, TERM at call $at of $calls"
    check "$name: exit code" test $code = 143 -o $code = 0
    check "$name: no temporary file" is "$(find d -name '*.tmp-*' 2>/dev/null | wc -l)" 0
    after_the_fault "$name"
  done
done

# At random moments of a larger run on several threads; killed again while it resumes.
"$make_extxyz" 40 6000 >big.xyz
"$atp" pack big.xyz -o big.atp --quiet >/dev/null
inputs=(big.atp in1.atp big.atp)
arguments=(--shards 12 --order shuffle --memory 8M -j4)
rm -rf d wanted
from=${EPOCHREALTIME/./}
"$atp" shard "${inputs[@]}" -o d "${arguments[@]}" --quiet >/dev/null
duration=$((${EPOCHREALTIME/./} - from))
mv d wanted
killed=0 kept=0
for ((i = 0; i < kills; i++)); do
  rm -rf d
  for _ in 1 2 3; do
    delay=$(((RANDOM * 32768 + RANDOM) % duration))
    timeout -s KILL "$(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000)))" \
      "$atp" shard "${inputs[@]}" -o d "${arguments[@]}" --resume --quiet >/dev/null 2>&1
    if [ $? = 137 ]; then killed=$((killed + 1)); fi
    if [ -e d/manifest.json ]; then break; fi
  done 2>/dev/null
  if [ -e d ]; then kept=$((kept + $(shards_of d | wc -l))); fi
  after_the_fault "killed at random, run $i"
done
echo "shard.sh: $runs runs with faults; $killed of $((3 * kills)) killed at random, $kept shards kept"

# A full disk: said before the first byte, or, where it fills up meanwhile, without losing what is finished.
mkdir disk
if mount -t tmpfs -o size=4m tmpfs disk 2>/dev/null; then
  mounts+=("$work/disk")
  run "$atp" shard "${inputs[@]}" -o disk/d --shards 4
  check "no space: exit code" is "$code" 4
  check "no space: figures" grep -qE 'the shards need [0-9.]+ MB \([0-9]+ bytes\), the disk has [0-9.]+ MB \([0-9]+ bytes\) left' err
  check "no space: nothing was written" test ! -e disk/d
  run "$atp" shard "${inputs[@]}" -o disk/d --shards 4 --codec zstd # its size is not known before
  check "no space meanwhile: exit code" is "$code" 4
  check "no space meanwhile: says so" grep -q 'no space left on device' err
  check "no space meanwhile: no temporary file" is "$(find disk/d -name '*.tmp-*' | wc -l)" 0
  mount -o remount,size=64m disk
  run "$atp" shard "${inputs[@]}" -o disk/d --shards 4 --codec zstd --resume
  check "more space: resumed" is "$code" 0
  check "more space: sound" "$atp" verify --quiet disk/d
fi
finish
