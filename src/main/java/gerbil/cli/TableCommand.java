package gerbil.cli;

import gerbil.results.LossTable;
import gerbil.runs.Workspace;
import picocli.CommandLine.Command;
import tech.tablesaw.api.Table;

import java.io.IOException;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.List;
import java.util.Locale;
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
        Table shown = table.table().selectColumns("model", "corpus", "seed", "learning_rate", "tokens",
                "heldout_loss", "bits_per_byte", "training_loss", "wall_seconds");
        for (String loss : List.of("heldout_loss", "bits_per_byte", "training_loss")) {
            shown.doubleColumn(loss).setPrintFormatter(decimals("0.0000"), "");
        }
        shown.doubleColumn("learning_rate").setPrintFormatter(decimals("0.######"), "");
        shown.longColumn("seed").setPrintFormatter(decimals("0"), "");
        shown.longColumn("tokens").setPrintFormatter(decimals("0"), "");
        shown.doubleColumn("wall_seconds").setPrintFormatter(decimals("0"), "");
        System.out.println(shown.printAll());
        table.passedOver().forEach(file -> System.err.println("passed over, not whole: " + file));
        System.out.println("written to " + workspace.results());
        return 0;
    }

    private static DecimalFormat decimals(String pattern) {
        return new DecimalFormat(pattern, DecimalFormatSymbols.getInstance(Locale.ROOT));
    }
}
