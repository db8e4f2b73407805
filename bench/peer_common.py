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
