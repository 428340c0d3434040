"""A program that opens a folder's model and writes the likeliest token after a prompt, as transformers' users do."""

import argparse

from transformers import AutoModelForCausalLM, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--prompt", required=True)
parser.add_argument("--tokens", type=int, required=True)
options = parser.parse_args()

tokenizer = AutoTokenizer.from_pretrained(options.model)
model = AutoModelForCausalLM.from_pretrained(options.model)
prompt = tokenizer(options.prompt, return_tensors="pt")
ids = model.generate(**prompt, max_new_tokens=options.tokens, do_sample=False, pad_token_id=0)
print(tokenizer.decode(ids[0]))
