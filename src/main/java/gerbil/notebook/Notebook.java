package gerbil.notebook;

import gerbil.results.LossTable;
import tech.tablesaw.api.Table;
import tech.tablesaw.plotly.components.Figure;

/** Teaches the running kernel how this kit's things look. The kernel's startup script calls it before any cell. */
public final class Notebook {

    private Notebook() {
    }

    /**
     * From now on a {@link Table}, {@link Figure} or {@link LossTable} that ends a cell, or is given to the kernel's
     * {@code display}, appears as a table or an interactive chart, and a {@link gerbil.base.GerbilException} as its
     * message with the stack trace folded. Cells, what they print and questions about code go through
     * {@link Kernel#takeOver}. Without a kernel nothing happens.
     */
    public static void start() {
        Kernel.running().ifPresent(kernel -> {
            kernel.render(Table.class, TableHtml::bundle);
            kernel.render(Figure.class, PlotlyJson::bundle);
            kernel.render(LossTable.class, LossTableHtml::bundle);
            kernel.render(MimeBundle.class, bundle -> bundle);
            kernel.takeOver(FoldedError::of);
        });
    }

    /** Shows Markdown as the notebook's own text looks. Without a kernel it is printed as it is. */
    public static void showMarkdown(String markdown) {
        show(MimeBundle.of("text/markdown", markdown, markdown));
    }

    /**
     * Shows an object in the midst of a cell, as the kernel's {@code display} does, whose result, though, the notebook
     * prints when it ends a cell. Without a kernel the object is printed.
     */
    public static void show(Object shown) {
        Kernel.running().ifPresentOrElse(kernel -> kernel.display(shown), () -> System.out.println(shown));
    }
}
