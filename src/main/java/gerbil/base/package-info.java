/**
 * What every room stands on: the exception for what a reader can mend, progress, JSON of records, files that are
 * whole or not there, checksums, a full disk told as such. This room uses no other.
 */
package gerbil.base;
