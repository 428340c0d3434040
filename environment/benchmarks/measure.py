"""Measures this kit and its peers in turn, each in a process of its own, and writes results/benchmarks.json and .md.

Run by environment/bench, with the peers' Python or, without peers, with any: this file needs the standard library only.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report

HERE = Path(__file__).parent
HOME = HERE.parent.parent
RESULTS = HOME / os.environ.get("GERBIL_RESULTS", "results")
OURS = []  # the kit's command line, which main is given: Java and its options
BRIEF = ["-XX:TieredStopAtLevel=1"]  # what environment/gerbil starts the like with
THREADS = os.cpu_count()
DEVICE = os.environ.get("GERBIL_DEVICE", "cpu")
NAME = "benchmarks" if DEVICE == "cpu" else f"benchmarks-{DEVICE}"
MICRO_BATCH_TOKENS = 4096 if DEVICE == "cpu" else 32768
WARM_UP = 2  # steps, or a quarter of those measured if these are more: a JVM compiles what it does often
SECONDS = 8  # that the slowest trainer's measured steps should take
TRIAL_STEPS = 20
SAMPLED = 100  # tokens
AT_ONCE = 16  # texts
SCORED_BEFORE = 250  # requests, of the thousands that a task has: a JVM compiles what it does often
BESIDE_BUSY = ["sh", "-c", 'while :; do :; done & "$@"; status=$?; kill $!; exit $status', "sh"]

# What of the best PyTorch is decided by trial, in this order, each with what was decided before.
CHOICES = {"head": ["chunked-float32", "chunked-bfloat16", "torch-float32"],
           "chunk": ["128", "64", "256", "1024"],
           "body": ["float32", "bfloat16"],
           "run": ["eager", "compiled"]}
GPU_CHOICES = {"head": ["whole"], "chunk": ["all"], "body": ["bfloat16"], "run": ["compiled", "eager"]}


class Failed(Exception):
    """A measurement that came to no figure; says why."""


def say(text):
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def child(*command):
    """Runs one measurement; its JSON, or the seconds it takes where it prints none, with the largest resident memory of
    its process."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode == -9:
            raise Failed("killed by the system, which ran out of memory")
        if process.returncode != 0:
            raise Failed((err.read().strip().splitlines() or [f"exit status {process.returncode}"])[-1])
        kilobytes = usage.ru_maxrss if sys.platform == "linux" else usage.ru_maxrss / 1024
        last = out.read().strip().splitlines()[-1]
        measured = json.loads(last) if last.startswith("{") else {"seconds": seconds}
        return measured | {"peakMemory": measured.get("deviceMemory", int(kilobytes * 1024))}


def gerbil(command, **options):
    java, *more = OURS
    return [java, *(BRIEF if command in ("sample", "bench-sample", "bench-score") else []), *more, command,
            *arguments(options)]


def peer(script, **options):
    # as its users start it: without what our scripts set
    return ["env", "-u", "GOMP_SPINCOUNT", sys.executable, HERE / script, *arguments(options)]


def arguments(options):
    return [a for name, value in options.items() for a in (f"--{name.replace('_', '-')}", value)]


def alternate(contenders, pairs, what):
    """Every contender's runs, taken in turn: {"runs": {name: [...]}, "failures": {name: why}}. One that fails is left
    out from there on, and its runs do not count."""
    runs, failures = {name: [] for name in contenders}, {}
    for pair in range(pairs):
        for name, command in contenders.items():
            if name in failures:
                continue
            try:
                runs[name].append(child(*command()))
                say(f"{what}, {pair + 1} of {pairs}: {name} {report.headline(runs[name][-1])}")
            except Failed as e:
                failures[name] = str(e)
                say(f"{what}: {name} failed: {e}")
    return {"runs": {name: r for name, r in runs.items() if name not in failures}, "failures": failures}


def measure_training(size, inputs, pairs, with_peers, choices):
    s = size["size"]
    length = s["sequenceLength"]
    micro_batch = min(s["batchTokens"], MICRO_BATCH_TOKENS) // length
    common = {"size": s["name"], "micro_batch": micro_batch}
    theirs = common | {"inputs": inputs, "device": DEVICE}
    tokens = inputs / "tokens" / s["scale"].lower()
    trainers = {"gerbil": lambda **o: gerbil("bench-step", tokens_folder=tokens, **common, **o)}
    if with_peers:
        trainers["transformers"] = lambda **o: peer("train_transformers.py", **theirs, **o)
    result = {"size": s["name"], "microBatch": micro_batch, "sequenceLength": length,
              "parameters": parameters(size["config"]), **flops_per_token(size["config"], length)}
    steps = trial(trainers, s["name"])
    if with_peers:
        variant, result["trials"] = best_variant(choices, s["name"], lambda **o: peer(
            "train_best.py", **theirs, warm_up=WARM_UP, steps=min(steps, TRIAL_STEPS), **o))
        result["bestVariant"] = variant
        trainers["best PyTorch"] = lambda **o: peer("train_best.py", **theirs, **variant, **o)
    if DEVICE == "cpu":
        alone = trainers["gerbil"]
        trainers[report.BUSY] = lambda **o: [*BESIDE_BUSY, *alone(**o)]
    else:
        trainers[report.KERNELS] = lambda **o: trainers["gerbil"](path="kernels", **o)
    contenders = {name: lambda command=command: command(warm_up=max(WARM_UP, steps // 4), steps=steps)
                  for name, command in trainers.items()}
    return result | {"steps": steps} | alternate(contenders, pairs, f"training {s['name']}")


def trial(trainers, size):
    """How many steps fill the time at the speed of the slowest that works, the same for all."""
    slowest = 0
    for name, command in trainers.items():
        try:
            slowest = max(slowest, statistics.median(child(*command(warm_up=1, steps=2))["stepSeconds"]))
        except Failed as e:
            say(f"training {size}: {name} failed on trial: {e}")
    return max(3, min(100, round(SECONDS / slowest))) if slowest else 3


def best_variant(choices, size, command):
    """The fastest of the choices, one choice after another, and all that was tried."""
    variant, trials = {choice: options[0] for choice, options in choices.items()}, []
    for choice, options in choices.items():
        speeds = {}
        for option in options:
            tried = variant | {choice: option}
            known = next((t for t in trials if t["variant"] == tried), None)
            if known is None:
                known = {"variant": tried}
                trials.append(known)
                try:
                    known["tokensPerSecond"] = child(*command(**tried))["tokensPerSecond"]
                    say(f"training {size}: trial of {' '.join(tried.values())} {report.headline(known)}")
                except Failed as e:
                    known["failure"] = str(e)
                    say(f"training {size}: trial of {' '.join(tried.values())} failed: {e}")
            speeds[option] = known.get("tokensPerSecond", 0)
        variant = variant | {choice: max(speeds, key=speeds.get)}
    return variant, trials


def worth_trying(limits):
    """Without bfloat16 where it is the slower format: one trial in it would take as long as all others."""
    if limits["bfloat16FlopsPerSecond"] > limits["float32FlopsPerSecond"]:
        return CHOICES
    return {choice: [o for o in options if "bfloat16" not in o] for choice, options in CHOICES.items()}


def parameters(config):
    d, v = config["width"], config["vocabulary"]
    return 2 * v * d + v + config["layers"] * (12 * d * d + 7 * d) + 2 * d


def flops_per_token(config, length):
    """Of a training step's matrix products: 6 a weight (the embedding is looked up, not multiplied), and causal
    attention, in which a token sees half the sequence on average."""
    d, layers = config["width"], config["layers"]
    return {"headFlopsPerToken": 6 * config["vocabulary"] * d,
            "layersFlopsPerToken": 6 * layers * 12 * d * d + 6 * layers * d * length}


def measure_tokenizing(inputs, work, pairs, with_peers):
    ours, theirs = work / "shards", work / "shards.bin"

    def our_command(texts="texts"):
        shutil.rmtree(ours, ignore_errors=True)
        return gerbil("bench-tokens", texts=inputs / texts, out=ours)

    contenders = {"gerbil": our_command}
    if with_peers:
        contenders["tokenizers"] = lambda: peer("tokens_python.py", tokenizer=inputs / "tokenizer.json",
                                                texts=inputs / "texts", out=theirs)
    large = alternate({"gerbil": lambda: our_command("large-texts")}, 1, "tokenizing a gigabyte")
    return alternate(contenders, pairs, "tokenizing") | {"large": large}


def measure_sampling(name, inputs, pairs, with_peers):
    common = {"size": name, "tokens": SAMPLED, "batch": AT_ONCE}
    contenders = {"gerbil": lambda: gerbil("bench-sample", **common)}
    if with_peers:
        contenders["transformers"] = lambda: peer("sample_transformers.py", inputs=inputs, **common)
    return common | alternate(contenders, pairs, f"sampling {name}")


def measure_scoring(name, inputs, work, pairs, with_peers):
    common = {"size": name, "requests": inputs / "requests.jsonl", "choices": inputs / "choices.jsonl",
              "export": work / "exports" / name, "warm_up": SCORED_BEFORE}
    contenders = {"gerbil": lambda: gerbil("bench-score", **common)}
    if with_peers:
        contenders["harness"] = lambda: peer("score_harness.py", **common)
    measured = alternate(contenders, pairs, f"scoring {name}")
    start = measure_start(name, common["export"], pairs, with_peers)
    nats = [run.pop("nats") for runs in measured["runs"].values() for run in runs]
    shutil.rmtree(common["export"], ignore_errors=True)
    difference = max((abs(a - b) for other in nats for a, b in zip(nats[0], other)), default=0)
    requests = len(common["requests"].read_text().splitlines())
    return {"size": name, "requests": requests, "largestDifference": difference, "start": start} | measured


def measure_start(name, export, pairs, with_peers):
    common = {"model": export, "prompt": "class", "tokens": 1}
    contenders = {"gerbil": lambda: gerbil("sample", temperature=0, **common)}
    if with_peers:
        contenders["transformers"] = lambda: peer("start_transformers.py", **common)
    return alternate(contenders, pairs, f"first token {name}")


def measure_first_loss(work, pairs):
    folders = iter(range(pairs + 1))

    def command():
        return gerbil("bench-first-loss", runs=work / f"runs-{next(folders)}")

    # once before, to prepare the tokens if they are not there
    alternate({"gerbil": command}, 1, "first loss, unmeasured")
    return alternate({"gerbil": command}, pairs, "first loss")


def machine():
    cpu, flags = platform.processor() or platform.machine(), []
    if Path("/proc/cpuinfo").exists():
        info = dict(line.split("\t", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if "\t" in line)
        lines = {key.strip(): value.lstrip("\t: ") for key, value in info.items()}
        cpu = lines.get("model name", cpu)
        wanted = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16")
        flags = [f for f in wanted if f in lines.get("flags", "").split()]
    card = {} if DEVICE == "cpu" else {"card": subprocess.run(
        ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"],
        check=True, capture_output=True, text=True).stdout.strip()}
    return card | {"cpu": cpu, "instructions": flags, "cores": os.cpu_count(),
            "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "system": platform.platform()}


def before(results):
    """The results to add to: those of sizes that were measured before, by the same means on the same machine."""
    file = RESULTS / f"{NAME}.json"
    old = json.loads(file.read_text()) if file.exists() else {}
    same = all(old.get(key) == results[key] for key in ("machine", "threads", "pairs", "withPeers", "scoredBefore",
                                                         "versions"))
    return old | results if same else results


def replace(measured, new, names):
    """One size's results in their place among the others'."""
    return sorted([m for m in measured if m["size"] != new["size"]] + [new], key=lambda m: names.index(m["size"]))


def write(results):
    RESULTS.mkdir(exist_ok=True)
    for name, text in ((f"{NAME}.json", json.dumps(results, indent=1) + "\n"),
                       (f"{NAME}.md", report.markdown(results, NAME))):
        temporary = RESULTS / (name + ".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(RESULTS / name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--sizes", required=True)
    parser.add_argument("--pairs", type=int, required=True)
    parser.add_argument("gerbil", nargs="+")
    options = parser.parse_args()
    OURS.extend(options.gerbil)
    with_peers, pairs = not options.without_peers, options.pairs
    os.environ |= {"OMP_NUM_THREADS": str(THREADS), "RAYON_NUM_THREADS": str(THREADS), "HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory(prefix="gerbil-bench-") as folder:
        work = Path(folder)
        inputs = work / "inputs"
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(work / "compiled")
        say("writing what both sides read: texts, tokens, sizes")
        subprocess.run([str(c) for c in gerbil("bench-inputs", out=inputs)], check=True)
        known = {s["size"]["name"]: s for s in json.loads((inputs / "sizes.json").read_text())}
        names = options.sizes.split(",")
        if unknown := [n for n in names if n not in known]:
            sys.exit(f"--sizes are of {', '.join(known)}; found: {', '.join(unknown)}")
        choices = CHOICES
        results = {"date": datetime.date.today().isoformat(), "machine": machine(), "threads": THREADS, "pairs": pairs,
                   "withPeers": with_peers, "scoredBefore": SCORED_BEFORE,
                   "versions": {"Python": platform.python_version()}}
        if with_peers:
            results["versions"] |= {package: importlib.metadata.version(package)
                                    for package in ("torch", "transformers", "tokenizers", "lm_eval")}
        results = {"training": [], "sampling": [], "scoring": []} | before(results)
        if DEVICE != "cpu":
            choices = GPU_CHOICES
        elif with_peers:
            results["limits"] = child(*peer("limits.py"))
            choices = worth_trying(results["limits"])
        for name in names:
            measured = measure_training(known[name], inputs, pairs, with_peers, choices)
            results["training"] = replace(results["training"], measured, [*known])
            write(results)
        if DEVICE != "cpu":
            return
        code = {"codeVersion": report.code_versions(results["training"], names)}
        results["tokenizing"] = measure_tokenizing(inputs, work, pairs, with_peers) | code
        write(results)
        for name in names:
            measured = measure_sampling(name, inputs, pairs, with_peers) | code
            results["sampling"] = replace(results["sampling"], measured, [*known])
            write(results)
        for name in names:
            measured = measure_scoring(name, inputs, work, pairs, with_peers) | code
            results["scoring"] = replace(results["scoring"], measured, [*known])
            write(results)
        results["firstLoss"] = measure_first_loss(work, pairs) | code
        write(results)


if __name__ == "__main__":
    main()
    say(f"written: {RESULTS / NAME}.md and .json")
