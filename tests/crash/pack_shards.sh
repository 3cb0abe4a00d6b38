#!/usr/bin/env bash
# `atp pack --shards` under bad conditions: a fault, a signal and kill -9 at every call, a full disk. No fault leaves a
# temporary file, a folder without manifest is never complete, and --force makes of what is left what an undisturbed
# run makes.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/crash/lib.sh disable=SC1091
. "$here/lib.sh"
export SOURCE_DATE_EPOCH=0 # the manifest states when it was made

# Numbers that become floats in the second input: the first is packed into a temporary file of its own.
numbers() { for i in $(seq 1 "$1"); do printf '1\nProperties=species:S:1:pos:R:3 tag=%s%s\nH 0 0 0\n' "$i" "$2"; done; }
numbers 60 "" >1.xyz
numbers 40 .5 >2.xyz
inputs=(1.xyz 2.xyz)
arguments=(--shards 3 -j1)

packed() { "$atp" pack "${inputs[@]}" -o d "${arguments[@]}" --force --quiet >out 2>err </dev/null; }
packed_with() { # packed_with FAULT_VARIABLE=VALUE...
  { env --default-signal=INT,TERM,HUP "$@" LD_PRELOAD="$faulty_calls" "$atp" pack "${inputs[@]}" -o d "${arguments[@]}" --quiet >out 2>err </dev/null; } 2>/dev/null
  code=$?
}
temporary() { find d -name '*.tmp-*' 2>/dev/null | wc -l; }
same_as_wanted() {
  diff <(files_of wanted) <(files_of d) >&2 || return 1
  local file
  for file in wanted/*; do
    diff <(grep -av '"command"' "$file") <(grep -av '"command"' "d/$(basename "$file")") >/dev/null || return 1
  done
}
true_manifest() { [ ! -e d/manifest.json ] || "$atp" verify --manifest d >/dev/null; }
after_the_fault() { # after_the_fault NAME
  check "$1: a manifest only beside what it names" true_manifest
  check "$1: again with --force" packed
  check "$1: as undisturbed" same_as_wanted
}

packed_with FAULT_COUNT=calls
check "without a fault" is $code 0
mv d wanted
calls=$(cat calls)
for at in $(seq "$calls"); do
  for fault in ${ATP_FAULTS:-ENOSPC EIO TERM KILL}; do
    rm -rf d
    packed_with FAULT_AT="$at" FAULT_DO=$fault
    name="$fault at call $at of $calls"
    case $fault in
      KILL) check "$name: exit code" is $code 137 ;;
      TERM) check "$name: exit code" test $code = 143 -o $code = 0 ;;
      *) check "$name: exit code" is $code 4
         check "$name: one line" is "$(wc -l <err)" 1 ;;
    esac
    [ $fault = KILL ] || check "$name: no temporary file" is "$(temporary)" 0
    [ ! -e d ] || check "$name: an empty folder is not left" test -n "$(files_of d)" -o $fault = KILL
    after_the_fault "$name"
  done
done
echo "pack_shards.sh: $((4 * calls)) runs with faults"

# Room for the records once, not twice: said before the first shard.
"$make_extxyz" 40 6000 >big.xyz
"$atp" pack big.xyz -o big.atp --quiet >/dev/null
mkdir disk
if mount -t tmpfs -o size=$(($(stat -c %s big.atp) * 3 / 2)) tmpfs disk 2>/dev/null; then
  mounts+=("$work/disk")
  run "$atp" pack big.xyz -o disk/d --shards 4
  check "no space: exit code" is "$code" 4
  check "no space: figures" grep -qE 'the shards need [0-9.]+ MB \([0-9]+ bytes\), the disk has [0-9.]+ MB \([0-9]+ bytes\) left' err
  check "no space: nothing is left" test ! -e disk/d
  mount -o remount,size=$(($(stat -c %s big.atp) / 2)) disk
  run "$atp" pack big.xyz -o disk/d --shards 4
  check "no space while packing: exit code" is "$code" 4
  check "no space while packing: nothing is left" test ! -e disk/d
fi
finish
