"""The peer of bench_scoring: three transformers models score pairs sorted by length, and their scores are averaged.

    scoring_peer.py EXAMPLES PRECISION THREADS [BATCH] [ATTENTION]

The weights are cast to PRECISION once. BATCH: pairs in a forward pass.
"""

import os
import pathlib
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = sys.argv[3]

import torch  # noqa: E402  (reads the environment when it is loaded)

from peer_common import minilm, pad, read_examples  # noqa: E402

MEMBERS = 3


def score(models, examples, batch):
    order = sorted(range(len(examples)), key=lambda i: len(examples[i]["input_ids"]))
    fused = torch.zeros(len(examples))
    for model in models:
        for first in range(0, len(order), batch):
            part = order[first:first + batch]
            inputs = pad([examples[i] for i in part])
            del inputs["labels"]
            fused[part] += model(**inputs).logits.float().softmax(-1)[:, 1] / len(models)
    return fused


def main(folder, precision, threads, batch=32, attention="sdpa"):
    torch.set_num_threads(int(threads))
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    models = [minilm(attention, dtype=dtype)[0].eval() for _ in range(MEMBERS)]
    folder = pathlib.Path(folder)
    timed = read_examples(folder / "timed.jsonl")
    with torch.inference_mode():
        score(models, read_examples(folder / "warmup.jsonl"), int(batch))
        begin = time.perf_counter()
        fused = score(models, timed, int(batch))
        took = time.perf_counter() - begin
    print(f"check={len(fused)}")
    print(f"rate={len(timed) / took:.2f} pairs/s")


if __name__ == "__main__":
    main(*sys.argv[1:])
