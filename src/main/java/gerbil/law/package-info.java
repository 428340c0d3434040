/** The scaling law: how the loss goes with parameters and tokens, fitted to the rows of the loss table. */
package gerbil.law;
