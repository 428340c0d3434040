package gerbil.cli;

import gerbil.runs.DetachedRun;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

import java.util.concurrent.Callable;

@Command(name = "stop", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Ends a run's process after a checkpoint; train goes on from there.")
final class StopCommand implements Callable<Integer> {

    @Mixin
    private StartedRunOption option;

    @Override
    public Integer call() {
        DetachedRun run = option.run();
        run.stop();
        // at its last step a run rather finishes
        if (run.directory().result().isPresent()) {
            TrainCommand.print(run.directory().result().get(), run.directory());
            return 0;
        }
        System.out.println(run.spec().model() + ": stopped. The same train command goes on from the checkpoint in "
                + run.directory().folder());
        return 0;
    }
}
