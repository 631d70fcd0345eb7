#!/usr/bin/env python3
"""Compare the logit and the Jacobian lens on the hub's GPT-2 with what others have published.

    python3 tests/smoke_jacobian.py prompts > prompts.jsonl
    lens --prompts prompts.jsonl --model gpt2 --bos always --lens logit,jacobian --top-k 10 --format jsonl |
        python3 tests/smoke_jacobian.py

Ranks are of tao-hpu/jspace-replication at 21b61ac1 (results/e0_gpt2.json), computed in float32 on another kind of processor:
exact below 20, and within a hundredth above. Top tokens are of fblissjr/jlens-mlx (tests/golden/oracle_eiffel.json and
oracle_multihop.json), made by the official code: of the top 5 all but one, as its own gate has it.
"""
import json
import sys

BOS = 50256  # which the lens was fitted with

PUBLISHED = [
    {"prompt": "The Eiffel Tower is located in the city of", "target": " Paris",
     "logit": [6987, 5486, 2599, 1068, 559, 299, 173, 109, 11, 3, 2],
     "jacobian": [29227, 19994, 23262, 11518, 8740, 14763, 1710, 1042, 232, 38, 18], "output": 2,
     "output_top": [" London", " Paris", " Amsterdam", " Berlin", " New"],
     "top": {4: [" castles", " mosqu", " tremend", "ModLoader", " thous"],
             7: [" Constantinople", " Gron", " Buenos", " Herz", " Perth"],
             8: [" Constantinople", " Zurich", " Cologne", " Buenos", " Calais"],
             9: [" Cologne", " Zurich", " Amsterdam", " Hamburg", " Naples"],
             10: [" Cologne", " Amsterdam", " Hamburg", " Zurich", " Istanbul"]}},
    {"prompt": "Fact: The currency used in the country shaped like a boot is", "target": " Italy",
     "logit": [25034, 21636, 15184, 10699, 8630, 7346, 5949, 3183, 1645, 1278, 2003],
     "jacobian": [17610, 18529, 25466, 34045, 33545, 40379, 39481, 24359, 11629, 5393, 2241], "output": 2108, "top": {}},
    {"prompt": "When Mary and John went to the store, John gave a drink to", "target": " Mary",
     "logit": [5565, 4515, 2247, 1811, 2540, 1537, 1566, 277, 23, 1, 1],
     "jacobian": [9268, 13358, 9388, 6075, 15658, 7747, 3162, 1164, 139, 1, 1], "output": 1, "top": {}},
    {"prompt": "Fact: The capital of Japan is Tokyo.\nFact: The currency used in the country shaped like a boot is",
     "output_top": [" called", " the", " yen", " Japanese", " ¥"],
     "top": {8: ["senal", " yen", " platinum"],
             9: [" yen", " ¥", " Yen", " Satoshi", " Japanese"],
             10: [" yen", " ¥", " Yen", " Japanese", " Osaka"]}},
]


def check_ranks(ours, theirs, what):
    for layer, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        allowed = 0 if their < 20 else max(1, their / 100)
        if abs(our - their) > allowed:
            sys.exit(f"smoke: {what}, layer {layer}: rank {our}, published {their}")


def main():
    if sys.argv[1:] == ["prompts"]:
        for published in PUBLISHED:
            targets = [published["target"]] if "target" in published else []
            print(json.dumps({"prompt": published["prompt"], "targets": targets}))
        return
    documents = [json.loads(line) for line in sys.stdin]
    for document, published in zip(documents, PUBLISHED, strict=True):
        (jacobian,) = document["lenses"]
        assert jacobian["lens"] == "jacobian" and document["input_ids"][0] == BOS, document["input_ids"]
        if "target" in published:
            for name, part in (("logit", document), ("jacobian", jacobian)):
                ranks = [row[-1] for row in part["targets"][0]["ranks"]]
                check_ranks(ranks, [*published[name], published["output"]], f"{published['prompt']!r}, {name} lens")
        tops = {layer: (jacobian["topk"][layer][-1], top) for layer, top in published["top"].items()}
        if "output_top" in published:
            tops["output"] = document["output"]["topk"][-1], published["output_top"]
        for layer, (ours, top) in tops.items():
            if len(set(ours[:5]) & set(top)) < len(top) - 1:
                sys.exit(f"smoke: {published['prompt']!r}, layer {layer}: {ours}, published {top}")
    print(f"smoke: the Jacobian lens has the published ranks and top tokens of {len(documents)} prompts")


if __name__ == "__main__":
    main()
