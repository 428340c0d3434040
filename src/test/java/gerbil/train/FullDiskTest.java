package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import gerbil.Campaign;
import gerbil.base.GerbilException;
import gerbil.base.WholeFile;
import gerbil.runs.Checkpoint;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.RunResult;
import gerbil.spec.StepMetrics;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Whatever room a disk has, up to two checkpoints and a bit, a run on it ends in a sentence, and what is there is gone
 * on with when there is room.
 */
class FullDiskTest {

    private static final int STEPS = 8;

    @TempDir
    private Path folder;
    private final List<Integer> trained = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    @Test
    void aDiskMayBeFullAtAnyByte() throws Exception {
        PreparedTokens tokens = TestTokens.prepare(folder, 40_000);
        RunDirectory whole = RunDirectory.at(folder.resolve("whole"));
        train(tokens, whole, "1");
        Path disk = Files.createDirectory(folder.resolve("disk"));
        assumeTrue(Child.succeeds("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", disk.toString()),
                "only root may mount the small disks that this test fills");
        Set<Integer> saved = new HashSet<>();
        try {
            int disks = Math.max(15, Campaign.many("kills", 0));
            for (int tried = 0; tried < disks; tried++) {
                int kilobytes = 4 + 1_046 * tried / disks;
                assertTrue(Child.succeeds("mount", "-o", "remount,size=" + kilobytes + "k", disk.toString()));
                RunDirectory run = RunDirectory.at(disk.resolve("run"));
                String message = assertThrows(GerbilException.class, () -> train(tokens, run, "1")).getMessage();
                assertTrue(message.contains("no space left on the disk of " + run.folder())
                        && message.contains("3 checkpoints of about 0.5 MB, of which 2 are kept"), message);
                assertTrue(Child.succeeds("mount", "-o", "remount,size=4m", disk.toString()));
                trained.clear();
                notes.clear();
                int step = run.latestCheckpoint().map(Checkpoint::step).orElse(0);
                saved.add(step);
                assertSame(whole, run, train(tokens, run, "1h"));
                assertEquals(step + 1, trained.get(0));
                assertEquals(List.of(), notes);
                WholeFile.delete(run.folder());
            }
            assertEquals(Set.of(0, 1, 2), saved);
            Campaign.report("Disk that is full while a run trains", disks + " sizes from 4 to 1,050 kB, two checkpoints "
                    + "and a bit; each run ended in a sentence, and with room to the same weights and losses");
        } finally {
            assertTrue(Child.succeeds("umount", disk.toString()));
        }
    }

    private RunResult train(PreparedTokens tokens, RunDirectory run, String every) {
        TrainingListener listener = new TrainingListener() {

            @Override
            public void step(StepMetrics metrics, int steps) {
                trained.add(metrics.step());
            }

            @Override
            public void note(String sentence) {
                notes.add(sentence);
            }
        };
        return new Trainer(SmallRun.of(tokens, STEPS), tokens, run, () -> SmallRun.settings(TrainingPath.FUSED, 2),
                listener, CheckpointPolicy.parse(every, 2, 0)).run();
    }

    private static void assertSame(RunDirectory whole, RunDirectory run, RunResult result) throws IOException {
        for (String file : List.of("weights.safetensors", "moments.safetensors")) {
            assertEquals(-1, Files.mismatch(whole.latestCheckpoint().orElseThrow().folder().resolve(file),
                    run.latestCheckpoint().orElseThrow().folder().resolve(file)), file);
        }
        assertEquals(whole.result().orElseThrow().heldoutLoss(), result.heldoutLoss());
        assertEquals(whole.result().orElseThrow().wholeRunLoss(), result.wholeRunLoss());
    }
}
