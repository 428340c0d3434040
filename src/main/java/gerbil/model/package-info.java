/**
 * GPT-J to be read: a DJL block in ordinary operations, with the parameter names of transformers' {@code
 * GPTJForCausalLM}, and its loss.
 */
package gerbil.model;
