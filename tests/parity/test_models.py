"""Logits of our models against transformers', on the same folders and token ids."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import transformers  # noqa: E402

BUILD = Path(os.environ.get("TUTTI_BUILD", "build/release"))
CACHE = Path(os.environ.get("TUTTI_CACHE", Path.home() / ".cache/tutti")) / "models"
MINILM = CACHE / "all-MiniLM-L6-v2"
SMOLLM = CACHE / "SmolLM2-135M"
PROGRAM = BUILD / "tests" / "parity_logits"

# fp32 on both sides; the sums of a product are added in another order.
TOLERANCE = 1e-4

TEXTS = [
    ("Toy Story (1995) Animation Children's Comedy", "liked: Jumanji (1995), Heat (1995)"),
    ("GoldenEye (1995)", "male 24 technician"),
    ("Shanghai Triad", "x"),
    ("Twelve Monkeys (1995) Drama Sci-Fi", "liked: Seven (Se7en) (1995), Alien (1979), Brazil"),
]


def ours(*args, examples=()):
    lines = "".join(json.dumps(example) + "\n" for example in examples)
    done = subprocess.run(
        [PROGRAM, *map(str, args)], input=lines, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return [torch.tensor(json.loads(line)) for line in done.stdout.splitlines()]


def theirs(model, examples, take_types):
    rows = []
    with torch.no_grad():
        for example in examples:
            inputs = {"input_ids": torch.tensor([example["ids"]])}
            if take_types:
                inputs["token_type_ids"] = torch.tensor([example["types"]])
            rows.append(model(**inputs).logits[0].flatten())
    return rows


def check(got, want):
    assert len(got) == len(want)
    for a, b in zip(got, want):
        assert a.shape == b.shape
        assert (a - b).abs().max().item() < TOLERANCE


def random_examples(vocab, lengths, types):
    generator = torch.Generator().manual_seed(3)
    examples = []
    for length in lengths:
        ids = torch.randint(3, vocab, (length,), generator=generator).tolist()
        kinds = [int(types and 2 * i > length) for i in range(length)]
        examples.append({"ids": ids, "types": kinds})
    return examples


def small_configs():
    common = {"vocab_size": 97, "num_labels": 3, "pad_token_id": 0}
    return {
        "bert": transformers.BertConfig(
            hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48,
            max_position_embeddings=64, **common),
        "gpt2": transformers.GPT2Config(
            n_embd=32, n_layer=3, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2, **common),
        "gpt2-scaled": transformers.GPT2Config(
            n_embd=32, n_layer=3, n_head=4, n_positions=64, n_inner=40, bos_token_id=1,
            eos_token_id=2, scale_attn_by_inverse_layer_idx=True, activation_function="relu",
            **common),
        "llama": transformers.LlamaConfig(
            hidden_size=32, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
            intermediate_size=48, max_position_embeddings=64,
            rope_parameters={"rope_type": "default", "rope_theta": 500.0}, **common),
        "llama-bias": transformers.LlamaConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=1,
            head_dim=12, intermediate_size=48, max_position_embeddings=64, attention_bias=True,
            mlp_bias=True, tie_word_embeddings=True, **common),
    }


def randomise(model):
    """Weights large enough that a wrong term shows."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


@pytest.fixture(scope="session")
def small_tokenizer(tmp_path_factory):
    """A tokenizer of 97 tokens, for folders whose texts do not matter."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(92)]
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]")


@pytest.mark.parametrize("name", small_configs())
def test_small_random_classifier(name, tmp_path, small_tokenizer):
    model = randomise(
        transformers.AutoModelForSequenceClassification.from_config(small_configs()[name]))
    model.save_pretrained(tmp_path)
    small_tokenizer.save_pretrained(tmp_path)
    bert = name == "bert"
    examples = random_examples(97, [7, 7, 3, 20, 1, 20], bert)
    if not bert:
        examples[0]["ids"][-2:] = [0, 0]  # padding at the end is not what is pooled
    check(ours(tmp_path, examples=examples), theirs(model, examples, bert))


@pytest.mark.parametrize("name", small_configs())
def test_small_random_language_model(name, tmp_path, small_tokenizer):
    config = small_configs()[name]
    kind = (transformers.AutoModelForMaskedLM if name == "bert"
            else transformers.AutoModelForCausalLM)
    model = randomise(kind.from_config(config))
    # The program opens classifiers: add one, and BERT's pooler, to what the language model holds.
    full = transformers.AutoModelForSequenceClassification.from_config(config)
    state = {k: v.clone() for k, v in full.state_dict().items()}
    state.update({k: v.clone() for k, v in model.state_dict().items()})
    import safetensors.torch

    config.save_pretrained(tmp_path)
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    small_tokenizer.save_pretrained(tmp_path)
    examples = random_examples(97, [7, 7, 3, 20], name == "bert")
    check(ours("--language", tmp_path, examples=examples),
          theirs(model, examples, name == "bert"))


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama"])
def test_from_scratch_opens_in_transformers(kind, tmp_path):
    folder = tmp_path / "made"
    source = MINILM if kind == "bert" else SMOLLM
    ours("--scratch", kind, source, folder, 3)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert model.config.num_labels == 3
    assert model.config.problem_type == "single_label_classification"
    examples = random_examples(len(tokenizer), [9, 4, 4], kind == "bert")
    check(ours(folder, examples=examples), theirs(model, examples, kind == "bert"))


@pytest.mark.parametrize("source", [MINILM, SMOLLM], ids=lambda p: p.name)
def test_real_model_saved_by_us(source, tmp_path):
    folder = tmp_path / "saved"
    ours("--save", source, folder, 2)
    model, report = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["mismatched_keys"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    examples = []
    for text, pair in TEXTS:
        encoded = tokenizer(text, pair)
        ids = encoded["input_ids"]
        examples.append({"ids": ids, "types": encoded.get("token_type_ids", [0] * len(ids))})
    check(ours(folder, examples=examples),
          theirs(model.eval(), examples, source is MINILM))


@pytest.mark.parametrize("source", [MINILM], ids=lambda p: p.name)
def test_hidden_states_are_the_pretrained_ones(source, tmp_path):
    """save_model must keep the weights themselves, not only be consistent with itself."""
    import safetensors.torch

    folder = tmp_path / "saved"
    ours("--save", source, folder, 2)
    before = safetensors.torch.load_file(source / "model.safetensors")
    after = safetensors.torch.load_file(folder / "model.safetensors")
    kept = [name for name in before if name != "embeddings.position_ids"]
    for name in kept:
        assert torch.equal(before[name], after["bert." + name]), name
    assert set(after) - {"bert." + name for name in kept} == {"classifier.weight", "classifier.bias"}
