# Sourced by tests that go on after a failure, and say at the end how many of $checks have $failed.
checks=0 failed=0
check() {  # check WHAT COMMAND...
  local what=$1
  shift
  checks=$((checks + 1))
  if ! "$@" >out 2>err; then
    failed=$((failed + 1))
    echo "FAILED: $what: $*" >&2
    cat out err >&2
  fi
}
