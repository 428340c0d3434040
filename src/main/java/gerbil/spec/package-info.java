/**
 * What a run is, as plain records: sizes, budget classes, objectives, scales, the run's whole specification, and the
 * published table that it is held against.
 */
package gerbil.spec;
