package gerbil.cli;

import gerbil.results.LossTable;
import gerbil.train.Workspace;
import picocli.CommandLine.Command;

import java.io.IOException;
import java.util.concurrent.Callable;

@Command(name = "table", mixinStandardHelpOptions = true,
        description = "Collects the finished runs into results/loss-table.csv and results/loss-table.md, beside the "
                + "published rows.")
final class TableCommand implements Callable<Integer> {

    @Override
    public Integer call() throws IOException {
        Workspace workspace = Workspace.here();
        LossTable table = LossTable.collect(workspace.runs(), workspace.results());
        table.write(workspace.results());
        System.out.println(table.table().selectColumns("model", "scale", "tokens", "training_loss", "heldout_loss",
                "bits_per_byte", "wall_seconds").printAll());
        System.out.println("written to " + workspace.results());
        return 0;
    }
}
