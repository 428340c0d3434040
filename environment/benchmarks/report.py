"""results/benchmarks.md from the raw figures of benchmarks.json."""

import statistics

OURS = "gerbil"
BUSY = "gerbil beside a busy program"
KERNELS = "gerbil on the kernels' path"


def headline(run):
    """One measurement's figure in a few words."""
    for key, unit in (("tokensPerSecond", "tokens/s"), ("requestsPerSecond", "requests/s"), ("secondsFromProcess", "s"),
                      ("seconds", "s")):
        if key in run and "megabytesPerSecond" not in run:
            return f"{number(run[key])} {unit}"
    return f"{number(run['megabytesPerSecond'])} MB/s"


def number(value):
    """Three digits, and all digits of what is larger."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def gigabytes(size):
    return f"{size / 1e9:.2f} GB"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def speed(measured, name, key):
    """Median and peak memory of a contender, or why there is none."""
    if name in measured["failures"]:
        return "failed: " + measured["failures"][name].replace("|", "\\|")
    runs = measured["runs"].get(name)
    if not runs:
        return "–"
    return f"{number(median(runs, key))} ({gigabytes(median(runs, 'peakMemory'))})"


def ratio(measured, name, key, ours=OURS):
    """How many times the peer's speed ours is, pair by pair: median (least to most)."""
    ours, theirs = measured["runs"].get(ours), measured["runs"].get(name)
    if not ours or not theirs:
        return "–"
    ratios = sorted(a[key] / b[key] for a, b in zip(ours, theirs))
    return f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def busy_share(measured):
    """What beside a busy program is left of the speed alone, pair by pair: median (least to most)."""
    alone, beside = measured["runs"].get(OURS), measured["runs"].get(BUSY)
    if not alone or not beside:
        return "–"
    shares = sorted(b["tokensPerSecond"] / a["tokensPerSecond"] for a, b in zip(alone, beside))
    return f"{statistics.median(shares):.0%} ({shares[0]:.0%} to {shares[-1]:.0%})"


def memory_share(measured, name):
    ours, theirs = measured["runs"].get(OURS), measured["runs"].get(name)
    return f"{median(ours, 'peakMemory') / median(theirs, 'peakMemory'):.0%}" if ours and theirs else "–"


def markdown(results, name):
    parts = [introduction(results, name), training(results)]
    if any(KERNELS in t["runs"] or KERNELS in t["failures"] for t in results["training"]):
        parts.append(kernels(results))
    if results["withPeers"]:
        parts.append(best(results))
    if "limits" in results:
        parts.append(limits(results))
    if "tokenizing" in results:
        parts.append(tokenizing(results["tokenizing"]))
    if results["sampling"]:
        parts.append(sampling(results["sampling"]))
    if results["scoring"]:
        parts.append(scoring(results["scoring"], results["scoredBefore"]))
        parts.append(starting(results["scoring"]))
    if "firstLoss" in results:
        parts.append(first_loss(results["firstLoss"]))
    return "\n".join(parts)


def code_versions(trainings, names):
    """What ours was in the training steps of some sizes."""
    return ", ".join(sorted({run["codeVersion"] for t in trainings if t["size"] in names
                             for run in t["runs"].get(OURS, [])}))


def other_code(results):
    """Which sections are of other code than the training steps, where a page was measured in pieces."""
    sections = {"tokenizing": [results.get("tokenizing")], "sampling": results["sampling"],
                "scoring and first token": results["scoring"], "first loss": [results.get("firstLoss")]}
    trained = code_versions(results["training"], [t["size"] for t in results["training"]])
    found = {}
    for section, measured in sections.items():
        measured = [m for m in measured if m]
        for code in sorted({m["codeVersion"] for m in measured} - {trained}):
            of = [m for m in measured if m["codeVersion"] == code]
            sizes = "" if len(of) == len(measured) else f" of {', '.join(m['size'] for m in of)}"
            found.setdefault(code, []).append(section + sizes)
    return "".join(f"- By other code, {code}: {'; '.join(parts)}\n" for code, parts in found.items())


def introduction(results, name):
    m = results["machine"]
    sizes = {}
    for t in results["training"]:
        if OURS in t["runs"]:
            run = t["runs"][OURS][0]
            sizes.setdefault(f"Gerbil in Java {run['codeVersion']} on {run['engine']}, Java {run['java']}",
                             []).append(t["size"])
    versions = [version if len(sizes) == 1 else f"{version} for {', '.join(of)}" for version, of in sizes.items()]
    versions += [f"{name} {version}" for name, version in results["versions"].items()]
    instructions = f" ({', '.join(m['instructions'])})" if m["instructions"] else ""
    card = f"{m['card']}; " if "card" in m else ""
    memory = "what is taken of the card's at the end, of which PyTorch gives none back" if card else "a process's largest resident size"
    skipped = "" if results["withPeers"] else (
        "\nMeasured without peers: what is compared with PyTorch, transformers and tokenizers was skipped, and so\n"
        "were the machine's limits.\n")
    return f"""# Benchmarks

Made by `environment/bench`; the raw figures are in [{name}.json]({name}.json). The machine's name and the
versions belong to every number here.

- {results['date']}, {card}{m['cpu']}{instructions}, {m['cores']} cores, {gigabytes(m['memory'])} of memory,
  {m['system']}
- {results['threads']} threads for everyone; {'; '.join(versions)}
{other_code(results)}- Each measurement is a process of its own; contenders take turns. Figures are medians of {results['pairs']}
  rounds, ratios are taken round by round, as median (least to most), and memory is {memory}.
{skipped}"""


def training(results):
    key = "tokensPerSecond"
    peers = ["transformers", "best PyTorch"] if results["withPeers"] else []
    header = ["size", "sequences × length", "our products in", "ours, tokens/s (memory)", "beside a busy program"]
    for peer in peers:
        header += [f"{peer}, tokens/s (memory)", "ours ÷ it", "memory, ours of its"]
    header.append("last losses" if peers else "last loss")
    rows = []
    for t in results["training"]:
        products = t["runs"][OURS][0]["settings"]["precision"].lower() if OURS in t["runs"] else "–"
        row = [t["size"], f"{t['microBatch']} × {t['sequenceLength']}", products, speed(t, OURS, key), busy_share(t)]
        for peer in peers:
            row += [speed(t, peer, key), ratio(t, peer, key), memory_share(t, peer)]
        row.append(", ".join(f"{t['runs'][name][0]['loss']:.2f}" if name in t["runs"] else "–"
                             for name in (OURS, *peers)))
        rows.append(row)
    theirs = " in bfloat16 autocast, fused" if "card" in results["machine"] else " in float32"
    return f"""## Training

One step is one micro-batch: the batch, forward and backward pass, clipping by the global norm, AdamW. The step is a
process's median, after warm-up steps. transformers is `GPTJForCausalLM` with `torch.optim.AdamW`{theirs},
as a user would train it. A busy program is an endless loop on one core, beside which ours keeps that share of its speed
alone. The last losses, in the same order, are of equally many steps from different random weights.

{table(header, rows)}"""


def kernels(results):
    key = "tokensPerSecond"
    others = ["transformers", "best PyTorch", OURS] if results["withPeers"] else [OURS]
    rows = [[t["size"], speed(t, KERNELS, key), *(ratio(t, name, key, KERNELS) for name in others)]
            for t in results["training"]]
    header = ["size", "tokens/s (memory)", *(f"÷ {name}" for name in others)]
    return f"""### On the kernels' path

The same steps with `--path kernels`, in turn with the others; the table above is of the fused path.

{table(header, rows)}"""


def best(results):
    rows = []
    for t in results["training"]:
        v = t["bestVariant"]
        tried = "; ".join(" ".join(trial["variant"].values()) + ": "
                          + (number(trial["tokensPerSecond"]) if "tokensPerSecond" in trial else "failed")
                          for trial in t["trials"])
        rows.append([t["size"], v["head"], v["chunk"], v["body"], v["run"], tried])
    failures = sorted({f"{' '.join(trial['variant'].values())}: {trial['failure']}"
                       for t in results["training"] for trial in t["trials"] if "failure" in trial})
    told = "".join(f"\nFailed: {failure}\n" for failure in failures)
    return f"""### What the best PyTorch is

`environment/benchmarks/train_best.py`: one product for what shares an input or an output, fused attention, fused AdamW,
and for each size the fastest of several heads, chunks, formats of the body's products and `torch.compile`, found by one
short trial each. The head `torch-float32` is PyTorch's own chunked `linear_cross_entropy`.

{table(["size", "head", "rows a chunk", "body", "run", "trials, tokens/s"], rows)}{told}"""


def limits(results):
    machine = results["limits"]
    rows = []
    for t in results["training"]:
        runs = t["runs"].get(OURS)
        if not runs:
            continue
        peak = machine[f"{runs[0]['settings']['precision'].lower()}FlopsPerSecond"]
        tokens = t["microBatch"] * t["sequenceLength"]
        step = 1e6 / median(runs, "tokensPerSecond")
        head, optimizer = (1e6 * median(runs, key) / tokens for key in ("headSeconds", "optimizerSeconds"))
        head_limit, layers_limit = (1e6 * t[key] / peak for key in ("headFlopsPerToken", "layersFlopsPerToken"))
        # AdamW reads and writes weight, gradient (as zero) and two moments; clipping reads the gradient
        optimizer_limit = 1e6 * 9 * 4 * t["parameters"] / machine["bytesPerSecond"] / tokens
        limit = head_limit + layers_limit + optimizer_limit
        operations = t["headFlopsPerToken"] + t["layersFlopsPerToken"]
        rows.append([t["size"], f"{t['parameters']:,}", f"{operations / 1e6:,.2f} M",
                     number(limit), number(step), f"**{limit / step:.0%}**", f"{number(head)} ({number(head_limit)})",
                     f"{number(step - head - optimizer)} ({number(layers_limit)})",
                     f"{number(optimizer)} ({number(optimizer_limit)})"])
    return f"""### How far from the machine's limits

With the peers' PyTorch, large matrix products reach {number(machine['float32FlopsPerSecond'] / 1e9)} GFLOP/s in float32
and {number(machine['bfloat16FlopsPerSecond'] / 1e9)} GFLOP/s in bfloat16 here, and a large copy moves
{number(machine["bytesPerSecond"] / 1e9)} GB/s (read and written). The limit is the time of a step's matrix products at
that rate (floating-point operations: 6 for each weight that is multiplied, and causal attention), and of the
optimizer's numbers at the copy's. Times are microseconds a token; those in brackets are the part's limit. The head is
measured by itself; the layers are what the step takes beyond head and optimizer. Beyond its products the head takes the
exponential of every logit and passes over the logits several times, the more noticeably the narrower the model; the
layers take attention's softmax, LayerNorm, GELU and rotations, each with its gradient a few passes over all
activations, and many small products.

{table(["size", "parameters", "operations a token", "limit", "our step", "share reached", "head", "layers",
        "optimizer"], rows)}"""


def tokenizing(measured):
    key = "megabytesPerSecond"
    totals = {name: sorted({run["tokens"] for run in runs}) for name, runs in measured["runs"].items()}
    megabytes = max((run["bytes"] for runs in measured["runs"].values() for run in runs), default=0) / 1e6
    counts = ", ".join(f"{name} {' or '.join(f'{n:,}' for n in counts)}" for name, counts in totals.items())
    return f"""## Tokenizing

{megabytes:,.0f} MB of the default corpus from a jsonl file to a file of uint16 ids, with GPT-2's vocabulary; tokenizers
is Hugging Face's `encode_batch` in Python and numpy's `tofile`. Tokens written: {counts}.

{table(["ours, MB/s (memory)", "tokenizers, MB/s (memory)", "ours ÷ it"],
       [[speed(measured, OURS, key), speed(measured, "tokenizers", key), ratio(measured, "tokenizers", key)]])}
{large_tokenizing(measured.get("large"))}"""


def large_tokenizing(measured):
    if not measured or not measured["runs"].get(OURS):
        return ""
    size = measured["runs"][OURS][0]["bytes"] / 1e6
    return f"""Ours on {size:,.0f} MB, the same corpus again and again with another first line in each document, MB/s
(memory): {speed(measured, OURS, "megabytesPerSecond")}.
"""


def compared_header(names, unit, other):
    return [cell for name in names for cell in (f"ours{name}, {unit} (memory)", other, "ours ÷ it")]


def compared(measured, keys, other):
    return [cell for key in keys for cell in (speed(measured, OURS, key), speed(measured, other, key),
                                              ratio(measured, other, key))]


def sampling(sizes):
    batch = sizes[0]["batch"]
    keys = ("tokensPerSecond", "batchTokensPerSecond")
    header = ["size", *compared_header(("", f", {batch} at once"), "tokens/s", "transformers"), "memory, ours of its"]
    rows = [[s["size"], *compared(s, keys, "transformers"), memory_share(s, "transformers")] for s in sizes]
    return f"""## Sampling

{sizes[0]['tokens']} tokens after one, and so for {batch} texts at once (tokens of all of them), the likeliest token each
time, with a cache of keys and values, after one such continuation to warm up; transformers is `generate`. Memory is of
both together.

{table(header, rows)}"""


def scoring(sizes, before):
    keys = ("requestsPerSecond", "choicesPerSecond")
    header = ["size", *compared_header(("", ", answers"), "requests/s", "harness"), "largest difference"]
    rows = [[s["size"], *compared(s, keys, "harness"), f"{s['largestDifference']:.1e}"] for s in sizes]
    return f"""## Scoring

The log-likelihoods of {sizes[0]['requests']:,} continuations of some 30 characters, as tasks ask for them, by a model
of random weights: each after a text of its own of 100 to 700 characters; and as answers, four to each question of 100
to 300, which ours reads once. harness is lm-evaluation-harness's own `hf` model in float32 with batches of 16. The
largest difference is that of a request's log-likelihood, in nats. Memory is of both together. Both have scored the first
{before} of either kind before.

{table(header, rows)}"""


def starting(sizes):
    header = ["size", "ours, s (memory)", "transformers", "its ÷ ours"]
    rows = [[s["size"], speed(s["start"], OURS, "seconds"), speed(s["start"], "transformers", "seconds"),
             ratio(s["start"], OURS, "seconds", ours="transformers")] for s in sizes]
    return f"""## Time to first token

Of a process that opens a model in transformers' format and writes the likeliest token after a prompt: ours is
`gerbil sample`, transformers a script of `AutoTokenizer`, `AutoModelForCausalLM` and `generate`.

{table(header, rows)}"""


def first_loss(measured):
    runs = measured["runs"].get(OURS)
    told = (f"{runs[0]['size']}, class A, tokens prepared: "
            f"{number(median(runs, 'secondsFromProcess'))} s after the process started, "
            f"{number(median(runs, 'secondsFromCall'))} s after the call to train." if runs
            else speed(measured, OURS, ""))
    return f"""## Time to first loss

The quickstart's run: {told}
"""
