"""Two-tower members, from the raw data to a bundle that transformers and a few lines of numpy read."""

import json
import os
import pathlib
import subprocess
import sys

import h5py
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TUTTI_BUILD", ROOT / "build/release"))

CONFIG = """
[experiment]
name = "towers"
[data]
source = "atomic"
path = "cache:data/ml-100k"
split = { by = "user-time", max_validation = 300, max_test = 300 }
[train]
kind = "two-tower"
tower_size = 16
epochs = 1
batch_tokens = 2048
learning_rate = 1e-3
max_length = 48
threads = 1
data = { history = 3, max_examples = 2000, fields = ["title", "genres"] }
[[member]]
name = "bert"
backbone = { type = "bert", layers = 2, hidden = 32, heads = 2, max_positions = 64, tokenizer = "all-MiniLM-L6-v2" }
pretrain = { objective = "mlm", epochs = 0.2 }
[[member]]
name = "gpt2"
backbone = { type = "gpt2", layers = 1, hidden = 32, heads = 2, max_positions = 64, tokenizer = "train", vocab_size = 600 }
head = "regression"
encoding_cache_steps = 2
[[member]]
name = "llama"
backbone = { type = "llama", layers = 1, hidden = 32, heads = 2, kv_heads = 1, max_positions = 64, tokenizer = "train", vocab_size = 600 }
head = "ranking"
data = { statistics = true, user_fields = ["age"] }
[[member]]
name = "cross"
kind = "cross"
backbone = { type = "bert", layers = 1, hidden = 32, heads = 2, max_positions = 64, tokenizer = "all-MiniLM-L6-v2" }
[ensemble]
candidates = ["average"]
bootstrap = 100
"""


def call(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, cwd=ROOT, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("towers")
    (folder / "config.toml").write_text(CONFIG)
    call(ROOT / "scripts/mpirun", "-n", 2, BUILD / "tutti", "run", folder / "config.toml", "--out", folder / "run")
    return folder / "run"


@pytest.mark.parametrize("member", ["bert", "gpt2", "llama"])
def test_logits_come_out_of_transformers_and_numpy(run, member):
    texts = call(BUILD / "tutti", "texts", run, "--member", member, "--part", "test")
    got = np.array(json.loads(call(sys.executable, ROOT / "tests/parity/towers_numpy.py", run / "bundle/members" / member, input=texts)))
    with h5py.File(run / f"members/{member}/predictions.h5") as stored:
        assert stored["test/row"][:].tolist() == [json.loads(line)["row"] for line in texts.splitlines()]
        want = stored["test/logits"][:]
    assert np.ptp(want) > 1e-3, "the member says the same of every pair"
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_towers_numpy_is_under_40_lines_and_imports_nothing_of_ours():
    text = (ROOT / "tests/parity/towers_numpy.py").read_text()
    assert len(text.splitlines()) < 40 and "import tutti" not in text


@pytest.mark.parametrize("member", ["bert", "gpt2", "llama"])
def test_the_encoder_opens_without_missing_or_left_over_weights(run, member):
    from transformers import AutoModel

    _, info = AutoModel.from_pretrained(run / "bundle/members" / member, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]


def test_score_gives_the_fused_scores_of_the_run(run, tmp_path):
    def column(group):
        joined, offsets = group["bytes"][:].tobytes(), group["offsets"][:]
        return [joined[a:b].decode() for a, b in zip(offsets, offsets[1:])]

    with h5py.File(run / "dataset.h5") as store, h5py.File(run / "ensemble/fused.h5") as fused:
        users, items = column(store["users/ids"]), column(store["items/ids"])
        pairs = [(users[u], items[i]) for u, i in zip(fused["test/user"][:50], fused["test/item"][:50])]
        want = fused["test/score"][:50]
    (tmp_path / "pairs.csv").write_text("user_id,item_id\n" + "".join(f"{u},{i}\n" for u, i in pairs))
    rows = call(BUILD / "tutti", "score", run / "bundle", "--input", tmp_path / "pairs.csv").splitlines()
    np.testing.assert_allclose([float(row.split(",")[-1]) for row in rows[1:]], want, atol=1e-5)
