#!/usr/bin/env python3
"""Writes the seeds of the fuzz corpus that come from tests/data/fixtures, and from other files named:
make_seeds.py [CORPUS [FILE.atp]...]"""
import bz2, gzip, lzma, pathlib, struct, sys

here = pathlib.Path(__file__).resolve().parent
corpus = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "corpus"
SLOT, FIELDS, EXTENSION, EXTENSION_FIELDS = 4096, 76, 2048, 80
LARGEST = 12000


def seed(target, name, data):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ("seed-" + name)).write_bytes(data)


def short_slot(slot):  # fuzz_support.h, take_slot()
    extended = slot[EXTENSION : EXTENSION + 4] == b"ATPX"
    out = bytes([2 if extended else 0]) + slot[:FIELDS]
    return out + slot[EXTENSION : EXTENSION + EXTENSION_FIELDS] if extended else out


def newest(data):
    slots = [data[:SLOT], data[SLOT : 2 * SLOT]]
    return max(slots, key=lambda s: struct.unpack_from("<Q", s, 8)[0])


def entries(data, slot):
    index, length, count = struct.unpack_from("<QQQ", slot, 24)
    return [struct.unpack_from("<QIII", data, index + 8 + 20 * i) for i in range(count)] if length else []


for path in sorted((here.parent / "data" / "fixtures").glob("*.atp")):
    data, name = path.read_bytes(), path.stem
    slots = short_slot(data[:SLOT]) + short_slot(data[SLOT : 2 * SLOT])
    if name in ("empty_created", "none_v2_multiflush", "zstd3_v3_f64_builtins"):
        seed("header", name, struct.pack("<Q", len(data) << 1) + slots)
    if len(slots) + len(data) - 2 * SLOT <= LARGEST:
        seed("file", name, slots + data[2 * SLOT :])
    slot = newest(data)
    if "corrupt" in name:
        continue
    schema, length = struct.unpack_from("<QQ", slot, 60)
    if length and ("custom" in name or name == "none_v2_minimal"):
        seed("schema", name, data[schema : schema + length])
    f64 = length and data[schema + 4] == 7
    for i, (offset, stored, unpacked, _) in enumerate(entries(data, slot)[:3]):
        record, codec = data[offset : offset + stored], slot[48]
        if stored > 3000 or "custom" not in name and i > 0:
            continue
        if codec == 0:
            seed("record", f"{name}-{i}", bytes([1 if f64 else 0]) + record)
        elif i == 0:
            seed("decompress", f"{name}-{i}", bytes([codec]) + struct.pack("<I", unpacked) + record)

for path in map(pathlib.Path, sys.argv[2:]):
    data = path.read_bytes()
    slots = short_slot(data[:SLOT]) + short_slot(data[SLOT : 2 * SLOT])
    seed("file", path.stem, slots + data[2 * SLOT :])
    seed("header", path.stem, struct.pack("<Q", len(data) << 1) + slots)

frame = b"2\nProperties=species:S:1:pos:R:3 energy=-1\nH 0 0 0\nH 0 0 1\n" * 20
for name, data in (("gzip", gzip.compress(frame, mtime=0)), ("bzip2", bz2.compress(frame)), ("xz", lzma.compress(frame))):
    seed("decompress", name, b"\x03" + data)
# The data region of fuzz_index.cpp: records of 0, 1 and 2 atoms with an energy.
sizes, at, index = (27, 40, 53), 2 * SLOT, b""
for atoms, size in enumerate(sizes):
    index += struct.pack("<QIII", at, size, size, atoms)
    at += size
seed("index", "three", b"\x00" + index)
seed("index", "same", b"\x00" + index[20:40] * 4)
