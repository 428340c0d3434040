package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.OptionalLong;

/** The driver's program as a script that says what the real one does. */
class NvidiaSmiTest {

    private static final String OLD = "GPU-5e1f3c9a-2b7d-4c1e-9a34-0d9b1c2f6a77";
    private static final String BUSY = "GPU-c8a1f0de-91b2-7f57-6b0e-4d1c5f0a2e13";
    private static final String FREE = "GPU-d0b2466c-0f3a-1b6d-8e57-6a9f2c7d1b44";
    private static final String THREE_CARDS = String.join("\n",
            "0, " + OLD + ", NVIDIA GeForce GTX 1050 Ti, 4096, 412, 550.54.14, 6.1",
            "1, " + BUSY + ", NVIDIA GeForce RTX 3060, 12288, 11048, 550.54.14, 8.6",
            "2, " + FREE + ", NVIDIA GeForce RTX 3060, 12288, 3, 550.54.14, 8.6");
    private static final String USERS = String.join("\n", BUSY + ", 4711, 4800", BUSY + ", 4712, 6212",
            BUSY + ", 4713, [N/A]", OLD + ", 4714, 400");

    @TempDir
    private Path folder;

    /** Prints the card for a compute capability and CUDA_VISIBLE_DEVICES, and what process 4711 has and leaves. */
    static final class Asking {

        private Asking() {
        }

        public static void main(String[] args) {
            NvidiaSmi.card(args[0], args[1]).ifPresent(card -> {
                System.out.println(card.uuid() + ": " + card);
                OptionalLong used = card.usedBy(4711);
                System.out.println(used.isPresent() ? used.getAsLong() : "unknown");
                System.out.println(card.room(4711));
            });
        }
    }

    private List<String> asked(String cards, String users, int status, String capability, String visible)
            throws IOException, InterruptedException {
        Path script = folder.resolve("nvidia-smi");
        Files.writeString(script, "#!/bin/sh\ncase \"$1\" in --query-gpu=*) cat <<'E'\n" + cards
                + "\nE\n;; *) cat <<'E'\n" + users + "\nE\n;; esac\nexit " + status + "\n");
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
        return asked(folder + ":/usr/bin:/bin", capability, visible);
    }

    private static List<String> asked(String path, String capability, String visible)
            throws IOException, InterruptedException {
        Process child = Child.start(List.of("env", "PATH=" + path), List.of("-XX:TieredStopAtLevel=1"), Asking.class,
                capability, visible);
        List<String> lines = child.inputReader().lines().toList();
        assertEquals(0, child.waitFor());
        return lines;
    }

    @Test
    void theFirstCardOfItsCapabilityIsDescribedWithWhoUsesIt() throws Exception {
        List<String> busy = List.of(BUSY + ": NVIDIA GeForce RTX 3060, 12 GB, driver 550.54.14", "4800",
                "1240 of 12288 MiB are free, process 4712 holds 6212 MiB, process 4713 holds some memory");
        assertEquals(busy, asked(THREE_CARDS, USERS, 0, "8.6", ""));
        assertEquals(busy, asked(THREE_CARDS, USERS, 0, "8.6", "1,2"));
    }

    /** By number or by the beginning of its UUID; a number that PyTorch counts in another order is not believed. */
    @Test
    void theCardThatCudaVisibleDevicesNamesComesFirst() throws Exception {
        List<String> free = List.of(FREE + ": NVIDIA GeForce RTX 3060, 12 GB, driver 550.54.14", "3",
                "12285 of 12288 MiB are free");
        assertEquals(free, asked(THREE_CARDS, USERS, 0, "8.6", "2"));
        assertEquals(free, asked(THREE_CARDS, USERS, 0, "8.6", "GPU-d0b2466c,GPU-c8a1f0de"));
        assertEquals(OLD, asked(THREE_CARDS, USERS, 0, "6.1", "2").get(0).substring(0, OLD.length()));
    }

    /** Of memory that a processor shares, and of processes in a container, the driver knows nothing. */
    @Test
    void whatTheDriverDoesNotKnowIsLeftOut() throws Exception {
        assertEquals(List.of(FREE + ": NVIDIA GB10, driver 580.82.09", "unknown", "how much is free is not known"),
                asked("0, " + FREE + ", NVIDIA GB10, [N/A], [N/A], 580.82.09, 12.1", "", 0, "12.1", ""));
        assertEquals(List.of(BUSY + ": NVIDIA H100 80GB HBM3, 80 GB, driver 580.82.07", "76000",
                "5559 of 81559 MiB are free"),
                asked("0, " + BUSY + ", NVIDIA H100 80GB HBM3, 81559, 76000, 580.82.07, 9.0", BUSY + ", 1, 75990", 0,
                        "9.0", ""));
    }

    @Test
    void noCardIsFoundWhereTheProgramIsMissingOrFails() throws Exception {
        assertEquals(List.of(), asked("/usr/nowhere", "8.6", ""));
        assertEquals(List.of(), asked("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
                + "Make sure that the latest NVIDIA driver is installed and running.", "", 9, "8.6", ""));
        assertEquals(List.of(), asked("Unable to determine the device handle for GPU0: 0000:01:00.0: GPU is lost.  "
                + "Reboot the system to recover this GPU", "", 0, "8.6", ""));
    }
}
