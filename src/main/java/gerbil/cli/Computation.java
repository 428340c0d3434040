package gerbil.cli;

import java.util.concurrent.Callable;

/** A command that computes with PyTorch, which is loaded while the command's arguments are read. */
interface Computation extends Callable<Integer> {
}
