# shellcheck shell=bash
# What the MPI scripts share. Each is called as SCRIPT ATP ATP_WITH_MPI.
data=$(cd "$(dirname "${BASH_SOURCE[0]}")/../data" && pwd)
alone=$(realpath "${1:?usage: SCRIPT ATP ATP_WITH_MPI}")
together=$(realpath "${2:?usage: SCRIPT ATP ATP_WITH_MPI}")
if ! command -v mpirun >/dev/null; then
  echo "$(basename "$0"): skipped: there is no mpirun (Debian: openmpi-bin)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export SOURCE_DATE_EPOCH=1700000000  # the manifests' time
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_orte_tmpdir_base=$work/ompi
export HOME=$work TERM=dumb
mkdir ompi

failed=0
fail() {
  echo "FAILED: $*" >&2
  failed=$((failed + 1))
}

# run_ranks N COMMAND OPTIONS...: an atp command by N processes; output in `said`, exit code returned.
run_ranks() {
  local n=$1
  shift
  timeout -k 5 120 mpirun --oversubscribe --allow-run-as-root -n "$n" "$together" "$@" >said 2>&1 </dev/null
}

# refused_without_mpi COMMAND OPTIONS... -o none: a build without MPI does not do everything several times.
refused_without_mpi() {
  if "$alone" --version | grep -q 'with MPI'; then return; fi
  local code=0
  timeout 60 mpirun --oversubscribe --allow-run-as-root -n 2 "$alone" "$@" >said 2>&1 </dev/null || code=$?
  [ $code = 2 ] || fail "without MPI: exit code $code"
  grep -q 'this build has no MPI' said || fail "without MPI: $(cat said)"
  [ ! -e none ] || fail "without MPI something was written"
}
