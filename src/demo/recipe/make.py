#!/usr/bin/env python3
"""Make the demo model again: its corpus, its tokenizer, its training and its files.

    pip install torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0 numpy==2.4.6
    python3 src/demo/recipe/make.py          # under an hour on two cores; no download, no GPU

It writes `src/demo/`: config.json, tokenizer.json, model.safetensors (matrices in float8_e4m3, vectors in float16), and
`facts.jsonl`, a line for every fact in the phrasing that was held out for it: the tests ask them all.

One seed decides everything. The corpus, the tokenizer and facts.jsonl are the same on every machine; the weights are the
same, to the bit, with the same versions on the same kind of processor, and elsewhere differ as float32 sums differ.
"""
import argparse
import json
import math
import pathlib
import random
import time

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel

from english import Writer
from facts import all_facts

OUT = pathlib.Path(__file__).resolve().parent.parent
SEED = 1
END = "<|endoftext|>"
VOCABULARY = 2560
CONTEXT = 256
# A step is 4096 tokens; short and long rows take turns, so that a prompt may start anywhere in the context.
ROWS = (32, 64, 128, 256)
TOKENS_A_STEP = 4096
LEARNING_RATE = 3e-3
WARMUP = 100
GELU = "gelu_pytorch_tanh"  # gelu_new, in one step
E4M3 = torch.finfo(torch.float8_e4m3fn)


def tokenizer(facts, writer):
    """A byte-level BPE as GPT-2's, in which every answer with its leading space is one token."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY - 1, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    answers = sorted({fact.answer for fact in facts})
    # An answer weighs as much as the commonest words, so its merges come first.
    text = [writer.document() for _ in range(20_000)] + ["".join(f" {a}" for a in answers)] * 20_000
    made.train_from_iterator(text, trainer)
    made.add_special_tokens([END])
    whole = [a for a in answers if len(made.encode(f" {a}").ids) != 1]
    assert not whole, f"answers of several tokens: {whole}"
    assert made.get_vocab_size() == VOCABULARY, made.get_vocab_size()
    return made


def batches(writer, encode, end):
    """Steps of rows of ids without end, each row beginning with a document."""
    step = 0
    while True:
        length = ROWS[step % len(ROWS)]
        rows = []
        for _ in range(TOKENS_A_STEP // length):
            row = []
            while len(row) <= length:
                row += encode(writer.document()) + [end]
            rows.append(row[:length + 1])
        yield torch.tensor(rows)
        step += 1


def train(model, steps, data, decay=0.1):
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98))
    model.train()
    started = time.time()
    mean = None
    for step in range(steps):
        rate = min((step + 1) / WARMUP, 0.5 * (1 + math.cos(math.pi * step / steps)) * 0.98 + 0.02)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        rows = next(data)
        logits = model(rows[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step:5} of {steps}  loss {mean:.3f}  {time.time() - started:.0f} s", flush=True)


@torch.no_grad()
def recall(model, encode, asked):
    """The share of the facts whose answer is top-1 in the phrasing held out for them."""
    model.eval()
    right = 0
    wrong = []
    for fact in asked:
        ids = encode(fact["prompt"])
        top = model(torch.tensor([ids])).logits[0, -1].argmax().item()
        if [top] == encode(fact["targets"][0]):
            right += 1
        else:
            wrong.append(fact["prompt"])
    return right / len(asked), wrong


def held_out(facts):
    for fact in facts:
        yield {"prompt": fact.prompt, "targets": [f" {fact.answer}"], "id": f"{fact.relation}/{fact.subject}"}


def eight_bits(matrix):
    """A matrix in float8_e4m3, and a scale for each of its rows: a power of two, so that their product is exact."""
    scale = torch.exp2(torch.ceil(torch.log2(matrix.abs().amax(1, keepdim=True) / E4M3.max)))
    return (matrix / scale).to(torch.float8_e4m3fn), scale


def export(model, out):
    """Files as the hub has them, no prefix and no tied head: vectors in float16, matrices in eight bits as DeepSeek's,
    whose blocks are rows here. The model is left with the weights that were written."""
    state = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        stored = name.removeprefix("transformer.")
        tensor.copy_(tensor.to(torch.float16))
        if tensor.dim() != 2:
            state[stored] = tensor.to(torch.float16)
            continue
        matrix, scale = eight_bits(tensor)
        state |= {stored: matrix, f"{stored}_scale_inv": scale}
        tensor.copy_(matrix.float() * scale)
    save_file(state, out / "model.safetensors", metadata={"format": "pt"})
    keep = ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "layer_norm_epsilon", "bos_token_id", "eos_token_id")
    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new",
              **{key: getattr(model.config, key) for key in keep}, "dtype": "float16",
              "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                                      "weight_block_size": [1, max(CONTEXT, VOCABULARY, 4 * model.config.n_embd)]}}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Make the demo model.")
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--width", type=int, default=112)
    parser.add_argument("--heads", type=int, default=7)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)

    facts = all_facts()
    asked = list(held_out(facts))
    with open(args.out / "facts.jsonl", "w", encoding="utf-8") as file:
        for fact in asked:
            file.write(json.dumps(fact, ensure_ascii=False) + "\n")
    words = tokenizer(facts, Writer(facts, random.Random(SEED)))
    words.save(str(args.out / "tokenizer.json"), pretty=False)

    config = GPT2Config(vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=args.width, n_layer=args.layers,
                        n_head=args.heads, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                        activation_function=GELU, bos_token_id=VOCABULARY - 1, eos_token_id=VOCABULARY - 1)
    model = GPT2LMHeadModel(config)
    print(f"{len(facts)} facts, {sum(p.numel() for p in model.parameters())} parameters", flush=True)
    encode = lambda text: words.encode(text).ids
    train(model, args.steps, batches(Writer(facts, random.Random(SEED + 1)), encode, VOCABULARY - 1))
    export(model, args.out)
    share, wrong = recall(model, encode, asked)
    print(f"{share:.2%} of the facts in the phrasing held out for them; not: {wrong[:20]}")


if __name__ == "__main__":
    main()
