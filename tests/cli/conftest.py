"""What the tests of the program share: how to call it, and a small run that many tests look at."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def tutti():
    """tutti(ARG, ...): runs the program; ranks=N under mpirun."""
    build = pathlib.Path(os.environ.get("TUTTI_BUILD", ROOT / "build" / "release")).resolve()
    program = build / "tutti"
    if not program.exists():
        pytest.fail(f"no program at {program}: build first, or set TUTTI_BUILD")

    def call(*arguments, ranks=0, cwd=None):
        command = [str(program), *map(str, arguments)]
        if ranks:
            command = [str(ROOT / "scripts" / "mpirun"), "-n", str(ranks), *command]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)

    call.program = program
    return call


ROWS = "user_id,item_id,rating,timestamp\n" + "".join(
    f"u{i % 7},i{(3 * i) % 20},{1 + (i * i) % 5},{1000 + i}\n" for i in range(140)
)
ITEMS = "item_id,title,genres\n" + "".join(f"i{i},Film {i},{'Drama' if i % 2 else 'Comedy'}\n" for i in range(20))
MEMBER = (
    'backbone = { type = "bert", layers = 1, hidden = 16, heads = 2, max_positions = 32, '
    'tokenizer = "train", vocab_size = 300 }\n'
)
CONFIG = (
    '[experiment]\nname = "small"\n'
    '[data]\nsource = "csv"\ntask = "click"\n'
    'csv = { interactions = "rows.csv", items = "items.csv" }\nsplit = { by = "time", validation = 0.2, test = 0.2 }\n'
    "[train]\nepochs = 1\nbatch_tokens = 512\nmax_length = 24\nthreads = 1\n"
    'data = { history = 2, fields = ["title", "genres"] }\n'
    "[ensemble]\nbootstrap = 50\nfolds = 2\n"
    'candidates = ["average", "performance"]\n'
    f'[[member]]\nname = "a"\n{MEMBER}'
    f'[[member]]\nname = "b"\nhead = "regression"\n{MEMBER}'
)


class Case:
    """A folder with a config, rows and items that run as they stand, to be broken by a test."""

    def __init__(self, folder, tutti):
        self.folder = folder
        self.tutti = tutti
        self.write("rows.csv", ROWS)
        self.write("items.csv", ITEMS)
        self.write("config.toml", CONFIG)

    def write(self, name, text):
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def config(self, old, new):
        assert old in CONFIG, old
        self.write("config.toml", CONFIG.replace(old, new, 1))

    def beside(self, config):
        """Arguments after those of rank 0 that make mpirun start a rank 1 with another config."""
        return (":", "-n", "1", self.tutti.program, "run", config, "--out", "out")

    def run(self, *arguments, **options):
        return self.tutti("run", "config.toml", "--out", "out", *arguments, cwd=self.folder, **options)

    def refused(self, code, *words, arguments=(), **options):
        """The run ends with `code`, one line on stderr that holds all of `words`, and no run folder."""
        done = self.run(*arguments, **options)
        errors = [line for line in done.stderr.splitlines() if line.startswith("tutti: error:")]
        assert done.returncode == code, done.stderr
        assert len(errors) == 1 and len(errors[0].encode()) < 400, done.stderr
        if not options.get("ranks"):
            assert done.stderr == errors[0] + "\n"
        for word in words:
            assert word in errors[0]
        assert not (self.folder / "out").exists()


@pytest.fixture
def case(tmp_path, tutti):
    return Case(tmp_path, tutti)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory, tutti):
    """A finished run folder."""
    case = Case(tmp_path_factory.mktemp("small"), tutti)
    done = case.run()
    assert done.returncode == 0, done.stderr
    return case.folder / "out"


def read_json(path):
    return json.loads(pathlib.Path(path).read_text())
