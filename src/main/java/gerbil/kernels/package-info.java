/**
 * What is fast: the model once more in PyTorch operators that DJL has no methods for. {@code kernels.py} is TorchScript
 * source, which {@link gerbil.kernels.Kernels} writes into an archive and loads through DJL's own {@code Model.load}. It
 * computes the training loss with its gradients, scores tokens and draws them.
 *
 * <p>What it gains comes from the head, most of the work of models this small: it goes through tokens and vocabulary in
 * blocks that stay in the cache, and makes a block's gradients in the same visit, so that neither all logits nor a graph
 * over them exist. The block's size is measured when a run begins, and recorded. On a GPU it takes many rows in few
 * passes instead.
 */
package gerbil.kernels;
