"""pack(export(x)) equals x, or export says what does not: round_trip.py ATP [FILE.atp ...]

Each sample of the reference implementation goes through each format and back. JSON lines show kind, type and value of all
that a record holds, so two datasets are equal when their lines are. Whatever differs must have been named in a note of export.
"""

import glob
import json
import os
import subprocess
import sys
import tempfile

atp = os.path.abspath(sys.argv[1])
files = sys.argv[2:] or sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "fixtures", "*.atp")))
failures = 0
EXTENSIONS = {"jsonl": "jsonl", "npz": "npz", "ase-db": "db", "aselmdb": "aselmdb", "extxyz": "extxyz", "poscar": "folder"}
HELD_BY_POSCAR = {"numbers", "positions", "cell", "pbc", "velocities", "name", "atp_types"}


def fail(what):
    global failures
    failures += 1
    print(what)


def run(*arguments):
    return subprocess.run([atp, *arguments], capture_output=True, text=True)


def records(path):
    return [json.loads(line) for line in run("export", path, "--to", "jsonl").stdout.splitlines()]


def flat(record):
    """{(kind, key): (type, value)}"""
    types = record["atp_types"]
    out = {("", "positions"): (types.get("positions", ""), record["positions"]), ("", "numbers"): ("", record["numbers"])}
    for kind, name in (("atom", "atom_properties"), ("molecule", "properties")):
        for key, value in record.get(name, {}).items():
            out[kind, key] = (types.get(kind, {}).get(key, ""), value)
    for key, value in record.items():
        if key not in ("numbers", "positions", "atom_properties", "properties", "atp_types"):
            out["", key] = (types.get("builtin", {}).get(key, ""), value)
    return out


def numbers_of(value):
    return [n for v in value for n in numbers_of(v)] if isinstance(value, list) else [value]


def noted(key, format, notes):
    if f"'{key}'" in notes:
        return True
    return key == "pbc" and "periodic" in notes


def compare(where, format, a, b, notes):
    for i, (x, y) in enumerate(zip(a, b)):
        x, y = flat(x), flat(y)
        for kind, key in x.keys() | y.keys():
            one, other = x.get((kind, key)), y.get((kind, key))
            if one == other:
                continue
            if not noted(key, format, notes):
                return fail(f"{where}: record {i}: {kind} '{key}' was {str(one)[:200]} and is {str(other)[:200]}, of which nothing was said")
            if other is not None and one is not None and numbers_of(one[1]) != numbers_of(other[1]):
                return fail(f"{where}: record {i}: the numbers of '{key}' are others: {str(one)[:200]}, {str(other)[:200]}")


def compare_poscar(where, a, b, notes):
    for i, (x, y) in enumerate(zip(a, b)):
        atoms = lambda r: sorted(zip(r["numbers"], map(tuple, r["positions"])))
        if atoms(x) != atoms(y) or x["cell"] != y["cell"]:
            fail(f"{where}: record {i}: other atoms or cell")
        if "velocities" in x and sorted(map(tuple, x["velocities"])) != sorted(map(tuple, y.get("velocities", []))) and "last of their digits" not in notes:
            fail(f"{where}: record {i}: other velocities")
        for kind, key in flat(x):
            if key not in HELD_BY_POSCAR and not (kind, key) == ("atom", "move_mask") and f" {key}" not in notes:
                return fail(f"{where}: record {i}: '{key}' is left out, of which nothing was said")
        if x["numbers"] != y["numbers"] and "change their order" not in notes:
            fail(f"{where}: record {i}: another order of atoms")


def check(path, format, folder):
    where = f"{os.path.basename(path)} as {format}"
    out, again = os.path.join(folder, f"{os.path.basename(path)}.{EXTENSIONS[format]}"), os.path.join(folder, "again.atp")
    exported = run("export", path, "--to", format, "-o", out)
    before = records(path)
    if exported.returncode != 0:
        if format != "poscar" or "has no cell, which a POSCAR needs" not in exported.stderr:
            fail(f"{where}: {exported.stderr}")
        return
    if not before:
        return
    # Text has no f32: positions are what pack makes of them.
    narrow = before[0]["atp_types"].get("positions") == "vec3_f32"
    text = format in ("extxyz", "poscar")
    packed = run("pack", out, "-o", again, "-f", "-q", *([] if text and narrow else ["--dtype", "keep"]))
    if packed.returncode != 0:
        return fail(f"{where}: {packed.stderr}")
    after = records(again)
    if len(before) != len(after):
        return fail(f"{where}: {len(before)} records, then {len(after)}")
    if format == "poscar":
        compare_poscar(where, before, after, exported.stderr)
    else:
        compare(where, format, before, after, exported.stderr)


with tempfile.TemporaryDirectory() as folder:
    for path in files:
        for format in EXTENSIONS:
            check(path, format, folder)

sys.exit(1 if failures else 0)
