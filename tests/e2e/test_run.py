"""The whole road, as a user goes it: `mpirun tutti run CONFIG` from raw MovieLens to a bundle that other programs open."""

import hashlib
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
TINY = ROOT / "configs/tiny.toml"


def tutti(*arguments, ranks=0, launcher=None, code=0):
    """Runs the program, under mpirun with so many ranks (0: without mpirun); fails unless it exits with `code`."""
    start = launcher or ([ROOT / "scripts/mpirun", "-n", str(ranks)] if ranks else [])
    command = [str(part) for part in [*start, BUILD / "tutti", *arguments]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
    assert done.returncode == code, f"{' '.join(command)}\nexit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done


def digests(folder: pathlib.Path, *patterns: str) -> dict[str, str]:
    out = {}
    for pattern in patterns:
        for file in sorted(folder.glob(pattern)):
            out[str(file.relative_to(folder))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return out


def texts(group: h5py.Group) -> list[str]:
    """A text column of a store (docs/formats.md)."""
    joined, offsets = group["bytes"][:].tobytes(), group["offsets"][:]
    return [joined[a:b].decode() for a, b in zip(offsets, offsets[1:])]


# What must be the same bytes when an experiment is repeated. Timings are in run.json and metrics.jsonl, and only there.
RESULTS = ("dataset.h5", "members/*/predictions.h5", "members/*/model/*", "bundle/**/*.safetensors", "ensemble/metrics.json")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny") / "two-ranks"
    done = tutti("run", TINY, "--out", folder, ranks=2)
    return folder, done


def test_the_last_two_lines_name_report_and_bundle(tiny):
    folder, done = tiny
    report, bundle = done.stdout.strip().splitlines()[-2:]
    assert report.startswith("report: ") and pathlib.Path(ROOT, report.removeprefix("report: ")).is_file()
    assert bundle.startswith("bundle: ") and pathlib.Path(ROOT, bundle.removeprefix("bundle: "), "bundle.json").is_file()


def test_the_same_config_gives_the_same_bytes_and_so_does_the_resolved_one(tiny, tmp_path):
    folder, _ = tiny
    first = digests(folder, *RESULTS)
    assert len(first) > 6
    tutti("run", TINY, "--out", tmp_path / "again", ranks=2)
    assert digests(tmp_path / "again", *RESULTS) == first
    tutti("run", folder / "config.toml", "--out", tmp_path / "resolved", ranks=2)
    assert digests(tmp_path / "resolved", *RESULTS) == first


@pytest.mark.parametrize("ranks", [0, 1, 3])
def test_members_of_one_rank_do_not_depend_on_the_number_of_ranks(tiny, tmp_path, ranks):
    tutti("run", TINY, "--out", tmp_path / "run", ranks=ranks)
    assert digests(tmp_path / "run", *RESULTS) == digests(tiny[0], *RESULTS)


def test_two_hosts_over_tcp_give_the_same_bytes(tiny, tmp_path):
    launcher = [ROOT / "scripts/two-hosts"]
    probe = subprocess.run([*launcher, "true"], capture_output=True, text=True)
    if probe.returncode == 77:
        pytest.skip("the sandbox does not allow network namespaces")
    tutti("run", TINY, "--out", tmp_path / "run", launcher=launcher)
    assert digests(tmp_path / "run", *RESULTS) == digests(tiny[0], *RESULTS)


def test_two_hosts_share_one_member(tmp_path):
    launcher = [ROOT / "scripts/two-hosts"]
    if subprocess.run([*launcher, "true"], capture_output=True).returncode == 77:
        pytest.skip("the sandbox does not allow network namespaces")
    tutti("run", TINY, "--set", "train.ranks=2", "--out", tmp_path / "two", launcher=launcher)
    tutti("run", TINY, "--set", "train.ranks=1", "--out", tmp_path / "one", ranks=1)
    for member in (tmp_path / "one/members").iterdir():
        with h5py.File(member / "predictions.h5") as one, h5py.File(tmp_path / "two/members" / member.name / "predictions.h5") as two:
            np.testing.assert_allclose(one["test/logits"][:], two["test/logits"][:], atol=1e-3)


def check_members_in_transformers(run: pathlib.Path, limit: int):
    """N2: logits of each member of the bundle, from transformers, against the stored predictions of the test part."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    bundle = json.loads((run / "bundle/bundle.json").read_text())
    assert bundle["members"]
    for member in bundle["members"]:
        name = member["name"]
        folder = run / "bundle/members" / name
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        texts = tutti("texts", run, "--member", name, "--part", "test", "--limit", limit).stdout
        with h5py.File(run / "members" / name / "predictions.h5") as stored:
            rows, logits = stored["test/row"][:], stored["test/logits"][:]
        where = {row: index for index, row in enumerate(rows)}
        examples = [json.loads(line) for line in texts.splitlines()]
        assert len(examples) == min(limit, len(rows))
        for example in examples:
            pair = (example["text"], example["text_pair"]) if example["text"] else (example["text_pair"],)
            inputs = tokenizer(*pair, truncation=True, max_length=example["max_length"], return_tensors="pt")
            with torch.no_grad():
                got = model(**inputs).logits[0].numpy()
            np.testing.assert_allclose(got, logits[where[example["row"]]], atol=1e-4, err_msg=f"{name} row {example['row']}")


def check_fused_in_numpy(run: pathlib.Path):
    done = subprocess.run([sys.executable, ROOT / "tests/parity/fused_numpy.py", run], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with h5py.File(run / "ensemble/fused.h5") as stored:
        np.testing.assert_allclose(np.array(json.loads(done.stdout)), stored["test/score"][:], atol=1e-6)


def test_members_open_in_transformers_with_the_same_logits(tiny):
    check_members_in_transformers(tiny[0], 200)


def test_fused_scores_come_out_of_numpy(tiny):
    check_fused_in_numpy(tiny[0])


def test_score_gives_the_fused_scores_of_the_run(tiny, tmp_path):
    run = tiny[0]
    with h5py.File(run / "dataset.h5") as store, h5py.File(run / "ensemble/fused.h5") as fused:
        users, items = texts(store["users/ids"]), texts(store["items/ids"])
        pairs = [(users[u], items[i]) for u, i in zip(fused["test/user"][:50], fused["test/item"][:50])]
        want = fused["test/score"][:50]
    (tmp_path / "pairs.csv").write_text("user_id,item_id\n" + "".join(f"{u},{i}\n" for u, i in pairs))
    tutti("score", run / "bundle", "--input", tmp_path / "pairs.csv", "--output", tmp_path / "scores.csv")
    rows = (tmp_path / "scores.csv").read_text().splitlines()
    got = [float(row.split(",")[-1]) for row in rows[1:]]
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_the_reference_recipe_runs(tmp_path):
    tutti("run", ROOT / "configs/seed-recipe.toml", "--out", tmp_path / "run", "--set", "train.epochs=1",
          "--set", "train.data.max_examples=32", "--set", "data.split.max_validation=40", "--set", "data.split.max_test=40",
          "--set", "ensemble.bootstrap=50")
    (member,) = (tmp_path / "run/members").iterdir()
    config = json.loads((member / "model/config.json").read_text())
    assert len(config["id2label"]) == 10
