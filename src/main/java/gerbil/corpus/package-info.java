/**
 * Where documents come from: pinned Maven source jars (the default), texts, jsonl and parquet in a folder or behind
 * HTTPS; their seeded order, read as slices and blocks; which of them are duplicates of one another, and which are held
 * out.
 */
package gerbil.corpus;
