"""The peer of bench_training: transformers.Trainer on the same examples.

    training_peer.py EXAMPLES PRECISION THREADS [ATTENTION] [OPTIMIZER] [ORDER]

bf16: autocast, and batches grouped by length. fp32: dynamic padding, in drawn order (ORDER grouped: by length too). The defaults of
ATTENTION and OPTIMIZER are what was fastest here.
"""

import os
import pathlib
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = sys.argv[3]

import torch  # noqa: E402  (reads the environment when it is loaded)
import transformers  # noqa: E402

from peer_common import minilm, read_examples  # noqa: E402

BATCH = 32


class Clock(transformers.TrainerCallback):
    """Seconds from the start of the first step to the end of the last."""

    begin = end = None
    steps = 0

    def on_step_begin(self, *_, **__):
        self.begin = self.begin or time.perf_counter()

    def on_step_end(self, *_, **__):
        self.end = time.perf_counter()
        self.steps += 1


def train(model, tokenizer, examples, precision, optimizer, order, folder):
    clock = Clock()
    arguments = transformers.TrainingArguments(
        output_dir=folder, use_cpu=True, per_device_train_batch_size=BATCH, num_train_epochs=1, learning_rate=2e-5,
        weight_decay=0.01, optim=optimizer, bf16=precision == "bf16", dataloader_pin_memory=False, save_strategy="no",
        logging_strategy="no", report_to=[], disable_tqdm=True,
        train_sampling_strategy="group_by_length" if order == "grouped" else "random")
    transformers.Trainer(
        model, arguments, train_dataset=examples, callbacks=[clock],
        data_collator=transformers.DataCollatorWithPadding(tokenizer)).train()
    return clock


def main(folder, precision, threads, attention="sdpa", optimizer="adamw_torch_fused", order=None):
    torch.set_num_threads(int(threads))
    order = order or ("grouped" if precision == "bf16" else "random")
    model, tokenizer = minilm(attention)
    folder = pathlib.Path(folder)
    timed = read_examples(folder / "timed.jsonl")
    with tempfile.TemporaryDirectory() as out:
        train(model, tokenizer, read_examples(folder / "warmup.jsonl"), precision, optimizer, order, out)
        clock = train(model, tokenizer, timed, precision, optimizer, order, out)
    print(f"check={len(timed)}/{clock.steps}")
    print(f"rate={len(timed) / (clock.end - clock.begin):.2f} examples/s")


if __name__ == "__main__":
    main(*sys.argv[1:])
