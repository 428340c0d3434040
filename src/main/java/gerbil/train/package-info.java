/** From a run's specification to a trained model: plan, batches, optimizer, schedule, checkpoints, metrics. */
package gerbil.train;
