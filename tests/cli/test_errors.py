"""Every bad input is one line on stderr with the right exit code, and leaves nothing half-written."""

import fcntl
import json
import os
import shutil
import struct

import pytest

USAGE, DATA, IO, BUSY, CONFIG = 64, 65, 74, 75, 78


def test_no_command(tutti):
    done = tutti()
    assert done.returncode == USAGE and done.stderr.startswith("tutti: error: no command")


def test_unknown_command_names_the_nearest(tutti):
    done = tutti("rnu")
    assert done.returncode == USAGE and "did you mean 'run'?" in done.stderr


def test_unknown_option(tutti):
    done = tutti("plan", "x.toml", "--rank", "3")
    assert done.returncode == USAGE and "--rank" in done.stderr and done.stderr.count("\n") == 1


def test_no_config_given(tutti):
    done = tutti("run")
    assert done.returncode == USAGE and "config" in done.stderr


def test_missing_config(case):
    (case.folder / "config.toml").unlink()
    case.refused(IO, "config.toml", "No such file")


def test_missing_data_file(case):
    (case.folder / "rows.csv").unlink()
    case.refused(IO, "rows.csv", "No such file")


def test_wrong_column(case):
    rows = (case.folder / "rows.csv").read_text()
    case.write("rows.csv", rows.replace("item_id", "itemid", 1))
    case.refused(DATA, "rows.csv:1", "item_id", "itemid")


def test_rating_out_of_range(case):
    case.write("rows.csv", (case.folder / "rows.csv").read_text() + "u1,i1,11,5000\n")
    case.refused(DATA, "rows.csv:142", "11")


def test_broken_utf8(case):
    case.write("items.csv", (case.folder / "items.csv").read_bytes() + b"i99,Am\xe9lie,Comedy\n")
    case.refused(DATA, "items.csv:22", "UTF-8")


def test_empty_data(case):
    case.write("rows.csv", "user_id,item_id,rating,timestamp\n")
    case.refused(DATA, "rows.csv")


def test_unknown_key(case):
    case.config("epochs = 1", "epoch = 1")
    case.refused(CONFIG, "config.toml:9:1", "unknown key 'epoch'", "did you mean 'epochs'?")


def test_unknown_key_by_set(case):
    case.refused(CONFIG, "--set train.epoch", "did you mean 'epochs'?", arguments=("--set", "train.epoch=1"))


def test_set_without_a_value(case):
    case.refused(USAGE, "--set train.epochs", arguments=("--set", "train.epochs"))


def test_wrong_type(case):
    case.config("epochs = 1", 'epochs = "one"')
    case.refused(CONFIG, "config.toml:9:10", "found a string, expected a number")


def test_out_of_range(case):
    case.refused(CONFIG, "-1 is out of range", arguments=("--set", "train.learning_rate=-1"))


def test_bad_toml(case):
    case.config("epochs = 1", "epochs = = 1")
    case.refused(CONFIG, "config.toml:9:")


def test_unknown_fusion_rule(case):
    case.config('"performance"', '"perfomance"')
    case.refused(CONFIG, "unknown fusion rule 'perfomance'", "did you mean 'performance'?")


def test_unknown_metric(case):
    case.refused(CONFIG, "unknown metric", "'ndcg'", arguments=("--set", "ensemble.choose_by=ndgc@10"))


def test_unknown_backbone(case):
    case.config('type = "bert"', 'type = "bort"')
    case.refused(CONFIG, "unknown backbone 'bort'", "did you mean 'bert'?")


def test_unknown_source(case):
    case.config('source = "csv"', 'source = "cvs"')
    case.refused(CONFIG, "unknown data source 'cvs'", "did you mean 'csv'?")


def test_unknown_field(case):
    case.config('"genres"]', '"genre"]')
    case.refused(CONFIG, "member 'a'", "genre", "did you mean 'genres'?")


def test_two_members_with_one_name(case):
    case.config('name = "b"', 'name = "a"')
    case.refused(CONFIG, "the name 'a' is taken by member.0")


@pytest.mark.parametrize("name", ["../x", "/x", "a b", ""])
def test_member_name_that_is_a_path(case, name):
    case.config('name = "b"', f'name = "{name}"')
    case.refused(CONFIG, "cannot be a folder's name")


def test_more_ranks_than_work(case):
    case.refused(CONFIG, "4 ranks, but the members use at most 2 at once", ranks=4)


def test_a_member_wants_more_ranks_than_there_are(case):
    case.refused(CONFIG, "wants 3 ranks, but there are 1", arguments=("--set", "member.a.ranks=3"))


def test_an_error_that_all_ranks_share_is_printed_once(case):
    case.config("epochs = 1", "epoch = 1")
    case.refused(CONFIG, "unknown key 'epoch'", ranks=2)


def test_ranks_that_read_unlike_configs(case):
    (case.folder / "other.toml").write_text((case.folder / "config.toml").read_text().replace("epochs = 1", "epochs = 2"))
    case.refused(CONFIG, "rank 1 reads another config than rank 0", arguments=case.beside("other.toml"), ranks=1)


def test_a_config_that_one_rank_alone_lacks(case):
    case.refused(IO, "rank 1: ", "missing.toml", "No such file", arguments=case.beside("missing.toml"), ranks=1)


def test_bad_data_under_mpirun(case):
    case.write("rows.csv", "user_id,item_id,rating,timestamp\n")
    case.refused(DATA, "rows.csv", ranks=2)


def test_missing_model(case):
    case.config('{ type = "bert"', '{ folder = "no/such/model", type = ""')
    case.refused(IO, "member 'a'", "no/such/model")


# ---- a Hugging Face folder, broken in many ways


@pytest.fixture
def model(case, small_run):
    """Member a starts from a copy of a model that the small run has made."""
    folder = case.folder / "model"
    shutil.copytree(small_run / "members" / "a" / "model", folder)
    config = (case.folder / "config.toml").read_text()
    start = config.index("backbone = ")
    case.write("config.toml", config[:start] + 'backbone = "./model"' + config[config.index("\n", start) :])
    return folder


def test_the_model_runs_as_it_stands(case, model):
    assert case.run().returncode == 0


@pytest.mark.parametrize("keep", [0, 5, 50, -100])
def test_truncated_weights(case, model, keep):
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    case.refused(DATA, "member 'a'", "model.safetensors")


def test_header_longer_than_the_file(case, model):
    weights = model / "model.safetensors"
    weights.write_bytes(struct.pack("<Q", 1 << 62) + weights.read_bytes()[8:])
    case.refused(DATA, "member 'a'", "model.safetensors")


@pytest.mark.parametrize("lie", [{"shape": [4194305, 4194305, 211106198978564]}, {"data_offsets": [8, 0]}])
def test_header_that_lies(case, model, lie):
    weights = model / "model.safetensors"
    data = weights.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    header[next(name for name in header if name != "__metadata__")].update(lie)
    text = json.dumps(header).encode()
    weights.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])
    case.refused(DATA, "member 'a'", "model.safetensors")


def test_vocabulary_that_does_not_fit_the_embedding(case, model):
    config = json.loads((model / "tokenizer.json").read_text())
    vocab = config["model"]["vocab"]
    vocab.update({f"zz{i}": len(vocab) + i for i in range(500)})
    (model / "tokenizer.json").write_text(json.dumps(config))
    case.refused(DATA, "member 'a'", "vocabulary")


def test_model_config_that_is_no_json(case, model):
    (model / "config.json").write_text("{")
    case.refused(DATA, "member 'a'", "config.json")


# ---- run folders


def test_run_folder_in_use(case):
    (case.folder / "out").mkdir()
    with open(case.folder / "out" / ".lock", "w") as lock:
        lock.write("pid 1 on elsewhere")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = case.run()
    assert done.returncode == BUSY, done.stderr
    assert done.stderr.count("\n") == 1 and "in use by pid 1 on elsewhere" in done.stderr
    assert os.listdir(case.folder / "out") == [".lock"]


def test_run_folder_with_an_old_run(case):
    assert case.run().returncode == 0
    before = (case.folder / "out" / "bundle" / "bundle.json").read_bytes()
    done = case.run()
    assert done.returncode == CONFIG and "--fresh" in done.stderr and done.stderr.count("\n") == 1
    assert (case.folder / "out" / "bundle" / "bundle.json").read_bytes() == before
    assert case.run("--fresh").returncode == 0


def test_run_folder_that_cannot_be_made(case):
    case.write("out", "a file")
    done = case.run()
    assert done.returncode == IO and done.stderr.count("\n") == 1, done.stderr


# ---- members that fail while the others go on


def test_a_member_that_fails_is_left_out(case):
    # A vocabulary that was learned from the texts has no mask token: it shows when the turn comes.
    done = case.run("--set", "member.b.pretrain.objective=mlm")
    assert done.returncode == 3, done.stderr
    record = json.loads((case.folder / "out" / "run.json").read_text())
    assert record["state"] == "partial"
    assert [m["state"] for m in record["members"]] == ["trained", "failed"]
    bundle = json.loads((case.folder / "out" / "bundle" / "bundle.json").read_text())
    assert [m["name"] for m in bundle["members"]] == ["a"]
    assert "mask token" in (case.folder / "out" / "report.md").read_text()


def test_too_few_members_make_no_bundle(case):
    done = case.run("--set", "train.pretrain.objective=mlm")
    assert done.returncode == 4, done.stderr
    assert "0 of 2 members usable" in done.stderr
    assert not (case.folder / "out" / "bundle").exists()


# ---- bundles


@pytest.fixture
def pairs(tmp_path):
    file = tmp_path / "pairs.csv"
    file.write_text("user_id,item_id\nu1,i1\n")
    return file


def test_every_file_of_a_bundle_is_checked(small_run, tutti, tmp_path, pairs):
    assert tutti("score", small_run / "bundle", "--input", pairs).returncode == 0
    files = sorted(p.relative_to(small_run / "bundle") for p in (small_run / "bundle").rglob("*") if p.is_file())
    assert len(files) >= 8
    for file in files:
        copy = tmp_path / "bundle"
        shutil.copytree(small_run / "bundle", copy)
        data = bytearray((copy / file).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / file).write_bytes(data)
        done = tutti("score", copy, "--input", pairs)
        assert done.returncode == DATA, (file, done.stderr)
        assert str(file) in done.stderr and done.stderr.count("\n") == 1
        shutil.rmtree(copy)


def test_missing_and_added_files_of_a_bundle(small_run, tutti, tmp_path, pairs):
    copy = tmp_path / "bundle"
    shutil.copytree(small_run / "bundle", copy)
    (copy / "members" / "a" / "evil.py").write_text("x")
    done = tutti("score", copy, "--input", pairs)
    assert done.returncode == DATA and "evil.py" in done.stderr
    (copy / "members" / "a" / "evil.py").unlink()
    (copy / "items.h5").unlink()
    done = tutti("score", copy, "--input", pairs)
    assert done.returncode == DATA and "items.h5" in done.stderr


@pytest.mark.parametrize(
    "text, words",
    [
        ("user,item_id\nu1,i1\n", ["user_id"]),
        ("user_id,item_id\nu1,nothing\n", ["pairs.csv:2", "nothing"]),
        ("user_id,item_id\nu1\n", ["pairs.csv:2"]),
        ("user_id,item_id\n", ["no pairs"]),
    ],
)
def test_pairs_that_cannot_be_scored(small_run, tutti, tmp_path, pairs, text, words):
    pairs.write_text(text)
    done = tutti("score", small_run / "bundle", "--input", pairs, "--output", tmp_path / "out.csv")
    assert done.returncode == DATA, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_no_bundle(tutti, tmp_path, pairs):
    done = tutti("score", tmp_path, "--input", pairs)
    assert done.returncode == IO and "bundle.json" in done.stderr
