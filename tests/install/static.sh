#!/usr/bin/env bash
# The statically linked program where nothing is installed: a root folder that holds it, a certificate bundle and the
# address of a host, and no more: static.sh ATP. Exit code 77 where nobody may change the root, or nginx or openssl is missing.
set -uo pipefail
atp=$(realpath "$1") here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/nginx.sh disable=SC1091
. "$here/../support/nginx.sh"
root=$work/root
mkdir -p root/{etc/ssl/certs,data,tmp,home}
cp "$atp" root/atp
cp "$here"/../data/extxyz/mpf-alkali-TP.xyz root/data/

enter=("$(PATH=$PATH:/usr/sbin command -v chroot)")
if [ "$(id -u)" != 0 ]; then enter=("$(command -v unshare)" -r "${enter[@]}"); fi
"${enter[@]}" root /atp --version >out 2>err || { grep -qi "permitted" err && { echo "may not change the root"; exit 77; }; cat err >&2; exit 1; }

inside() { env -i HOME=/home TMPDIR=/tmp ATP_RETRY_WAIT=0.02 "${enter[@]}" "$root" /atp "$@"; }
check "nothing else is there" test "$(find root -type f | wc -l)" = 2
check "pack" inside pack data/mpf-alkali-TP.xyz -o data/a.atp --codec zstd
check "inspect" inside inspect data/a.atp --stats
check "SQL" inside inspect data/a.atp --sql "SELECT count(*) FROM records"
check "verify" inside verify data/a.atp
check "shard" inside shard data/a.atp -o data/train --shards 3
check "plan" inside plan-batches data/train -o data/plan --max-atoms 60
check "export" inside export data/a.atp --to ase-db -o data/a.db
check "read back" inside inspect data/a.db
check "a build for bug reports" inside doctor
check "formats" inside formats
check "help" inside help pull

# A web server with a certificate of an authority that only the bundle knows.
make_certificate shards.test
cp ca.pem root/etc/ssl/certs/ca-certificates.crt
echo "127.0.0.1 shards.test" >root/etc/hosts
cp -r root/data/train www/train
servers() { echo "  server { listen 127.0.0.1:$tls ssl http2; root $work/www; ssl_certificate $work/server.pem; ssl_certificate_key $work/server.key; }"; }
start_nginx servers

check "pull over TLS" inside pull "https://shards.test:$tls/train/manifest.json" --local-dir data/pulled
check "the same files" diff -r www/train root/data/pulled -x manifest.json
check "look without pulling" inside inspect "https://shards.test:$tls/train/manifest.json"

echo "static.sh: $checks checks, $failed failed"
[ $failed = 0 ]
