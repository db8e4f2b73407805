"""The peer of bench_hdf5: h5py reads every dataset of the same file."""

import statistics
import sys
import time

import h5py

REPEATS = 7

seconds = []
for _ in range(REPEATS):
    begin = time.perf_counter()
    with h5py.File(sys.argv[1], "r") as file:
        parts = [{name: data[()] for name, data in file[part].items()} for part in ("validation", "test")]
    seconds.append(time.perf_counter() - begin)
print(f"check={sum(int(part['user'].sum()) for part in parts)}")
print(f"rate={sum(len(part['user']) for part in parts) / statistics.median(seconds):.0f} rows/s")
