#!/usr/bin/env python3
"""Make tests/text/tokens/cases.json: tokenizers of every form that checkpoints have, and what `transformers` makes of texts.

    pip install torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0 numpy==2.4.6
    python3 tests/text/tokens/make.py            # seconds, no GPU, no network

`texts`    what every tokenizer is given
`bases`    by name, a tokenizer.json, which cases share
`cases`    for each: `name`; `files`, by name what they hold (JSON, or the text of one that is not JSON; the tokenizer.json
           is `{"base": NAME, ...}` with the parts that differ, vocab.json and merges.txt `{"base": NAME}`); `ids`, for each
           text AutoTokenizer's ids of it; `plain`, the same without special tokens, where that differs; `special`, the
           special tokens that it passes to a chat template, by name

AutoTokenizer reads the case's files from a directory, as a user's would be.
"""
import json
import os
import pathlib
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "fixtures"))

import tokenizers
import transformers
from transformers import AutoTokenizer

from recipes import tokenizer as fixtures

TEXTS = [
    "", " ", "   ", "The city of Paris", " The city of Paris", "  The  Eiffel   Tower ", "the\tcity\n\n of\r\nParis\n",
    "東京🙂é", "e\u0301 Å ﬁ ½ ²", "a\u200db\u200c\u202e", "\x00\x01\x7f", "I'll don't WE'VE 's", "1234567 3.14 ٣",
    "<|endoftext|>", "The<|endoftext|> city<|endoftext|>", "<s> The</s>", "</s>The", "<unk>", "▁The▁city ▁", "<0x0A><0x41>",
    " <extra> the<extra>city", "[PAD][MASK]", "theNEWcity NEW NEW_ ", "<|begin_of_text|>The", "The <bos> of<pad>",
    "THE CITY", "the city of Parisian 🙂🙂", "\ufeffThe", "The\u00a0city\u3000of", "<|im_start|>user\nThe<|im_end|>",
    "a\u200db x²y½ $a+b=c\u00a2\nⅧ Ⓐ ª ٣ \u0301 ﹏ ‿ € x^2|y` the_city-of\u2028Paris\n",
]

# Where regular expressions of Oniguruma and of other engines are read differently.
PATTERNS = [r"\w+", r"\W", r"[^\w\s]+|\s", r"\b", r"\B", r"[[:alpha:]]+", r"[[:^alpha:]]+", r"[[:alnum:]_]+", r"[[:punct:]]", r"[[:upper:]]+[[:lower:]]*",
            r"[[:space:]]", r"[[:word:]]+", r"[[:print:]]", r"[[:graph:]]+", r"[[:digit:]]", r"^.", r".$", r"(?m:.)+", r"(?m).", r"[]T]+", r"\h+", r"\s++$"]

END = "<|endoftext|>"
BYTES = fixtures.BYTE_LEVEL


def tokenizer_json(model, added, **parts):
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [fixtures.added_token(token, id) for token, id in added.items()],
            "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, **parts, "model": model}


def bpe(vocab, merges, **options):
    return {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, **options, "vocab": vocab, "merges": merges}


def bases():
    """A tokenizer.json of each kind."""
    vocab, merges = fixtures.byte_level_bpe()
    bytes_ = tokenizer_json(bpe({**vocab, END: 302}, merges), {END: 302}, pre_tokenizer=BYTES,
                            post_processor={**BYTES, "trim_offsets": False}, decoder=BYTES)
    bos = "<|begin_of_text|>"
    split = {"type": "Split", "pattern": {"Regex": fixtures.LLAMA3_SPLIT}, "behavior": "Isolated", "invert": False}
    llama3 = tokenizer_json(
        bpe(vocab, merges, ignore_merges=True), {bos: 302, "<|end_of_text|>": 303},
        pre_tokenizer={"type": "Sequence", "pretokenizers": [split, {**BYTES, "use_regex": False}]},
        post_processor={"type": "Sequence", "processors": [{**BYTES, "trim_offsets": False}, fixtures.bos_template(bos, 302)]},
        decoder=BYTES)
    with tempfile.TemporaryDirectory() as directory:
        fixtures.llama2_tokenizer(pathlib.Path(directory))
        llama2 = json.loads((pathlib.Path(directory) / "tokenizer.json").read_text())
    pieces = [["<unk>", 0.0], ["</s>", 0.0], ["▁", -2.0]]
    pieces += [[piece, -3.0 - 0.1 * i] for i, piece in enumerate(["▁The", "▁the", "▁city", "▁of", "▁Paris", "Eiffel", "▁Tower", "京", "é"])]
    pieces += [[letter, -8.0 - 0.01 * i] for i, letter in enumerate("abcdefghijklmnopqrstuvwxyzTEP<>/s")]
    pieces = list({piece: score for piece, score in pieces}.items())
    unigram = tokenizer_json(
        {"type": "Unigram", "unk_id": 0, "vocab": pieces, "byte_fallback": False}, {"<unk>": 0, "</s>": 1},
        normalizer={"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        post_processor={"type": "TemplateProcessing", "pair": [],
                        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                        "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
        decoder={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True})
    words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "the", "city", "of", "paris", "##ian", "##s", "e", "##iff", "##el", "tower", "'", "."]
    words += [letter for letter in "abcdfghijklmnopqrstuvwxyz"] + [f"##{letter}" for letter in "abcdefghijklmnopqrtuvwxyz"]
    wordpiece = tokenizer_json(
        {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
         "vocab": {word: id for id, word in enumerate(words)}}, {word: id for id, word in enumerate(words[:5])},
        normalizer={"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor={"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True})
    return {"bytes": bytes_, "llama3": llama3, "llama2": llama2, "unigram": unigram, "wordpiece": wordpiece}


def token(content, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False, **flags}


def cases():
    """(name, files)."""
    def case(name, base, model_type, config=None, json_parts=None, two_files=False, **siblings):
        tokenizer = ({"vocab.json": {"base": base}, "merges.txt": {"base": base}} if two_files
                     else {"tokenizer.json": {"base": base, **(json_parts or {})}})
        files = {"config.json": {"model_type": model_type}, **tokenizer}
        if config is not None:
            files["tokenizer_config.json"] = config
        files |= {f"{name}.json": content for name, content in siblings.items()}
        return name, files

    gpt2 = {"tokenizer_class": "GPT2Tokenizer"}
    fast = {"tokenizer_class": "PreTrainedTokenizerFast"}
    llama = {"tokenizer_class": "LlamaTokenizer"}
    prefixed = {"pre_tokenizer": {**BYTES, "add_prefix_space": True}}
    decoder = {"302": token(END, special=True), "303": token("<extra>", lstrip=True, rstrip=True),
               "305": token("NEW", single_word=True, normalized=True), "304": token("[PAD]", special=True)}
    added = {"<extra>": 303, "NEW": 304, "<|im_start|>": 305}
    mapping = {"bos_token": "<|im_start|>", "eos_token": token(END, lstrip=True), "pad_token": "[PAD]",
               "additional_special_tokens": ["<extra>", "<|im_end|>"]}
    file_added = {"added_tokens": [{"id": 302, **token(END, special=True)}, {"id": 303, **token("<extra>", lstrip=True)}]}
    bos = {"post_processor": fixtures.bos_template(END, 302)}

    for two in (False, True):
        form = "vocab+merges" if two else "tokenizer.json"
        def gpt(name, *args, **kwargs):
            return case(f"gpt2 {form}: {name}", "bytes", "gpt2", *args, two_files=two, **kwargs)
        yield gpt("no config")
        for prefix in (False, True):
            yield gpt(f"add_prefix_space {prefix}", {**gpt2, "add_prefix_space": prefix})
        yield gpt("Fast, add_prefix_space", {"tokenizer_class": "GPT2TokenizerFast", "add_prefix_space": True})
        yield gpt("add_bos_token", {**gpt2, "add_bos_token": True})
        yield gpt("add_bos_token and add_eos_token", {**gpt2, "add_bos_token": True, "add_eos_token": True, "bos_token": "The"})
        yield gpt("add_bos_token, bos null", {**gpt2, "add_bos_token": True, "bos_token": None})
        yield gpt("added_tokens_decoder", {**gpt2, "added_tokens_decoder": decoder})
        yield gpt("added_tokens_decoder over the older files", {**gpt2, "added_tokens_decoder": decoder},
                  added_tokens=added, special_tokens_map=mapping)
        yield gpt("added_tokens.json", gpt2, added_tokens=added)
        yield gpt("special_tokens_map.json", {**gpt2, "bos_token": "The", "unk_token": END}, special_tokens_map=mapping)
        yield gpt("special_tokens_map.json with null", {**gpt2, "bos_token": "The"}, special_tokens_map={"bos_token": None})
        yield gpt("both", {**gpt2, "add_prefix_space": True}, added_tokens=added, special_tokens_map=mapping)
        yield gpt("neither config nor class", added_tokens=added, special_tokens_map=mapping)
        yield gpt("special tokens in the config", {
            **gpt2, "bos_token": {"__type": "AddedToken", **token("<s>", rstrip=True)}, "pad_token": "[PAD]",
            "additional_special_tokens": ["<extra>", {"__type": "AddedToken", **token("NEW", single_word=True)}]})
        yield gpt("named extra tokens", {**gpt2, "image_token": "<|im_start|>", "extra_special_tokens": {"end_of_image": "<|im_end|>"}})
        yield gpt("split_special_tokens", {**gpt2, "split_special_tokens": True, "additional_special_tokens": ["<extra>"]})

    def json_case(name, base, model_type, config=None, parts=None, **siblings):
        return case(f"{base}, {model_type}: {name}", base, model_type, config, parts, **siblings)

    yield json_case("the file's add_prefix_space, no config", "bytes", "gpt2", None, prefixed)
    yield json_case("add_prefix_space false over true", "bytes", "gpt2", {**gpt2, "add_prefix_space": False}, prefixed)
    yield json_case("the file's add_prefix_space", "bytes", "gpt2", fast, prefixed)
    yield json_case("add_prefix_space of another class", "bytes", "gpt2", {**fast, "add_prefix_space": True})
    yield json_case("no class", "bytes", "llama", None, prefixed)
    yield json_case("class in config.json's place", "bytes", "llama", {**gpt2, "add_prefix_space": True})
    yield json_case("an unknown class", "bytes", "llama", {"tokenizer_class": "OurTokenizer", "add_prefix_space": True})
    yield json_case("BOS of the file", "bytes", "gpt2", {**gpt2, "add_bos_token": False}, bos)
    yield json_case("the file's added tokens", "bytes", "gpt2", gpt2, file_added)
    yield json_case("the file's added tokens, others in the config", "bytes", "gpt2", {**gpt2, "added_tokens_decoder": {"302": decoder["302"]}}, file_added)
    yield json_case("the file's added tokens and others", "bytes", "gpt2", {**fast, "added_tokens_decoder": decoder, "pad_token": "[PAD]"}, file_added)
    yield json_case("the file's added tokens and the older files", "bytes", "gpt2", fast, file_added, added_tokens=added, special_tokens_map=mapping)
    yield json_case("padding", "bytes", "gpt2", fast, {"padding": {
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": 302, "pad_type_id": 0, "pad_token": END}})
    yield json_case("truncation", "bytes", "gpt2", fast, {"truncation": {
        "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}})
    yield json_case("GPTNeoXTokenizer", "bytes", "llama", {"tokenizer_class": "GPTNeoXTokenizerFast", "add_prefix_space": True}, bos)
    yield json_case("Qwen2Tokenizer", "bytes", "llama", {"tokenizer_class": "Qwen2Tokenizer"}, file_added)
    yield json_case("normalizers", "bytes", "llama", {**fast, "added_tokens_decoder": decoder},
                    {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}})
    for pattern in PATTERNS:
        split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        yield json_case(f"pattern {pattern}", "bytes", "llama", fast,
                        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, {**BYTES, "use_regex": False}]}})
    for name, config in {"no config": None, "fast": fast, "LlamaTokenizerFast": {"tokenizer_class": "LlamaTokenizerFast", "add_prefix_space": True},
                         "GPT2Tokenizer": gpt2}.items():
        yield json_case(name, "llama3", "llama", config)
    for name, config in {"no config": None, "fast": fast, "plain": llama, "legacy": {**llama, "legacy": True},
                         "legacy false": {**llama, "legacy": False}, "legacy null": {**llama, "legacy": None},
                         "no prefix": {**llama, "add_prefix_space": False}, "legacy, no prefix": {**llama, "add_prefix_space": False, "legacy": True},
                         "no BOS": {**llama, "add_bos_token": False, "add_eos_token": True},
                         "added": {**llama, "added_tokens_decoder": {"0": token("<unk>", special=True), "1": token("<s>", special=True), "2": token("</s>", special=True),
                                                                   "600": token("<extra>", lstrip=True), "601": token("NEW", normalized=True)}},
                         "CodeLlamaTokenizer": {"tokenizer_class": "CodeLlamaTokenizer"},
                         "GemmaTokenizer": {"tokenizer_class": "GemmaTokenizer"}}.items():
        yield json_case(name, "llama2", "llama", config)
    yield json_case("older files", "llama2", "llama", llama, added_tokens={"<extra>": 600, "[PAD]": 601}, special_tokens_map={
        "bos_token": token("<s>"), "eos_token": token("</s>"), "unk_token": token("<unk>"), "pad_token": "[PAD]"})
    metaspace = {"normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}}
    yield json_case("Metaspace", "llama2", "llama", fast, metaspace)
    yield json_case("Metaspace, legacy", "llama2", "llama", {**llama, "legacy": True}, metaspace)
    yield from family_cases(json_case, case)
    for base in ("unigram", "wordpiece"):
        yield json_case("fast", base, "llama", fast)
        yield json_case("no config", base, "llama", None, added_tokens={"NEW": 90})


def family_cases(json_case, case):
    """Tokenizers as each family's published checkpoints have them: their shapes, the classes that they name, their added tokens."""
    def split(pattern, behavior="Isolated"):
        return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False}

    def before_bytes(*pre_tokenizers, **parts):
        return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [*pre_tokenizers, {**BYTES, "use_regex": False}]}, **parts}

    def added(*tokens, first=302):
        return {"added_tokens": [{"id": first + i, **content} for i, content in enumerate(tokens)]}

    fast = "PreTrainedTokenizerFast"
    nfc = {"normalizer": {"type": "NFC"}}
    digits = {"type": "Digits", "individual_digits": True}
    bos = fixtures.bos_template("<s>", 1)
    im = [token(END, special=True), token("<|im_start|>", special=True), token("<|im_end|>", special=True), token("<extra>")]
    runs = [token(END, special=True), token("  ", normalized=True), token("   ", normalized=True)]
    turns = [token("<|im_start|>", special=True), token("<|im_end|>"), token("▁▁"), token("\n\n"), token("[PAD]", special=True)]
    pieces = added(token("<unk>", special=True), token("<s>", special=True), token("</s>", special=True), first=0)["added_tokens"]

    # SentencePiece's kind.
    gemma = {"normalizer": fixtures.MARK_FROM_SPACE, "pre_tokenizer": {**split(" ", "MergedWithPrevious"), "pattern": {"String": " "}},
             "decoder": {"type": "Sequence", "decoders": [fixtures.SPACE_FROM_MARK, {"type": "ByteFallback"}, {"type": "Fuse"}]},
             "added_tokens": pieces + added(*turns, first=600)["added_tokens"]}
    named = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "[PAD]"}
    for model_type in ("gemma", "gemma2", "gemma3_text", "gemma3"):
        yield json_case("GemmaTokenizer", "llama2", model_type, {"tokenizer_class": "GemmaTokenizerFast", **named}, gemma)
    yield json_case("no class", "llama2", "gemma2", named, gemma)
    yield json_case("fast", "llama2", "gemma3_text", {"tokenizer_class": fast, **named}, gemma)
    llama = {"tokenizer_class": "LlamaTokenizer", **named}
    yield json_case("version 1", "llama2", "mistral", {**llama, "legacy": True, "add_prefix_space": None})
    metaspace = {"normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}}
    inst = {"added_tokens": pieces + added(token("<|im_start|>", special=True), token("[PAD]", special=True), first=600)["added_tokens"]}
    yield json_case("version 3", "llama2", "mistral", {**llama, "legacy": False}, {**metaspace, **inst})
    yield json_case("no class", "llama2", "ministral", named)
    ends = {"added_tokens": pieces + added(token("<|im_start|>", special=True, rstrip=True), token("<|im_end|>", special=True, rstrip=True),
                                           token("<extra>", special=True, lstrip=True, rstrip=True), first=600)["added_tokens"]}
    yield json_case("tokens that take spaces with them", "llama2", "phi3", {**llama, "legacy": False, "add_prefix_space": None}, ends)
    yield json_case("LlamaTokenizer", "llama2", "qwen2", llama)
    # Byte-level ones.
    tekken = split(r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
                   r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    yield json_case("tekken", "bytes", "mistral", {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|im_start|>"}, before_bytes(
        tekken, **added(*im), post_processor=fixtures.bos_template("<|im_start|>", 303)))
    qwen = before_bytes(split(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
                        **nfc, **added(*im))
    for model_type in ("qwen2", "qwen3"):
        for name in ("Qwen2Tokenizer", fast, "LlamaTokenizerFast", None):
            config = {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": END, "unk_token": None}
            yield json_case(str(name), "bytes", model_type, {"tokenizer_class": name, **config} if name else config, qwen)
    yield json_case("GPTNeoXTokenizer", "bytes", "gpt_neox", {"tokenizer_class": "GPTNeoXTokenizer", "bos_token": END}, {**nfc, **added(*runs)})
    for model_type in ("gpt_neox", "mpt", "olmo", "gpt_neo", "gptj", "opt", "phi", "starcoder2", "codegen", "cohere", "cohere2"):
        yield json_case("no class", "bytes", model_type, {"bos_token": END}, {**nfc, **before_bytes(digits), **added(*runs)})
    yield case("opt vocab+merges: a BOS in front", "bytes", "opt", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "bos_token": {"__type": "AddedToken", **token("</s>", normalized=True)},
               "eos_token": {"__type": "AddedToken", **token("</s>", normalized=True)}, "unk_token": {"__type": "AddedToken", **token("</s>", normalized=True)}, "pad_token": "[PAD]"}, two_files=True)
    for model_type in ("codegen", "phi"):
        config = {"tokenizer_class": "CodeGenTokenizer", "add_prefix_space": False, "bos_token": END}
        yield json_case("CodeGenTokenizer", "bytes", model_type, config, added(*runs))
        yield case(f"{model_type} vocab+merges: CodeGenTokenizer", "bytes", model_type, {**config, "add_prefix_space": True}, two_files=True)
    yield json_case("CodeGenTokenizer, BOS of the file", "bytes", "phi", {"tokenizer_class": "CodeGenTokenizer"}, {"post_processor": fixtures.bos_template(END, 302)})
    for model_type in ("cohere", "cohere2"):
        yield json_case("CohereTokenizer", "bytes", model_type, {"tokenizer_class": "CohereTokenizerFast", "bos_token": "<|im_start|>", "add_bos_token": True}, {
            **nfc, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, BYTES]}, **added(*im),
            "post_processor": fixtures.bos_template("<|im_start|>", 303)})
    yield json_case("CohereTokenizer, add_prefix_space", "bytes", "cohere", {"tokenizer_class": "CohereTokenizer", "add_prefix_space": True})
    punctuation = {"type": "Punctuation", "behavior": "Contiguous"}
    falcon = {"type": "Sequence", "pretokenizers": [punctuation, BYTES, {**digits, "individual_digits": False}, split("[0-9][0-9][0-9]")]}
    yield json_case("fast", "bytes", "falcon", {"tokenizer_class": fast, "eos_token": END}, {"pre_tokenizer": falcon, "post_processor": None, **added(*im)})
    yield json_case("BloomTokenizer", "bytes", "bloom", {"tokenizer_class": "BloomTokenizerFast", "add_prefix_space": False, "bos_token": "<s>"},
                    before_bytes(split(r" ?[^(\s|[.,!?…。，、।۔،])]+")))
    yield json_case("digits", "bytes", "gpt_bigcode", {"tokenizer_class": "GPT2TokenizerFast", "bos_token": END},
                    {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, BYTES]}})
    yield json_case("digits", "bytes", "starcoder2", {"tokenizer_class": "GPT2Tokenizer", "bos_token": END},
                    {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, BYTES]}})
    for model_type in ("olmo2", "olmo3", "granite", "stablelm"):
        yield json_case("GPT2Tokenizer", "bytes", model_type, {"tokenizer_class": "GPT2Tokenizer", "bos_token": END}, before_bytes(split(fixtures.LLAMA3_SPLIT), **added(*im)))
    yield json_case("GPTNeoXTokenizer", "bytes", "olmo", {"tokenizer_class": "GPTNeoXTokenizer", "eos_token": END}, {**nfc, **added(*runs)})
    masked = {"type": "TemplateProcessing", "pair": [],
              "single": [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"SpecialToken": {"id": "<|im_end|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
              "special_tokens": {name: {"id": name, "ids": [id], "tokens": [name]} for name, id in {"<|im_start|>": 303, "<|im_end|>": 304}.items()}}
    for model_type in ("glm", "glm4"):
        yield json_case("two tokens in front", "bytes", model_type, {"tokenizer_class": fast, "eos_token": END}, before_bytes(
            split(fixtures.LLAMA3_SPLIT), **added(*im), post_processor={"type": "Sequence", "processors": [{**BYTES, "trim_offsets": False}, masked]}))
    for model_type in ("nemotron", "smollm3", "seed_oss", "exaone4", "apertus", "arcee"):
        yield json_case("fast", "bytes", model_type, {"tokenizer_class": fast, "bos_token": "<s>"}, before_bytes(split(fixtures.LLAMA3_SPLIT), **added(*im)))
    yield json_case("fast", "unigram", "helium", {"tokenizer_class": fast, "bos_token": "<s>"})


def tokenizer_file(name, content, all_bases):
    """The text of a file of a case."""
    if name == "tokenizer.json":
        return json.dumps(all_bases[content["base"]] | {key: part for key, part in content.items() if key != "base"})
    if name == "vocab.json":
        return json.dumps(all_bases[content["base"]]["model"]["vocab"])
    if name == "merges.txt":
        merges = all_bases[content["base"]]["model"]["merges"]
        return "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in merges)
    return json.dumps(content)


def answer(files, all_bases):
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            (pathlib.Path(directory) / name).write_text(tokenizer_file(name, content, all_bases), encoding="utf-8")
        tokenizer = AutoTokenizer.from_pretrained(directory)
    ids = [tokenizer(text)["input_ids"] for text in TEXTS]
    plain = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
    special = {"plain": plain} if plain != ids else {}
    return {"ids": ids, **special, "special": tokenizer.special_tokens_map}


def main():
    for module, version in {transformers: "5.23.0", tokenizers: "0.23.3"}.items():
        if module.__version__ != version:
            sys.exit(f"{module.__name__} is {module.__version__}, the cases are made with {version}")
    all_bases = bases()
    made = []
    for name, files in cases():
        try:
            made.append({"name": name, "files": files, **answer(files, all_bases)})
        except Exception as error:
            sys.exit(f"{name}: {error!r}")
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in made)
    bases_text = ",\n".join(f"{json.dumps(name)}:{json.dumps(base, ensure_ascii=False, separators=(',', ':'))}" for name, base in all_bases.items())
    (HERE / "cases.json").write_text(
        f'{{"texts":{json.dumps(TEXTS)},\n"bases":{{\n{bases_text}\n}},\n"cases":[\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{len(made)} tokenizers, {len(TEXTS)} texts, {(HERE / 'cases.json').stat().st_size} bytes")


if __name__ == "__main__":
    main()
