"""The naive way beside bench_towers: the same program, made to encode both texts of every pair."""

import os
import pathlib
import sys

build = pathlib.Path(os.environ.get("TUTTI_BUILD", "build/release"))
program = build / "bench" / "bench_towers"
os.execv(program, [str(program), "--naive", *sys.argv[1:]])
