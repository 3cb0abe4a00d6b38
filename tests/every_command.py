#!/usr/bin/env python3
"""Every command under every circumstance, from one table: exit codes, one line of error, JSON that a parser takes, and
nothing left behind. every_command.py ATP"""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

atp = os.path.realpath(sys.argv[1])
data = os.path.join(os.path.dirname(os.path.realpath(__file__)), "data")
checks, failures = 0, []

# What a run that works is given: {in} is a dataset, {out} a name that is free. A command that makes no files has no {out}.
#   json: --json gives one object (lines: objects in lines); alone: its exit code without arguments; resumes: what a stopped run
#   leaves is what --resume goes on with
COMMANDS = {
    "pack": dict(works=["{in}", "-o", "{out}"], json="one"),
    "shard": dict(works=["{in}", "-o", "{out}", "--shards", "3"], json="one", resumes=True),
    "export": dict(works=["{in}", "-o", "{out}.extxyz"]),
    "inspect": dict(works=["{in}"], json="one"),
    "verify": dict(works=["{in}"], json="one"),
    "formats": dict(works=[], json="lines", alone=0),
    "plan-batches": dict(works=["{in}", "--max-atoms", "300", "-o", "{out}"], json="one"),
    "bench": dict(works=["{in}", "--seconds", "0.5", "--footprint", "--trials", "1", "--backends", "atp", "--workloads", "seq"], json="one", alone=None),
    "doctor": dict(works=[], json="one", alone=0),
    "pull": dict(works=None, json=None),
}
NO_DATA = ("formats", "doctor", "pull")  # take no dataset of this machine


def run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, before=None, seconds=60):
    env = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    env.update(LC_ALL="C", TERM="dumb")
    return subprocess.run([atp] + arguments, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=env, preexec_fn=before, timeout=seconds)


def check(what, condition, done=None):
    global checks
    checks += 1
    if not condition:
        failures.append("FAILED: %s%s" % (what, "" if done is None else ": exit %d\n%s" % (done.returncode, (done.stderr or b"").decode(errors="replace"))))


def refuses(what, command, arguments, exit_code, **how):
    """The command ends with that code and says why in one line, as CLI.md has it."""
    done = run([command] + arguments, **how)
    lines = [l for l in done.stderr.decode(errors="replace").splitlines() if ": note: " not in l and ": warning: " not in l]
    codes = exit_code if isinstance(exit_code, tuple) else (exit_code,)
    check("%s: %s" % (command, what), done.returncode in codes and len(lines) == 1 and lines[0].startswith("atp: %s: " % command)
          and not re.search(r"what\(\)|terminate|std::|exception", lines[0]), done)
    return done


def works(command, work, dataset):
    out = os.path.join(work, "out-of-" + command)
    return [argument.replace("{in}", dataset).replace("{out}", out) for argument in COMMANDS[command]["works"]]


def clean(work):
    """Removes what runs were to make, and tells what else has appeared."""
    left = []
    for name in os.listdir(work):
        if name in KEPT:
            continue
        left.append(name)
        path = os.path.join(work, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return [name for name in left if not name.startswith("out-of-")]


# Objects whose keys are names out of the data: elements, fields, variables, libraries.
BY_NAME = {"coverage", "elements", "e0", "nan", "inf", "mapping", "units", "user", "libraries", "versions", "environment", "latency_seconds", "properties", "atom_properties"}
with open(os.path.join(data, "../../man/atp-json.7")) as page:
    MANUAL = set(re.findall(r"[a-z][a-z0-9_]*", page.read()))


def keys_of(value):
    if isinstance(value, list):
        return set().union(*(keys_of(v) for v in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(keys_of(v) if key not in BY_NAME else set() for key, v in value.items()))


def as_user():
    if os.getuid() == 0:  # root reads everything
        os.setgid(65534)
        os.setuid(65534)


def goes_on(command, work, dataset):
    return COMMANDS[command].get("resumes") and run([command] + works(command, work, dataset) + ["--resume"]).returncode == 0


def walk(command, work):
    row = COMMANDS[command]
    path = lambda name: os.path.join(work, name)

    # Without arguments: what is missing is named.
    if "alone" not in row:
        refuses("no argument", command, [], 2)
    elif row["alone"] is not None:
        check("%s: no argument" % command, run([command]).returncode == row["alone"])

    refuses("unknown option", command, ["--nonsense"], 2)
    near = refuses("mistyped option", command, ["--quite"], 2)
    check("%s: the nearest option" % command, b"did you mean '--quiet'" in near.stderr, near)
    done = run([command, "--help"])
    check("%s: help" % command, done.returncode == 0 and done.stdout.startswith(b"atp " + command.encode()) and not done.stderr, done)
    check("%s: help to a pipe is plain" % command, b"\x1b" not in done.stdout)
    done = run([command, "--help"], stdout=open("/dev/full", "w"))
    check("%s: help on a full disk" % command, done.returncode == 4 and b"stdout" in done.stderr, done)
    if command == "pull":
        refuses("no server", command, ["https://127.0.0.1:1/a.atp"], 5)
    if command in NO_DATA:
        return

    refuses("missing file", command, works(command, work, path("missing.atp")), 3)
    refuses("empty file", command, works(command, work, path("empty.atp")), 3)
    refuses("wrong format", command, works(command, work, path("wrong.bin")), 3)
    if command in ("inspect", "verify"):  # these show it
        done = run([command] + works(command, work, path("cut.atp")))
        check("%s: a file that was cut off" % command, b"slot B is not valid" in done.stdout or b"slot B: the index" in done.stdout, done)
    else:
        refuses("a file that was cut off", command, works(command, work, path("cut.atp")), 3)
    refuses("empty folder", command, works(command, work, path("folder")), 3)
    refuses("unreadable file", command, works(command, work, path("closed.atp")), 4, before=as_user)
    refuses("device", command, works(command, work, "/dev/zero"), 3, seconds=20)
    strange = clean(work)
    check("%s: what fails leaves nothing (%s)" % (command, strange), not strange)

    for dataset in ("good.atp", "folder-of-shards"):
        done = run([command] + works(command, work, path(dataset)))
        check("%s: works on %s" % (command, dataset), done.returncode == 0, done)
        clean(work)
    if row.get("json"):
        done = run([command] + works(command, work, path("good.atp")) + ["--json"])
        try:
            objects = [json.loads(l) for l in done.stdout.splitlines()]
            check("%s: --json" % command, done.returncode == 0 and objects and all(isinstance(o, dict) for o in objects)
                  and (row["json"] == "lines" or len(objects) == 1), done)
            keys = keys_of(objects)
            check("%s: keys in snake_case: %s" % (command, sorted(keys)), all(re.fullmatch(r"[a-z][a-z0-9_]*", key) for key in keys))
            unknown = keys_of(objects) - MANUAL
            check("%s: man atp-json has every key, not so %s" % (command, sorted(unknown)), not unknown)
        except ValueError as error:
            check("%s: --json: %s" % (command, error), False, done)
        clean(work)

    # The result does not fit on the disk, is thrown away, or nobody reads it.
    if any("{out}" in argument for argument in row["works"]):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
        refuses("full disk", command, works(command, work, path("good.atp")), 4, before=limit)
        left = os.listdir(work)
        check("%s: a full disk leaves nothing (%s)" % (command, set(left) - KEPT), set(left) <= KEPT or goes_on(command, work, path("good.atp")))
        clean(work)
    else:
        done = run([command] + works(command, work, path("good.atp")), stdout=open("/dev/full", "w"))
        check("%s: full disk behind stdout" % command, done.returncode == 4 and b"stdout" in done.stderr, done)
        read, write = os.pipe()
        os.close(read)
        done = run([command] + works(command, work, path("good.atp")), stdout=write)
        os.close(write)
        check("%s: nobody reads stdout" % command, done.returncode == 0 and not done.stderr, done)

    # Ctrl-C in the middle of the work; a command that was quicker has done it.
    for wait in (0.02, 0.1, 0.3):
        process = subprocess.Popen([atp, command] + works(command, work, path("large")), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        done = subprocess.CompletedProcess([], process.wait(), None, process.stderr.read())
        check("%s: interrupted after %g s" % (command, wait), done.returncode in (130, 0, -signal.SIGINT), done)  # the last: it had only begun
        left = set(os.listdir(work)) - KEPT
        check("%s: an interrupt leaves nothing half-written (%s)" % (command, left), done.returncode == 0 or not left or goes_on(command, work, path("large")))
        clean(work)


with tempfile.TemporaryDirectory() as work:
    os.chmod(work, 0o777)
    inside = lambda name: os.path.join(work, name)
    source = os.path.join(data, "extxyz/mpf-alkali-TP.xyz")
    run(["pack", source, "-o", inside("good.atp")])
    run(["shard", inside("good.atp"), "-o", inside("folder-of-shards"), "--shards", "2"])
    os.mkdir(inside("large"))
    run(["pack"] + [source] * 100 + ["-o", inside("large/a.atp"), "--codec", "zstd"])
    for i in range(8):
        os.link(inside("large/a.atp"), inside("large/b%d.atp" % i))
    content = open(inside("good.atp"), "rb").read()
    open(inside("cut.atp"), "wb").write(content[: len(content) * 2 // 3])
    open(inside("empty.atp"), "wb").close()
    open(inside("wrong.bin"), "wb").write(bytes(range(256)) * 16)
    shutil.copy(inside("good.atp"), inside("closed.atp"))
    os.chmod(inside("closed.atp"), 0)
    os.mkdir(inside("folder"))
    KEPT = set(os.listdir(work))
    for command in COMMANDS:
        walk(command, work)

    listed = {line.split()[0] for line in run(["help"]).stdout.decode().splitlines() if line.startswith("  ") and line[2] != " "}
    check("every command is in the table: %s" % sorted(listed - set(COMMANDS)), listed - {"atp", "help", "--version"} <= set(COMMANDS))

print("\n".join(failures))
print("every_command.py: %d checks, %d failed" % (checks, len(failures)))
sys.exit(1 if failures else 0)
