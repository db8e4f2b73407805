"""Where a training step goes: the operators of bench_training by kind, as rows of a table (docs/performance.md).

    step_profile.py [PRECISION [THREADS]]

Environment: TUTTI_BUILD; TUTTI_BENCH_WRAP, a command to run under.
"""

import collections
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("TUTTI_BUILD", ROOT / "build" / "release"))

# The first that matches counts. bmm is only used by attention.
KINDS = [
    ("optimiser, gradient norm", r"adam|_foreach|norm_except|linalg_vector_norm|count_nonzero|aten::norm$"),
    ("attention", r"bmm|attention|softmax|[Aa]ttend"),
    ("matrix products of linear layers", r"aten::(mm|addmm|linear|matmul|_addmm_activation|mkldnn_linear)|mkldnn_linear|[Ll]inear"),
    ("norms, GELU, dropout, residuals", r"norm|gelu|drop|::add|::mul|Mul|Add|tanh|[Rr]esidual"),
    ("casts and copies", r"copy|::to$|_to_copy|contiguous|clone|cat|[Tt]ranspose|[Cc]ast|ToCopy"),
    ("embedding", r"embedding|index"),
    ("zeroing, filling, sums of biases", r"zero|fill|sum|empty"),
    ("outside of operators (own kernels, batches, autograd)", r"outside"),
]


def main(precision="bf16", threads="2"):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, ROOT / "bench" / "make_examples.py", folder, "64", "160"], check=True)
        command = [*shlex.split(os.environ.get("TUTTI_BENCH_WRAP", "")), str(BUILD / "bench" / "bench_training"), folder,
                   precision, threads, "profile"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kinds = collections.defaultdict(list)
    for share, name in re.findall(r"^op (\S+) (.*)$", out, re.M):
        kind = next((kind for kind, pattern in KINDS if re.search(pattern, name)), "other operators")
        kinds[kind].append((float(share), name))
    for kind, found in sorted(kinds.items(), key=lambda item: -sum(share for share, _ in item[1])):
        most = ", ".join(f"{name} {100 * share:.1f}%" for share, name in found[:3] if share > 0.002)
        print(f"| {kind} | {100 * sum(share for share, _ in found):.1f}% | {most} |")
    print(out[out.index("rate="):].strip())


if __name__ == "__main__":
    main(*sys.argv[1:])
