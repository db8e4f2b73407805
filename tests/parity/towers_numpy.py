"""Logits of a two-tower member without tutti: towers_numpy.py MEMBER-FOLDER < texts, JSON lines as `tutti texts` prints them."""

import json
import sys

import torch
from safetensors.numpy import load_file
from transformers import AutoModel, AutoTokenizer

folder = sys.argv[1]
towers, w = json.load(open(f"{folder}/towers.json")), load_file(f"{folder}/towers.safetensors")
tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
known = {}


def vector(text, side, length):
    if (text, side) not in known:
        inputs = tokenizer(text, truncation=True, max_length=length, return_tensors="pt")
        with torch.no_grad():
            mean = model(**inputs).last_hidden_state[0].mean(0).numpy()
        known[text, side] = w[f"{side}.weight"] @ mean + w[f"{side}.bias"]
    return known[text, side]


logits = []
for line in map(json.loads, sys.stdin):
    u = vector(line["text"] or towers["no_user_text"], "user", line["max_length"])
    v = vector(line["text_pair"], "item", line["max_length"])
    logits.append((w["scale"] * (u @ v) / towers["size"] ** 0.5 + w["bias"]).tolist())
print(json.dumps(logits))
