"""Scores a model with lm-evaluation-harness: as an export that transformers loads, or through the kit's endpoint."""

import argparse
import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

BATCH = "16"

# The harness's own definition of each task, and the split that a local file takes the place of.
DEFINITIONS = {
    "lambada_openai": ("lambada/lambada_openai.yaml", "test"),
    "hellaswag": ("hellaswag/hellaswag.yaml", "validation"),
    "winogrande": ("winogrande/default.yaml", "validation"),
    "piqa": ("piqa/piqa.yaml", "validation"),
}
ONLINE = list(DEFINITIONS)
# The harness has no task for plain texts; this is how its own tasks of that kind are written.
TEXT = {
    "output_type": "loglikelihood_rolling",
    "test_split": "test",
    "doc_to_text": "",
    "doc_to_target": "{{text}}",
    "metric_list": [{"metric": name} for name in ("word_perplexity", "byte_perplexity", "bits_per_byte")],
}


def local_task(name, file):
    """The harness's task on a local file, as the YAML (of which JSON is a part) that it reads; its name says so."""
    if name == "text":
        definition, split = dict(TEXT), "test"
    else:
        path, split = DEFINITIONS[name]
        harness_tasks = Path(importlib.util.find_spec("lm_eval").origin).parent / "tasks"
        definition = {"include": str(harness_tasks / path), "training_split": None}
    return definition | {"task": f"local_{name}", "tag": None, "dataset_path": "json", "dataset_name": None,
                         "dataset_kwargs": {"data_files": {split: str(file.resolve())}}}


def write_local_tasks(files, names, folder):
    for name in names:
        file = files / f"{name}.jsonl"
        if not file.is_file():
            raise SystemExit(f"Found: no {file}. Expected: a file for each task of --tasks. To do: put it there, or "
                             "leave the task out.")
        (folder / f"local_{name}.yaml").write_text(json.dumps(local_task(name, file)), encoding="utf-8")
    return [f"local_{name}" for name in names]


@contextlib.contextmanager
def endpoint(gerbil, model):
    """Serves the model for as long as the context lasts; yields the address."""
    server = subprocess.Popen([*gerbil, "serve", "--model", model, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        line = server.stdout.readline()
        if not line.startswith("http"):
            raise SystemExit(server.wait() or 1)
        yield line.strip()
    finally:
        server.terminate()
        server.wait()


def positions(export):
    return json.loads((export / "config.json").read_text(encoding="utf-8"))["n_positions"]


def harness(arguments, offline):
    environment = os.environ | {"TOKENIZERS_PARALLELISM": "false"}
    if offline:
        environment |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
    return subprocess.run([sys.executable, "-m", "lm_eval", "run", *arguments], env=environment, check=False).returncode


def evaluate(options, gerbil, scratch):
    export = Path(options.model)
    if not (export / "config.json").is_file():
        export = scratch / "export"
        subprocess.run([*gerbil, "export", "--model", options.model, "--out", str(export)], check=True,
                       stdout=subprocess.DEVNULL)
    arguments = ["--batch_size", BATCH]
    if options.files:
        tasks = scratch / "tasks"
        tasks.mkdir()
        names = options.tasks or [n for n in [*ONLINE, "text"] if (options.files / f"{n}.jsonl").is_file()]
        arguments += ["--include_path", str(tasks), "--tasks", ",".join(write_local_tasks(options.files, names, tasks))]
    else:
        arguments += ["--tasks", ",".join(options.tasks or ONLINE)]
    if options.limit:
        arguments += ["--limit", str(options.limit)]
    if options.output:
        arguments += ["--output_path", str(options.output), "--log_samples"]
    if options.through == "export":
        model = ["--model", "hf", "--device", options.device, "--model_args", f"pretrained={export},dtype=float32"]
        return harness([*model, *arguments], options.files)
    with endpoint(gerbil, options.model) as url:
        # one for the token that the harness asks for beyond each text, one for a text's last, which is only predicted:
        # so its windows are as long as through the export
        length = positions(export) + 2
        model = ["--model", "local-completions", "--model_args", f"base_url={url},model=gerbil,tokenizer={export},"
                 f"tokenizer_backend=huggingface,max_length={length},"
                 f"tokenized_requests={options.prompts == 'tokens'},max_retries=1"]
        return harness([*model, *arguments], options.files)


def main():
    parser = argparse.ArgumentParser(prog="environment/evaluate", description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", required=True, metavar="NAME|FOLDER",
                        help="a model's name, such as Gerbil-A-92k, a run's directory, or a folder that transformers "
                             "loads")
    parser.add_argument("--through", choices=["export", "endpoint"], default="export",
                        help="export (default): transformers computes. endpoint: this kit does, behind "
                             "environment/gerbil serve")
    parser.add_argument("--tasks", type=lambda text: text.split(","), metavar="TASK,…",
                        help=f"without --files any tasks of the harness (default: {','.join(ONLINE)}), whose datasets "
                             "it downloads; with --files some of these and text (default: those with a file)")
    parser.add_argument("--files", type=Path, metavar="FOLDER",
                        help="work offline on the files in it, <task>.jsonl, each in its dataset's own format")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N items of each task")
    parser.add_argument("--output", type=Path, metavar="FOLDER",
                        help="keep the harness's results and every item's answers there")
    parser.add_argument("--prompts", choices=["tokens", "text"], default="tokens",
                        help="what is sent to the endpoint (default: tokens)")
    parser.add_argument("--device", default="cpu", help="where transformers computes (default: cpu)")
    given, gerbil = sys.argv[1:], []
    if "--" in given:
        given, gerbil = given[:given.index("--")], given[given.index("--") + 1:]
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory(prefix="gerbil-evaluate-") as scratch:
        return evaluate(options, gerbil, Path(scratch))


if __name__ == "__main__":
    sys.exit(main())
