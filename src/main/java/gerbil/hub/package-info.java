/** Models with their tokenizers as transformers' {@code GPTJForCausalLM} folders: written, read, and their card. */
package gerbil.hub;
