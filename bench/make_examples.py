"""Token ids of MovieLens-100K pairs, so that both sides of a benchmark work on the same examples.

    make_examples.py FOLDER WARMUP TIMED [MAX_LENGTH]

Writes FOLDER/warmup.jsonl and FOLDER/timed.jsonl with so many lines {"label": 0 or 1, "ids": [..], "types": [..]}: a user's last
ten titles beside the next item, label 1 for a rating of 4 or 5; drawn by a fixed seed
from all rows but each user's first.
"""

import collections
import json
import os
import pathlib
import random
import sys

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer  # noqa: E402  (reads the environment when it is loaded)

HISTORY = 10
cache = pathlib.Path(os.environ.get("TUTTI_CACHE", pathlib.Path.home() / ".cache" / "tutti"))


def rows(name):
    with open(cache / "data" / "ml-100k" / name, encoding="utf-8") as file:
        return [(line.rstrip("\n").split("\t") + [""] * 4)[:4] for line in file][1:]


def pairs():
    items = {row[0]: f"{row[1]} ({row[2]}), {row[3]}" for row in rows("ml-100k.item")}
    seen = collections.defaultdict(lambda: collections.deque(maxlen=HISTORY))
    for user, item, rating, _ in sorted(rows("ml-100k.inter"), key=lambda row: float(row[3])):
        if seen[user]:
            text = "watched:" + "".join(f" {title};" for title in seen[user])
            yield text, items[item], int(float(rating) >= 4)
        seen[user].append(items[item])


def main(folder, warmup, timed, max_length=256):
    tokenizer = Tokenizer.from_file(str(cache / "models" / "all-MiniLM-L6-v2" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(max_length))
    drawn = random.Random(7).sample(list(pairs()), int(warmup) + int(timed))
    lines = []
    for text, pair, label in drawn:
        encoding = tokenizer.encode(text, pair)
        lines.append(json.dumps({"label": label, "ids": encoding.ids, "types": encoding.type_ids}) + "\n")
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "warmup.jsonl").write_text("".join(lines[: int(warmup)]))
    (folder / "timed.jsonl").write_text("".join(lines[int(warmup) :]))


if __name__ == "__main__":
    main(*sys.argv[1:])
