package gerbil.cli;

import gerbil.runs.DetachedRun;
import gerbil.spec.RunResult;
import gerbil.train.PrintedProgress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

import java.util.concurrent.Callable;

@Command(name = "watch", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Shows how far a run is until it ends, whichever process trains it. Ctrl-C leaves the run alone.")
final class WatchCommand implements Callable<Integer> {

    @Mixin
    private StartedRunOption option;

    @Override
    public Integer call() {
        DetachedRun run = option.run();
        RunResult result = run.follow(new PrintedProgress(System.err));
        TrainCommand.print(result, run.directory());
        return 0;
    }
}
