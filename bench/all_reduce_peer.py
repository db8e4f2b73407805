"""The peer of bench_all_reduce: torch.distributed over gloo.

    all_reduce_peer.py MEGABYTES REPEATS RANKS
"""

import statistics
import sys
import time

import torch
import torch.distributed

from peer_common import on_processes

WARMUP = 3


def work(rank, megabytes, repeats):
    values = torch.zeros(max(1, int(megabytes * 250000)))
    seconds = []
    for _ in range(WARMUP + repeats):
        torch.distributed.barrier()
        begin = time.perf_counter()
        torch.distributed.all_reduce(values)
        seconds.append(time.perf_counter() - begin)
    median = statistics.median(seconds[WARMUP:])
    if rank == 0:
        size = values.numel() * values.element_size()
        print(f"check={size}")
        print(f"rate={size / median / 1e9:.4f} GB/s ({median * 1e6:.1f} us a call)", flush=True)


if __name__ == "__main__":
    on_processes(int(sys.argv[3]), 1, work, float(sys.argv[1]), int(sys.argv[2]))
