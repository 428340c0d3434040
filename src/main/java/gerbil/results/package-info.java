/** The loss table: finished runs beside the published ones. */
package gerbil.results;
