"""clang-tidy on the sources of the layers that have changed since they last passed: tidy.py BUILD CACHE [--all].

A source that includes LibTorch takes clang-tidy half a minute, 25 minutes for all of them on two cores: they are checked with
--all (scripts/test --tidy-all), which is not part of CI.

A passed file is remembered by a digest of itself, the headers of ours that it includes (as ninja recorded them), its compile
command and .clang-tidy; so a second run costs a second, and a changed header checks again what includes it.
"""

import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Tests are left to the compiler's warnings: they would double a check that takes minutes on two cores.
CHECKED = [ROOT / folder for folder in ("data", "train", "ensemble", "launch")]


@functools.cache
def resolved(path: pathlib.Path) -> pathlib.Path:
    return path.resolve()


def dependencies(build: pathlib.Path) -> tuple[dict[str, list[pathlib.Path]], set[str]]:
    """object file -> files of this repository that it was made from; and the objects that include LibTorch."""
    out: dict[str, list[pathlib.Path]] = {}
    torch = set()
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    current = None
    for line in text.splitlines():
        if line and not line[0].isspace() and ": #deps" in line:
            name = line.split(":")[0]
            current = out.setdefault(name, [])
        elif line.strip() and current is not None:
            if "/ATen/" in line:
                torch.add(name)
                continue
            path = resolved(build / line.strip())
            if path.is_relative_to(ROOT):
                current.append(path)
    return out, torch


def main() -> int:
    build, cache = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    cache.mkdir(parents=True, exist_ok=True)
    rules = (ROOT / ".clang-tidy").read_bytes()
    deps, torch = dependencies(build)
    todo = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"]).resolve()
        if not any(source.is_relative_to(folder) for folder in CHECKED):
            continue
        # The command ends with -o OBJECT -c SOURCE.
        target = shlex.split(entry["command"])[-3]
        if target in torch and "--all" not in sys.argv:
            continue
        digest = hashlib.sha256(rules)
        # The folder of the clone is not part of the verdict.
        digest.update(entry["command"].replace(str(build), "").replace(str(ROOT), "").encode())
        for path in sorted({source, *deps.get(target, [])}):
            digest.update(path.read_bytes())
        stamp = cache / digest.hexdigest()
        if not stamp.exists():
            todo.append((source, stamp))

    def check(item: tuple[pathlib.Path, pathlib.Path]) -> str:
        source, stamp = item
        done = subprocess.run(["clang-tidy", "--quiet", "-p", build, source], capture_output=True, text=True)
        if done.returncode == 0:
            stamp.touch()
            return ""
        return done.stdout + done.stderr

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (source, _), finding in zip(todo, pool.map(check, todo)):
            if finding:
                bad += 1
                print(finding, flush=True)
    print(f"clang-tidy: {len(todo)} files checked, {bad} with findings")
    return 1 if bad else 0


sys.exit(main())
