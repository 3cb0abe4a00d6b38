#!/usr/bin/env python3
"""Checks `atp inspect FILE --stats --cutoff R --json` against NumPy.

usage: stats_numpy.py ATP FILE...

Reads the files with a parser of its own and computes everything the plain way: lstsq on the matrix
of compositions, neighbours by all pairs and images. Exits with 77 (skipped) without NumPy.
"""
import json
import os
import re
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    # The first python on the path is often not the one that distributions install NumPy for.
    system = "/usr/bin/python3"
    if os.path.exists(system) and not os.path.samefile(system, sys.executable) and "STATS_NUMPY_AGAIN" not in os.environ:
        os.execve(system, [system, *sys.argv], {**os.environ, "STATS_NUMPY_AGAIN": "1"})
    print("skipped: NumPy is not installed")
    sys.exit(77)

CUTOFF = 4.3


def parse_comment(line):
    keys = {}
    for m in re.finditer(r"([^\s=]+)=(?:\"([^\"]*)\"|(\S+))", line):
        keys[m.group(1)] = m.group(2) if m.group(2) is not None else m.group(3)
    return keys


def parse_columns(spec, rows):
    columns, at = {}, 0
    parts = spec.split(":")
    for name, kind, width in zip(parts[0::3], parts[1::3], map(int, parts[2::3])):
        cells = [row[at:at + width] for row in rows]
        columns[name] = np.array(cells, dtype=float) if kind in "RI" else [c[0] for c in cells]
        at += width
    return columns


def matrix(text):
    v = np.array(text.split(), dtype=float)
    if v.size == 9:
        return v.reshape(3, 3)
    xx, yy, zz, yz, xz, xy = v
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def read_frames(path, mapping):
    """mapping: field -> key, as atp says it took them."""
    lines = open(path).read().split("\n")
    frames, i = [], 0
    while i < len(lines) and lines[i].strip():
        n = int(lines[i])
        keys = parse_comment(lines[i + 1])
        columns = parse_columns(keys["Properties"], [line.split() for line in lines[i + 2:i + 2 + n]])
        frame = {"n": n, "species": columns["species"], "pos": columns["pos"]}
        if mapping.get("energy") in keys:
            frame["energy"] = float(keys[mapping["energy"]])
        if mapping.get("forces") in columns:
            frame["forces"] = columns[mapping["forces"]]
        if mapping.get("stress") in keys:
            frame["stress"] = matrix(keys[mapping["stress"]])
        if "Lattice" in keys:
            frame["cell"] = matrix(keys["Lattice"])
        pbc = keys.get("pbc", "T T T" if "Lattice" in keys else "F F F")
        frame["pbc"] = np.array([p in "Tt1" for p in pbc.split()])
        frames.append(frame)
        i += n + 2
    return frames


def edges(frame):
    pos, shifts = frame["pos"], np.zeros((1, 3))
    if frame["pbc"].any():
        cell = frame["cell"]
        fractional = pos @ np.linalg.inv(cell)
        pos = pos - np.where(frame["pbc"], np.floor(fractional), 0) @ cell
        heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
        # Only fully periodic frames make the heights exact; the others just look further than needed.
        m = np.where(frame["pbc"], np.ceil(CUTOFF / heights).astype(int) + 1, 0)
        shifts = np.array([[a, b, c] for a in range(-m[0], m[0] + 1) for b in range(-m[1], m[1] + 1)
                           for c in range(-m[2], m[2] + 1)]) @ cell
    found = 0
    for shift in shifts:
        d2 = ((pos[None, :, :] + shift - pos[:, None, :]) ** 2).sum(axis=2)
        found += int((d2 < CUTOFF ** 2).sum())
    return found - len(pos)  # each atom sees itself once


def moments(values):
    if len(values) == 0:
        return {"min": None, "mean": None, "max": None, "std": None, "count": 0}
    v = np.concatenate([np.ravel(x) for x in values])
    return {"min": v.min(), "mean": v.mean(), "max": v.max(), "std": v.std(), "count": v.size}


def expected(frames):
    elements = sorted({s for f in frames for s in f["species"]})
    result = {"elements": {}}
    for e in elements:
        counts = [f["species"].count(e) for f in frames]
        result["elements"][e] = {"atoms": sum(counts), "records": sum(c > 0 for c in counts)}

    with_energy = [f for f in frames if "energy" in f]
    result["energy_per_atom"] = moments([f["energy"] / f["n"] for f in with_energy])
    if with_energy:
        used = sorted({s for f in with_energy for s in f["species"]})
        a = np.array([[f["species"].count(e) for e in used] for f in with_energy], dtype=float)
        y = np.array([f["energy"] for f in with_energy])
        x, _, rank, _ = np.linalg.lstsq(a, y, rcond=None)
        residual = (y - a @ x) / a.sum(axis=1)
        result["e0"] = dict(zip(used, x))
        result["e0_rank"] = int(rank)
        result["residual_energy_per_atom"] = {"mean": residual.mean(), "std": residual.std(), "count": len(y)}

    forces = [f["forces"] for f in frames if "forces" in f]
    result["force_components"] = moments(forces)
    result["force_norms"] = moments([np.linalg.norm(x, axis=1) for x in forces])
    result["rms_force"] = np.sqrt(np.mean(np.concatenate(forces) ** 2)) if forces else None
    stress = [f["stress"] for f in frames if "stress" in f]
    result["stress"] = moments(stress)
    result["pressure"] = moments([-np.trace(s) / 3 for s in stress])
    volumes = [(abs(np.linalg.det(f["cell"])), f["n"]) for f in frames if "cell" in f]
    result["volume"] = moments([v for v, _ in volumes])
    result["volume_per_atom"] = moments([v / n for v, n in volumes])
    result["coverage"] = {k: sum(k in f for f in frames) / len(frames) for k in ("energy", "forces", "stress", "cell")
                          if any(k in f for f in frames)}
    total = sum(edges(f) for f in frames)
    result["neighbours"] = {"cutoff": CUTOFF, "edges": total, "mean": total / sum(f["n"] for f in frames)}
    return result


def differences(wanted, got, scale, place=""):
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            yield from differences(value, got[key], scale, f"{place}.{key}")
    elif wanted is None or isinstance(wanted, int):
        if wanted != got:
            yield f"{place}: {got}, NumPy finds {wanted}"
    elif abs(wanted - got) > 1e-9 * abs(wanted) + scale:
        yield f"{place}: {got!r}, NumPy finds {wanted!r}"


def check(atp, path):
    command = [atp, "inspect", path, "--stats", "--cutoff", str(CUTOFF), "--json"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    mapping = {}
    for field, how in found["mapping"].items():
        m = re.search(r"from '([^']*)'", how)
        if m:
            mapping[field] = m.group(1)
    frames = read_frames(path, mapping)
    assert found["records"] == len(frames)
    assert found["atoms"]["total"] == sum(f["n"] for f in frames)
    assert found["atoms"]["median"] == np.median([f["n"] for f in frames])
    wanted = expected(frames)
    # Sums around zero keep the rounding errors of what they are made of.
    energies = [abs(f["energy"]) for f in frames if "energy" in f]
    problems = list(differences(wanted, found["stats"], 1e-10 * max([1, *energies])))
    one = subprocess.run(command + ["-j", "1"], check=True, capture_output=True, text=True).stdout
    many = subprocess.run(command + ["-j", "7"], check=True, capture_output=True, text=True).stdout
    if one != many:
        problems.append("the numbers depend on --jobs")
    print(f"{path}: {len(frames)} frames, {'differs' if problems else 'agrees'}")
    for problem in problems:
        print("  " + problem)
    return not problems


if __name__ == "__main__":
    results = [check(sys.argv[1], path) for path in sys.argv[2:]]
    sys.exit(0 if results and all(results) else 1)
