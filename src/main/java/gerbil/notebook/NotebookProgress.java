package gerbil.notebook;

import gerbil.base.Progress;
import gerbil.base.Units;

import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Shows the progress of long jobs in one display that closes into a line for each of them. Use it in
 * try-with-resources.
 */
public final class NotebookProgress implements Progress, AutoCloseable {

    private record Job(long done, long total, String unit, long start, long latest) {

        double elapsed() {
            return (latest - start) / 1e9;
        }
    }

    private final LiveDisplay display;
    private final Map<String, Job> jobs = new LinkedHashMap<>();

    public NotebookProgress() {
        this(LiveDisplay.open());
    }

    NotebookProgress(LiveDisplay display) {
        this.display = display;
    }

    /**
     * The elements, for a loop over them whose progress is shown.
     *
     * @param what the job in a few words: "scoring"
     * @param unit what the elements are: "models"
     */
    public static <T> Iterable<T> over(Collection<T> elements, String what, String unit) {
        return () -> new NotebookProgress().iterator(elements, what, unit);
    }

    <T> Iterator<T> iterator(Collection<T> elements, String what, String unit) {
        Iterator<T> rest = elements.iterator();
        return new Iterator<>() {

            private int done;

            @Override
            public boolean hasNext() {
                update(what, done, elements.size(), unit);
                if (!rest.hasNext()) {
                    close();
                }
                return rest.hasNext();
            }

            @Override
            public T next() {
                T element = rest.next();
                done++;
                return element;
            }
        };
    }

    @Override
    public synchronized void update(String what, long done, long total, String unit) {
        long now = System.nanoTime();
        jobs.merge(what, new Job(done, total, unit, now, now),
                (old, update) -> new Job(done, total, unit, old.start, now));
        display.frame(() -> bundle(true));
    }

    /** Leaves what was done in the display's place; nothing where nothing was to be done. */
    @Override
    public synchronized void close() {
        if (!jobs.isEmpty()) {
            display.show(bundle(false));
        }
    }

    private MimeBundle bundle(boolean running) {
        String lines = jobs.entrySet().stream().map(job -> line(job.getKey(), job.getValue(), running))
                .collect(Collectors.joining("\n"));
        return MimeBundle.html("<p style=\"white-space:pre-line\">" + Html.escape(lines) + "</p>", lines);
    }

    private static String line(String what, Job job, boolean running) {
        if (running && job.done < job.total) {
            return String.format(Locale.ROOT, "%s: %d%%, %,d of %,d %s, %s left", what, 100 * job.done / job.total,
                    job.done, job.total, job.unit, job.done == 0 ? "?" : Units.seconds(left(job)));
        }
        return String.format(Locale.ROOT, "%s: %,d %s in %s", what, job.done, job.unit, Units.seconds(job.elapsed()));
    }

    private static double left(Job job) {
        return job.elapsed() * (job.total - job.done) / job.done;
    }
}
