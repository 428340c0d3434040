/** What a model is trained to predict: token sets become batches of inputs and targets. */
package gerbil.objective;
