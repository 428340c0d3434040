/**
 * Where documents come from: pinned Maven source jars (the default), or a folder of the reader's own text and jsonl
 * files; their seeded order, exact copies dropped, and which of them are held out.
 */
package gerbil.corpus;
