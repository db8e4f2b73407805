"""What the peers share: the examples and the model."""

import json
import os
import pathlib

CACHE = pathlib.Path(os.environ.get("TUTTI_CACHE", pathlib.Path.home() / ".cache" / "tutti"))


def read_examples(file):
    """Lines of make_examples.py as transformers takes them."""
    out = []
    for line in pathlib.Path(file).read_text().splitlines():
        example = json.loads(line)
        out.append({"input_ids": example["ids"], "token_type_ids": example["types"],
                    "attention_mask": [1] * len(example["ids"]), "labels": example["label"]})
    return out


def minilm(attention="sdpa", **options):
    """MiniLM as a classifier of two classes, and its tokenizer."""
    import transformers

    transformers.logging.set_verbosity_error()
    folder = CACHE / "models" / "all-MiniLM-L6-v2"
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=2, attn_implementation=attention, **options)
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def pad(examples):
    """Tensors of a batch, padded to its longest."""
    import torch

    width = max(len(example["input_ids"]) for example in examples)
    out = {key: torch.tensor([example[key] + [0] * (width - len(example[key])) for example in examples])
           for key in ("input_ids", "token_type_ids", "attention_mask")}
    out["labels"] = torch.tensor([example["labels"] for example in examples])
    return out


def on_processes(count, threads, work, *arguments):
    """work(rank, *arguments) in `count` processes of so many threads that share a gloo group."""
    import tempfile

    import torch.multiprocessing

    os.environ["OMP_NUM_THREADS"] = str(threads)
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_join, (count, threads, f"file://{folder}/store", work, arguments), nprocs=count)


def _join(rank, count, threads, store, work, arguments):
    import torch

    torch.set_num_threads(threads)
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=count)
    work(rank, *arguments)
    torch.distributed.destroy_process_group()
