"""Writes the small pickles, torch files and HDF5 links of tests/data: make_pickles.py (Debian: python3-torch, python3-h5py)

One water molecule of the same numbers in every protocol of pickle, as torch.save writes it (zip and before), as a dict of pymatgen.
"""

import os
import pickle
import sys
import types

import h5py
import numpy as np
import torch

here = os.path.dirname(os.path.abspath(__file__))
out = os.path.join(here, "formats", "pickles")
os.makedirs(out, exist_ok=True)


class Data:
    pass


for name in ("torch_geometric", "torch_geometric.data", "torch_geometric.data.data"):
    sys.modules[name] = types.ModuleType(name)
Data.__module__ = "torch_geometric.data.data"
sys.modules["torch_geometric.data.data"].Data = Data

frame = {
    "pos": torch.tensor([[0, 0, 0.5], [0, 1, 0], [0, 0, 1]], dtype=torch.float32).t().contiguous().t(),
    "atomic_numbers": torch.tensor([8.0, 1, 1]),
    "cell": torch.eye(3).reshape(1, 3, 3) * 10,
    "natoms": 3,
    "y": -1.5,
    "force": torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]),
    "tags": torch.tensor([0, 1, 2]),
    "label": np.str_("w\u00e4ter"),
    "note": "gr\u00fc\u00df\n\\\u20ac",
    "objects": np.array([{}, None], dtype=object),
}
data = Data()
data.__dict__.update(frame)
for protocol in range(6):
    with open(os.path.join(out, f"pyg1_protocol{protocol}.pkl"), "wb") as f:
        pickle.dump(data, f, protocol=protocol)
del frame["objects"]
torch.save([frame, frame], os.path.join(out, "zip.pt"))
torch.save([frame, frame], os.path.join(out, "before_zip.pt"), _use_new_zipfile_serialization=False)
site = lambda z, x: {"species": [{"element": z, "occu": 1}], "abc": [x / 4] * 3, "xyz": [x] * 3, "label": z, "properties": {}}
structure = {
    "@module": "pymatgen.core.structure",
    "@class": "Structure",
    "charge": 0,
    "lattice": {"matrix": np.eye(3) * 4, "pbc": (True, True, False)},
    "sites": [site("Na", 0.0), site("Cl", 2.0)],
}
with open(os.path.join(out, "pymatgen.pkl"), "wb") as f:
    pickle.dump([{"structure": structure, "energy": -3.0, "forces": torch.tensor([[1.0, 2, 3], [4, 5, 6]])}], f)

with h5py.File(os.path.join(here, "arrays", "links.h5"), "w") as f:
    group = f.create_group("data/a")
    group["positions"] = np.array([[[0.0, 0, 0], [0, 0, 1]]] * 3)
    group["energy"] = np.array([1.0, 2, 3])
    f["numbers"] = np.array([1, 8])
    group["atomic_numbers"] = h5py.SoftLink("/numbers")
    group["nowhere"] = h5py.SoftLink("/nowhere")
    group["charge"] = np.array([[-1]])
    group["subset"] = "first"
    group["names"] = np.array([["a", "b"]], dtype=h5py.string_dtype())
    f["train/a"] = h5py.SoftLink("/data/a")
with h5py.File(os.path.join(here, "arrays", "external_link.h5"), "w") as f:
    group = f.create_group("a")
    group["positions"] = np.zeros((1, 1, 3))
    f["out"] = h5py.ExternalLink("aimnet.h5", "/007")
    group["atomic_numbers"] = h5py.SoftLink("/out/numbers")

with h5py.File(os.path.join(here, "arrays", "texts.h5"), "w", libver="latest") as f:
    for name, symbols, last in (("three", ["O", "H", "H"], 2**63 - 1), ("two", ["C", "O"], 2**63)):
        n = len(symbols)
        group = f.create_group(name)
        group.create_dataset("species", data=symbols, dtype=h5py.string_dtype())
        group["coordinates"] = np.arange(9.0 * n).reshape(3, n, 3)
        group["energies"] = np.arange(3.0)
        group.create_dataset("origin", data=[name, "größe", ""], dtype=h5py.string_dtype(), chunks=(2,), compression="gzip")
        group.create_dataset("subset", data=[name], dtype=h5py.string_dtype())
        group.create_dataset("two_each", data=[["a", "b"]] * 3, dtype=h5py.string_dtype())
        group["hash"] = np.array([1, 2, last], dtype="u8")
        group["complex"] = np.arange(3) + 1j
