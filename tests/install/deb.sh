#!/usr/bin/env bash
# The Debian package: what is in it, that apt would take it, and that what it unpacks runs: deb.sh BUILD CPACK. Exit code 77
# where a package cannot be made.
set -uo pipefail
build=$(realpath "$1") cpack=$2
# shellcheck source=tests/support/check.sh disable=SC1091
. "$(realpath "$(dirname "$0")")/../support/check.sh"
for tool in dpkg-deb dpkg-shlibdeps file; do
  command -v $tool >/dev/null || { echo "no $tool (Debian: dpkg-dev file)"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

check "a package is made" "$cpack" --config "$build/CPackConfig.cmake" -G DEB -B "$work/packages"
package=$(echo packages/atp_*.deb)
check "it unpacks" dpkg-deb -x "$package" root
check "with the program" root/usr/bin/atp --version
check "its manual" test -s root/usr/share/man/man1/atp-pack.1 -a -s root/usr/share/man/man5/atp.5
check "completions for bash" test -s root/usr/share/bash-completion/completions/atp
check "for zsh" test -s root/usr/share/zsh/vendor-completions/_atp
check "for fish" test -s root/usr/share/fish/vendor_completions.d/atp.fish
check "its licence" test -s root/usr/share/doc/atp/LICENSE
check "no file of tests or of the build" test -z "$(find root -name '*test*' -o -name '*.o')"
dpkg-deb -f "$package" Depends >depends
check "the libraries it needs" grep -q 'libc6 (>=.*libzstd1' depends
if [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)" ]; then
  check "apt takes it" apt-get install --simulate --no-install-recommends "./$package"
fi

echo "deb.sh: $checks checks, $failed failed"
[ $failed = 0 ]
