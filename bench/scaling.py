"""Simulated scaling: what is measured on this machine, put into an alpha-beta model for 8 to 1,024 GPUs (docs/scaling.md).

    scaling.py training    bench_training at 1 to 4 ranks and between two network namespaces; adds a round of about a minute
                           to docs/scaling-measured.json
    scaling.py links       bench_all_reduce of two ranks, on this host and between the namespaces; into the same file
    scaling.py plot        reads it; prints the tables and writes docs/scaling.svg

Remove the file to measure afresh. Environment: TUTTI_BUILD. Two namespaces need root.
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("TUTTI_BUILD", ROOT / "build" / "release"))
MEASURED = ROOT / "docs" / "scaling-measured.json"
PLOT = ROOT / "docs" / "scaling.svg"
CORES = 2
BATCH = 32  # examples a rank and step in the simulation; in a global batch when measured
GRADIENT_BYTES = 22_713_986 * 4  # MiniLM with a classifier of two classes, fp32 on the wire
SMALL_BYTES = 4
SIZES = (SMALL_BYTES / 1e6, 0.064, 1.0, GRADIENT_BYTES / 1e6)  # megabytes

# Assumptions about hardware that was not here: a message's latency in seconds, bytes a second of one GPU's share of the link.
NVLINK = {"alpha": 5e-6, "beta": 300e9}
WIDE = {"alpha": 15e-6, "beta": 45e9}  # 400 Gb/s for each GPU
NARROW = {"alpha": 15e-6, "beta": 1.4e9}  # 100 Gb/s that the eight GPUs of a node share
GPUS_A_NODE = 8
# A GPU's step over this machine's two threads, and the network between nodes.
CASES = [("50 x, 400 Gb/s a GPU", 50, WIDE), ("500 x, 400 Gb/s a GPU", 500, WIDE), ("500 x, 100 Gb/s a node", 500, NARROW)]
OVERLAP = 0.6  # share of a step, its backward, behind which communication can hide


def rate(command):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    out = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, env=environment).stdout
    print(" ".join(map(str, command[-6:])), "->", out.split("\n")[-2], flush=True)
    return out


def examples_a_second(command):
    return float(re.search(r"^rate=([0-9.]+)", rate(command), re.M)[1])


def microseconds(command):
    return float(re.search(r"\(([0-9.]+) us", rate(command), re.M)[1])


def measure_training(found):
    """One more round; what is used is the median of all."""
    mpirun, hosts, training = ROOT / "scripts" / "mpirun", ROOT / "scripts" / "two-hosts", BUILD / "bench" / "bench_training"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, ROOT / "bench" / "make_examples.py", folder, "32", "96"], check=True)
        step = [training, folder, "bf16", "1"]
        ways = {str(ranks): [mpirun, "-n", ranks, *step] for ranks in (1, 2, 3, 4)}
        ways["2 threads"] = [*step[:-1], "2"]
        ways["2 hosts"] = [hosts, *step]
        for name, command in ways.items():
            found.setdefault("training", {}).setdefault(name, []).append(examples_a_second(command))


def measure_links(found):
    mpirun, hosts, all_reduce = ROOT / "scripts" / "mpirun", ROOT / "scripts" / "two-hosts", BUILD / "bench" / "bench_all_reduce"
    for name, start in [("2", [mpirun, "-n", 2]), ("2 hosts", [hosts])]:
        found.setdefault("all_reduce_us", {})[name] = {
            str(size): microseconds([*start, all_reduce, f"{size:.6f}", 10 if size > 10 else 200]) for size in SIZES}


def measure(work):
    found = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    work(found)
    MEASURED.write_text(json.dumps(found, indent=1) + "\n")


def link(times):
    """alpha and beta of a ring of two: time = 2 alpha + bytes / beta."""
    small, large = times[str(SIZES[0])] * 1e-6, times[str(SIZES[-1])] * 1e-6
    return {"alpha": small / 2, "beta": GRADIENT_BYTES / (large - small)}


def ring(ranks, size, link):
    """Seconds of an all-reduce in a ring: 2 (n-1) messages of size / n one after another."""
    return 2 * (ranks - 1) * (link["alpha"] + size / ranks / link["beta"])


def tree(ranks, size, link):
    """A reduce and a broadcast over halving and doubling: fewer messages, the same bytes."""
    steps = (ranks - 1).bit_length()
    return 2 * steps * link["alpha"] + 2 * (ranks - 1) / ranks * size / link["beta"]


def hierarchical(gpus, network):
    """Inside a node over NVLink, between nodes over the network: each GPU of a node carries an eighth of the gradients."""
    nodes = gpus // GPUS_A_NODE
    between = min(f(nodes, GRADIENT_BYTES / GPUS_A_NODE, network) for f in (ring, tree)) if nodes > 1 else 0.0
    return ring(GPUS_A_NODE, GRADIENT_BYTES, NVLINK) + between


def simulated(found, faster, network):
    """(GPUs, efficiency without overlap, with overlap, examples a second without) at BATCH examples a GPU."""
    compute = BATCH / found["training"]["2 threads"] / faster
    for gpus in (8, 16, 32, 64, 128, 256, 512, 1024):
        moving = hierarchical(gpus, network)
        plain, hidden = compute + moving, compute + max(0.0, moving - OVERLAP * compute)
        yield gpus, compute / plain, compute / hidden, gpus * BATCH / plain


def here(found, ranks, link):
    """Examples a second that the model gives for this machine: one thread a rank, 32 examples a step."""
    compute = BATCH / found["training"]["1"] / min(ranks, CORES)
    return BATCH / (compute + (ring(ranks, GRADIENT_BYTES, link) if ranks > 1 else 0.0))


def plot():
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "tutti"
    import matplotlib.pyplot as pyplot

    found = json.loads(MEASURED.read_text())
    found["training"] = {name: statistics.median(speeds) for name, speeds in found["training"].items()}
    links = {name: link(times) for name, times in found["all_reduce_us"].items() if name in ("2", "2 hosts")}
    for name, of in links.items():
        print(f"link of {name} ranks: alpha {of['alpha'] * 1e6:.0f} us, beta {of['beta'] / 1e9:.2f} GB/s")
    points = {key: value for key, value in found["training"].items() if key.isdigit()}
    figure, axes = pyplot.subplots(figsize=(7.5, 5))
    ranks = [int(key) for key in points]
    model = [here(found, n, links["2"]) for n in ranks]
    axes.plot(ranks, model, "-", color="tab:blue", label="model: this machine, 2 cores, shared memory")
    axes.plot(ranks, points.values(), "o", color="tab:blue", label="measured: 1 to 4 ranks")
    axes.plot(2, here(found, 2, links["2 hosts"]), "_", color="tab:red", markersize=14, label="model: two namespaces over TCP")
    axes.plot(2, found["training"]["2 hosts"], "x", color="tab:red", label="measured: two namespaces over TCP")
    for n, said in zip(ranks, model):
        print(f"{n} ranks: measured {points[str(n)]:.1f}, model {said:.1f} examples/s")
    print(f"two namespaces: measured {found['training']['2 hosts']:.1f}, model {here(found, 2, links['2 hosts']):.1f}")
    for (name, faster, network), colour in zip(CASES, ("tab:green", "tab:orange", "tab:purple")):
        rows = list(simulated(found, faster, network))
        axes.plot([row[0] for row in rows], [row[3] for row in rows], "--", color=colour, label=f"simulated GPUs: {name}")
        for n, plain, hidden, speed in rows:
            print(f"{name}: | {n:,} | {100 * plain:.0f}% | {100 * hidden:.0f}% | {speed:,.0f} |")
    axes.set(xscale="log", yscale="log", xlabel="ranks", ylabel="examples a second",
             title="MiniLM, bf16, 32 examples a rank (measured: a global batch)")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    if sys.argv[1] == "plot":
        plot()
    else:
        measure({"training": measure_training, "links": measure_links}[sys.argv[1]])
