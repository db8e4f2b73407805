"""What the program does when all is well."""

import csv
import io
import json
import pathlib

import h5py
import numpy as np
import pytest
from conftest import CONFIG, ROOT, read_json

COMMANDS = ["run", "plan", "doctor", "score", "fuse", "list", "config-docs", "version"]


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps(tutti, command):
    done = tutti(command, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert f"usage: tutti {command}" in done.stdout and "exit codes:" in done.stdout


def test_help_names_every_command(tutti):
    text = tutti("--help").stdout
    assert all(f"\n  {command} " in text for command in COMMANDS)


def test_list_names_what_is_registered(tutti):
    assert "average " in tutti("list", "fusion-rules").stdout
    assert "bert" in tutti("list", "backbones").stdout
    assert tutti("list", "fusion-rule").returncode == 64


def test_plan_trains_and_writes_nothing(case):
    done = case.tutti("plan", "config.toml", "--ranks", "2", cwd=case.folder)
    assert done.returncode == 0 and "2 members on 2 ranks" in done.stdout
    assert sorted(p.name for p in case.folder.iterdir()) == ["config.toml", "items.csv", "rows.csv"]


def test_the_worked_example(tutti):
    done = tutti("fuse", ROOT / "configs" / "worked-example.toml")
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert len(table) == 10
    members = [k for k in table[0] if k not in ("user", "item", "label", "fused")]
    assert abs(float(table[0]["fused"]) - 0.7) < 1e-12
    for row in table:
        assert abs(float(row["fused"]) - sum(float(row[m]) for m in members) / len(members)) < 1e-12


def test_fuse_judges_on_test_rows(tutti, tmp_path):
    random = np.random.default_rng(3)
    lines = ["user,item,label,split,good,bad"]
    for i in range(400):
        label = int(random.random() < 0.5)
        good = min(max(0.5 + 0.3 * (label - 0.5) + 0.2 * random.standard_normal(), 0), 1)
        part = "validation" if i < 200 else "test"
        lines.append(f"u{i % 40},i{i},{label},{part},{good:.6f},{random.random():.6f}")
    (tmp_path / "p.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "c.toml").write_text(
        '[data]\nsource = "predictions"\npath = "p.csv"\ntask = "click"\n'
        '[ensemble]\ncandidates = ["average", "learned"]\nbootstrap = 100\n'
    )
    done = tutti("fuse", tmp_path / "c.toml", "--output", tmp_path / "fused.csv")
    assert done.returncode == 0, done.stderr
    assert "Verdict" in done.stdout and len(rows((tmp_path / "fused.csv").read_text())) == 400


def test_last_two_lines_name_report_and_bundle(case):
    done = case.run()
    assert done.returncode == 0, done.stderr
    report, bundle = done.stdout.splitlines()[-2:]
    assert report == f"report: {case.folder / 'out' / 'report.html'}"
    assert bundle == f"bundle: {case.folder / 'out' / 'bundle'}"
    assert pathlib.Path(report.split(": ")[1]).exists()


def texts(group):
    data, offsets = bytes(group["bytes"][:]), group["offsets"][:]
    return [data[a:b].decode() for a, b in zip(offsets, offsets[1:])]


def test_score_gives_what_the_run_gave(small_run, tutti, tmp_path):
    with h5py.File(small_run / "dataset.h5") as store:
        users, items = texts(store["users/ids"]), texts(store["items/ids"])
    bundle = read_json(small_run / "bundle" / "bundle.json")
    pairs, expected = [], {}
    for member in bundle["members"]:
        with h5py.File(small_run / "members" / member["name"] / "predictions.h5") as file:
            test = file["test"]
            pairs = [(users[u], items[i]) for u, i in zip(test["user"][:], test["item"][:])]
            expected[member["name"]] = test["score"][:]
    assert len(pairs) > 10
    source = tmp_path / "pairs.csv"
    source.write_text("user_id,item_id\n" + "".join(f"{u},{i}\n" for u, i in pairs))
    done = tutti("score", small_run / "bundle", "--input", source, "--members")
    assert done.returncode == 0, done.stderr
    got = rows(done.stdout)
    for name, scores in expected.items():
        assert np.allclose([float(row[name]) for row in got], scores, atol=1e-6, rtol=0)
    weights = bundle["fusion"]["weights"]
    fused = sum(w * expected[m["name"]] for w, m in zip(weights, bundle["members"]))
    assert np.allclose([float(row["score"]) for row in got], fused, atol=1e-6, rtol=0)


def test_a_new_user_is_scored(small_run, tutti, tmp_path):
    source = tmp_path / "pairs.csv"
    source.write_text("user_id,item_id\nnobody,i1\n")
    done = tutti("score", small_run / "bundle", "--input", source)
    assert done.returncode == 0, done.stderr
    assert 0 <= float(rows(done.stdout)[0]["score"]) <= 1


def files_of(folder):
    """All that must not differ when a run is repeated."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("run.json", "metrics.jsonl")
    }


@pytest.mark.parametrize("ranks", [1, 2])
def test_any_number_of_ranks_gives_the_same_bytes(case, small_run, ranks):
    # The same paths, for the resolved config holds them.
    text = CONFIG.replace('"rows.csv"', f'"{small_run.parent}/rows.csv"')
    case.write("config.toml", text.replace('"items.csv"', f'"{small_run.parent}/items.csv"'))
    done = case.run(ranks=ranks)
    assert done.returncode == 0, done.stderr
    mine, theirs = files_of(case.folder / "out"), files_of(small_run)
    assert sorted(mine) == sorted(theirs)
    assert [name for name in mine if mine[name] != theirs[name]] == []


def test_the_resolved_config_repeats_the_run(case, small_run):
    done = case.tutti("run", small_run / "config.toml", "--out", "again", cwd=case.folder)
    assert done.returncode == 0, done.stderr
    mine, theirs = files_of(case.folder / "again"), files_of(small_run)
    assert sorted(mine) == sorted(theirs)
    assert [name for name in theirs if mine[name] != theirs[name]] == []


def test_metrics_of_every_step(small_run):
    steps = [json.loads(line) for line in (small_run / "members" / "a" / "metrics.jsonl").read_text().splitlines()]
    assert [s["step"] for s in steps] == list(range(1, len(steps) + 1))
    for key in ["loss", "learning_rate", "gradient_norm", "examples_per_second", "tokens_per_second", "epoch"]:
        assert all(np.isfinite(s[key]) for s in steps)


def test_numbers_carry_their_protocol(small_run):
    metrics = read_json(small_run / "bundle" / "bundle.json")["metrics"]
    assert any(name.startswith("auc/") for name in metrics)
    assert any(name.startswith("ndcg@10/") for name in metrics)


def test_members_on_two_ranks_each(case):
    done = case.run("--set", "train.ranks=2", ranks=2)
    assert done.returncode == 0, done.stderr
    assert [m["ranks"] for m in read_json(case.folder / "out" / "run.json")["members"]] == [[0, 1], [0, 1]]


def test_doctor_on_two_ranks(tutti):
    done = tutti("doctor", ranks=2)
    assert "2 ranks" in done.stdout and "all-gather" in done.stdout, done.stderr


def test_doctor_says_what_to_type(tutti, tmp_path, monkeypatch):
    monkeypatch.setenv("TUTTI_CACHE", str(tmp_path))
    done = tutti("doctor")
    assert done.returncode == 70
    assert "type: scripts/setup" in done.stdout


@pytest.mark.parametrize("config", sorted(p.name for p in (ROOT / "configs").glob("*.toml")))
def test_every_config_is_read(tutti, config):
    command = "fuse" if config == "worked-example.toml" else "plan"
    done = tutti(command, ROOT / "configs" / config)
    assert done.returncode == 0, done.stderr
