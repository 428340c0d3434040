package gerbil.notebook;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * What cells print, in few messages. A kernel's own streams send one for each line, from the cell's thread: of
 * thousands a second the Jupyter server drops some without a word, and an interrupt closes the socket that sends. Here
 * a cell that prints faster waits, and what is too much to show is left out with a word.
 */
final class CellOutput {

    /** With the interval half of the megabyte a second above which Jupyter servers drop what a kernel says. */
    private static final int MOST_BYTES = 1 << 15;
    private static final int MOST_MESSAGES = 30;
    private static final Duration INTERVAL = Duration.ofMillis(60);

    /** Of more a browser gets slow, and a notebook's file large. */
    private static final int MOST_OF_A_CELL = 1 << 20;
    private static final byte[] CUT = ("\n[A cell shows what it prints up to 1 MiB: the rest is left out. "
            + "Write it to a file to see all.]\n").getBytes(StandardCharsets.UTF_8);

    private record Part(OutputStream stream, ByteArrayOutputStream printed) {
    }

    private final MessageThread sender;
    private final List<Part> parts = new ArrayList<>();
    private int bytes;
    private int bytesOfCell;

    CellOutput(MessageThread sender) {
        this.sender = sender;
    }

    /**
     * @param stream the kernel's, which sends what it was given when it is flushed
     * @param ended whether what the current thread runs is to end; then printing throws {@link CellInterrupted}
     */
    OutputStream inPlaceOf(OutputStream stream, BooleanSupplier ended) {
        return new OutputStream() {
            @Override
            public void write(int b) {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] printed, int from, int length) {
                if (ended.getAsBoolean()) {
                    throw new CellInterrupted();
                }
                print(stream, printed, from, length);
            }
        };
    }

    /** What is printed from now on belongs to another cell. */
    synchronized void startCell() {
        bytesOfCell = 0;
    }

    private synchronized void print(OutputStream stream, byte[] printed, int from, int length) {
        if (bytesOfCell < MOST_OF_A_CELL) {
            bytesOfCell += length;
            add(stream, printed, from, length);
            if (bytesOfCell >= MOST_OF_A_CELL) {
                add(stream, CUT, 0, CUT.length);
            }
        }
    }

    private void add(OutputStream stream, byte[] printed, int from, int length) {
        awaitRoom();
        if (parts.isEmpty()) {
            sender.later(INTERVAL, this::send);
        }
        if (parts.isEmpty() || parts.get(parts.size() - 1).stream != stream) {
            parts.add(new Part(stream, new ByteArrayOutputStream()));
        }
        parts.get(parts.size() - 1).printed.write(printed, from, length);
        bytes += length;
    }

    private void awaitRoom() {
        boolean interrupted = false;
        while (bytes >= MOST_BYTES || parts.size() >= MOST_MESSAGES) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Returns when all that was printed is sent. */
    void flush() {
        sender.run(() -> {
            send();
            return null;
        });
    }

    private synchronized void send() {
        try {
            for (Part part : parts) {
                part.printed.writeTo(part.stream);
                part.stream.flush();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            parts.clear();
            bytes = 0;
            notifyAll();
        }
    }
}
