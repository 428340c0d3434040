package gerbil.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the driver's own program, {@code nvidia-smi}, tells; nothing where there is no such program. */
final class NvidiaSmi {

    private static final String CARDS =
            "--query-gpu=index,uuid,name,memory.total,memory.used,driver_version,compute_cap";
    private static final String USERS = "--query-compute-apps=gpu_uuid,pid,used_memory";
    /** A card that hangs makes the program hang. */
    private static final int PATIENCE_SECONDS = 20;

    private NvidiaSmi() {
    }

    /**
     * A card; what the driver does not know of it is empty.
     *
     * @param index by place on the bus, which need not be PyTorch's number of it
     * @param memory in MiB
     * @param used by all processes, in MiB
     * @param capability compute capability: "8.6"
     */
    record Card(String index, String uuid, String name, OptionalLong memory, OptionalLong used, String driver,
                String capability) {

        /** "NVIDIA GeForce RTX 3060, 12 GB, driver 580.82.07". */
        @Override
        public String toString() {
            return name + (memory.isPresent() ? ", " + Math.round(memory.getAsLong() / 1024.0) + " GB" : "")
                    + ", driver " + driver;
        }

        /** The processes that compute on it. */
        List<User> users() {
            return query(USERS).filter(f -> f[0].equals(uuid) && number(f[1]).isPresent())
                    .map(f -> new User(Long.parseLong(f[1]), number(f[2]))).toList();
        }

        /** MiB that a process has taken; where the driver does not name it, as in a container, those of all. */
        OptionalLong usedBy(long process) {
            return users().stream().filter(user -> user.process == process).map(User::used).findFirst()
                    .filter(OptionalLong::isPresent).orElse(used);
        }

        /**
         * "1240 of 6144 MiB are free, process 4711 holds 4800 MiB".
         *
         * @param own a process that uses the card; if the driver knows it by another number, as in a container, others
         *     are not named
         */
        String room(long own) {
            List<User> users = users();
            return (memory.isEmpty() || used.isEmpty() ? "how much is free is not known"
                    : memory.getAsLong() - used.getAsLong() + " of " + memory.getAsLong() + " MiB are free")
                    + (users.stream().noneMatch(user -> user.process == own) ? ""
                    : users.stream().filter(user -> user.process != own).map(user -> ", " + user)
                            .collect(Collectors.joining()));
        }
    }

    /**
     * A process that computes on a card.
     *
     * @param used of the card's memory, in MiB
     */
    record User(long process, OptionalLong used) {

        @Override
        public String toString() {
            return "process " + process + " holds "
                    + (used.isPresent() ? used.getAsLong() + " MiB" : "some memory");
        }
    }

    /**
     * The card that PyTorch sees first: of those of its compute capability the one that CUDA_VISIBLE_DEVICES begins
     * with, or the first.
     *
     * @param capability "8.6"
     * @param visible CUDA_VISIBLE_DEVICES; empty if it is not set
     */
    static Optional<Card> card(String capability, String visible) {
        String named = visible.split(",")[0].strip();
        return query(CARDS).map(f -> new Card(f[0], f[1], f[2], number(f[3]), number(f[4]), f[5], f[6]))
                .filter(card -> card.capability.equals(capability))
                .min(Comparator.comparing(card ->
                        named.isEmpty() || !card.index.equals(named) && !card.uuid.startsWith(named)));
    }

    private static Stream<String[]> query(String what) {
        try {
            Process process = new ProcessBuilder("nvidia-smi", what, "--format=csv,noheader,nounits")
                    .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return Stream.empty();
            }
            List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines()
                    .toList();
            // of a card that it cannot reach it says so on a line of its own
            int fields = what.split(",").length;
            return process.exitValue() == 0
                    ? lines.stream().map(line -> line.split(", ")).filter(found -> found.length == fields)
                    : Stream.empty();
        } catch (IOException e) {
            return Stream.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Stream.empty();
        }
    }

    private static OptionalLong number(String field) {
        return field.matches("\\d+") ? OptionalLong.of(Long.parseLong(field)) : OptionalLong.empty();
    }
}
