package gerbil.runs;

import gerbil.base.Json;
import gerbil.spec.StepMetrics;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Objects;

/** Reads a {@code metrics.jsonl} as another process writes it. */
final class MetricsFollower {

    private final Path file;
    private Object key;
    private long position;
    private int seen;

    MetricsFollower(Path file) {
        this.file = file;
    }

    /**
     * The steps added since the last call, at first all; none twice, though a killed run goes back to its checkpoint.
     */
    List<StepMetrics> next() throws IOException {
        if (!Files.exists(file)) {
            return List.of();
        }
        // a run that is continued puts a new file in the old one's place
        Object now = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        if (!Objects.equals(key, now)) {
            key = now;
            position = 0;
        }
        String lines = lines();
        List<StepMetrics> added = lines.lines().map(l -> Json.parse(l, StepMetrics.class, file.toString()))
                .filter(m -> m.step() > seen).toList();
        seen = added.isEmpty() ? seen : added.get(added.size() - 1).step();
        return added;
    }

    private String lines() throws IOException {
        try (SeekableByteChannel in = Files.newByteChannel(file)) {
            ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(Math.max(0, in.size() - position)));
            in.position(position);
            while (bytes.hasRemaining() && in.read(bytes) >= 0) {
                // until the end of the file
            }
            String text = new String(bytes.array(), 0, bytes.position(), StandardCharsets.US_ASCII);
            int end = text.lastIndexOf('\n') + 1;
            position += end;
            return text.substring(0, end);
        }
    }

    /** The last step read; 0 before the first. */
    int step() {
        return seen;
    }
}
