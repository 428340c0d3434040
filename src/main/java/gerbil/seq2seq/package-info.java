/** Encoder-decoders that are made of Gerbils: a task, training, and how much beginning with a trained model saves. */
package gerbil.seq2seq;
