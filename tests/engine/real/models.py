"""Makes the models that vLLM is checked with: its kernels on a CPU want heads of 32 numbers or more, which those of
tests/fixtures have not. models.py writes tests/engine/models; tokenizers are those of the fixtures."""

import pathlib
import shutil

import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

TESTS = pathlib.Path(__file__).resolve().parents[2]
SHAPE = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2,
         "num_key_value_heads": 1, "head_dim": 32, "max_position_embeddings": 128}


def vocabulary(name):
    import json

    return json.loads((TESTS / "fixtures" / name / "config.json").read_text())["vocab_size"]


MODELS = {
    "llama": lambda size: LlamaForCausalLM(LlamaConfig(vocab_size=size, tie_word_embeddings=False, **SHAPE)),
    "gpt2": lambda size: GPT2LMHeadModel(GPT2Config(vocab_size=size, n_embd=64, n_layer=3, n_head=2, n_inner=64,
                                                    n_positions=128, bos_token_id=2, eos_token_id=2)),
    "gemma2": lambda size: Gemma2ForCausalLM(Gemma2Config(vocab_size=size, query_pre_attn_scalar=32,
                                                          sliding_window=64, final_logit_softcapping=5.0, **SHAPE)),
}

for name, make in MODELS.items():
    torch.manual_seed(0)
    model = make(vocabulary(name))
    with torch.no_grad():
        for parameter in model.parameters():
            # Of such a size that layers differ and logits are not all alike.
            parameter.copy_(torch.randn_like(parameter) * (0.3 if parameter.dim() == 1 else 0.2))
            if parameter.dim() == 1 and name != "gemma2":
                parameter.add_(1)
    out = TESTS / "engine" / "models" / name
    model.to(torch.float16).save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    for file in ["tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(TESTS / "fixtures" / name / file, out / file)
