#!/usr/bin/env bash
# Every system call by which atp writes fails in turn, stops short, or is the moment of a signal.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/crash/lib.sh disable=SC1091
. "$here/lib.sh"

"$make_extxyz" 20 60 >first.xyz
"$make_extxyz" 15 70 >second.xyz
# A field that becomes wider on the way makes temporary segments.
for i in $(seq 300); do
  # Enough text to be more than one piece of work.
  printf '1\nProperties=species:S:1:pos:R:3 q=%s padding="%08000d"\nH 0 0 0\n' "$([ "$i" -lt 290 ] && echo 1 || echo 1.5)" 0
done >widening.xyz
"$atp" pack first.xyz -o old.atp --quiet >/dev/null
# Without checksums and metadata, which a repair adds.
cp "$here/../data/fixtures/none_v2_builtins.atp" bare.atp

# What each mode starts with and runs, in the folder d.
declare -A command=(
  [create]="pack first.xyz -o d/x.atp"
  [widen]="pack widening.xyz -o d/x.atp"
  [force]="pack second.xyz -o d/x.atp --force"
  [append]="pack second.xyz -o d/x.atp --append"
  [repair]="verify --repair d/x.atp"
)
prepare() {  # prepare MODE
  rm -rf d
  mkdir d
  case $1 in
    force | append) cp old.atp d/x.atp ;;
    repair) cp bare.atp d/x.atp ;;
  esac
}
atp_with() {  # atp_with FAULT_VARIABLE=VALUE... -- ARGUMENT...
  local faults=()
  while [ "$1" != -- ]; do
    faults+=("$1")
    shift
  done
  shift
  # bash would say "Killed" for each.
  { env --default-signal=INT,TERM,HUP "${faults[@]}" LD_PRELOAD="$faulty_calls" "$atp" "$@" >out 2>err </dev/null; } 2>/dev/null
  code=$?
}

# The old state or nothing, and no other file.
nothing_happened() {
  case $1 in
    force | append) cmp -s old.atp d/x.atp && [ "$(files_of d)" = "x.atp " ] ;;
    repair) cmp -s bare.atp d/x.atp && [ "$(files_of d)" = "x.atp " ] ;;
    *) [ -z "$(files_of d)" ] ;;
  esac
}
all_done() { [ "$(files_of d)" = "x.atp " ] && [ "$(holds d/x.atp)" = "$new" ]; }
old_or_new() {
  if [ -e d/x.atp ]; then
    local now
    now=$(holds d/x.atp)
    [ "$now" = "$new" ] || { [ -n "$old" ] && [ "$now" = "$old" ]; }
  else
    [ -z "$old" ]
  fi
}

# All of them, unless the environment asks for fewer (a run with sanitizers takes several times as long).
faults=${ATP_FAULTS:-ENOSPC EIO EDQUOT EIO+} signals=${ATP_SIGNALS:-INT TERM HUP}

runs=0 kills_old=0 kills_new=0
for mode in create widen force append repair; do
  read -ra arguments <<<"${command[$mode]} --quiet"
  prepare $mode
  old=''
  if [ -e d/x.atp ]; then old=$(holds d/x.atp); fi
  atp_with FAULT_COUNT=calls -- "${arguments[@]}"
  check "$mode without a fault" is $code 0
  new=$(holds d/x.atp)
  calls=$(cat calls)
  cp d/x.atp new-$mode.atp

  for fault in $faults; do
    for at in $(seq "$calls"); do
      runs=$((runs + 1))
      prepare $mode
      atp_with FAULT_AT="$at" FAULT_DO=$fault -- "${arguments[@]}"
      name="$mode, call $at of $calls: $fault"
      check "$name: exit code" is "$code" 4
      check "$name: one line" is "$(wc -l <err)" 1
      check "$name: names file and operation" grep -qE "^atp: ${arguments[0]}: d.*: (cannot [a-z ]+|no space left|disk quota)" err
      if [ $mode != append ] && [ $mode != repair ] && [ "$at" = "$calls" ]; then
        check "$name: whole" old_or_new  # the folder's sync comes after the rename
        check "$name: no temporary file" is "$(files_of d)" "x.atp "
      elif [ $fault = EIO+ ] && [[ $mode = append || $mode = repair ]]; then
        check "$name: whole" old_or_new  # nothing can be put back on a disk that is gone
      else
        check "$name: nothing happened" nothing_happened $mode
      fi
    done
  done
  for at in $(seq "$calls"); do
    for signal in $signals; do
      runs=$((runs + 1))
      prepare $mode
      atp_with FAULT_AT="$at" FAULT_DO=$signal -- "${arguments[@]}"
      case $signal in INT) expected=130 ;; TERM) expected=143 ;; HUP) expected=129 ;; esac
      if [ $code = 0 ]; then
        check "$mode, $signal at call $at of $calls: done" all_done
      else
        check "$mode, $signal at call $at of $calls: exit code" is "$code" "$expected"
        check "$mode, $signal at call $at of $calls: nothing happened" nothing_happened $mode
      fi
    done
    runs=$((runs + 1))
    prepare $mode
    atp_with FAULT_AT="$at" FAULT_DO=KILL -- "${arguments[@]}"
    check "$mode, killed at call $at: exit code" is $code 137
    check "$mode, killed at call $at of $calls: whole" old_or_new
    if [ -e d/x.atp ] && [ "$(holds d/x.atp)" = "$new" ]; then kills_new=$((kills_new + 1)); else kills_old=$((kills_old + 1)); fi
  done
  for fault in short EINTR; do
    for set in write read; do
      runs=$((runs + 1))
      prepare $mode
      if [ $set = write ]; then only=(); else only=(FAULT_SET=read); fi
      atp_with "${only[@]}" FAULT_AT=0 FAULT_DO=$fault -- "${arguments[@]}"
      check "$mode, $fault at every $set: exit code" is $code 0
      check "$mode, $fault at every $set: same bytes" cmp -s d/x.atp new-$mode.atp
    done
  done
  prepare $mode
  atp_with FAULT_SET=read FAULT_COUNT=calls -- "${arguments[@]}"
  for at in $(seq "$(cat calls)"); do
    runs=$((runs + 1))
    prepare $mode
    atp_with FAULT_SET=read FAULT_AT="$at" FAULT_DO=EIO -- "${arguments[@]}"
    check "$mode, read $at: exit code" is $code 4
    check "$mode, read $at: names the file" grep -qE "^atp: ${arguments[0]}: [a-z/]+\.(xyz|atp): .*input/output error" err
    check "$mode, read $at: nothing happened" nothing_happened $mode
  done
done
echo "faults.sh: $runs runs; killed at a call: $kills_old old, $kills_new new"
finish
