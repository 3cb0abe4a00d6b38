"""The PyTorch sampler of README.md, trained with on two ranks: plan_torch.py ATP

Skipped (77) without PyTorch or NumPy.
"""

import os
import re
import subprocess
import sys
import tempfile

try:
    import numpy
    import torch
    import torch.distributed
    import torch.multiprocessing
except ImportError as missing:
    print(f"skipped: {missing} (Debian: python3-torch, python3-numpy)")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))


def sampler_of_readme():
    with open(os.path.join(HERE, "..", "README.md"), encoding="utf-8") as readme:
        blocks = re.findall(r"```python\n(.*?)```", readme.read(), re.S)
    names = {}
    exec(next(b for b in blocks if "class PlanSampler" in b), names)
    return names["PlanSampler"]


def train(rank, folder):
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    plan = f"{folder}/plan"
    sampler = sampler_of_readme()(plan, rank)
    atoms, offsets = numpy.load(f"{plan}/atoms.npy"), numpy.load(f"{plan}/offsets.npy")
    sizes = numpy.load(f"{folder}/sizes.npy")
    schedule = numpy.load(f"{plan}/schedule.npy")
    dataset = torch.arange(len(sizes))
    seen = torch.zeros(len(sizes), dtype=torch.int64)
    loader = torch.utils.data.DataLoader(dataset, batch_sampler=sampler)
    assert len(loader) == len(schedule)
    for step, batch in enumerate(loader):
        assert sizes[batch.numpy()].sum() == atoms[schedule[step, rank]] <= 100
        seen[batch] += 1
        torch.distributed.all_reduce(torch.ones(1))  # all ranks take part in every step
    torch.distributed.all_reduce(seen)
    assert (seen == 1).all(), "a graph is missing or met twice"

    # What is left after an interruption is the rest of the epoch, and what --start writes.
    whole = list(sampler)
    resumed = list(sampler_of_readme()(plan, rank, start=5))
    assert resumed == whole[5:]
    assert list(sampler_of_readme()(f"{folder}/rest", rank)) == resumed
    torch.distributed.destroy_process_group()


def main():
    atp = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        rng = numpy.random.default_rng(1)
        numpy.save(f"{folder}/sizes.npy", rng.integers(1, 40, 500))
        plan = [atp, "plan-batches", "--sizes", f"{folder}/sizes.npy", "--max-atoms", "100", "--gpus", "2", "-q"]
        subprocess.run(plan + ["-o", f"{folder}/plan"], check=True)
        subprocess.run(plan + ["-o", f"{folder}/rest", "--start", "5"], check=True)
        subprocess.run([atp, "plan-batches", "--verify", f"{folder}/plan", "--sizes", f"{folder}/sizes.npy"], check=True)
        torch.multiprocessing.spawn(train, args=(folder,), nprocs=2)
    print("two ranks trained on every graph once")


if __name__ == "__main__":
    main()
