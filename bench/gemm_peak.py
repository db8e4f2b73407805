"""The most that torch.mm reaches on this machine at MiniLM's shapes, in GFLOP/s: what a training step is held against.

    gemm_peak.py [THREADS]
"""

import sys
import time

import torch

SHAPES = [(4096, 384, 384), (4096, 384, 1536), (4096, 1536, 384), (2048, 2048, 2048)]
REPEATS = 40

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
for dtype in (torch.float32, torch.bfloat16):
    for m, k, n in SHAPES:
        a, b = torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)
        best = float("inf")
        for _ in range(REPEATS):
            begin = time.perf_counter()
            torch.mm(a, b)
            best = min(best, time.perf_counter() - begin)
        print(f"{str(dtype)[6:]} {m}x{k}x{n}: {2 * m * k * n / best / 1e9:.0f}")
