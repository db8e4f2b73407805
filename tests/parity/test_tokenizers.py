"""tutti's tokenizers give the ids of Hugging Face `tokenizers` and AutoTokenizer, token for token."""

import base64
import json
import random
import shutil

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

MODELS = ["all-MiniLM-L6-v2", "SmolLM2-135M"]
LINES = 20_000


def item_texts(cache):
    """Titles of MovieLens-100K, and texts composed of title, year and genres."""
    with open(cache / "data" / "ml-100k" / "ml-100k.item", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file][1:]
    titles = [row[1] for row in rows]
    return titles + [f"title: {row[1]} ({row[2]}), genres: {row[3].replace(' ', ', ')}" for row in rows]


def awkward_lines(count, seed=7):
    """Lines of everything that tokenizers get wrong, as bytes; the same ones for a seed."""
    draw = random.Random(seed)
    ranges = [
        (0x00, 0x20), (0x20, 0x7F), (0x20, 0x7F), (0x7F, 0xA0), (0xA0, 0x180), (0x180, 0x250), (0x250, 0x370),
        (0x300, 0x370), (0x370, 0x400), (0x400, 0x530), (0x530, 0x600), (0x600, 0x700), (0x700, 0x8FF), (0x900, 0xE00),
        (0xE00, 0x1000), (0x1000, 0x1200), (0x1100, 0x1200), (0x1200, 0x1800), (0x1800, 0x1E00), (0x1E00, 0x2000),
        (0x2000, 0x2070), (0x2070, 0x2C00), (0x2C00, 0x3000), (0x3000, 0x3100), (0x3100, 0x3400), (0x3400, 0x4DC0),
        (0x4E00, 0xA000), (0xA000, 0xAC00), (0xAC00, 0xD7B0), (0xE000, 0xF900), (0xF900, 0xFB00), (0xFB00, 0xFE00),
        (0xFE00, 0xFF00), (0xFF00, 0x10000), (0x10000, 0x11000), (0x11000, 0x12000), (0x12000, 0x18000),
        (0x1BC00, 0x1F000), (0x1F000, 0x1FB00), (0x1FB00, 0x20000), (0x20000, 0x2A700), (0x2A700, 0x32000),
        (0x32000, 0xE0000), (0xE0000, 0xE0200), (0xF0000, 0x10FFFE),
    ]
    words = [
        "the", "Movie", "Léon", "naïve", "İstanbul", "ISTANBUL", "ıI", "Straße", "STRASSE", "ẞ", "ΣΑΣ", "ΌΣΟΣ", "Ａｂ１",
        "ﬁre", "Å", "Å", "A\u030a", "e\u0301\u0323", "q\u0307\u0323", "\u0345\u0301", "한국어", "\u1112\u1161\u11ab", "日本語",
        "映画2001年", "カ\u3099", "שלום", "مرحبا", "\u200fמ\u200e", "नमस्ते", "ไทย", "👩‍👩‍👧", "🏳️‍🌈", "👍🏽", "🇩🇪", "1️⃣", "x²",
        "½", "Ⅷ", "٣٤", "१२", "12345678901234567890", "3.14", "1,000", "'s", "'re", "'S", "I'll", "don't", "we'd've", "''s",
        "[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK]", "[sep]", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<pad>",
        "<eos>", "<unk>", "<s>", "##ing", "Ġthe", "_a_", "C++", "a.b", "...", "?!", "—", "“q”", "«»", "$5", "^", "`", "~", "|",
        "\u00a0", "\u00ad", "\u200b", "\u200d", "\u2028", "\u2029", "\u3000", "\ufeff", "\ufffd", "\x00", "\x0b", "\x1f",
        "\x7f", "\x85", "\u180e", "\u061c", "\ue000", "\uf8ff", "\U0010fffd", "\u0378", "\uffff", "\U000e0001", "\u1734",
        "\u166d", "\u2e43", "\U00011938", "\u32ff", "\u1cf2", "\U0001e944", "\u08d4\u0301", "a\u0898\u0301\u0323",
    ]
    gaps = ["", "", " ", " ", " ", "  ", "   ", "\n", "\r\n", "\t", " \n ", "\n\n", "\u00a0", "\u2003"]

    def piece():
        kind = draw.random()
        if kind < 0.5:
            return draw.choice(words)
        if kind < 0.75:
            low, high = draw.choice(ranges)
            return "".join(chr(draw.randrange(low, high)) for _ in range(draw.randrange(1, 8)))
        if kind < 0.85:
            return "".join(draw.choice("abcdefghijklmnopqrstuvwxyzABCDEÉß'") for _ in range(draw.randrange(1, 12)))
        if kind < 0.9:
            return "".join(draw.choice("0123456789") for _ in range(draw.randrange(1, 30)))
        if kind < 0.95:
            return "".join(draw.choice("!?.,;:-_()[]{}<>/\\|@#$%^&*+=~`'\"") for _ in range(draw.randrange(1, 10)))
        if kind < 0.97:
            return draw.choice(["a", "ab", "é", "日", "z\u0301", "9", "-"]) * draw.randrange(60, 160)
        return " " * draw.randrange(1, 6)

    lines = [b"", b" ", b"   ", b"\n", b"...", b"\x00", b"\xff", b"\xed\xa0\x80", b"a\xc3", b"\xf0\x9f\x98", b"\xc0\xaf",
             b"\xf4\x90\x80\x80", b"\xe2\x82\xe2\x82\xac", "é".encode() * 100, b"a" * 100, b"a" * 101, b"x" * 5000]
    while len(lines) < count:
        line = "".join(piece() + draw.choice(gaps) for _ in range(draw.randrange(1, 9)))
        line = "".join(c for c in line if not 0xD800 <= ord(c) < 0xE000).encode()
        if draw.random() < 0.05:  # break it
            at = draw.randrange(len(line) + 1)
            line = line[:at] + draw.choice([b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xb0\x80", b""]) + line[at + 1:]
        lines.append(line)
    return lines


def request(data, **more):
    return {"text": base64.b64encode(data).decode(), "base64": True, **more}


def text(data):
    return data.decode("utf-8", errors="replace")


def expect_same(mine, theirs, inputs):
    wrong = [i for i in range(len(theirs)) if mine[i] != theirs[i]]
    assert len(mine) == len(theirs)
    for i in wrong[:5]:
        print(repr(inputs[i]), "tutti", mine[i], "peer", theirs[i])
    assert not wrong, f"{len(wrong)} of {len(theirs)} differ"


def every_code_point():
    """Each code point inside a word and between spaces, many to a line."""
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    return [f"a{'b a'.join(points[i:i + 64])}b".encode() for i in range(0, len(points), 64)]


@pytest.fixture(scope="module")
def awkward():
    return awkward_lines(LINES)


def peer_ids(tokenizer, lines):
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [e.ids for e in tokenizer.encode_batch([text(line) for line in lines], add_special_tokens=False)]


@pytest.mark.parametrize("name", MODELS)
def test_ids_of_item_texts(name, cache, model_folder, encode):
    lines = [line.encode() for line in item_texts(cache)]
    theirs = peer_ids(Tokenizer.from_file(str(model_folder(name) / "tokenizer.json")), lines)
    expect_same(encode(model_folder(name), map(request, lines)), theirs, lines)


@pytest.mark.parametrize("name", MODELS)
def test_ids_of_awkward_lines(name, awkward, model_folder, encode):
    theirs = peer_ids(Tokenizer.from_file(str(model_folder(name) / "tokenizer.json")), awkward)
    expect_same(encode(model_folder(name), map(request, awkward)), theirs, awkward)


@pytest.mark.parametrize("name", MODELS)
def test_ids_of_every_code_point(name, model_folder, encode):
    lines = every_code_point()
    theirs = peer_ids(Tokenizer.from_file(str(model_folder(name) / "tokenizer.json")), lines)
    expect_same(encode(model_folder(name), map(request, lines)), theirs, lines)


@pytest.mark.parametrize("name", MODELS)
def test_pairs_as_auto_tokenizer(name, awkward, cache, model_folder, encode):
    peer = AutoTokenizer.from_pretrained(model_folder(name))
    draw = random.Random(3)
    titles = [title.encode() for title in item_texts(cache)]
    requests, theirs = [], []
    for _ in range(2500):
        first, second = (draw.choice(draw.choice([awkward, titles])) for _ in range(2))
        second = draw.choice([b"", second, second])
        most = draw.choice([3, 4, 5, 6, 7, 8, 9, 15, 16, 33, 64, 128, 256])
        requests.append(request(first, pair=base64.b64encode(second).decode(), max_length=most))
        given = peer(text(first), text(second) or None, truncation=True, max_length=most, return_token_type_ids=True)
        theirs.append({"ids": given["input_ids"], "types": given["token_type_ids"]})
    expect_same(encode(model_folder(name), requests), theirs, requests)


def test_trained_bpe_opens_with_auto_tokenizer(tmp_path, awkward, cache, program, encode):
    titles = item_texts(cache)
    lines = titles + [text(line) for line in awkward[:3000]]
    program("tests/parity_encode", ["--train", tmp_path, 2000], "".join(json.dumps(line) + "\n" for line in lines))
    peer = AutoTokenizer.from_pretrained(tmp_path)
    assert len(peer) == 2000
    assert (peer.pad_token_id, peer.eos_token_id, peer.unk_token_id) == (0, 1, 2)
    expect_same(encode(tmp_path, map(request, awkward)), peer_ids(peer.backend_tokenizer, awkward), awkward)
    requests, theirs = [], []
    for i, line in enumerate(awkward[:2000]):
        pair, most = titles[i % len(titles)], 2 + i % 40
        requests.append(request(line, pair=base64.b64encode(pair.encode()).decode(), max_length=most))
        given = peer(text(line), pair, truncation=True, max_length=most, return_token_type_ids=True)
        theirs.append({"ids": given["input_ids"], "types": given["token_type_ids"]})
    expect_same(encode(tmp_path, requests), theirs, requests)


def test_trained_bpe_compresses_as_peer(tmp_path, cache, program, encode):
    """Ties may fall another way than in the peer's trainer, so vocabularies are compared by what they save."""
    titles = item_texts(cache)
    program("tests/parity_encode", ["--train", tmp_path, 1500], "".join(json.dumps(line) + "\n" for line in titles))
    peer = Tokenizer(models.BPE())
    peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    peer.train_from_iterator(titles, trainers.BpeTrainer(
        vocab_size=1500, special_tokens=["<pad>", "<eos>", "<unk>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    mine = set(json.loads((tmp_path / "tokenizer.json").read_text())["model"]["vocab"])
    theirs = set(peer.get_vocab())
    assert len(mine & theirs) > 0.95 * len(theirs)
    size = sum(map(len, encode(tmp_path, [request(line.encode()) for line in titles])))
    assert size == pytest.approx(sum(len(e.ids) for e in peer.encode_batch(titles)), rel=0.002)


def made(model, pre, normalizer=None, post=None, added=()):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if post is not None:
        tokenizer.post_processor = post
    tokenizer.add_special_tokens([token for token in added if token.special])
    tokenizer.add_tokens([token for token in added if not token.special])
    return tokenizer


@pytest.fixture(scope="module")
def bpe_parts(cache, awkward):
    """Vocabulary and merges that `tokenizers` trains here."""
    peer = Tokenizer(models.BPE())
    peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    peer.train_from_iterator(
        item_texts(cache) + [text(line) for line in awkward[:4000]],
        trainers.BpeTrainer(vocab_size=3000, show_progress=False, special_tokens=["<s>", "</s>", "<unk>", "<|endoftext|>"],
                            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    model = json.loads(peer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


@pytest.fixture(scope="module")
def word_pieces(model_folder):
    return json.loads((model_folder("all-MiniLM-L6-v2") / "tokenizer.json").read_text())["model"]["vocab"]


FLAGGED = [
    AddedToken("<l>", lstrip=True, special=True), AddedToken("<r>", rstrip=True, special=True),
    AddedToken("<both>", lstrip=True, rstrip=True, normalized=False), AddedToken("the", single_word=True, normalized=False),
    AddedToken("Movie", normalized=True), AddedToken("LÉON", normalized=True, single_word=True),
    AddedToken("x²", normalized=False), AddedToken("<l><r>", special=True), AddedToken("...", normalized=True, rstrip=True),
]
# Of Llama 3, Qwen 2, GPT-4o and DeepSeek; then what they leave out.
PATTERNS = [
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*",
    r"\d+|\w+(?=\s)|[^\w\s]++.?|a{2,}b?",
]
BYTES = pre_tokenizers.ByteLevel
SPLIT = pre_tokenizers.Split
VARIANTS = {
    "gpt2": lambda bpe, wp: made(models.BPE(*bpe), BYTES(add_prefix_space=False), post=processors.ByteLevel()),
    "gpt2 with flagged tokens": lambda bpe, wp: made(models.BPE(*bpe), BYTES(add_prefix_space=False), added=FLAGGED),
    "gpt2 with a prefix space": lambda bpe, wp: made(models.BPE(*bpe), BYTES(add_prefix_space=True), added=FLAGGED),
    "ignore merges": lambda bpe, wp: made(
        models.BPE(bpe[0], [m for i, m in enumerate(bpe[1]) if i % 7], ignore_merges=True),
        BYTES(add_prefix_space=False)),
    "merges missing": lambda bpe, wp: made(models.BPE(bpe[0], [m for i, m in enumerate(bpe[1]) if i % 7]),
                                           BYTES(add_prefix_space=False)),
    "bytes missing": lambda bpe, wp: made(
        models.BPE({t: i for i, t in enumerate(t for t in bpe[0] if not set(t) & set("éqĠĢ"))},
                   [m for m in bpe[1] if not set("".join(m)) & set("éqĠĢ")], unk_token="<unk>", fuse_unk=True),
        BYTES(add_prefix_space=False)),
    "bytes missing, not fused": lambda bpe, wp: made(
        models.BPE({t: i for i, t in enumerate(t for t in bpe[0] if not set(t) & set("éqĠĢ"))},
                   [m for m in bpe[1] if not set("".join(m)) & set("éqĠĢ")], unk_token="<unk>"),
        BYTES(add_prefix_space=False)),
    "bytes missing, dropped": lambda bpe, wp: made(
        models.BPE({t: i for i, t in enumerate(t for t in bpe[0] if not set(t) & set("éqĠĢ"))},
                   [m for m in bpe[1] if not set("".join(m)) & set("éqĠĢ")]),
        BYTES(add_prefix_space=False)),
    "roberta": lambda bpe, wp: made(models.BPE(*bpe), BYTES(add_prefix_space=False),
                                    post=processors.RobertaProcessing(("</s>", 1), ("<s>", 0))),
    "digits": lambda bpe, wp: made(models.BPE(*bpe), pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), BYTES(add_prefix_space=False)])),
    "digits together": lambda bpe, wp: made(models.BPE(*bpe), pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=False), BYTES(add_prefix_space=True)])),
    "nfc": lambda bpe, wp: made(models.BPE(*bpe), BYTES(add_prefix_space=False), normalizers.NFC(), added=FLAGGED),
    "nfkc, lower, no regex": lambda bpe, wp: made(
        models.BPE(*bpe), BYTES(add_prefix_space=False, use_regex=False),
        normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]), added=FLAGGED),
    "nfd, strip accents": lambda bpe, wp: made(
        models.BPE(*bpe), BYTES(add_prefix_space=False),
        normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]), added=FLAGGED),
    "nfkd": lambda bpe, wp: made(models.BPE(*bpe), BYTES(add_prefix_space=False), normalizers.NFKD()),
    **{f"split {behavior}{' inverted' * invert}": lambda bpe, wp, b=behavior, v=invert: made(
        models.BPE(*bpe), pre_tokenizers.Sequence([SPLIT("e", b, v), BYTES(add_prefix_space=False, use_regex=False)]))
       for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")
       for invert in (False, True)},
    **{f"split by regex {i}": lambda bpe, wp, p=pattern: made(
        models.BPE(*bpe), pre_tokenizers.Sequence([SPLIT(Regex(p), "isolated"), BYTES(add_prefix_space=False, use_regex=False)]))
       for i, pattern in enumerate(PATTERNS)},
    "regex removed": lambda bpe, wp: made(models.BPE(*bpe), pre_tokenizers.Sequence(
        [SPLIT(Regex(r"[\s\p{P}]+"), "removed"), BYTES(add_prefix_space=False, use_regex=False)])),
    "bert cased": lambda bpe, wp: made(
        models.WordPiece(wp, unk_token="[UNK]"), pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer(lowercase=False),
        processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101)), added=FLAGGED),
    "bert lower with accents": lambda bpe, wp: made(
        models.WordPiece(wp, unk_token="[UNK]"), pre_tokenizers.BertPreTokenizer(),
        normalizers.BertNormalizer(lowercase=True, strip_accents=False, handle_chinese_chars=False, clean_text=False),
        added=FLAGGED),
    "words of white space": lambda bpe, wp: made(
        models.WordPiece(wp, unk_token="[UNK]", max_input_chars_per_word=20), pre_tokenizers.WhitespaceSplit(),
        normalizers.Lowercase()),
    "no pre-tokenizer": lambda bpe, wp: Tokenizer(models.WordPiece(wp, unk_token="[UNK]", continuing_subword_prefix="#")),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(variant, tmp_path, awkward, bpe_parts, word_pieces, encode):
    peer = VARIANTS[variant](bpe_parts, word_pieces)
    peer.save(str(tmp_path / "tokenizer.json"))
    lines = awkward[::8]
    expect_same(encode(tmp_path, map(request, lines)), peer_ids(peer, lines), lines)
    pairs = [(a, b or b"x") for a, b in zip(lines[:500], lines[500:1000])]
    peer.enable_truncation(21)
    theirs = [{"ids": e.ids, "types": e.type_ids} for e in peer.encode_batch([(text(a), text(b)) for a, b in pairs])]
    asked = [request(a, pair=base64.b64encode(b).decode(), max_length=21) for a, b in pairs]
    expect_same(encode(tmp_path, asked), theirs, pairs)


def check_against_auto_tokenizer(folder, awkward, encode):
    peer = AutoTokenizer.from_pretrained(folder)
    lines = awkward[::8]
    theirs = [peer(text(line), add_special_tokens=False)["input_ids"] for line in lines]
    expect_same(encode(folder, map(request, lines)), theirs, lines)
    requests = [request(line, pair=base64.b64encode(b"The Movie").decode(), max_length=13) for line in lines]
    theirs = [peer(text(line), "The Movie", truncation=True, max_length=13)["input_ids"] for line in lines]
    expect_same([e["ids"] for e in encode(folder, requests)], theirs, lines)


@pytest.mark.parametrize("lower", [True, False])
def test_vocab_txt_alone(lower, tmp_path, awkward, model_folder, program, encode):
    folder, saved = tmp_path / "bert", tmp_path / "saved"
    folder.mkdir()
    shutil.copy(model_folder("all-MiniLM-L6-v2") / "vocab.txt", folder)
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": lower}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    check_against_auto_tokenizer(folder, awkward, encode)
    program("tests/parity_encode", [folder, "--save", saved])
    assert (saved / "vocab.txt").read_bytes() == (folder / "vocab.txt").read_bytes()
    check_against_auto_tokenizer(saved, awkward, encode)


def test_vocab_json_with_merges(tmp_path, awkward, bpe_parts, program, encode):
    folder, saved = tmp_path / "gpt2", tmp_path / "saved"
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps(bpe_parts[0]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in bpe_parts[1]))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer"}))
    check_against_auto_tokenizer(folder, awkward, encode)
    program("tests/parity_encode", [folder, "--save", saved])
    check_against_auto_tokenizer(saved, awkward, encode)


@pytest.mark.parametrize("name", MODELS)
def test_save_keeps_the_bytes(name, tmp_path, model_folder, program):
    folder = model_folder(name)
    program("tests/parity_encode", [folder, "--save", tmp_path])
    names = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt"}
    names &= {path.name for path in folder.iterdir()}
    assert {path.name for path in tmp_path.iterdir()} == names
    for each in names:
        assert (tmp_path / each).read_bytes() == (folder / each).read_bytes()
