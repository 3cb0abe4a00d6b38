#!/usr/bin/env bash
# What the system around atp does to it: signals, full disks, locks, odd targets, closed streams.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/crash/lib.sh disable=SC1091
. "$here/lib.sh"

"$make_extxyz" 20 2000 >input.xyz
"$make_extxyz" 20 300 >small.xyz
"$atp" pack small.xyz -o old.atp --quiet >/dev/null
old=$(holds old.atp)
mkfifo pipe

fresh() {  # fresh [old]: an empty folder d, or one with the old file
  rm -rf d
  mkdir d
  if [ "${1:-}" = old ]; then cp old.atp d/x.atp; fi
}
wait_for() {  # wait_for COMMAND...: until it succeeds, at most ten seconds
  local i
  for ((i = 0; i < 1000; i++)); do
    "$@" && return 0
    sleep 0.01
  done
  return 1
}
has_temporary() { compgen -G "$1.tmp-*" >/dev/null; }

# Starts `atp pack - ...` in the background with the first part of its input; descriptor 9 feeds the rest.
start_pack() {
  env --default-signal=INT,TERM,HUP "$atp" pack - "$@" --quiet <pipe >out 2>err &
  pid=$!
  exec 9>pipe
  cat small.xyz >&9
  wait_for has_temporary d/x.atp
}
end_pack() {  # $code is its exit code
  exec 9>&-
  wait $pid
  code=$?
}

# ---- signals ----
for signal in INT:130 TERM:143 HUP:129; do
  for mode in create append force; do
    fresh "$([ $mode = create ] || echo old)"
    case $mode in create) start_pack -o d/x.atp ;; *) start_pack -o d/x.atp --$mode ;; esac
    kill -"${signal%:*}" $pid
    wait $pid  # while it waits for input that does not come
    code=$?
    check "$signal, $mode: exit code" is $code "${signal#*:}"
    exec 9>&-
    if [ $mode = create ]; then
      check "$signal, create: nothing is left" is "$(files_of d)" ""
    else
      check "$signal, $mode: the old file is left" cmp old.atp d/x.atp
      check "$signal, $mode: and nothing else" is "$(files_of d)" "x.atp "
    fi
  done
done
fresh
env --default-signal=INT "$atp" pack pipe -o d/x.atp --quiet >out 2>err &
pid=$!
sleep 0.2
kill -INT $pid
wait $pid
check "INT before a FIFO has a writer" is $? 130

# ---- two writers, and a reader meanwhile ----
fresh old
start_pack -o d/x.atp --append
run "$atp" pack small.xyz -o d/x.atp --append
check "a second appender: exit code" is $code 4
check "a second appender: message" said "another process is writing to it"
run "$atp" pack small.xyz -o d/x.atp --force
check "replacing a file that is appended to: exit code" is $code 4
check "replacing a file that is appended to: message" said "another process is writing to it"
check "a reader meanwhile" is "$(holds d/x.atp)" "$old"
end_pack
check "the first appender" is $code 0
check "the first appender: all records" is "$(holds d/x.atp | cut -d' ' -f1)" 600
check "no temporary file" is "$(files_of d)" "x.atp "

fresh
start_pack -o d/x.atp
run "$atp" pack small.xyz -o d/x.atp
check "two creators: the faster one" is $code 0
end_pack
check "two creators: the slower one" is $code 4
check "two creators: message" said "exists already"
check "two creators: the file" is "$(holds d/x.atp)" "$old"
check "two creators: no temporary file" is "$(files_of d)" "x.atp "

# ---- no space ----
fresh
(
  ulimit -f 200
  run "$atp" pack input.xyz -o d/x.atp
  exit $code
)
check "ulimit -f: exit code" is $? 4
check "ulimit -f: message" said "cannot write: file too large"
check "ulimit -f: nothing is left" is "$(files_of d)" ""

mount_small() {  # mount_small FOLDER SIZE
  mkdir -p "$1"
  mount -t tmpfs -o size="$2" none "$1" 2>/dev/null || return 1
  mounts+=("$work/$1")
}
if mount_small full 600k; then
  run "$atp" pack input.xyz -o full/x.atp
  check "full disk: exit code" is $code 4
  check "full disk: message" said "cannot write: no space left on device"
  check "full disk: nothing is left" is "$(files_of full)" ""
  cp old.atp full/x.atp
  for mode in append force; do
    run "$atp" pack input.xyz -o full/x.atp --$mode
    check "full disk, $mode: exit code" is $code 4
    check "full disk, $mode: the old file" cmp old.atp full/x.atp
    check "full disk, $mode: nothing else" is "$(files_of full)" "x.atp "
  done
  mount -o remount,ro full
  run "$atp" pack small.xyz -o full/y.atp
  check "read-only: exit code" is $code 4
  check "read-only: message" said "read-only file system"
  run "$atp" pack small.xyz -o full/x.atp --append
  check "read-only append: exit code" is $code 4
else
  echo "system.sh: no small tmpfs can be mounted here: full disk and read-only disk left out (run as root)"
fi
if [ "$(id -u)" != 0 ]; then
  fresh
  chmod 555 d
  run "$atp" pack small.xyz -o d/x.atp
  chmod 755 d
  check "no permission: exit code" is $code 4
fi

# ---- odd targets ----
fresh
mkdir d/folder.atp
run "$atp" pack small.xyz -o d/folder.atp --force
check "a folder as target: exit code" is $code 2
check "a folder as target: message" said "is a directory"
rmdir d/folder.atp
mkfifo d/fifo.atp
for target in d/fifo.atp /dev/null /dev/full; do
  for mode in --force --append ''; do
    # shellcheck disable=SC2086
    run timeout 10 "$atp" pack small.xyz -o $target $mode
    check "$target $mode: exit code" is $code 2
    check "$target $mode: message" said "is not a regular file"
  done
done
check "the FIFO is one still" test -p d/fifo.atp
check "/dev/null is one still" test -c /dev/null
check "no temporary files" is "$(files_of d)" "fifo.atp "
run "$atp" pack small.xyz -o no/such/x.atp
check "no folder: message" said "the folder does not exist"

# ---- streams ----
"$atp" inspect old.atp >/dev/full 2>err
check "stdout on a full disk" is $? 4
fresh
for closed in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
  fresh
  eval "\"$atp\" pack small.xyz -o d/x.atp $closed" >/dev/null 2>&1
  check "pack with $closed: the file" is "$(holds d/x.atp)" "$old"
  check "pack with $closed: nothing else" is "$(files_of d)" "x.atp "
  bash -c "exec $closed; \"$atp\" pack small.xyz -o d/y.atp; \"$atp\" pack nosuch.xyz -o d/x.atp --append; :" >/dev/null 2>&1 </dev/null
  check "really closed, $closed: the new file" is "$(holds d/y.atp)" "$old"
  check "really closed, $closed: the old file" is "$(holds d/x.atp)" "$old"
done

# ---- a mapped file that is cut while it is read ----
fresh old
for what in '--stats' '--record 7' '--stats --json'; do
  cp old.atp d/x.atp
  # shellcheck disable=SC2086
  FAULT_CUT=d/x.atp LD_PRELOAD=$faulty_calls run "$atp" inspect d/x.atp $what
  check "cut while mapped, $what: exit code" is $code 4
  check "cut while mapped, $what: message" said "could not be read: it was cut short while in use"
done
finish
