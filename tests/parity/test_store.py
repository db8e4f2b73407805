"""dataset.h5 opens in h5py and holds what Python reads from the source; texts are what Python makes of it."""

import collections
import csv
import hashlib
import json
import math
import re

import h5py
import numpy as np
import pytest

GENRES = ["unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
          "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"]
WORDS = ["hated", "disliked", "okay", "liked", "loved"]
NUMBERS = ["user", "item", "rating", "time", "line", "label", "part"]


def read_tsv(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [name.split(":")[0] for name in rows[0]], rows[1:]


@pytest.fixture(scope="module")
def movielens(cache):
    """The cached RecBole files as Python reads them."""
    folder = cache / "data" / "ml-100k"
    if not (folder / "ml-100k.inter").exists():
        pytest.fail(f"no data at {folder}: fetch it, or set TUTTI_CACHE")
    return {kind: read_tsv(folder / f"ml-100k.{kind}")[1] for kind in ["inter", "item", "user"]}


@pytest.fixture(scope="module")
def make(program, cache, tmp_path_factory):
    """make(KEY=VALUE): builds a store; gives its h5py file, the report and the examples."""

    def run(**options):
        folder = tmp_path_factory.mktemp("store")
        options = {"source": "atomic", "path": str(cache / "data" / "ml-100k"), "task": "click", "split": "time",
                   "history": 3, "statistics": True, "show": True, "output": str(folder / "dataset.h5")} | options
        (folder / "options.json").write_text(json.dumps(options))
        lines = program("tests/parity_store", [folder / "options.json"]).splitlines()
        return h5py.File(options["output"]), json.loads(lines[0]), [json.loads(line) for line in lines[1:]]

    return run


@pytest.fixture(scope="module")
def made(make):
    return make()


def text_column(file, path):
    data, offsets = file[path + "/bytes"][:].tobytes(), file[path + "/offsets"][:]
    return [data[a:b].decode("utf-8") for a, b in zip(offsets, offsets[1:])]


def content(file):
    """Everything but where it came from: by ids, so that the order of first appearance does not matter."""
    users, items = text_column(file, "users/ids"), text_column(file, "items/ids")
    rows = [(users[u], items[i], r, t, y, p) for u, i, r, t, y, p in zip(
        *(file[f"interactions/{name}"][:].tolist() for name in ["user", "item", "rating", "time", "label", "part"]))]
    columns = [text_column(file, f"items/columns/{name}") for name in ["title", "year", "genres"]]
    return rows, dict(zip(items, zip(*columns)))


def test_columns_are_those_of_the_source(made, movielens):
    file, report, _ = made
    inter = sorted(enumerate(movielens["inter"]), key=lambda row: float(row[1][3]))  # stable, as the store
    users, items = text_column(file, "users/ids"), text_column(file, "items/ids")
    assert report == {"read": 100000, "kept": 100000, "dropped": {}, "repaired": {}}
    assert [users[u] for u in file["interactions/user"]] == [row[0] for _, row in inter]
    assert [items[i] for i in file["interactions/item"]] == [row[1] for _, row in inter]
    assert file["interactions/rating"][:].tolist() == [float(row[2]) for _, row in inter]
    assert file["interactions/time"][:].tolist() == [int(row[3]) for _, row in inter]
    assert file["interactions/line"][:].tolist() == [line + 2 for line, _ in inter]
    assert file["interactions/label"][:].tolist() == [float(float(row[2]) >= 4) for _, row in inter]
    assert file["interactions/part"][:].tolist() == [0] * 80000 + [1] * 10000 + [2] * 10000
    for kind, table, names in [("item", "items", ["title", "year", "genres"]),
                               ("user", "users", ["age", "gender", "occupation", "zip_code"])]:
        assert json.loads(file.attrs[f"{kind}_columns"]) == names
        assert text_column(file, f"{table}/ids") == [row[0] for row in movielens[kind]]
        for position, name in enumerate(names, 1):
            assert text_column(file, f"{table}/columns/{name}") == [row[position] for row in movielens[kind]]


def test_fingerprint_is_the_documented_digest(made):
    file = made[0]

    def text(name):
        return bytes(file.attrs[name]).decode("utf-8")

    def digest(path):
        return f"{path} {hashlib.sha256(file[path][:].tobytes()).hexdigest()}\n"

    lines = f"task {text('task')}\nuser_columns {text('user_columns')}\nitem_columns {text('item_columns')}\n"
    lines += "".join(digest(f"/interactions/{name}") for name in NUMBERS)
    for table in ["user", "item"]:
        columns = [f"columns/{name}" for name in json.loads(text(f"{table}_columns"))]
        for path in ["ids", *columns]:
            lines += "".join(digest(f"/{table}s/{path}/{part}") for part in ["bytes", "offsets"])
    assert text("fingerprint") == hashlib.sha256(lines.encode()).hexdigest()


def test_every_dataset_is_chunked_and_checksummed(made):
    datasets = []
    made[0].visititems(lambda name, thing: datasets.append(thing) if isinstance(thing, h5py.Dataset) else None)
    assert len(datasets) == 7 + 2 * 9
    for dataset in datasets:
        assert dataset.fletcher32 and dataset.chunks, dataset.name


def test_a_flipped_bit_is_found(made, tmp_path):
    data = bytearray(open(made[0].filename, "rb").read())
    data[made[0]["interactions/rating"].id.get_chunk_info(0).byte_offset + 1000] ^= 4
    (tmp_path / "flipped.h5").write_bytes(data)
    with pytest.raises(OSError), h5py.File(tmp_path / "flipped.h5") as file:
        file["interactions/rating"][:]


def expected_texts(movielens, history=3):
    """What the texts have to be, straight from the source: the rules of TextMaker, in Python."""
    title = {row[0]: row[1] for row in movielens["item"]}
    pair = {row[0]: " ".join(part for part in [row[1], f"({row[2]})" if row[2] else "", row[3]] if part)
            for row in movielens["item"]}
    rows = [(row[0], row[1], int(float(row[2])), int(row[3]))
            for row in sorted(movielens["inter"], key=lambda row: float(row[3]))]

    def half_up(x):
        return math.floor(x + 0.5)

    def seen(count):
        return 2 ** half_up(math.log2(count))

    def share(tally):
        return 5 * half_up(20 * tally[1] / tally[0])

    def write(row, users, items, past):
        user, item = rows[row][:2]
        u, i = users[user], items[item]
        head = f"likes {share(u)}% of {seen(u[0])} seen" if u[0] else "new user"
        tail = f"viewers {seen(i[0])}, liked by {share(i)}%" if i[0] else "no viewers"
        latest = past[user][::-1][:history]
        told = "; ".join(f"{WORDS[rows[r][2] - 1]} {title[rows[r][1]]}" for r in latest)
        return {"text": head + (". " + told if told else ""), "pair": f"{pair[item]}, {tail}", "sources": latest}

    users, items = collections.defaultdict(lambda: (0, 0)), collections.defaultdict(lambda: (0, 0))
    past, out, train = collections.defaultdict(list), {}, 80000
    for row in range(train):
        if row == 0 or rows[row][3] != rows[row - 1][3]:  # a new second: what came before is known now
            for user, item, rating, _ in pending if row else []:
                users[user] = (users[user][0] + 1, users[user][1] + (rating >= 4))
                items[item] = (items[item][0] + 1, items[item][1] + (rating >= 4))
            for r in range(row - len(pending), row) if row else []:
                past[rows[r][0]].append(r)
            pending = []
        out[row] = write(row, users, items, past)
        pending.append(rows[row])
    for user, item, rating, _ in pending:
        users[user] = (users[user][0] + 1, users[user][1] + (rating >= 4))
        items[item] = (items[item][0] + 1, items[item][1] + (rating >= 4))
    for r in range(train - len(pending), train):
        past[rows[r][0]].append(r)
    for row in range(train, len(rows)):
        out[row] = write(row, users, items, past)
    return out


def test_texts_are_made_of_the_past_alone(made, movielens):
    expected = expected_texts(movielens)
    examples = made[2]
    assert len(examples) == 100000
    for example in examples:
        want = expected[example["row"]]
        assert {name: example[name] for name in want} == want, example["row"]


def with_year(title, year):
    return f"{title} ({year})" if year.isdigit() else title  # one film has neither, "unkonwn" in RecBole's file


def write_100k(folder, movielens):
    """The same data as GroupLens gives it out: u.data, u.item (Latin-1, genre flags) and u.user."""
    (folder / "u.data").write_text("".join("\t".join(row) + "\n" for row in movielens["inter"]))
    with open(folder / "u.item", "w", encoding="latin-1", newline="") as file:
        for item, title, year, genres in movielens["item"]:
            names = genres.split(" ")
            flags = "|".join(str(int(genre in names)) for genre in GENRES)
            file.write(f"{item}|{with_year(title, year)}|01-Jan-1995||http://x|{flags}\n")
    (folder / "u.user").write_text("".join("|".join(row) + "\n" for row in movielens["user"]))


def write_csv(folder, movielens):
    """The same data as MovieLens from 2015 on."""
    with open(folder / "ratings.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["userId", "movieId", "rating", "timestamp"])
        out.writerows(movielens["inter"])
    with open(folder / "movies.csv", "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["movieId", "title", "genres"])
        for item, title, year, genres in movielens["item"]:
            out.writerow([item, with_year(title, year), genres.replace(" ", "|")])


@pytest.mark.parametrize("source, write", [("movielens-100k", write_100k), ("movielens-csv", write_csv)])
def test_other_formats_give_the_same_data(made, make, movielens, tmp_path, source, write):
    write(tmp_path, movielens)
    file, report, _ = make(source=source, path=str(tmp_path), show=False)
    assert report["kept"] == 100000
    rows, items = content(file)
    expected_rows, expected_items = content(made[0])
    assert rows == expected_rows
    # Genres come in the order of the flags there, as a set here.
    for item, (title, year, genres) in expected_items.items():
        found = re.fullmatch(r"(.*\S) \((\d{4})\)", with_year(title, year))  # some RecBole titles keep their year
        assert items[item][:2] == (found.groups() if found else (with_year(title, year), ""))
        assert sorted(items[item][2].split()) == sorted(genres.split())


@pytest.mark.parametrize("split", ["time", "user-time", "random", "leave-last-out"])
def test_splits_leave_no_pair_in_two_parts(make, split):
    file = make(split=split, show=False)[0]
    part = file["interactions/part"][:]
    user = file["interactions/user"][:]
    row = np.arange(len(part))
    assert set(part.tolist()) == {0, 1, 2}
    if split in ["user-time", "leave-last-out"]:
        for u in range(user.max() + 1):
            mine = part[user == u]
            assert mine.tolist() == sorted(mine.tolist()), u
            if split == "leave-last-out":
                assert mine.tolist()[-2:] == [1, 2]
    if split == "random":
        assert abs(row[part == 2].mean() - 50000) < 1500  # 5 standard deviations
    if split != "leave-last-out":
        assert abs((part == 2).sum() - 10000) < 200
