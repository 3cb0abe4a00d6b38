#!/usr/bin/env python3
"""Datasets read where they are, against a fake Hub: remote_test.py ATP [CASE]..."""
import json
import os
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from hub_case import FILES, Case, File, fixture, run_cases  # noqa: E402


def sparse_shard(path, size, data=None):
    """An .atp file whose blocks lie behind a hole: its header, schema and index are far apart."""
    data = bytearray(data or fixture("none_v2_builtins.atp"))
    slots = [(struct.unpack_from("<Q", data, at + 8)[0], at) for at in (0, 4096) if data[at : at + 4] == b"ATPK"]
    at = max(slots)[1]
    generation, start, index, index_len, records = struct.unpack_from("<5Q", data, at + 8)
    schema, schema_len = struct.unpack_from("<2Q", data, at + 60)
    new_schema, new_index = size - schema_len - index_len, size - index_len
    struct.pack_into("<Q", data, at + 24, new_index)
    struct.pack_into("<Q", data, at + 60, new_schema)
    struct.pack_into("<I", data, at + 4092, zlib.adler32(data[at : at + 4092]))
    with open(path, "wb") as f:
        f.write(data)
        f.truncate(size)
        f.seek(new_schema)
        f.write(data[schema : schema + schema_len] + data[index : index + index_len])
    return records


def test_inspect_of_a_huge_shard():
    with Case() as c:
        path = c.folder + "/huge.atp"
        records = sparse_shard(path, 10 * 10**9)
        c.repo.commit({"big/000.atp": File(path, sha256="5" * 64)})
        c.hub.clear()
        found = json.loads(c.atp("inspect", "hf://o/n/big", "--json"))
        assert found["records"] == records and found["bytes"]["file"] == 10 * 10**9
        assert c.hub.bytes_sent() < 1e6 and len(c.hub.log) < 10, (c.hub.bytes_sent(), len(c.hub.log))
        c.hub.clear()
        lines = c.atp("inspect", "hf://o/n/big/000.atp", "--record", "0,-1", "--json").splitlines()
        assert len(lines) == 2 and c.hub.bytes_sent() < 1e6
        local = subprocess.run([c.program, "inspect", path, "--record", "0,-1", "--json"], capture_output=True, text=True, check=True)
        assert lines == local.stdout.splitlines()


def many_records(c, records=3000, shards=2):
    """A dataset big/ of made-up records in two shards with checksums; returns the local folder."""
    with open(c.folder + "/in.xyz", "w") as f:
        for i in range(records):
            n = 1 + i % 7
            f.write("%d\nProperties=species:S:1:pos:R:3 energy=%d.5\n" % (n, i) + "".join("H %d.25 %d.5 0.1\n" % (i, a) for a in range(n)))
    subprocess.run([c.program, "pack", "in.xyz", "-o", "one.atp", "-q"], cwd=c.folder, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([c.program, "shard", "one.atp", "-o", "big", "--shards", str(shards), "-q"], cwd=c.folder, check=True, stdout=subprocess.DEVNULL)
    names = sorted(os.listdir(c.folder + "/big"))
    c.sha = c.repo.commit({"big/" + n: File(c.folder + "/big/" + n) for n in names})
    c.hub.plain.update({"big/" + n: File(c.folder + "/big/" + n) for n in names if n.endswith(".atp")})
    with open(c.folder + "/big/manifest.json", "rb") as f:
        c.hub.plain["big/manifest.json"] = f.read()
    return c.folder + "/big"


def records_of(c, path, spec=":"):
    r = subprocess.run([c.program, "inspect", path, "--record", spec, "--json"], capture_output=True, text=True, check=True)
    return [{k: v for k, v in json.loads(line).items() if k not in ("record", "index")} for line in r.stdout.splitlines()]


def test_records():
    with Case() as c:
        local = many_records(c)
        for address in ("hf://o/n/big", c.hub.endpoint.replace("127.0.0.1", "localhost") + "/plain/big/manifest.json"):
            spec = "5,77,1400:1600,-1,3,3"
            c.atp("pull", address, "--records", spec, "-o", "s.atp", "--force", says="of 3,000 records")
            assert records_of(c, c.folder + "/s.atp") == records_of(c, local, spec)
            c.atp("verify", "s.atp")
        c.atp("pull", "o/n", "big", "--records", "0", "-o", "s.atp", code=4, says="exists already")
        c.atp("pull", "o/n", "big", "--records", "3000", "-o", "t.atp", code=2)
        c.atp("pull", "o/n", "big", "--records", "0", code=2, says="--output")
        assert not os.path.exists(c.folder + "/t.atp")


def test_sample():
    with Case() as c:
        local = many_records(c)
        result = json.loads(c.atp("pull", "o/n", "big", "--sample", "50", "--seed", "1", "-o", "s.atp", "--gap", "0", "--json"))
        assert result["records"] == 50 and result["of_records"] == 3000
        metadata = json.loads(c.atp("inspect", "s.atp", "--json"))["metadata"]
        pulled = metadata["pulled"]
        assert pulled["repository"] == "o/n" and pulled["commit"] == c.sha and pulled["path"] == "big" and pulled["seed"] == 1
        assert records_of(c, c.folder + "/s.atp") == records_of(c, local, pulled["records"])
        with open(c.folder + "/s.atp", "rb") as f:
            first = f.read()
        c.atp("pull", "hf://o/n/big", "--sample", "50", "--seed", "1", "-o", "t.atp")
        with open(c.folder + "/t.atp", "rb") as f:
            assert f.read() == first  # the same command, the same bytes
        c.atp("pull", "o/n", "big", "--sample", "50", "--seed", "2", "-o", "t.atp", "--force")
        with open(c.folder + "/t.atp", "rb") as f:
            assert f.read() != first
        c.atp("pull", "o/n", "big", "--sample", "99999", "-o", "all.atp")
        assert records_of(c, c.folder + "/all.atp") == records_of(c, local)


def test_shards_of_several_codecs():
    with Case() as c:
        local = many_records(c)
        for codec in ("none", "lz4", "zstd:3"):
            subprocess.run([c.program, "pack", "in.xyz", "-o", "mixed-%s.atp" % codec.replace(":", ""), "--codec", codec, "-q"], cwd=c.folder, check=True, stdout=subprocess.DEVNULL)
        names = [n for n in sorted(os.listdir(c.folder)) if n.startswith("mixed")]
        c.repo.commit({"m/" + n: File(c.folder + "/" + n) for n in names})
        spec = "8999,0,3000,6000,2999,5,4000:4010"
        c.atp("pull", "o/n", "m", "--records", spec, "-o", "s.atp")
        wanted = [r for n in names for r in records_of(c, c.folder + "/" + n)]
        picked = [wanted[i] for i in [8999, 0, 3000, 6000, 2999, 5] + list(range(4000, 4010))]
        assert records_of(c, c.folder + "/s.atp") == picked
        c.atp("verify", "s.atp")
        assert json.loads(c.atp("inspect", "s.atp", "--json"))["codec"] == "lz4" and local  # the first shard's


def without_schema(data):
    """The same file as an older writer left it: no schema block, no extension."""
    data = bytearray(data)
    for at in (0, 4096):
        if data[at : at + 4] == b"ATPK":
            struct.pack_into("<2Q", data, at + 60, 0, 0)
            data[at + 76 : at + 4092] = bytes(4092 - 76)
            struct.pack_into("<I", data, at + 4092, zlib.adler32(data[at : at + 4092]))
    return bytes(data)


def test_files_without_a_schema_block():
    with Case() as c:
        many_records(c)
        with open(c.folder + "/one.atp", "rb") as f:
            data = without_schema(f.read())
        with open(c.folder + "/old.atp", "wb") as f:
            f.write(data)
        c.repo.commit({"old/000.atp": File(data)})
        c.hub.clear()
        found = json.loads(c.atp("inspect", "hf://o/n/old", "--json", says="without a schema block"))
        assert c.hub.bytes_sent() < len(data) / 2 and found["records"] == 3000
        local = json.loads(subprocess.run([c.program, "inspect", "old.atp", "--json"], cwd=c.folder, capture_output=True, text=True, check=True).stdout)
        assert found["schema"] == local["schema"] and found["atoms"] == local["atoms"]
        c.atp("pull", "o/n", "old", "--records", "7,2999,100:200", "-o", "s.atp")
        assert records_of(c, c.folder + "/s.atp") == records_of(c, c.folder + "/old.atp", "7,2999,100:200")
        c.atp("verify", "s.atp")
        c.atp("plan-batches", "hf://o/n/old", "-o", "plan", "--max-atoms", "64")


def test_totals_from_small_indexes():
    with Case() as c:
        local = many_records(c)
        here = json.loads(subprocess.run([c.program, "inspect", local, "--json"], capture_output=True, text=True, check=True).stdout)
        there = json.loads(c.atp("inspect", "hf://o/n/big", "--json"))
        for key in ("records", "atoms", "bytes", "histogram", "schema"):
            assert here[key] == there[key], key
    with Case() as c:
        many_records(c, records=27000, shards=1)  # an index of 540 kB is not fetched
        c.hub.clear()
        there = json.loads(c.atp("inspect", "hf://o/n/big", "--json"))
        assert there["records"] == 27000 and there["atoms"] is None and there["bytes"]["stored"] is None and c.hub.bytes_sent() < 100000


def test_a_damaged_record_is_not_taken():
    with Case() as c:
        local = many_records(c)
        shard = sorted(n for n in os.listdir(local) if n.endswith(".atp"))[0]
        with open(local + "/" + shard, "r+b") as f:
            f.seek(8192 + 200)
            f.write(b"\xff" * 8)
        c.sha = c.repo.commit({"big/000.atp": File(local + "/" + shard)})
        c.atp("pull", "o/n", "big", "--records", ":", "-o", "s.atp", code=3, says=["big/000.atp: record", "checksum does not fit"])
        assert not os.path.exists(c.folder + "/s.atp") and not c.leftovers()


def test_plan_from_indexes():
    with Case() as c:
        local = many_records(c)
        c.hub.clear()
        c.atp("plan-batches", "hf://o/n/big", "-o", "remote", "--max-atoms", "64", says="fetched")
        sent = c.hub.bytes_sent()
        assert sent < 200000, sent
        c.atp("plan-batches", local, "-o", "local", "--max-atoms", "64")
        for name in ("indices.npy", "offsets.npy"):
            with open(c.folder + "/remote/" + name, "rb") as a, open(c.folder + "/local/" + name, "rb") as b:
                assert a.read() == b.read()
        hashes = []
        for folder in ("remote", "local"):
            with open(c.folder + "/%s/plan.json" % folder) as f:
                hashes.append(json.load(f)["datasets"][0]["hash"])
        assert hashes[0] == hashes[1]


def test_commands_that_need_all():
    with Case() as c:
        many_records(c)
        c.atp("verify", "hf://o/n/big")
        c.atp("shard", "hf://o/n/big", "-o", "again", "--shards", "3", "-q")
        assert len(records_of(c, c.folder + "/again")) == 3000
        c.hub.clear()
        c.atp("inspect", "hf://o/n/big", "--stats", "--json")  # in the cache by now
        assert not c.requests("cdn")
        c.atp("inspect", "hf://o/n/big", "--record", "7", env={"HF_HUB_OFFLINE": "1"})
        url = c.hub.endpoint + "/plain/big/part_0000.atp"
        for command in (["verify", url], ["shard", url, "-o", "x", "--shards", "1"], ["pack", "hf://o/n/in.xyz", "-o", "x.atp"], ["inspect", url, "--stats"]):
            c.atp(*command, code=2, says="atp pull ")
        huge = File(b"x" * 5000)
        huge.size = 150_000_000
        c.repo.commit({"huge/0.atp": huge})
        c.atp("verify", "hf://o/n/huge", code=2, says=["150 MB must be fetched", "--yes", "atp pull hf://o/n/huge"])


def test_list_inspect():
    with Case() as c:
        listed = json.loads(c.atp("pull", "o/n", "--list", "--inspect", "--json"))
        assert [(d["path"], d["records"], d["codec"]) for d in listed["datasets"]][0] == ("omat/train", 22, "none, zstd:3")
        assert "zstd:3" in c.atp("pull", "o/n", "--list", "--inspect")


def test_servers_that_lie():
    with Case({"x/0.atp": b"no dataset at all, but some bytes", "e/0.atp": b"", "y/0.atp": FILES["omat/val/000.atp"]}) as c:
        c.atp("inspect", "hf://o/n/x", code=3, says="hf://o/n/x/0.atp: not an .atp file")
        c.atp("inspect", "hf://o/n/e", code=3, says="not an .atp file")
        c.hub.fault("cdn GET", times=99, ignore_range=True)
        c.atp("inspect", "hf://o/n/y")  # a small file comes whole
        c.atp("inspect", "hf://o/n/z", code=5)
        c.atp("inspect", "hf://o/n", "--sql", "SELECT 1", code=2, says="atp pull hf://o/n")


if __name__ == "__main__":
    run_cases(globals())
