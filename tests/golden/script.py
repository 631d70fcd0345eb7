# A logit lens with nnsight (https://nnsight.net), of the run that lens was asked for.
# The rows after blocks are read, not the one before block 0.
# pip install "nnsight==0.8.*" transformers; NDIF_API_KEY holds the key for REMOTE.
import json

import nnsight
import torch
from nnsight.modeling.transformers import TransformersModel

REMOTE = True  # False runs the model on this machine
TOP_K = 3
LAYERS = [0,2]
# Of each prompt the token ids, the positions to read, and the targets: a name and token ids.
PROMPTS = [
    ([5,9,12,7], [1,2], [["pair",[4,8]]]),
]

model = TransformersModel("tests/fixtures/llama", revision=None, task="text-generation")
cap = getattr(model.config, "final_logit_softcapping", None)
scale = (getattr(model.config, "logit_scale", None) or 1) / (getattr(model.config, "logits_scaling", None) or 1)

for ids, positions, targets in PROMPTS:
    with model.trace(ids, remote=REMOTE):
        rows = []
        for layer in LAYERS:
            h = model.model.layers[layer].output
            h = h[0] if isinstance(h, tuple) else h
            h = h.reshape(-1, h.shape[-1])[positions]
            z = model.lm_head(model.model.norm(h)).float() * scale
            z = z if cap is None else cap * torch.tanh(z / cap)
            p = torch.log_softmax(z.double(), -1)
            top = torch.topk(p, TOP_K)
            said = [[name, p[:, tokens].exp().sum(-1).tolist()] for name, tokens in targets]
            rows.append([top.indices.tolist(), top.values.exp().tolist(), said])
        saved = nnsight.save(json.dumps(rows))
    print("prompt:", repr(model.tokenizer.decode(ids)))
    for layer, (tokens, probs, said) in zip(LAYERS, json.loads(saved)):
        for at, position in enumerate(positions):
            top = [f"{model.tokenizer.decode([token])!r} {prob:.1%}" for token, prob in zip(tokens[at], probs[at])]
            top += [f"{name}: {prob[at]:.1%}" for name, prob in said]
            print(f"layer {layer:>3}, position {position}:", "  ".join(top))
