/**
 * What is fast: the model once more in PyTorch operators, one resource file of TorchScript that computes the training
 * loss with its gradients, scores tokens and draws them.
 */
package gerbil.kernels;
