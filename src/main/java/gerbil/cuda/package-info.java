/** A training step of kernels in CUDA C, compiled for the card at hand. */
package gerbil.cuda;
