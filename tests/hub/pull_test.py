#!/usr/bin/env python3
"""What atp pull makes of a Hub and of a cache: pull_test.py ATP [CASE]..."""
import hashlib
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hub_case import ATP, BIG, FILES, Case, File, big_case, run_cases  # noqa: E402


# ---- layout -------------------------------------------------------------------------------------


def test_cache_layout():
    with Case() as c:
        out = c.atp("pull", "o/n", "omat/train", says="3 files fetched")
        snapshot = c.cache + "/snapshots/" + c.sha
        assert out == snapshot + "/omat/train\n", out
        expected = {"refs/main": c.sha.encode()}
        for path in ("omat/train/000.atp", "omat/train/001.atp", "omat/train/manifest.json"):
            f = File(FILES[path])
            expected["blobs/" + f.etag] = FILES[path]
            assert os.readlink(snapshot + "/" + path) == "../../../../blobs/" + f.etag
            expected["snapshots/%s/%s" % (c.sha, path)] = FILES[path]
        found = {}
        for folder, _, names in os.walk(c.cache):
            for n in names:
                p = os.path.join(folder, n)
                with open(p, "rb") as f:
                    found[os.path.relpath(p, c.cache)] = f.read()
        assert found == expected, sorted(found)
        with open(c.folder + "/home/hub/CACHEDIR.TAG") as f:
            assert f.readline() == "Signature: 8a477f597d28d172789f06886806bc55\n"
        locks = os.listdir(c.folder + "/home/hub/.locks/datasets--o--n")
        assert sorted(locks) == sorted(os.path.basename(p) + ".lock" for p in expected if p.startswith("blobs/"))
        umask = os.umask(0)
        os.umask(umask)
        for p in expected:
            assert os.stat(c.cache + "/" + p).st_mode & 0o777 == 0o666 & ~umask, p
        # Again: two questions and nothing else; a commit without any.
        c.hub.clear()
        c.atp("pull", "o/n", "omat/train", says="3 already there")
        assert len(c.hub.log) == 2, c.hub.log
        c.hub.clear()
        c.atp("inspect", out.strip())


def test_whole_repository_keeps_its_tree():
    with Case() as c:
        c.atp("pull", "o/n", code=2, says=["holds 2 datasets: omat/train, omat/val", "--include"])
        c.atp("pull", "o/n", "--include", "*.atp", "--include", "README.md", "--exclude", "*val*")
        with open("%s/trees/%s.json" % (c.cache, c.sha)) as f:
            tree = json.load(f)
        assert tree["format_version"] == 1 and sorted(tree["files"]) == sorted(FILES)
        large = File(FILES["omat/train/000.atp"])
        assert tree["files"]["omat/train/000.atp"] == {"size": large.size, "blob_id": large.sha1, "lfs_sha256": large.sha256, "lfs_size": large.size}
        assert os.path.exists("%s/snapshots/%s/README.md" % (c.cache, c.sha)) and not os.path.exists("%s/snapshots/%s/omat/val" % (c.cache, c.sha))
        c.hub.clear()
        c.atp("pull", "o/n", "omat/train/000.atp", "--revision", c.sha)
        assert c.hub.log == []
        c.atp("pull", "hf://o/n/omat/train/000.atp", env={"HF_HUB_OFFLINE": "1"})
        assert c.hub.log == []
        c.atp("pull", "o/n", "omat/val", code=5, env={"HF_HUB_OFFLINE": "1"}, says="HF_HUB_OFFLINE")
        c.atp("pull", "o/n", "omat", "--revision", "other", code=5, env={"HF_HUB_OFFLINE": "1"}, says="revision 'other' is not in the cache")
        assert c.hub.log == []


def test_what_python_laid_out_is_used():
    """A cache written here as HUB.md says, link by link: nothing is fetched."""
    with Case() as c:
        for path in FILES:
            f = File(FILES[path])
            os.makedirs(c.cache + "/blobs", exist_ok=True)
            with open(c.cache + "/blobs/" + f.etag, "wb") as out:
                out.write(FILES[path])
            if path.startswith("omat/train"):
                link = "%s/snapshots/%s/%s" % (c.cache, c.sha, path)
                os.makedirs(os.path.dirname(link), exist_ok=True)
                os.symlink("../../../../blobs/" + f.etag, link)
        os.makedirs(c.cache + "/refs")
        with open(c.cache + "/refs/main", "w") as out:
            out.write(c.sha)
        c.atp("pull", "o/n", "omat/train", env={"HF_HUB_OFFLINE": "1"}, says="3 already there")
        assert c.hub.log == []
        c.atp("pull", "o/n", "omat/val")  # the blob is there, the link is not
        assert not c.requests("cdn") and os.readlink("%s/snapshots/%s/omat/val/000.atp" % (c.cache, c.sha)).startswith("../../../../blobs/")


def test_read_only_cache_hit():
    with Case() as c:
        c.atp("pull", "o/n", "omat/val")
        subprocess.run(["chmod", "-R", "a-w", c.folder + "/home"], check=True)
        c.atp("pull", "o/n", "omat/val", says="1 already there")
        subprocess.run(["chmod", "-R", "u+w", c.folder + "/home"], check=True)


def test_without_symlinks():
    with Case() as c:
        out = c.atp("pull", "o/n", "omat/val", env={"HF_HUB_DISABLE_SYMLINKS": "1"}).strip()
        assert not os.path.islink(out + "/000.atp") and os.path.getsize(out + "/000.atp") == len(FILES["omat/val/000.atp"])


def test_local_dir():
    with Case() as c:
        assert c.atp("pull", "o/n", "omat/train", "--local-dir", "d") == "d/omat/train\n"
        with open(c.folder + "/d/omat/train/001.atp", "rb") as f:
            assert f.read() == FILES["omat/train/001.atp"]
        with open(c.folder + "/d/.cache/huggingface/download/omat/train/001.atp.metadata") as f:
            commit, etag, when = f.read().split()
        assert (commit, etag) == (c.sha, File(FILES["omat/train/001.atp"]).etag) and abs(float(when) - time.time()) < 60
        with open(c.folder + "/d/.cache/huggingface/.gitignore") as f:
            assert f.read() == "*"
        c.hub.clear()
        c.atp("pull", "o/n", "omat/train", "--local-dir", "d", says="3 already there")
        assert len(c.hub.log) == 2
        os.remove(c.folder + "/d/.cache/huggingface/download/omat/train/001.atp.metadata")  # adopted by its content
        with open(c.folder + "/d/omat/train/000.atp", "r+b") as f:  # changed since, of the same size
            f.seek(9000)
            f.write(b"x")
        os.utime(c.folder + "/d/omat/train/000.atp", (time.time() + 100, time.time() + 100))
        c.hub.clear()
        c.atp("pull", "o/n", "omat/train", "--local-dir", "d", says="1 file fetched")
        assert len(c.requests("cdn")) == 1 and not c.leftovers()
        # What the cache has is not fetched.
        c.atp("pull", "o/n", "omat/val")
        c.hub.clear()
        c.atp("pull", "o/n", "omat/val", "--local-dir", "d")
        assert not c.requests("cdn")


def test_dry_run_list_json():
    with Case() as c:
        out = c.atp("pull", "o/n", "omat/train", "--dry-run")
        assert "000.atp" in out and "to fetch" in out and not os.path.exists(c.cache)
        listed = json.loads(c.atp("pull", "o/n", "--list", "--json"))
        assert [d["path"] for d in listed["datasets"]] == ["omat/train", "omat/val"] and listed["commit"] == c.sha
        shard = File(FILES["omat/train/001.atp"])
        assert listed["datasets"][0]["files"][1] == {"path": "omat/train/001.atp", "bytes": shard.size, "etag": shard.etag}
        text = c.atp("pull", "--list", "o/n")
        assert "omat/train" in text and "  001.atp" in text
        result = json.loads(c.atp("pull", "o/n", "omat/val", "--json"))
        assert result["commit"] == c.sha and result["fetched_files"] == 1 and result["path"].endswith("/omat/val")


def test_pages():
    files = {"d/%03d.atp" % i: b"x%d" % i for i in range(25)}
    with Case(files, page=7) as c:
        listed = json.loads(c.atp("pull", "o/n", "--list", "--json"))
        assert listed["datasets"][0]["shards"] == 25
        c.hub.fault(["GET", "tree"], next_base="http://127.0.0.1:1")
        c.atp("pull", "o/n", "--list", code=5, says="goes on at another server")
        c.hub.fault(["GET", "tree"], times=9, next=7)
        c.atp("pull", "o/n", "--list", code=5, says="leads back")
        c.hub.clear()
        c.hub.fault(["GET", "tree"], next_base="https://huggingface.co")  # through a mirror
        c.atp("pull", "o/n", "--list")


def test_small_files_and_empty_ones():
    with Case({"d/a.atp": b"", "d/manifest.json": b"{}"}) as c:
        out = c.atp("pull", "o/n", "d", "--verify", "none").strip()
        assert os.path.getsize(out + "/a.atp") == 0


# ---- refusals -----------------------------------------------------------------------------------


def test_refusals():
    with Case() as c:
        c.atp("pull", "o/missing", "x", code=5, says="there is no dataset o/missing")
        c.atp("pull", "o/n", "nowhere", code=5, says="'nowhere' is not in o/n at main")
        c.atp("pull", "o/n", "nowhere.atp", code=5, says="'nowhere.atp' is not in o/n at main")
        c.atp("pull", "o/n", "omat", "--revision", "v9", code=5, says="no revision 'v9'")
        c.atp("pull", "o/n", "omat/val", code=5, env={"HF_TOKEN": "hf_wrong"}, says="the token is wrong or has expired")
        c.repo.private = True
        c.atp("pull", "o/n", "omat/val", code=5, env={"HF_TOKEN": ""}, says=["private and there is no token", "HF_TOKEN"])
        c.repo.private, c.repo.gated = False, True
        c.atp("pull", "o/n", "omat/val", code=5, env={"HF_TOKEN": ""}, says="must be asked for")
        c.atp("pull", "o/n", "omat/val", "--token", "-", env={"HF_TOKEN": ""}, stdin=c.hub.token.encode() + b"\n")
        c.atp("pull", "o/n", "../x", code=2, says="..")
        c.atp("pull", "o/..", "x", code=2, says="is not a repository")
        c.atp("pull", "hf://o", code=2, says="OWNER/NAME")
        c.atp("pull", "o/n", "omat/train", code=5, env={"HF_ENDPOINT": "http://127.0.0.1:1", "ATP_RETRY_WAIT": "0"}, says="cannot connect")
        c.atp("pull", "o/n", "omat/train", code=5, env={"HF_ENDPOINT": "http://no-such-host.invalid"}, says="cannot be resolved")
        assert "waiting" not in c.err, c.err
        c.hub.fault("revision", status=403, headers={"X-Error-Message": "Repository is disabled."})
        c.atp("pull", "o/n", "omat/val", code=5, says="the repository is disabled")


def test_rate_limit():
    with Case() as c:
        c.hub.fault("revision", status=429, headers={"RateLimit": '"api";r=0;t=0'})
        c.hub.fault("HEAD", status=429, headers={"Retry-After": "0"})
        start = time.monotonic()
        c.atp("pull", "o/n", "omat/val")
        assert time.monotonic() - start > 1.9
        c.hub.fault("revision", times=9, status=429)
        c.atp("pull", "o/n", "omat/train", code=5, says="limits the number of requests")


def test_server_errors_pass():
    with big_case() as c:
        for status in (500, 502, 503, 504, 408):
            c.hub.fault("revision", status=status)
            c.hub.fault("HEAD", status=status)
            c.hub.fault("cdn GET", status=status)
        c.pull_big()
        assert c.blob() == BIG


# ---- damaged answers ----------------------------------------------------------------------------


def test_json():
    with Case() as c:
        for path, name in (("revision", "sha"), ("tree", "oid")):
            c.hub.fault(path, cut=30)
            c.hub.fault(path, gzip=True)
            c.atp("pull", "o/n", "omat/val")  # the third answer is whole
            c.hub.fault(path, times=9, cut=30)
            c.atp("pull", "o/n", "omat/val", code=5, says="no JSON")
            c.hub.clear()
        c.hub.fault("revision", times=9, json='{"sha": "../../../etc"}')
        c.atp("pull", "o/n", "omat/val", code=5, says="no sha of 40")
        c.hub.clear()
        c.hub.fault("tree", times=9, json='{"error": 1}')
        c.atp("pull", "o/n", "omat/val", code=5, says="no list of files")
        c.hub.clear()
        c.hub.fault("tree", times=9, json="[" * 100000)
        c.atp("pull", "o/n", "omat/val", code=5, says="no JSON")


def test_endless_json():
    with Case() as c:
        c.hub.fault("tree", times=9, endless=True)
        c.atp("pull", "o/n", "omat/val", code=5, says="larger than")
        assert c.hub.bytes_sent() < 200e6


def test_hostile_paths():
    with Case() as c:
        good = {"type": "file", "size": 1, "oid": "1" * 40}
        for path in ("/etc/passwd.atp", "omat/val/../../../x.atp", "omat\\val\\x.atp", "omat/val/x\0.atp", "C:/x.atp", "", "omat//val/x.atp", "omat/val/./x.atp"):
            c.hub.fault("tree", times=3, json=json.dumps([dict(good, path=path)]))
            c.atp("pull", "o/n", "omat/val", code=5, says="not taken")
        for oid in ("../../x", "1" * 39, "Z" * 40, "1" * 64):
            c.hub.fault("tree", times=3, json=json.dumps([dict(good, path="omat/val/x.atp", oid=oid)]))
            c.atp("pull", "o/n", "omat/val", code=5, says="no oid of 40")
        c.hub.fault("tree", times=3, json=json.dumps([dict(good, path="omat/val/x.atp", lfs={"oid": "../" * 21 + "x", "size": 1})]))
        c.atp("pull", "o/n", "omat/val", code=5, says="no oid of 64")
        for etag in ("../../../../x", "a" * 63, ""):
            c.hub.fault("HEAD", times=1, etag=etag)
            c.atp("pull", "o/n", "omat/val", code=5, says="neither SHA-256 nor SHA-1")
        assert not os.path.exists(c.cache + "/refs/main") and sorted(os.listdir(c.folder)) == ["home"]


def test_another_commit_or_hash():
    with Case() as c:
        c.hub.fault("HEAD", commit="2" * 40)
        c.atp("pull", "o/n", "omat/val", code=5, says="answers with commit 2222")
        c.hub.fault("HEAD", etag="3" * 64)
        c.atp("pull", "o/n", "omat/val", code=5, says="states the hash 3333")
        c.hub.fault("HEAD", size=5)
        c.atp("pull", "o/n", "omat/val", code=5, says="states 5 bytes")
        assert not c.requests("cdn")


def test_moved_branch():
    """main moves between two files: both come from the first commit."""
    with Case() as c:
        c.hub.fault("HEAD", sleep=0.3, times=2)
        other = {p: b"different" + d for p, d in FILES.items()}

        def move():
            while not any(e["method"] == "HEAD" for e in c.hub.log):
                time.sleep(0.01)
            c.repo.commit(other)

        mover = threading.Thread(target=move, daemon=True)
        mover.start()
        out = c.atp("pull", "o/n", "omat/train").strip()
        mover.join()
        assert c.sha in out
        with open(out + "/001.atp", "rb") as f:
            assert f.read() == FILES["omat/train/001.atp"]


def test_redirects():
    with Case() as c:
        c.hub.fault("HEAD", times=99, location="/datasets/o/n/resolve/%s/omat/val/000.atp" % c.sha)
        c.atp("pull", "o/n", "omat/val", code=5, says="redirects more than 10 times")
        c.hub.clear()
        for location in ("ftp://x/y", "file:///etc/passwd", "javascript:1", "http://user:pw@%s/x" % c.hub.cdn[7:]):
            c.hub.fault("HEAD", location=location)
            c.atp("pull", "o/n", "omat/val", code=5, says="no http address")
        c.hub.fault("tree", status=302, headers={"Location": c.hub.cdn + "/list"})
        c.atp("pull", "o/n", "omat/val", code=5, says="another server, where no list")
        # The second port redirects on, even back to the first: no loop, and no token on the way.
        c.hub.fault("cdn GET", times=99, status=302, headers={"Location": "/again?Signature=sig0"})
        c.atp("pull", "o/n", "omat/val", code=5, says="redirects more than 10 times")
        c.hub.clear()


# ---- plain addresses ----------------------------------------------------------------------------


def test_plain_file():
    with Case() as c:
        url = c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/d/x.atp"
        c.hub.plain["d/x.atp"] = FILES["omat/train/001.atp"]
        assert c.atp("pull", url) == "./x.atp\n"
        with open(c.folder + "/x.atp", "rb") as f:
            assert f.read() == FILES["omat/train/001.atp"]
        assert not any(e["token"] for e in c.hub.log)  # another host than HF_ENDPOINT's
        c.atp("pull", url, says="1 already there")
        c.atp("pull", url + "x", code=5, says="nothing at this address")
        c.hub.plain["d/big.atp"] = File(BIG, large=False)
        c.hub.fault(["GET", "big", "bytes=4194304"], etag="changed")
        c.atp("pull", url.replace("x.atp", "big.atp"), "--verify", "none", code=5, says="has changed on the server")


def test_plain_manifest():
    with Case() as c:
        url = c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/d/manifest.json"
        data = FILES["omat/train/001.atp"]
        c.hub.plain["d/a.atp"] = data
        c.hub.plain["d/b.atp"] = FILES["omat/train/000.atp"]
        entry = {"path": "a.atp", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        c.hub.plain["d/manifest.json"] = json.dumps({"output_files": ["a.atp", "b.atp"], "files": [entry]}).encode()
        c.atp("pull", url, "--local-dir", "m", says="2 files fetched")
        with open(c.folder + "/m/manifest.json", "rb") as f:
            assert f.read() == c.hub.plain["d/manifest.json"]
        c.atp("pull", url, "--local-dir", "m", says="2 already there")
        c.atp("pull", url, "--local-dir", "some", "--include", "a.atp", says="1 file fetched")
        assert os.listdir(c.folder + "/some") == ["a.atp"]
        entry["sha256"] = "0" * 64
        c.hub.plain["d/manifest.json"] = json.dumps({"files": [entry]}).encode()
        c.atp("pull", url, "--local-dir", "m2", code=5, says="0000 is expected")
        for path in ("../x.atp", "a\\b.atp"):
            c.hub.plain["d/manifest.json"] = json.dumps({"files": [{"path": path}]}).encode()
            c.atp("pull", url, "--local-dir", "m2", code=3, says="not taken")


if __name__ == "__main__":
    run_cases(globals())
