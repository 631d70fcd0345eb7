"""A logit lens by nnsight's own client on an NDIF server: control.py MODEL ADDRESS prints, for each layer, the ids and
log-probabilities of the five likeliest tokens after the last of four."""

import json
import pathlib
import sys

import nnsight
import torch
from nnsight import CONFIG
from nnsight.modeling import huggingface
from nnsight.modeling.transformers import TransformersModel

path, address = sys.argv[1:]
CONFIG.API.HOST = address
CONFIG.APP.REMOTE_LOGGING = False
# No hub is asked how a directory is spelt.
huggingface._ID_CACHE[path] = path
# Torch's fused attention leaves the cap on scores out.
capped = json.loads((pathlib.Path(path) / "config.json").read_text()).get("attn_logit_softcapping")
model = TransformersModel(path, task="text-generation", attn_implementation="eager" if capped else "sdpa")
inner = model.transformer if hasattr(model, "transformer") else model.model
blocks = inner.h if hasattr(inner, "h") else inner.layers
norm = inner.ln_f if hasattr(inner, "ln_f") else inner.norm
cap = getattr(model.config, "final_logit_softcapping", None)

with model.trace([5, 9, 12, 7], remote=True):
    rows = []
    for block in blocks:
        h = block.output
        h = h[0] if isinstance(h, tuple) else h
        z = model.lm_head(norm(h[:, -1:, :]))[0, -1].float()
        z = z if cap is None else cap * torch.tanh(z / cap)
        top = torch.topk(torch.log_softmax(z, -1), 5)
        rows.append([top.indices.tolist(), top.values.tolist()])
    lens = nnsight.save(json.dumps(rows))
print(lens)
