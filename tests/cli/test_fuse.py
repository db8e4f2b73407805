"""tutti fuse on files from elsewhere: CSV without a config, TREC runs with and without judgements, bad ones."""

import pytest

A = "q1 Q0 d1 1 3.0 a\nq1 Q0 d2 2 2.0 a\nq1 Q0 d3 3 1.0 a\nq2 Q0 d1 1 9.5 a\nq2 Q0 d4 2 9.0 a\n"
B = "q1 Q0 d2 1 0.9 b\nq1 Q0 d4 2 0.5 b\nq2\tQ0\td4\t1\t0.7\tb\nq2 Q0 d1 2 0.6 b\n"
QRELS = "q1 0 d2 1\nq1 0 d9 1\nq1 0 d3 0\nq2 0 d4 2\n"


@pytest.fixture
def runs(tmp_path, tutti):
    for name, text in {"a.run": A, "b.run": B, "qrels.txt": QRELS}.items():
        (tmp_path / name).write_text(text)

    def call(*arguments):
        return tutti("fuse", "--predictions", "a.run", "b.run", *arguments, cwd=tmp_path)

    call.folder = tmp_path
    return call


def scores(text):
    return {(line.split()[0], line.split()[2]): float(line.split()[4]) for line in text.splitlines()}


def test_runs_without_judgements(runs):
    done = runs("--rule", "rrf")
    assert done.returncode == 0, done.stderr
    got = scores(done.stdout)
    assert got["q1", "d2"] == pytest.approx(1 / 62 + 1 / 61, abs=1e-12)
    assert got["q1", "d4"] == pytest.approx(1 / 62, abs=1e-12)
    first = done.stdout.splitlines()[0].split()
    assert first[:4] == ["q1", "Q0", "d2", "1"]


def test_runs_with_judgements_and_a_choice(runs):
    done = runs("--labels", "qrels.txt", "--rule", "min-max+learned", "--rule", "comb-mnz", "--output", "fused.run")
    assert done.returncode == 0, done.stderr
    assert "rule: " in done.stdout
    got = scores((runs.folder / "fused.run").read_text())
    assert ("q1", "d9") not in got and len(got) == 6  # relevant, and in no run


def test_normalise_is_before_every_rule(runs):
    plain = runs("--rule", "min-max+comb-sum")
    assert runs("--rule", "comb-sum", "--normalise", "min-max").stdout == plain.stdout


@pytest.mark.parametrize(
    "name, text, code, words",
    [
        ("a.run", "q1 Q0 d1 1 3.0\n", 65, "a.run:1: 5 fields, 6 expected"),
        ("a.run", "q1 Q0 d1 1 x a\n", 65, "a.run:1: score 'x' is not a number"),
        ("a.run", "q1 Q0 d1 1 nan a\n", 65, "a.run:1: score 'nan'"),
        ("a.run", "q1 Q0 d1 1 1 a\nq1 Q0 d1 2 0 a\n", 65, "a.run:2: document 'd1' of query 'q1' comes twice"),
        ("a.run", "", 65, "no rows to use in a.run"),
        ("a.run", "other Q0 d1 1 1 a\n", 65, "are its queries those of the judgements?"),
        ("qrels.txt", "q1 0 d1 1\nq1 0 d1 0\n", 65, "qrels.txt:2: document 'd1' of query 'q1' is judged twice"),
    ],
)
def test_bad_files(runs, name, text, code, words):
    (runs.folder / name).write_text(text)
    done = runs("--labels", "qrels.txt", "--rule", "rrf")
    assert done.returncode == code and words in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_what_needs_labels_says_so(runs):
    done = runs("--rule", "min-max+learned")
    assert done.returncode == 78 and "learns from labels and there are none" in done.stderr
    done = runs("--rule", "rrf", "--rule", "borda")
    assert done.returncode == 78 and "no labels to choose among 2 rules by" in done.stderr
    done = runs("--rule", "rrff")
    assert done.returncode == 78 and "did you mean 'rrf'?" in done.stderr


def test_a_csv_file_needs_no_config(tmp_path, tutti):
    rows = "".join(f"u{i % 5},i{i},{i % 2},{0.3 + 0.3 * (i % 2)},{0.5 + 0.01 * (i % 7)}\n" for i in range(40))
    (tmp_path / "p.csv").write_text("user,item,label,good,bad\n" + rows)
    done = tutti("fuse", "--predictions", "p.csv", "--rule", "learned", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "weight of good: 1\n" in done.stderr
    assert done.stdout.splitlines()[0] == "user,item,label,good,bad,fused"
    done = tutti("fuse", "--predictions", "p.csv", "--labels", "q", cwd=tmp_path)
    assert done.returncode == 64
    assert tutti("fuse", cwd=tmp_path).returncode == 64
