/** Text to token ids and back: GPT-2's byte-pair vocabulary and its cuts, Blender's special tokens, the encoder. */
package gerbil.tokenizer;
