/** How good a model is on text that it was not trained on, in units that others use too. */
package gerbil.eval;
