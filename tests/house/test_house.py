"""The house rules that a compiler does not hold."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ("data", "train", "ensemble", "launch")
# Public headers: installed, documented, free of third-party includes.
PUBLIC = [
    "data/error.hpp", "data/registry.hpp", "data/dataset.hpp", "data/reader.hpp", "data/store.hpp", "data/tokenizer.hpp",
    "data/predictions.hpp", "train/communicator.hpp", "train/model.hpp", "train/head.hpp", "train/trainer.hpp",
    "ensemble/fusion_rule.hpp", "ensemble/metric.hpp", "ensemble/bundle.hpp",
]
FOREIGN = re.compile(r'#\s*include\s*[<"](ATen|c10|torch|cuda|nccl|mpi\.h|hdf5|H5|boost|nlohmann|toml|unicode|openssl)')


def tracked(*patterns: str) -> list[str]:
    out = subprocess.run(["git", "-C", ROOT, "ls-files", *patterns], capture_output=True, text=True, check=True)
    return out.stdout.split()


def test_public_headers_are_free_of_third_party_includes_and_feature_flags():
    for name in PUBLIC:
        text = (ROOT / name).read_text()
        assert not FOREIGN.search(text), name
        assert "#if" not in text, f"{name}: a public header has no feature flags"


def test_no_header_includes_the_umbrella_of_libtorch():
    for name in tracked("*.hpp", "*.cpp"):
        assert "torch/torch.h" not in (ROOT / name).read_text(), name


def test_layers_include_only_their_own_and_those_below():
    for level, layer in enumerate(LAYERS):
        for name in tracked(f"{layer}/*.hpp", f"{layer}/*.cpp"):
            for used in re.findall(r'#include "tutti/(\w+)/', (ROOT / name).read_text()):
                assert LAYERS.index(used) <= level, f"{name} includes {used}"


def test_fusion_and_metrics_do_without_libtorch_and_mpi():
    for name in tracked("ensemble/fusion/*", "ensemble/metrics/*"):
        text = (ROOT / name).read_text()
        assert "tutti/train/" not in text and "ATen" not in text and "<mpi.h>" not in text, name
