"""Metrics against scikit-learn and ranx, to 1e-9, on plain and awkward tables."""

import math
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk

TOLERANCE = 1e-9
BUILD = Path(os.environ.get("TUTTI_BUILD", Path(__file__).parents[2] / "build" / "release"))


def tutti(tmp_path, table, names, positive=0.5):
    """Values of the metrics `names` over rows (user, score, label[, weight of the user])."""
    file = tmp_path / "table.txt"
    file.write_text("".join(" ".join(repr(x) for x in row) + "\n" for row in table))
    program = BUILD / "tests" / "parity_metric"
    done = subprocess.run(
        [program, file, str(positive), *names], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(names)
    return [line if line.startswith("error") else float(line) for line in lines]


def make_rows(seed, users, rows, ties=False, positive_rate=0.3):
    random = np.random.default_rng(seed)
    user = np.sort(random.integers(0, users, rows))
    label = (random.random(rows) < positive_rate).astype(float)
    score = random.random(rows) * 0.9 + 0.1 * label
    if ties:
        score = np.round(score, 1)
    return [(int(u), float(s), float(y)) for u, s, y in zip(user, score, label)]


def columns(table):
    user, score, label = (np.array(column) for column in zip(*[row[:3] for row in table]))
    return user, score, label


TABLES = {
    "plain": make_rows(1, 50, 2000),
    "ties": make_rows(2, 50, 2000, ties=True),
    "one user": make_rows(3, 1, 40),
    "one row a user": [(u, (u * 37 % 101) / 101, float(u % 2)) for u in range(100)],
    "all tied": [(i % 5, 0.25, float(i % 3 == 0)) for i in range(60)],
    "sure": [(0, 0.0, 0.0), (0, 1.0, 1.0), (1, 1.0, 0.0), (1, 0.0, 1.0)],
    "rare positives": make_rows(4, 40, 2000, positive_rate=0.01),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_row_metrics(tmp_path, table):
    _, score, label = columns(table)
    want = {
        "auc": sk.roc_auc_score(label, score),
        "log-loss": sk.log_loss(label, score, labels=[0, 1]),
        "brier": sk.brier_score_loss(label, score),
        "rmse": math.sqrt(sk.mean_squared_error(label, score)),
        "mae": sk.mean_absolute_error(label, score),
        "accuracy": sk.accuracy_score(label, score >= 0.5),
    }
    got = tutti(tmp_path, table, list(want))
    assert got == pytest.approx(list(want.values()), abs=TOLERANCE, rel=0)


@pytest.mark.parametrize("table", [TABLES["plain"], TABLES["ties"]], ids=["plain", "ties"])
def test_user_weights_are_sample_weights(tmp_path, table):
    user, score, label = columns(table)
    weight = np.random.default_rng(9).random(user.max() + 1) * 3
    weight[3] = 0.0
    w = weight[user]
    want = {
        "auc": sk.roc_auc_score(label, score, sample_weight=w),
        "log-loss": sk.log_loss(label, score, sample_weight=w),
        "brier": sk.brier_score_loss(label, score, sample_weight=w),
        "rmse": math.sqrt(sk.mean_squared_error(label, score, sample_weight=w)),
        "accuracy": sk.accuracy_score(label, score >= 0.5, sample_weight=w),
    }
    rows = [(*row, float(weight[row[0]])) for row in table]
    got = tutti(tmp_path, rows, list(want))
    assert got == pytest.approx(list(want.values()), abs=TOLERANCE, rel=0)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_auc_within_users(tmp_path, table):
    user, score, label = columns(table)
    values, rows = [], []
    for u in np.unique(user):
        mine = user == u
        if 0 < label[mine].sum() < mine.sum():
            values.append(sk.roc_auc_score(label[mine], score[mine]))
            rows.append(mine.sum())
    want = [np.mean(values), np.average(values, weights=rows)] if values else [math.nan] * 2
    got = tutti(tmp_path, table, ["user-auc", "gauc"])
    assert got == pytest.approx(want, abs=TOLERANCE, rel=0, nan_ok=True)


@pytest.mark.parametrize("k", [1, 3, 10, 1000])
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_ndcg_with_ties(tmp_path, table, k):
    """scikit-learn averages ties as we do; it needs two rows a user."""
    user, score, label = columns(table)
    values = []
    for u in np.unique(user):
        mine = user == u
        if label[mine].sum() == 0:
            continue
        if mine.sum() == 1:
            values.append(1.0)
        else:
            values.append(sk.ndcg_score([label[mine]], [score[mine]], k=k))
    got = tutti(tmp_path, table, [f"ndcg@{k}"])
    assert got == pytest.approx([np.mean(values)], abs=TOLERANCE, rel=0)


@pytest.mark.parametrize("k", [1, 3, 10, 1000])
@pytest.mark.parametrize("name", ["plain", "one user", "one row a user", "rare positives"])
def test_ranked_without_ties(tmp_path, name, k):
    ranx = pytest.importorskip("ranx")
    table = TABLES[name]
    qrels, run = {}, {}
    for row, (user, score, label) in enumerate(table):
        run.setdefault(f"u{user}", {})[f"i{row}"] = score
        if label:
            qrels.setdefault(f"u{user}", {})[f"i{row}"] = 1
    run = {user: scores for user, scores in run.items() if user in qrels}  # as our edge rule
    theirs = ["ndcg", "hit_rate", "recall", "precision", "mrr", "map"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), [f"{m}@{k}" for m in theirs])
    ours = ["ndcg", "hit", "recall", "precision", "mrr", "map"]
    got = tutti(tmp_path, table, [f"{m}@{k}" for m in ours])
    assert got == pytest.approx([want[f"{m}@{k}"] for m in theirs], abs=TOLERANCE, rel=0)


def test_ratings(tmp_path):
    random = np.random.default_rng(5)
    table = [(i % 7, float(random.random() * 4 + 1), float(random.integers(1, 6))) for i in range(300)]
    user, score, label = columns(table)
    want = {
        "rmse": math.sqrt(sk.mean_squared_error(label, score)),
        "mae": sk.mean_absolute_error(label, score),
        "auc": sk.roc_auc_score(label >= 4, score),
    }
    got = tutti(tmp_path, table, list(want), positive=4)
    assert got == pytest.approx(list(want.values()), abs=TOLERANCE, rel=0)


def test_one_class_and_single_row_are_undefined(tmp_path):
    for table in [[(0, 0.3, 1.0), (0, 0.4, 1.0)], [(0, 0.3, 0.0)]]:
        assert math.isnan(tutti(tmp_path, table, ["auc"])[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, score, label = columns(table)
            assert math.isnan(sk.roc_auc_score(label, score))
    assert all(math.isnan(x) for x in tutti(tmp_path, [(0, 0.3, 0.0)], ["ndcg@10", "map@10"]))


def test_nan_and_bad_probability_are_refused(tmp_path):
    names = ["auc", "log-loss", "ndcg@10", "rmse"]
    for line in tutti(tmp_path, [(0, 0.5, 1.0), (1, math.nan, 0.0)], names):
        assert line.startswith("error: metric") and "row 1 " in line
    line = tutti(tmp_path, [(0, 1.5, 1.0)], ["log-loss"])[0]
    assert "a probability was expected" in line
    with pytest.raises(ValueError):
        sk.log_loss([1.0], [1.5], labels=[0, 1])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q"]))
