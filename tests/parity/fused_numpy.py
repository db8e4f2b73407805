"""The fused test scores of a run in numpy alone: fused_numpy.py RUN prints them as JSON. Imports nothing of tutti."""

import json
import sys

import h5py
import numpy as np

run = sys.argv[1]
bundle = json.load(open(f"{run}/bundle/bundle.json"))


def scores(member):
    with h5py.File(f"{run}/members/{member['name']}/predictions.h5") as file:
        logits = file["test/logits"][:].astype(np.float64)
    rule = member["score"]
    if rule["kind"] == "expectation":
        e = np.exp(logits - logits.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True) @ np.array(rule["values"])
    if rule["kind"] == "sigmoid":
        return rule["low"] + (rule["high"] - rule["low"]) / (1 + np.exp(-logits[:, 0]))
    return np.clip(logits[:, 0], rule["low"], rule["high"])


members = np.stack([scores(member) for member in bundle["members"]])
fusion, state = bundle["fusion"], bundle["fusion"]["state"]
if fusion["rule"] == "average-rank":
    fused = np.mean([np.interp(m, s, r) for m, s, r in zip(members, state["scores"], state["shares"])], 0)
elif fusion["rule"] in ("vote", "vote-weighted"):
    weights = np.array(state["weights"][0])
    fused = (len(members) * (weights @ (members >= fusion["threshold"])) + weights @ members) / (len(members) + 1)
else:
    fused = np.array(fusion["weights"]) @ members
print(json.dumps(fused.tolist()))
