/**
 * Models with their tokenizers as transformers' {@code GPTJForCausalLM} folders: written, read, and their card. Read
 * are {@code model.safetensors} and {@code pytorch_model.bin}, whole or in shards, with a {@code tokenizer.json} or
 * GPT-2's files. In transformers, text that spells {@code <|endoftext|>} becomes that token; here it stays text.
 */
package gerbil.hub;
