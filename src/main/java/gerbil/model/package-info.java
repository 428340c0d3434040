/** GPT-J as a DJL block, with the parameter names of transformers' {@code GPTJForCausalLM}, and sampling from it. */
package gerbil.model;
