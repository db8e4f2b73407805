"""Turns a GGUF file into a Hugging Face folder in fp32: convert_gguf.py FILE.gguf FOLDER."""

import pathlib
import shutil
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    source, target = map(pathlib.Path, sys.argv[1:3])
    where = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    loaded = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    # What was loaded from GGUF counts as quantised and cannot be saved: a fresh model takes over its weights.
    model = AutoModelForCausalLM.from_config(config)
    model.load_state_dict(loaded.state_dict())
    model.tie_weights()
    partial = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    AutoTokenizer.from_pretrained(**where).save_pretrained(partial)
    (partial / ".complete").touch()
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


main()
