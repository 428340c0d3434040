package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.Campaign;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** SIGKILL at random moments of a work that is begun again until it is done; then the work is done anew. */
public abstract class Kills {

    private static final long HOUR = 3_600_000;
    private final Random random = new Random(Campaign.SEED);
    private int works;

    /** A process that begins the work, or goes on with it; it prints a line when it does, and more if it likes. */
    protected abstract Process start() throws IOException;

    /**
     * Sees to it that nothing is lost.
     *
     * @param said the process's lines
     */
    protected abstract void killed(List<String> said) throws IOException;

    /** Sees to it that what is done is right, and removes it. */
    protected abstract void done() throws IOException;

    /** Kills as often, at moments spread over the time that the work takes when nobody disturbs it. */
    public final void run(int kills) throws IOException, InterruptedException {
        long milliseconds = life(HOUR);
        for (int killed = 0; killed < kills; ) {
            killed += life(random.nextLong(milliseconds)) < 0 ? 1 : 0;
        }
        while (life(HOUR) < 0) {
            // to the end of the work at hand
        }
    }

    /** How often the work was done. */
    public final int works() {
        return works;
    }

    /** Milliseconds from the first line to the end of the work, or -1 if it was killed. */
    private long life(long most) throws IOException, InterruptedException {
        Process child = start();
        try (BufferedReader lines = child.inputReader()) {
            String first = lines.readLine();
            long begin = System.nanoTime();
            child.waitFor(most, TimeUnit.MILLISECONDS);
            long milliseconds = (System.nanoTime() - begin) / 1_000_000;
            // not the process itself, which would close what it said
            child.toHandle().destroyForcibly();
            int code = child.waitFor();
            // one may come to its end just then, or, killed after its last step, be done when it is begun again
            assertTrue(code == 0 || first != null && code == 128 + 9, "exit code " + code);
            if (code == 128 + 9) {
                List<String> said = new ArrayList<>(List.of(first));
                lines.lines().forEach(said::add);
                killed(said);
                return -1;
            }
            works++;
            done();
            return milliseconds + 1;
        } finally {
            child.destroyForcibly();
        }
    }
}
