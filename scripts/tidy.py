"""clang-tidy on every source of the layers whose text, headers or rules have changed since it last passed: tidy.py BUILD CACHE.

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


def dependencies(build: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """object file -> files of this repository that it was made from."""
    out: dict[str, list[pathlib.Path]] = {}
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    current = None
    for line in text.splitlines():
        if line and not line[0].isspace() and ": #deps" in line:
            current = out.setdefault(line.split(":")[0], [])
        elif line.strip() and current is not None:
            path = resolved(build / line.strip())
            if path.is_relative_to(ROOT):
                current.append(path)
    return out


def main() -> int:
    build, cache = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    cache.mkdir(parents=True, exist_ok=True)
    rules = (ROOT / ".clang-tidy").read_bytes()
    deps = dependencies(build)
    todo = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"]).resolve()
        if not any(source.is_relative_to(folder) for folder in CHECKED):
            continue
        digest = hashlib.sha256(rules)
        # ... -o OBJECT -c SOURCE. The folder of the clone is not part of the verdict.
        digest.update(entry["command"].replace(str(build), "").replace(str(ROOT), "").encode())
        for path in sorted({source, *deps.get(shlex.split(entry["command"])[-3], [])}):
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
