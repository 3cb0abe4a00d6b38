#!/usr/bin/env bash
# atp against a real web server: nginx (Debian: nginx-light) serves shards over HTTP/1.1 and, with a certificate of a test
# authority, over TLS: nginx_test.sh ATP. Exit code 77 where nginx or openssl is missing.
set -uo pipefail
atp=$(realpath "$1") here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/support/nginx.sh disable=SC1091
. "$here/../support/nginx.sh"
chmod 755 .
unset "${!HF_@}" "${!http@}" SSL_CERT_FILE SSL_CERT_DIR
export HF_HOME=$work/home ATP_RETRY_WAIT=0.02 LC_ALL=C

fails() {  # fails CODE TEXT COMMAND...
  local code=$1 text=$2
  shift 2
  "$@"
  [ $? = "$code" ] && grep -qF -- "$text" err
}

# Shards with a manifest, and an authority with a certificate for localhost.
"$atp" pack "$here/../data/extxyz/mpf-alkali-TP.xyz" -o one.atp --quiet >/dev/null
"$atp" shard one.atp -o www/train --shards 3 --quiet >/dev/null
head -c 9000000 /dev/urandom >www/big.bin
make_certificate localhost

servers() {
  cat <<EOF
  server { listen 127.0.0.1:$http; root $work/www; gzip on; gzip_types *; location /moved { return 302 https://localhost:$tls/train/part_0000.atp; } }
  server {
    listen 127.0.0.1:$tls ssl http2; root $work/www; ssl_certificate $work/server.pem; ssl_certificate_key $work/server.key;
    location /down.atp { return 302 http://localhost:$http/train/part_0000.atp; }
  }
EOF
}
start_nginx servers

plain=http://localhost:$http secure=https://localhost:$tls
check "over HTTP" "$atp" pull "$plain/train/manifest.json" --local-dir plain
check "the same files" diff -r www/train plain -x manifest.json
check "not trusted without the authority" fails 5 "certificate" "$atp" pull "$secure/train/manifest.json" --local-dir tls
check "nothing was written" test ! -e tls
check "over TLS, HTTP/2" "$atp" pull "$secure/train/manifest.json" --local-dir tls --ca-file ca.pem
check "the same files" diff -r www/train tls -x manifest.json
export SSL_CERT_FILE=$work/ca.pem
check "SSL_CERT_FILE" "$atp" inspect "$secure/train/manifest.json"
check "another name than the certificate's" fails 5 "certificate" "$atp" inspect "https://127.0.0.1:$tls/train/part_0000.atp"
check "https leads to no http" fails 5 "from https to http" "$atp" pull "$secure/down.atp"
check "a record by range" "$atp" inspect "$secure/train/part_0001.atp" --record 3
check "a sample" "$atp" pull "$secure/train/manifest.json" --sample 30 -o sample.atp
check "a sound sample" "$atp" verify sample.atp
check "many ranges of one file" "$atp" pull "$secure/big.bin" --verify none --local-dir big
check "the same bytes" cmp www/big.bin big/big.bin
check "not there" fails 5 "nothing at this address" "$atp" pull "$plain/none.atp"

echo "nginx_test.sh: $checks checks, $failed failed"
[ $failed = 0 ]
