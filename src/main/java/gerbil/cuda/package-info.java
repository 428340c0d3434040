/**
 * A training step of kernels in CUDA C, compiled for the card at hand. They are resources, one file for a kernel and
 * its backward pass, with its mathematics and memory layout above it; {@code warp.cuh} is what they share.
 */
package gerbil.cuda;
