#!/usr/bin/env python3
"""Compare lens on the hub's GPT-2 with numbers that others have published, each from its source.

    for bos in never always; do
        python3 tests/smoke_published.py prompts $bos > prompts.jsonl
        lens --prompts prompts.jsonl --model gpt2 --bos $bos --positions all --point resid_post,mlp_out --top-k 10 \\
            --format jsonl | python3 tests/smoke_published.py check $bos
    done

The ranks of three more prompts are in smoke_jacobian.py.
"""
import json
import sys

# nnsight at 14d676fb, docs/source/notebooks/tutorials/logit_lens.ipynb, cell 9: the likeliest token of each layer at each position,
# without its leading space, read off the picture that is stored there.
GRID_PROMPT = "The Eiffel Tower is in the city of"
GRID = [
    "\\n E iff el Tower not the same scape the",
    "the Z ness ter Tower not order same scape the",
    "the leg ness ter Tower now order same scape the",
    "the leg ness stra Tower also the same hall the",
    "the leg ness horn Tower also front same scape the",
    "the FP ler Tower Towers also the same scape the",
    "the FP ler Tower Tower also front midst scape East",
    "the FP ler Tower Tower located front midst centre Ing",
    "the TS ler Tower Tower located front midst centre Rome",
    "the FP el Tower tower located London midst centre London",
    "the nerg el Tower is located the midst 's Paris",
    "\\n - el Tower is a the middle centre Paris",
]

# arosaniamd72/gpt2-logit-lens at 8648e98c, docs/model/reference.json: entropy in nats and the likeliest tokens of layers
# 0 to 10 at the last position, and those of the model's output; five decimals.
ROWS_PROMPT = "The capital of France is"
ROWS = [
    (3.482, [(" not", 0.33223), (" now", 0.12793), (" still", 0.08245), (" also", 0.07257)]),
    (2.6826, [(" now", 0.27087), (" not", 0.25643), (" also", 0.15619), (" still", 0.08112)]),
    (2.5019, [(" now", 0.3662), (" not", 0.17157), (" also", 0.15191), (" still", 0.09221)]),
    (2.0637, [(" now", 0.51493), (" also", 0.14477), (" not", 0.12611), (" currently", 0.0398)]),
    (1.8679, [(" now", 0.62691), (" not", 0.08016), (" also", 0.05329), (" still", 0.04743)]),
    (1.8776, [(" now", 0.55167), (" still", 0.109), (" not", 0.08766), (" also", 0.0678)]),
    (2.1182, [(" now", 0.57237), (" not", 0.12271), (" still", 0.05599), (" also", 0.04957)]),
    (1.5735, [(" now", 0.6891), (" also", 0.06255), (" still", 0.05871), (" not", 0.04776)]),
    (2.6426, [(" now", 0.42266), (" located", 0.14541), (" also", 0.07088), (" not", 0.07031)]),
    (1.6955, [(" France", 0.62125), (" Paris", 0.18194), (" now", 0.03949), (" located", 0.02872)]),
    (4.0729, [(" France", 0.24243), (" Paris", 0.13915), (" now", 0.1028), (" the", 0.04171)]),
]
OUTPUT = [(" the", 0.08459), (" now", 0.04795), (" a", 0.04616), (" France", 0.03238),
          (" Paris", 0.03225), (" in", 0.02664), (" also", 0.0264), (" not", 0.02383)]
# The same of one more token at each layer, and of what some layers' MLPs add, read alone.
THE, THE_PROBS = " the", [0.01005, 0.00294, 0.00216, 0.00308, 0.00623, 0.00082, 0.00847, 0.00321, 0.01046, 0.00354, 0.04171]
MLP_OUT = {
    0: (2.3798, [(" not", 0.42866), (" now", 0.24216)]),
    1: (3.4997, [("Reviewer", 0.25557), ("rael", 0.21178)]),
    8: (4.555, [(" located", 0.21993), (" situated", 0.105)]),
    9: (4.2594, [(" Athens", 0.17596), (" Poland", 0.11288), (" France", 0.08007)]),
}
ROW_PROB, ROW_ENTROPY, OUTPUT_PROB = 5e-5, 5e-4, 2e-5

# TransformerLens at 52c42edd, demos/Exploratory_Analysis_Demo.ipynb, cell 20: probabilities of the output, in hundredths with two
# decimals, and how far apart the logits of the first two are; it begins with the end-of-text token.
MILK_PROMPT = "After John and Mary went to the store, John gave a bottle of milk to"
MILK = [(" Mary", 0.7007), (" the", 0.0467), (" John", 0.0454), (" them", 0.0411),
        (" his", 0.0273), (" her", 0.0124), (" a", 0.0074), (" their", 0.0073), (" Jesus", 0.0049), (" him", 0.0042)]
MILK_PROB, MILK_GAP, MILK_LOGIT = 1e-4, 2.71, 1e-2

# The same notebook, cell 28: the difference of two logits of the output, three decimals, and the mean of the eight.
PAIRS = [
    ("When John and Mary went to the shops, John gave the bag to", " Mary", " John", 3.337),
    ("When John and Mary went to the shops, Mary gave the bag to", " John", " Mary", 3.202),
    ("When Tom and James went to the park, James gave the ball to", " Tom", " James", 2.709),
    ("When Tom and James went to the park, Tom gave the ball to", " James", " Tom", 3.797),
    ("When Dan and Sid went to the shops, Sid gave an apple to", " Dan", " Sid", 1.72),
    ("When Dan and Sid went to the shops, Dan gave an apple to", " Sid", " Dan", 5.281),
    ("After Martin and Amy went to the park, Amy gave a drink to", " Martin", " Amy", 2.601),
    ("After Martin and Amy went to the park, Martin gave a drink to", " Amy", " Martin", 5.767),
]
PAIR_LOGIT, MEAN, MEAN_LOGIT = 2e-3, 3.552, 1e-3


def near(ours, theirs, tolerance, what):
    if not abs(ours - theirs) <= tolerance:
        sys.exit(f"smoke: {what}: {ours}, published {theirs}")


def check_top(top, probs, published, tolerance, what):
    """The published tokens have their probabilities, each where it is in ours: near ties may swap."""
    ours = dict(zip(top, probs, strict=True))
    for token, prob in published:
        if token not in ours:
            sys.exit(f"smoke: {what}: {token!r} is not among {top}")
        near(ours[token], prob, tolerance, f"{what}, {token!r}")


def check_grid(document):
    for layer, (row, published) in enumerate(zip(document["topk"], GRID, strict=True)):
        # A line break is a token here, and written out there.
        top1 = [top[0].replace("\n", "\\n").strip() for top in row]
        if " ".join(top1) != published:
            sys.exit(f"smoke: {GRID_PROMPT!r}, layer {layer}: {top1}, published {published}")


def check_row(part, layer, published, what):
    """The published tokens and the entropy of one row, of the stream or of another point."""
    entropy, top = published
    check_top(part["topk"][layer][-1], part["topk_probs"][layer][-1], top, ROW_PROB, what)
    near(part["entropy"][layer][-1], entropy, ROW_ENTROPY, f"{what}, entropy")


def check_rows(document):
    for layer, published in enumerate(ROWS):
        check_row(document, layer, published, f"{ROWS_PROMPT!r}, layer {layer}")
    for layer, published in MLP_OUT.items():
        check_row(document["points"]["mlp_out"], layer, published, f"{ROWS_PROMPT!r}, the MLP of layer {layer}")
    (the,) = document["targets"]
    for layer, published in enumerate(THE_PROBS):
        near(the["probs"][layer][-1], published, ROW_PROB, f"{ROWS_PROMPT!r}, layer {layer}, {THE!r}")
    check_output(document, OUTPUT, OUTPUT_PROB)


def check_output(document, published, tolerance):
    output, prompt = document["output"], document["meta"]["prompt"]
    check_top(output["topk"][-1], output["topk_probs"][-1], published, tolerance, f"{prompt!r}, output")


def check_pairs(documents):
    differences = []
    for document, (prompt, token, other, published) in zip(documents, PAIRS, strict=True):
        one, two = (target["logits"][-1][-1] for target in document["targets"])
        near(one - two, published, PAIR_LOGIT, f"{prompt!r}, {token!r} against {other!r}")
        differences.append(one - two)
    near(sum(differences) / len(differences), MEAN, MEAN_LOGIT, "the mean logit difference")


def prompts(bos):
    if bos == "never":
        return [{"prompt": GRID_PROMPT}, {"prompt": ROWS_PROMPT, "targets": [THE]}]
    return [{"prompt": MILK_PROMPT}, *({"prompt": p, "targets": [token, other]} for p, token, other, _ in PAIRS)]


def check(bos, documents):
    if bos == "never":
        grid, rows = documents
        check_grid(grid)
        check_rows(rows)
        print(f"smoke: the published grid of {len(GRID)} layers and the published rows of {len(ROWS)}")
    else:
        milk, *pairs = documents
        check_output(milk, MILK, MILK_PROB)
        logits = dict(zip(milk["output"]["topk"][-1], milk["output"]["topk_logits"][-1], strict=True))
        (one, _), (other, _) = MILK[:2]
        near(logits[one] - logits[other], MILK_GAP, MILK_LOGIT, f"{MILK_PROMPT!r}, {one!r} against {other!r}")
        check_pairs(pairs)
        print(f"smoke: the published output and logit differences of {len(documents)} prompts")


def main():
    task, bos = sys.argv[1:]
    if task == "prompts":
        for prompt in prompts(bos):
            print(json.dumps(prompt))
    else:
        check(bos, [json.loads(line) for line in sys.stdin])


if __name__ == "__main__":
    main()
