/** Learning: the plan of a run, its batches, step, optimizer and schedule, in this process or in one of its own. */
package gerbil.train;
