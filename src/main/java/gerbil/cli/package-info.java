/** The command line: the calls that the notebooks make, as commands. */
package gerbil.cli;
