/**
 * What a run leaves on disk and who trains it: run directories with record, metrics, checkpoints and result, the lock
 * of the process that trains, runs in processes of their own, a run's model; and the workspace that all of it stands
 * in.
 */
package gerbil.runs;
