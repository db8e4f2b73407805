"""`tutti plan` predicts the memory of a rank: within 15 % of the most that the process then held."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ALLOWED = 0.15
MODELS = pathlib.Path(os.environ.get("TUTTI_CACHE", pathlib.Path.home() / ".cache" / "tutti")) / "models"
CONFIG = """
[experiment]
name = "memory"
[data]
source = "csv"
task = "click"
csv = {{ interactions = "rows.csv", items = "items.csv" }}
split = {{ by = "time", validation = 0.1, test = 0.1 }}
[train]
epochs = 10
max_steps = 3
batch_tokens = {tokens}
max_length = 128
threads = 1
data = {{ history = 8, fields = ["title", "genres"] }}
[ensemble]
candidates = ["average"]
bootstrap = 10
folds = 2
[[member]]
name = "a"
{backbone}
"""
SCRATCH = (
    'backbone = {{ type = "{type}", layers = 4, hidden = 256, heads = 4, max_positions = 128, '
    'tokenizer = "train", vocab_size = 400 }}'
)


# A process starts with the peak of the one that it was forked from: a small one does that.
STARTER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(process.pid, 0)
print("peak", used.ru_maxrss * 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_bytes(command, cwd):
    """The most that the process held, as the system counted it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", STARTER, *map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return int(re.findall(r"^peak (\d+)$", ran.stdout, re.MULTILINE)[-1])


@pytest.mark.parametrize(
    ("name", "backbone", "tokens"),
    [
        ("bert", SCRATCH.format(type="bert"), 4096),
        ("gpt2", SCRATCH.format(type="gpt2"), 4096),
        ("llama", SCRATCH.format(type="llama"), 4096),
        ("llama, layers computed again", SCRATCH.format(type="llama") + "\ncheckpoint_activations = true", 4096),
        ("MiniLM", 'backbone = "all-MiniLM-L6-v2"', 1024),
    ],
)
def test_a_plan_knows_the_memory_of_a_rank(tutti, tmp_path, name, backbone, tokens):
    if name == "MiniLM" and not (MODELS / "all-MiniLM-L6-v2").exists():
        pytest.fail("no MiniLM in the cache: run scripts/setup")
    items = "".join(f"i{i},A film with number {i} in its title,{'Drama' if i % 2 else 'Comedy'}\n" for i in range(50))
    rows = "".join(f"u{i % 23},i{(7 * i) % 50},{1 + (i * i) % 5},{1000 + i}\n" for i in range(1200))
    (tmp_path / "items.csv").write_text("item_id,title,genres\n" + items)
    (tmp_path / "rows.csv").write_text("user_id,item_id,rating,timestamp\n" + rows)
    (tmp_path / "config.toml").write_text(CONFIG.format(tokens=tokens, backbone=backbone))
    plan = tutti("plan", "config.toml", cwd=tmp_path)
    assert plan.returncode == 0, plan.stderr
    predicted = float(re.search(r"^a +1 +0 +[\d.]+ +([\d.]+) ", plan.stdout, re.M).group(1)) * 1e9
    measured = peak_bytes([str(tutti.program), "run", "config.toml"], tmp_path)
    assert abs(predicted / measured - 1) <= ALLOWED, f"{name}: predicted {predicted:.3g}, measured {measured:.3g}"
