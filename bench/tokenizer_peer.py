"""The peer of bench_tokenizer: Hugging Face `tokenizers` on one thread, the same pairs."""

import collections
import os
import pathlib
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer  # noqa: E402  (reads the environment when it is loaded)

cache = pathlib.Path(os.environ.get("TUTTI_CACHE", pathlib.Path.home() / ".cache" / "tutti"))
model = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else cache / "models" / "all-MiniLM-L6-v2"


def rows(name):
    with open(cache / "data" / "ml-100k" / name, encoding="utf-8") as file:
        return [(line.rstrip("\n").split("\t") + [""] * 4)[:4] for line in file][1:]


items = {row[0]: f"{row[1]} ({row[2]}), {row[3]}" for row in rows("ml-100k.item")}
history = collections.defaultdict(lambda: collections.deque(maxlen=10))
pairs = []
for user, item, *_ in rows("ml-100k.inter")[:20000]:
    seen = history[user]
    pairs.append(("watched:" + "".join(f" {title};" for title in seen), items[item]))
    seen.append(items[item])

tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(256)
begin = time.perf_counter()
# encode_batch_fast leaves the offsets out, as tutti does.
encodings = [e for i in range(0, len(pairs), 1000) for e in tokenizer.encode_batch_fast(pairs[i:i + 1000])]
took = time.perf_counter() - begin
print(f"check={sum(sum(e.ids) + len(e.ids) for e in encodings)}")
print(f"rate={len(pairs) / took:.1f} pairs/s")
