# shellcheck shell=bash
# What the crash scripts share. Each is called as SCRIPT ATP DIGEST MAKE_EXTXYZ FAULTY_CALLS.
set -uo pipefail
atp=$(realpath "$1") digest=$(realpath "$2") make_extxyz=$(realpath "$3") faulty_calls=$(realpath "$4")

# In memory where that is possible: hundreds of runs sync what they write.
if [ -w /dev/shm ]; then shm=/dev/shm; else shm=${TMPDIR:-/tmp}; fi
work=$(mktemp -d "$shm/atp-crash-XXXXXX")
mounts=()
clean_up() {
  local m
  for m in "${mounts[@]}"; do umount -l "$m" 2>/dev/null; done
  rm -rf "$work"
}
trap clean_up EXIT
cd "$work" || exit 1
export LC_ALL=C
# The preloaded library is not the sanitizers' own, which is no mistake here.
export ASAN_OPTIONS=verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

passed=0 failed=0
fail() {  # fail WHAT...
  failed=$((failed + 1))
  echo "FAILED: $*" >&2
  if [ -s err ]; then sed 's/^/  stderr: /' err >&2; fi
}
check() {  # check WHAT COMMAND...: the command must succeed
  local what=$1
  shift
  if "$@"; then passed=$((passed + 1)); else fail "$what: $*"; fi
}
finish() {
  echo "$(basename "$0"): $passed checks passed, $failed failed"
  [ $failed = 0 ]
  exit
}

# Runs a command; its exit code is in $code, its streams in out and err.
run() {
  "$@" >out 2>err </dev/null
  code=$?
}
is() { [ "$1" = "$2" ]; }
said() { grep -qF -- "$1" err; }
files_of() { (cd "$1" && LC_ALL=C ls -A | tr '\n' ' '); }
holds() { "$digest" "$1" | cut -d' ' -f2-; }  # RECORDS HASH
whole() { "$digest" "$1" >/dev/null; }
