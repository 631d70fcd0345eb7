//! What the help says beside the options, and which of them the short one shows.

use clap::builder::styling::{AnsiColor, Effects, Styles};

/// The colours of the help.
pub const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::Cyan.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Green.on_default().effects(Effects::DIMMED));

/// The options that `-h` shows.
pub const MOST_USED: [&str; 17] = [
    "given",
    "models",
    "prompts",
    "generate",
    "top_k",
    "layers",
    "positions",
    "track",
    "stats",
    "summary",
    "compare",
    "explore",
    "heatmap",
    "plot",
    "json",
    "outputs",
    "help",
];

/// What stands below the short help.
pub const AFTER_SHORT_HELP: &str = "All options, with examples: lens --help";

/// What stands below the long help. Paragraphs are one line each: the terminal's width cuts them.
pub const AFTER_HELP: &str = "\
Layers: layer i is the output of block i, from 0 to the number of blocks - 1, and the last one is \
the model's output. `embed` is the residual stream before block 0, a row of its own. (tuned-lens \
and Hugging Face's hidden_states[i] count a block's input instead: theirs is one higher.) Each row \
is read through the model's own final norm, computed on that row, and its unembedding.

Exit codes: 0 done; 1 failed; 2 wrong usage; 3 an --assert or --baseline does not hold (the results are written).

Examples:
  lens \"The Eiffel Tower is in the city of\"            the bundled demo model
  lens \"The Eiffel Tower is in the city of\" --model gpt2
  lens \"The capital of France is\" --positions all       a grid of layers
  lens \"The capital of France is\" --track \" Paris\" --track \" Rome\"
  lens \"The capital of France is\" -m ./my-model -o lens.json -o lens.csv
  lens --compare \"The capital of France is\" \"The capital of Italy is\"
  lens --prompts facts.jsonl --summary -m gpt2
  lens \"The capital of France is\" --explore               keys move in it
  lens \"The capital of France is\" --json | jq '.topk[-1][-1]'";

/// What `--assert` takes. A line fits a terminal of 80 columns, where ten stand before it.
pub const ASSERT_HELP: &str = "\
Require something of what is read; may be repeated

QUANTITY[@LAYER] COMPARISON VALUE, at each prompt's last position (or the last that \
is read). Results are written all the same; each that does not hold is a line on \
stderr (--assert-format), and the exit code is then 3.
  prob(T) > 0.2        also logprob(T), logit(T), rank(T)
  diff(T, U) > 0       log p(T) − log p(U) (tokens: the logits')
  top1 == \" Paris\"     the likeliest token; also !=
  entropy@-2 < 3       every statistic of --stats; agrees == true
  settles <= 24        also leads_first
  prob@16 > 0.3        with --summary, a column of its JSON
T is a token as --track takes it, in quotes, or target for the prompt's own; tokens \
that are named are tracked. LAYER is one of --layers or embed, the output if left out.";

/// What `--stats` takes. The formulas fit a terminal of 80 columns, where ten stand before them.
pub const STATISTICS_HELP: &str = "\
Statistics to show: all, none, or a comma-separated list [default: none in tables, all but js, tv and lens_kl elsewhere]

With l a row's logits, p = softmax(l), and q the softmax of the model's output at the same position:
  entropy        −Σ p log p, in nats
  forward_kl     KL(q‖p) = Σ q (log q − log p), in nats
  reverse_kl     KL(p‖q) = Σ p (log p − log q), in nats
  js             ½ KL(p‖m) + ½ KL(q‖m), m = (p+q)/2; nats, ≤ ln 2
  tv             ½ Σ |p − q|, from 0 to 1
  cross_entropy  −log p(next token), in nats; none at the end
  agrees         whether the row's top-1 is the output's
  lens_kl        KL(r‖p), r the first lens's; of several lenses
Always given for each position: the layer where the prediction settles (from it on, every \
layer's top-1 is the output's), the first where it leads, and the one where forward KL falls most.";
