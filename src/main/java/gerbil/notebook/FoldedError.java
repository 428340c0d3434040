package gerbil.notebook;

import gerbil.base.GerbilException;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Optional;
import java.util.stream.Stream;

/** What a reader can mend is told in its sentences; where in the library it was noticed is there to be unfolded. */
final class FoldedError {

    private FoldedError() {
    }

    /**
     * What the kernel should report in the place of what a cell threw: the message alone of a {@link GerbilException},
     * whose stack trace is shown folded; anything else as it is.
     */
    static Throwable of(Throwable thrown) {
        Optional<GerbilException> mendable = Stream.iterate(thrown, t -> t != null, Throwable::getCause).limit(20)
                .filter(GerbilException.class::isInstance).map(GerbilException.class::cast).findFirst();
        if (mendable.isEmpty()) {
            return thrown;
        }
        Notebook.show(bundle(thrown));
        return mendable.get().withoutTrace();
    }

    static MimeBundle bundle(Throwable thrown) {
        StringWriter trace = new StringWriter();
        thrown.printStackTrace(new PrintWriter(trace, true));
        return MimeBundle.html("<details><summary>Stack trace</summary><pre>" + Html.escape(trace.toString())
                + "</pre></details>", "[stack trace]");
    }
}
