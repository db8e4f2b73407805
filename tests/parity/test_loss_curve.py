"""Losses of a fine-tuning against a plain PyTorch loop: same weights, same batches in the same order, no dropout, fp32."""

import json
import math
import random

import pytest
import torch
import transformers

STEPS = 50
WARMUP = 3  # ceil(0.06 * STEPS), tutti's default
LEARNING_RATE = 1e-4

# fp32 on both sides, sums in another order, and each step feeds the next.
TOLERANCE = 1e-4


def pairs(cache):
    """Films beside their kind or beside that of another film; the label says which."""
    lines = (cache / "data" / "ml-100k" / "ml-100k.item").read_text(encoding="utf-8").splitlines()[1:]
    films = [line.split("\t")[1:4] for line in lines[:160]]
    generator = random.Random(11)
    for title, year, kind in films:
        own = generator.random() < 0.5
        other = kind if own else generator.choice(films)[2]
        yield f"{title} ({year})", other, int(own)


@pytest.fixture(scope="module")
def examples(cache, model_folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folder("all-MiniLM-L6-v2"))
    out = []
    for text, pair, label in pairs(cache):
        encoded = tokenizer(text, pair)
        out.append({"ids": encoded["input_ids"], "types": encoded["token_type_ids"], "label": label})
    return out


def batch_of(examples):
    width = max(len(example["ids"]) for example in examples)

    def padded(key):
        return torch.tensor([example[key] + [0] * (width - len(example[key])) for example in examples])

    mask = torch.tensor([[1] * len(e["ids"]) + [0] * (width - len(e["ids"])) for e in examples])
    return {"input_ids": padded("ids"), "token_type_ids": padded("types"), "attention_mask": mask,
            "labels": torch.tensor([example["label"] for example in examples])}


def theirs(folder, examples, order):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).train()
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}], lr=LEARNING_RATE)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    losses = []
    for indices in order:
        loss = model(**batch_of([examples[i] for i in indices])).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def test_losses_of_fifty_steps(tmp_path, program, model_folder, examples):
    data = tmp_path / "examples.jsonl"
    data.write_text("".join(json.dumps(example) + "\n" for example in examples))
    start = tmp_path / "start"
    out = program("tests/parity_loss_curve", [model_folder("all-MiniLM-L6-v2"), data, start, STEPS])
    ours = [json.loads(line) for line in out.splitlines()]
    assert len(ours) == STEPS

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    want = theirs(start, examples, [step["batch"] for step in ours])
    torch.set_num_threads(threads)
    # The batches are noisy, but a model that learns nothing would hide a wrong optimiser.
    assert sum(want[-10:]) < 0.9 * sum(want[:10])
    for step, (got, loss) in enumerate(zip(ours, want)):
        assert math.isfinite(loss)
        assert abs(got["loss"] - loss) < TOLERANCE, f"step {step + 1}: {got['loss']} against {loss}"
