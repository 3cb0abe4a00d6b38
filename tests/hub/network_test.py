#!/usr/bin/env python3
"""What lies between atp and a server, and servers that never come to an end: network_test.py ATP [CASE]..."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hub_case import BIG, BIG_FILE, FILES, Case, File, big_case, run_cases, started  # noqa: E402


class Raw:
    """Gives each connection's requests, as bytes, to answer(socket, request, number), until that returns true."""

    def __init__(self, answer):
        self.answer, self.requests = answer, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.one, args=(client,), daemon=True).start()

    def one(self, client):
        with client:
            try:
                request = b""
                while data := client.recv(65536):
                    request += data
                    if not request.endswith(b"\r\n\r\n"):
                        continue
                    self.requests.append(request)
                    if self.answer(client, request, len(self.requests)):
                        return
                    request = b""
            except OSError:
                pass


def asked_range(request):
    begin, end = request.lower().split(b"range: bytes=")[1].split(b"\r\n")[0].split(b"-")
    return int(begin), int(end) + 1


def part(begin, end):
    return b"HTTP/1.1 206 Partial\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n" % (begin, end - 1, len(BIG), end - begin) + BIG[begin:end]


def from_raw(c, answer):
    """The large file comes from such a server instead of the second port."""
    raw = Raw(answer)
    c.hub.fault("HEAD", times=999, location=raw.url + "/big?Signature=sig0")
    return raw


# ---- proxies and names --------------------------------------------------------------------------


def test_proxies_that_refuse_a_tunnel():
    with Case() as c:
        for status, says, attempts in ((407, "wants a user name and password; look at https_proxy", 1), (403, "the proxy refuses to connect (status 403)", 1), (503, "status 503", 6)):
            proxy = Raw(lambda s, request, _, status=status: s.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status) or True)
            c.atp("pull", "o/n", "--list", code=5, says=says, env={"HF_ENDPOINT": "https://hub.invalid", "https_proxy": proxy.url.replace("//", "//me:secret@")})
            assert len(proxy.requests) == attempts and not any(b"hf_secret" in r for r in proxy.requests), proxy.requests
            assert "secret" not in c.err
        c.hub.fault("hub", status=407)
        c.atp("pull", "o/n", "--list", code=5, says="set http_proxy as")
        c.atp("pull", "o/n", "--list", code=5, says="the proxy's host name", env={"http_proxy": "http://proxy.invalid:1"})


def test_a_name_server_that_does_not_answer():
    compiler = shutil.which("cc")
    if not compiler:
        return
    with big_case() as c:
        with open(c.folder + "/slow.c", "w") as f:
            f.write("#include <netdb.h>\n#include <unistd.h>\nint getaddrinfo(const char* n, const char* s, const struct addrinfo* h, struct addrinfo** r) { sleep(8); return EAI_AGAIN; }\n")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", c.folder + "/slow.so", c.folder + "/slow.c"], check=True)
        c.env.update(LD_PRELOAD=c.folder + "/slow.so", HF_ENDPOINT="http://hub.example", HF_HUB_ETAG_TIMEOUT="0.2")
        start = time.monotonic()
        c.atp("pull", "o/n", "--list", code=5, says="in time")
        assert time.monotonic() - start < 6
        c.env["HF_HUB_ETAG_TIMEOUT"] = "10"
        p = started(c)
        time.sleep(0.5)
        start = time.monotonic()
        p.send_signal(signal.SIGINT)
        assert p.wait(7) == 130 and time.monotonic() - start < 2
        p.stderr.close()


# ---- answers without an end ---------------------------------------------------------------------


def test_headers_without_an_end():
    def headers(client, *_):
        client.sendall(b"HTTP/1.1 206 Partial\r\n")
        while True:
            client.sendall(b"X: y\r\n")
            time.sleep(0.05)

    def provisional(client, *_):
        while True:
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.05)

    for answer in (headers, provisional):
        with big_case() as c:
            from_raw(c, answer)
            c.env["HF_HUB_DOWNLOAD_TIMEOUT"] = "0.2"
            c.pull_big(code=5, says="no bytes for 0.2 s")


def test_a_refusal_without_an_end():
    def refuse(client, *_):
        client.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 1000000000000\r\n\r\n")
        while True:
            client.sendall(b"x" * 65536)

    with big_case() as c:
        from_raw(c, refuse)
        c.pull_big(code=5, says="status 404")


# ---- the second port ----------------------------------------------------------------------------


def test_short_ranges():
    """Some servers send less at a time than is asked for; that is no failure that would have to be waited for."""
    with big_case() as c:
        def megabyte(client, request, _):
            begin, end = asked_range(request)
            client.sendall(part(begin, min(end, begin + (1 << 20))))

        from_raw(c, megabyte)
        c.env["ATP_RETRY_WAIT"] = "50"
        c.pull_big()
        assert c.blob() == BIG


def test_the_second_port_refuses():
    """For good: that is not for want of a token, nor is the dataset gone."""
    for status in (403, 404):
        with big_case() as c:
            c.hub.fault("cdn", times=999, status=status)
            c.pull_big(code=5, says="%s, where the Hub sends to, refuses (status %d)" % (c.hub.cdn, status))


def test_locations_that_people_wrote():
    with Case() as c:
        c.hub.plain["d/ä b.atp"] = FILES["omat/train/001.atp"]
        url = c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/d/"
        assert c.atp("pull", url + "ä b.atp") == "./ä b.atp\n"
        c.hub.fault("/plain/x/y/z.atp", times=9, status=302, headers={"Location": "../../d/ä b.atp".encode().decode("latin-1")})
        c.atp("pull", url[:-2] + "x/y/z.atp")
        with open(c.folder + "/z.atp", "rb") as f:
            assert f.read() == FILES["omat/train/001.atp"]


def test_versions_are_compared_by_what_both_answers_have():
    with Case() as c:
        c.hub.plain["x.atp"] = FILES["omat/train/001.atp"]
        etag = File(c.hub.plain["x.atp"], large=False).etag
        url = c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/x.atp"
        for i, headers in enumerate(({"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}, {"ETag": 'W/"%s"' % etag})):
            c.hub.clear()
            c.hub.fault("hub HEAD", times=9, headers=headers)
            c.atp("pull", url, "--local-dir", "d%d" % i)
            c.hub.fault("hub GET", times=9, etag="other")
            c.atp("pull", url, "--local-dir", "e%d" % i, code=5, says="has changed on the server")


def test_share_of_a_small_dataset():
    """More is fetched than there is: headers come again."""
    with Case() as c:
        c.atp("pull", "o/n", "omat/val", "--sample", "2", "-o", "s.atp", says=" %), in")
        assert "e+" not in c.err


def test_no_length_of_a_small_file():
    with Case() as c:
        c.hub.fault("HEAD /api/resolve-cache", times=9, no_length=True)
        c.atp("pull", "o/n", "omat/train")


# ---- one content, many files --------------------------------------------------------------------


def test_files_of_the_same_content():
    """They are one blob: fetched once, and nobody else is said to be at it."""
    with Case({"d/%02d.bin" % i: BIG_FILE for i in range(12)}) as c:
        for jobs in ("1", "2", "8"):
            out = c.atp("pull", "o/n", "--include", "*", "-j", jobs, env={"HF_HOME": c.folder + "/home" + jobs}, says="1 file fetched, 12.6 MB").strip()
            assert "another process" not in c.err and len(c.requests("cdn", "GET")) <= 8, c.err
            assert all(os.path.getsize("%s/d/%02d.bin" % (out, i)) == len(BIG) for i in range(12))
            c.hub.clear_log()


# ---- what people type ---------------------------------------------------------------------------


def test_pages_for_people():
    with Case() as c:
        for page, name in (("", ""), ("/", ""), ("/tree/main/omat/train?x=1", "/omat/train"), ("/blob/refs%2Fpr%2F1/a%20b.atp", "@refs%2Fpr%2F1/a b.atp"), ("/viewer", "")):
            for command in (["pull"], ["inspect"]):
                c.atp(*command, c.hub.endpoint + "/datasets/o/n" + page, code=2, says="is a page about a dataset; name the dataset: hf://o/n%s\n" % name)
        c.atp("pull", "https://huggingface.co/datasets/o/n", code=2, says="hf://o/n")
        assert not c.hub.log
        c.atp("pull", c.hub.endpoint + "/datasets/o/n/resolve/main/omat/val/000.atp")
        c.hub.plain["page"] = b"<!DOCTYPE html><html>a page</html>"
        c.atp("pull", c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/page", code=1, says="./page: is damaged: not an .atp file")


def test_a_token_on_the_command_line():
    with Case() as c:
        c.atp("pull", "o/n", "--list", "--token", "hf_secret", code=2, says="--token names a file")


def test_manifest_without_sizes():
    """A file that is there is asked about: an old or unfinished one is not what the server has."""
    with Case() as c:
        url = c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/d/manifest.json"
        c.hub.plain["d/a.atp"], c.hub.plain["d/b.atp"] = FILES["omat/train/001.atp"], FILES["omat/train/000.atp"]
        c.hub.plain["d/manifest.json"] = json.dumps({"output_files": ["a.atp", "b.atp"]}).encode()
        os.mkdir(c.folder + "/m")
        with open(c.folder + "/m/a.atp", "wb") as f:
            f.write(FILES["omat/val/000.atp"])
        c.atp("pull", url, "--local-dir", "m", code=4, says="m/a.atp: exists already, and is not what the server has; pass --force")
        c.atp("pull", url, "--local-dir", "m/", "--force", says="2 files fetched")
        with open(c.folder + "/m/a.atp", "rb") as f:
            assert f.read() == FILES["omat/train/001.atp"]
        c.atp("pull", url, "--local-dir", "m", says="2 already there")


def test_what_is_somebodys_stays():
    """An address's file goes into the current folder, where one of that name may have taken a week to make."""
    with Case() as c:
        data, own = FILES["omat/train/001.atp"], b"x" * len(FILES["omat/train/001.atp"])
        url = c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/d/"
        c.hub.plain["d/a.atp"] = data
        entry = {"path": "a.atp", "bytes": len(data), "sha256": File(data, large=True).sha256}
        c.hub.plain["d/manifest.json"] = json.dumps({"files": [entry]}).encode()
        for name, text, address in (("a.atp", b"mine", "a.atp"), ("a.atp", own, "manifest.json"), ("manifest.json", b"{}", "manifest.json")):
            with open(c.folder + "/" + name, "wb") as f:
                f.write(text)
            c.atp("pull", url + address, code=4, says="./%s: exists already" % name)
            with open(c.folder + "/" + name, "rb") as f:
                assert f.read() == text
            assert not c.leftovers()
            c.atp("pull", url + address, "--force")
            with open(c.folder + "/" + name, "rb") as f:
                assert f.read() == c.hub.plain["d/" + name]
            os.remove(c.folder + "/" + name)
        c.atp("pull", "o/n", "omat/val", "--force", code=2, says="--force is for")
        c.atp("pull", "hf://o/n", code=2, says="name one, as hf://o/n/omat/train\n")
        c.atp("verify", "hf://o/n", code=2, says="name one, as hf://o/n/omat/train\n")


if __name__ == "__main__":
    run_cases(globals())
