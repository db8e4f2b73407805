"""What the parity tests share: where the build and the cached models are, and how to call C++ programs."""

import json
import os
import pathlib
import subprocess

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def build():
    """The build folder: TUTTI_BUILD, else build/release."""
    folder = pathlib.Path(os.environ.get("TUTTI_BUILD", ROOT / "build" / "release"))
    if not folder.is_dir():
        pytest.fail(f"no build at {folder}: build first, or set TUTTI_BUILD")
    return folder.resolve()


@pytest.fixture(scope="session")
def cache():
    """Where scripts/setup put models and data: TUTTI_CACHE, else ~/.cache/tutti."""
    return pathlib.Path(os.environ.get("TUTTI_CACHE", pathlib.Path.home() / ".cache" / "tutti"))


@pytest.fixture(scope="session")
def model_folder(cache):
    """model_folder(NAME): a cached Hugging Face folder; its absence is a failure, not a skip."""

    def find(name):
        folder = cache / "models" / name
        if not (folder / "config.json").exists():
            pytest.fail(f"no model at {folder}: fetch it, or set TUTTI_CACHE")
        return folder

    return find


@pytest.fixture(scope="session")
def program(build):
    """program(PATH, ARGS, input=TEXT): stdout of a program of the build; a non-zero exit fails the test."""

    def run(path, args=(), input=None):
        done = subprocess.run([build / path, *map(str, args)], input=input, capture_output=True, text=True)
        assert done.returncode == 0, f"{path}: exit {done.returncode}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def encode(program):
    """encode(FOLDER, REQUESTS): what tutti's tokenizer answers, one result a request."""

    def run(folder, requests):
        lines = "".join(json.dumps(request) + "\n" for request in requests)
        return [json.loads(line) for line in program("tests/parity_encode", [folder], lines).splitlines()]

    return run
