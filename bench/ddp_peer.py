"""The peer of two tutti ranks: PyTorch's DistributedDataParallel over gloo, the same examples, 32 a global batch.

    ddp_peer.py EXAMPLES PRECISION RANKS [ATTENTION]

One thread a process. Batches hold examples of like length, as Trainer's group_by_length makes them; each process takes every n-th of
a batch that is sorted by length. Gradients are reduced while backward runs, DDP's default; AdamW is the fused one.
"""

import os
import pathlib
import random
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
import torch.distributed  # noqa: E402
import transformers  # noqa: E402

from peer_common import minilm, on_processes, pad, read_examples  # noqa: E402

BATCH = 32


def batches(examples):
    order = sorted(examples, key=lambda example: len(example["input_ids"]))
    out = [order[first:first + BATCH] for first in range(0, len(order), BATCH)]
    random.Random(1).shuffle(out)
    return out


def epoch(model, optimizer, schedule, examples, precision, rank, ranks):
    for batch in batches(examples):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = model(**pad(batch[rank::ranks])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def work(rank, folder, precision, ranks, attention):
    torch.manual_seed(rank)
    classifier, _ = minilm(attention)
    model = torch.nn.parallel.DistributedDataParallel(classifier.train(), gradient_as_bucket_view=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01, fused=True)
    timed = read_examples(folder / "timed.jsonl")
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, 0, 1000)
    epoch(model, optimizer, schedule, read_examples(folder / "warmup.jsonl"), precision, rank, ranks)
    torch.distributed.barrier()
    begin = time.perf_counter()
    epoch(model, optimizer, schedule, timed, precision, rank, ranks)
    torch.distributed.barrier()
    took = time.perf_counter() - begin
    if rank == 0:
        print(f"check={len(timed)}/{len(batches(timed))}")
        print(f"rate={len(timed) / took:.2f} examples/s", flush=True)


def main(folder, precision, ranks, attention="sdpa"):
    on_processes(int(ranks), 1, work, pathlib.Path(folder), precision, int(ranks), attention)


if __name__ == "__main__":
    main(*sys.argv[1:])
