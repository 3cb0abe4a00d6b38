#!/usr/bin/env python3
"""Completions in the shells themselves, as typed: completions_test.py ATP. bash and zsh are driven through a terminal of
their own; fish lists what it would offer. A shell that is not there is left out with a message; 77 when none is."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

atp = os.path.realpath(sys.argv[1])
here = os.path.dirname(os.path.realpath(__file__))
completions = os.path.join(here, "..", "completions")
failures = []


def environment(work):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "BASH_", "ZSH"))}
    keep.update(PATH=os.path.join(work, "bin") + ":" + keep["PATH"], HOME=work, TERM="dumb", LC_ALL="C.UTF-8", INPUTRC="/dev/null", PS1="> ")
    return keep


class Terminal:
    """A shell in a terminal, that is typed into."""

    def __init__(self, command, work):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(work)
            os.execvpe(command[0], command, environment(work))
        self.text = ""

    def read_until(self, wanted, seconds=20):
        """What came since the last call, up to `wanted` in it (or until time is up)."""
        deadline = time.monotonic() + seconds
        while wanted not in self.text and time.monotonic() < deadline:
            ready, _, _ = select.select([self.fd], [], [], 0.1)
            if ready:
                try:
                    self.text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
        text, self.text = self.text, ""
        return text

    def send(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def in_terminal(terminal, show, line):
    """The words offered for `line`: `show` is bound to a key and prints them between marks."""
    terminal.send(line + show)
    text = terminal.read_until("END-OF-LIST\r\n")
    terminal.send("\x15")  # the line goes
    found = re.search(r"START-OF-LIST(.*)END-OF-LIST", text, re.S)
    return set(re.split(r"[\r\n\t ]+", found.group(1)) if found else text.split()) - {""}


def bash_words(work):
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], work)
    terminal.send("source %s/atp.bash\n" % completions)
    # compgen -F has no command line; so the function itself, wrapped, prints what it found.
    terminal.send("_show() { _atp; printf '\\nSTART-OF-LIST\\n'; printf '%s\\n' \"${COMPREPLY[@]}\"; printf 'END-OF-LIST\\n'; COMPREPLY=(); }\n")
    terminal.send("complete -F _show atp; bind 'set bell-style none'; echo REA''DY\n")
    terminal.read_until("READY")
    return terminal, lambda line: in_terminal(terminal, "\t", line)


def zsh_words(work):
    terminal = Terminal(["zsh", "-f", "-i"], work)
    terminal.send("fpath=(%s $fpath); autoload -Uz compinit; compinit -u -d %s/zdump\n" % (completions, work))
    # What the completion system is given to offer is what compadd is called with; with -O it only says it.
    terminal.send("compadd() { local -a found; builtin compadd -O found \"$@\" 2>/dev/null; builtin compadd \"$@\"; local code=$?; print -l -- $found >>%s/offered; return $code }\n" % work)
    terminal.send("setopt no_beep no_list_beep; unsetopt zle_bracketed_paste; PS1='> '; echo REA''DY\n")
    terminal.read_until("READY")

    def offered(line):
        open(work + "/offered", "w").close()
        terminal.send(line + "\t")
        deadline = time.monotonic() + 20
        words, quiet = set(), 0
        while time.monotonic() < deadline and quiet < 4:  # nothing tells when it is done: wait until no more comes
            terminal.read_until("\0", 0.15)
            now = set(open(work + "/offered").read().split())
            quiet = quiet + 1 if now == words and now else 0
            words = now
        terminal.send("\x15")
        terminal.read_until("\0", 0.2)
        return words

    return terminal, offered


def fish_words(work):
    def offered(line):
        script = "set -p fish_complete_path %s; source %s/atp.fish; complete -C '%s'" % (completions, completions, line)
        done = subprocess.run(["fish", "--no-config", "-c", script], cwd=work, env=environment(work), capture_output=True, text=True)
        return {entry.split("\t")[0] for entry in done.stdout.splitlines()}

    return None, offered


CASES = [
    # what is typed, what must be offered, what must not be
    ("atp pa", {"pack"}, {"shard"}),
    ("atp ", {"pack", "shard", "inspect", "verify", "pull", "bench", "doctor", "plan-batches", "help"}, {"generate"}),
    ("atp help pu", {"pull"}, {"pack"}),
    ("atp pack --app", {"--append"}, {"--codec"}),
    ("atp pack x.xyz --codec ", {"none", "lz4", "zstd"}, set()),
    ("atp pack --from ase", {"ase-db", "ase-json", "aselmdb"}, {"vasp"}),
    ("atp plan-batches --strategy de", {"deal"}, {"next-fit"}),
    ("atp pack --map en", {"energy="}, {"forces="}),
    ("atp shard data.atp --drop inter", {"internal_id"}, {"energy"}),
    ("atp shard data.atp --by ", {"record", "formula", "internal_id"}, set()),
    ("atp verify da", {"data.atp"}, {"data.txt"}),
    ("atp verify sha", {"shards"}, set()),
    ("atp pack da", {"data.atp", "data.txt"}, set()),
]


def try_shell(name, start):
    if not shutil.which(name):
        print("%s is not there: left out" % name)
        return False
    with tempfile.TemporaryDirectory() as work:
        os.mkdir(work + "/bin")
        os.symlink(atp, work + "/bin/atp")
        subprocess.run([atp, "pack", "--quiet", os.path.join(here, "data/extxyz/mpf-alkali-TP.xyz"), "--limit", "3", "-o", work + "/data.atp"], check=True, stdout=subprocess.DEVNULL)
        open(work + "/data.txt", "w").close()
        os.mkdir(work + "/shards")
        terminal, offered = start(work)
        for line, wanted, unwanted in CASES:
            words = {word.rstrip("/") for word in offered(line)}
            if name == "fish" and line.startswith("atp verify"):
                unwanted = set()  # fish lists .atp files first, the others behind them
            if not wanted <= words or words & unwanted:
                failures.append("%s: '%s' offers %s, wanted %s, not %s" % (name, line, sorted(words), sorted(wanted), sorted(unwanted)))
        if terminal:
            terminal.send("\x15exit\n")
            terminal.close()
    return True


tried = [try_shell(name, start) for name, start in (("bash", bash_words), ("zsh", zsh_words), ("fish", fish_words))]
print("\n".join(failures))
print("%d shells, %d failures" % (sum(tried), len(failures)))
sys.exit(1 if failures else 0 if any(tried) else 77)
