#!/usr/bin/env python3
"""Servers of other kinds, odd environments and what must never be seen: server_test.py ATP [CASE]..."""
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hub_case import ATP, BIG, BIG_FILE, CHUNK, FILES, Case, File, big_case, run_cases, started  # noqa: E402

SECRETS = (b"hf_secret", b"Signature=", b"sig0")


def no_secret_below(folder):
    for base, _, names in os.walk(folder):
        for n in names:
            with open(os.path.join(base, n), "rb") as f:
                text = f.read(1 << 20)
            assert not any(s in text for s in SECRETS), os.path.join(base, n)


# ---- servers ------------------------------------------------------------------------------------


def test_http_1_0():
    with big_case(protocol="HTTP/1.0") as c:
        c.pull_big()
        assert c.blob() == BIG


def test_without_lengths():
    for what in ("chunked", "no_length"):
        with big_case() as c:
            c.hub.fault("cdn GET", times=999, **{what: True})
            c.pull_big()
            assert c.blob() == BIG, what
        with big_case() as c:  # and the whole file although a range was asked for
            c.hub.fault("cdn GET", times=999, ignore_range=True, **{what: True})
            c.pull_big()
            assert c.blob() == BIG, what
    with big_case() as c:  # without a length, a whole file that is cut off looks complete
        c.hub.fault("cdn GET", times=1, ignore_range=True, no_length=True, drop=True, after=CHUNK + 7)
        c.hub.fault("cdn GET", times=999, ignore_range=True, no_length=True)
        c.pull_big()
        assert c.blob() == BIG


def test_redirects_of_every_kind():
    for status in (301, 302, 303, 307, 308):
        with big_case() as c:
            target = "/o/n/%s/big.atp?sha=%s&Signature=sig0" % (c.sha, BIG_FILE.sha256)
            c.hub.fault("cdn GET", times=2, status=status, headers={"Location": target})  # relative to the second port
            c.hub.fault("GET /api", status=status, headers={"Location": "/api/datasets/o/n/revision/main?again"})
            c.pull_big()
            assert c.blob() == BIG, status


def test_ipv6():
    if not socket.has_ipv6:
        return
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return  # a machine without it
    with big_case(host="::1") as c:
        c.pull_big()
        assert c.blob() == BIG


def test_endpoint_with_a_prefix():
    for slash in ("", "/", "//"):
        with Case(prefix="/mirror/hf", page=2) as c:
            c.atp("pull", "o/n", "omat/train", env={"HF_ENDPOINT": c.hub.endpoint + slash})
            assert all(e["path"].startswith("/mirror/hf/") or e["port"] == "cdn" for e in c.hub.log)
    with Case() as c:
        for endpoint in ("ftp://x", "127.0.0.1", "http://", "http://a b", "http://x?y=1", "http://user:pw@x"):
            c.atp("pull", "o/n", "omat/val", code=2, env={"HF_ENDPOINT": endpoint}, says="HF_ENDPOINT")


def test_servers_that_take_no_head():
    for status in (405, 403, 501):
        with Case() as c:
            url = c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/d/big.atp?Signature=sig0"
            c.hub.plain["d/big.atp"] = File(BIG, large=False)
            c.hub.fault("hub HEAD", times=999, status=status)
            c.atp("pull", url, "--verify", "none")
            with open(c.folder + "/big.atp", "rb") as f:
                assert f.read() == BIG
            c.hub.fault("GET", times=999, ignore_range=True)  # nor ranges
            c.atp("pull", url, "--verify", "none", "--local-dir", "again")
            c.atp("pull", url.replace("big", "none"), code=5, says="nothing at this address")
    with Case() as c:
        url = c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/x.atp"
        c.hub.plain["x.atp"] = FILES["omat/train/001.atp"]
        c.hub.fault("/plain", times=999, chunked=True, ignore_range=True)
        c.atp("pull", url, code=5, says="does not say its size")


class Proxy:
    """Passes plain HTTP on, and counts."""

    def __init__(self):
        self.count = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def one(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        method, url, rest = head.split(b" ", 2)
        host, _, path = url[len(b"http://"):].partition(b"/")
        name, port = host.decode().split(":")
        with client, socket.create_connection((name, int(port))) as server:
            server.sendall(b"%s /%s %s" % (method, path, rest.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)))
            while data := server.recv(65536):
                client.sendall(data)


def test_proxies():
    with Case() as c:
        proxy = Proxy()
        c.atp("pull", "o/n", "omat/train", env={"http_proxy": proxy.url})
        assert proxy.count >= 4
        before = proxy.count
        for name in ("no_proxy", "NO_PROXY"):
            c.atp("pull", "o/n", "omat/val", "--local-dir", name, env={"http_proxy": proxy.url, name: "localhost,127.0.0.1"})
        assert proxy.count == before
        # A proxy that is not there; its password is nobody's business.
        dead = {"http_proxy": "http://user:pass_word@127.0.0.1:1", "HF_HOME": c.folder + "/other", "ATP_RETRY_WAIT": "0"}
        c.atp("pull", "o/n", "omat/val", code=5, env=dead, says="cannot connect")
        assert "pass_word" not in c.err


def test_a_file_of_another_kind():
    with Case() as c:
        out = c.atp("pull", "o/n", "README.md").strip()
        with open(out, "rb") as f:
            assert f.read() == FILES["README.md"]
        c.atp("pull", "hf://o/n/README.md", env={"HF_HUB_OFFLINE": "1"})
        c.atp("pull", "o/n", "README.me", code=5, says="'README.me' is not in o/n at main")


# ---- secrets ------------------------------------------------------------------------------------


def test_token_files():
    with Case() as c:
        c.repo.private = True
        path = c.folder + "/token"
        for text in ("hf_secret\n", "hf_secret\r\n", "  hf_secret\n\n"):
            with open(path, "w") as f:
                f.write(text)
            c.atp("pull", "o/n", "--list", env={"HF_TOKEN": "", "HF_TOKEN_PATH": path})
            c.atp("pull", "o/n", "--list", "--token", path, env={"HF_TOKEN": "hf_wrong"})
        for text in ("", "\n", "two words", "x" * 9000):
            with open(path, "w") as f:
                f.write(text)
            c.atp("pull", "o/n", "--list", "--token", path, code=2, says="holds no token")
        c.atp("pull", "o/n", "--list", env={"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, code=5, says="there is no token")


def test_secrets_stay_secret():
    with big_case() as c:
        # What the second port says of a failure may have its own address in it, and the first one the token.
        leak = '{"error": "no %s/o/n?Signature=sig0&x=1 for you"}' % c.hub.cdn
        c.hub.fault("cdn GET", times=999, status=403, body=leak)
        c.atp("pull", "o/n", "big.atp", "--verify", "none", "-v", "--json", code=5)
        no_secret_below(c.folder)
        c.hub.clear()
        c.hub.fault("revision", times=9, status=403, headers={"X-Error-Message": "Bearer hf_secret may not", "X-Request-Id": "hf_secret"})
        c.atp("pull", "o/n", "big.atp", "-v", code=5, says="may not")
        c.hub.clear()
        c.hub.fault("cdn GET", times=999, drop_at_once=True, skip=1)
        c.atp("pull", "o/n", "big.atp", "--verify", "none", "-v", code=5)
        no_secret_below(c.folder)
        for location in ("mailto:x?Signature=sig0", "http://", "//user@x?Signature=sig0"):
            c.hub.clear()
            c.hub.fault("HEAD", times=9, location=location)
            c.atp("pull", "o/n", "big.atp", "-v", code=5)


def test_signed_addresses_on_the_command_line():
    with Case() as c:
        url = c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/x.atp?Signature=sig0"
        c.hub.plain["x.atp"] = FILES["omat/train/001.atp"]
        for command in (["verify", url], ["shard", url, "-o", "s", "--shards", "1"], ["pack", url, "-o", "y.atp"], ["inspect", url, "--stats"], ["inspect", url, url],
                        ["pull", url.replace("//", "//me:Signature@")]):
            c.atp(*command, code=2)
        c.atp("inspect", url)
        c.atp("inspect", url, "--json")
        c.atp("plan-batches", url, "-o", "plan", "--max-atoms", "512", "-v")
        c.atp("pull", url, "--records", "0:3", "-o", "s.atp", "--json")
        c.atp("pull", url, "--local-dir", "d", "-v")
        no_secret_below(c.folder)


def test_token_and_origins():
    """The first port redirects to itself by another name or scheme: that is another origin, which gets no token."""
    with Case() as c:
        other = c.hub.endpoint.replace("127.0.0.1", "localhost")
        c.hub.fault("GET /api/datasets/o/n/revision", status=307, headers={"Location": other + "/api/datasets/o/n/revision/main"})
        c.atp("pull", "o/n", "omat/val", code=5, says="redirects to another server")
        c.hub.fault("HEAD", status=302, headers={"Location": other + "/plain/x", "X-Repo-Commit": c.sha, "X-Linked-Size": str(len(FILES["omat/val/000.atp"])),
                                                  "X-Linked-Etag": File(FILES["omat/val/000.atp"]).etag})
        c.hub.plain["x"] = FILES["omat/val/000.atp"]
        c.hub.clear_log()
        c.atp("pull", "o/n", "omat/val")
        asked = [e for e in c.hub.log if e["path"] == "/plain/x"]
        assert asked and not any(e["token"] for e in asked)


# ---- the disk -----------------------------------------------------------------------------------


def test_disk_refuses():
    with big_case() as c:
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (CHUNK, CHUNK))  # noqa: E731
        r = subprocess.run([ATP, "pull", "o/n", "big.atp", "--verify", "none"], env=c.env, capture_output=True, text=True, timeout=30, preexec_fn=limit)
        assert r.returncode == 4 and "file too large" in r.stderr, r
        c.pull_big()
        assert c.blob() == BIG
    with Case() as c:
        c.atp("pull", "o/n", "omat/val", code=4, env={"HF_HUB_CACHE": "/proc/no/cache"}, says="/proc/no/cache")
        with open(c.folder + "/file", "w"):
            pass
        c.atp("pull", "o/n", "omat/val", "--local-dir", "file", code=4)
    with Case({"a.atp": b"x", "a.atp/b.atp": b"y"}) as c:  # one cannot be both
        c.atp("pull", "o/n", "--include", "*", "--verify", "none", "--local-dir", "d", code=4)


def test_links_are_not_followed():
    """A link where a file belongs is replaced; what it names stays as it is."""
    with Case() as c:
        os.makedirs(c.folder + "/d/omat/val")
        with open(c.folder + "/victim", "w") as f:
            f.write("precious")
        os.symlink(c.folder + "/victim", c.folder + "/d/omat/val/000.atp")
        c.atp("pull", "o/n", "omat/val", "--local-dir", "d")
        assert not os.path.islink(c.folder + "/d/omat/val/000.atp")
        partial = c.folder + "/d/.cache/huggingface/download/omat/train/000.atp.atp-partial"
        os.makedirs(os.path.dirname(partial))
        os.symlink(c.folder + "/victim", partial)
        c.atp("pull", "o/n", "omat/train", "--local-dir", "d", code=4)
        with open(c.folder + "/victim") as f:
            assert f.read() == "precious"


# ---- without a network --------------------------------------------------------------------------


def test_cache_when_the_network_fails():
    with Case() as c:
        c.atp("pull", "o/n", "omat/val")
        for what in ({"drop_at_once": True}, {"status": 503}, {"status": 429}):
            c.hub.clear()
            c.hub.fault("hub", times=999, **what)
            assert c.atp("pull", "o/n", "omat/val", says=["going on with the file that the cache has", "1 already there"]).startswith(c.cache)
            assert len(c.hub.log) == 2
            c.atp("inspect", "hf://o/n/omat/val", says="warning")
            c.atp("pull", "o/n", "omat/train", code=5)  # of which nothing is there
        dead = {"HF_ENDPOINT": "http://127.0.0.1:1"}
        c.atp("pull", "o/n", "omat/val", env=dead, says="cannot connect; going on")
        c.atp("verify", "hf://o/n/omat/val", env=dead, says="cannot connect; going on")
        os.remove(c.cache + "/blobs/" + File(FILES["omat/val/000.atp"]).etag)
        c.atp("pull", "o/n", "omat/val", env=dead, code=5, says="cannot connect")
        # An answer is an answer.
        c.hub.clear()
        c.hub.fault("hub", times=999, status=404)
        c.atp("pull", "o/n", "omat/val", code=5, says="there is no dataset")


# ---- Ctrl-C -------------------------------------------------------------------------------------


def test_interrupted_while_waiting():
    def interrupted(c, *arguments, after=0.4):
        p = started(c, *arguments)
        time.sleep(after)
        start = time.monotonic()
        p.send_signal(signal.SIGINT)
        code = p.wait(5)
        p.stderr.close()
        assert code == 130 and time.monotonic() - start < 0.5, (code, time.monotonic() - start)

    with big_case() as c:  # a server that says nothing; then one whose bytes stop
        c.hub.fault("revision", sleep=5)
        interrupted(c)
        c.hub.fault("cdn GET", times=9, stall=5, after=1000)
        interrupted(c)
        # Between two attempts; while another process has the lock; under --limit-rate.
        c.env["ATP_RETRY_WAIT"] = "30"
        c.hub.clear()
        c.hub.fault("cdn GET", times=99, status=503)
        interrupted(c)
        c.env["ATP_RETRY_WAIT"] = "0.02"
        c.hub.clear()
        c.hub.rate = 1e6
        first = started(c)
        time.sleep(0.2)
        interrupted(c)
        first.kill()
        first.wait()
        first.stderr.close()
        c.hub.rate = None
        interrupted(c, "--limit-rate", "100k")
        c.pull_big()
        assert c.blob() == BIG


if __name__ == "__main__":
    run_cases(globals())
