/**
 * From documents to token ids on disk: GPT-2's vocabulary and its cuts, the tokenizers, and token sets, folders of
 * uint16 shards that are written in parallel and read through memory maps.
 */
package gerbil.tokens;
