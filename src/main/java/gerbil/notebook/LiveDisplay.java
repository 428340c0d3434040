package gerbil.notebook;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * One display below a cell whose content changes. Frames that come too soon after another are dropped before they are
 * drawn: a kernel that is sent thousands of messages loses some and can hang a headless run.
 */
final class LiveDisplay {

    private static final Duration IN_A_NOTEBOOK = Duration.ofMillis(200);
    private static final Duration AS_LINES = Duration.ofSeconds(10);

    private final Consumer<MimeBundle> screen;
    private final long interval;
    private final LongSupplier nanoTime;
    private long last;

    LiveDisplay(Consumer<MimeBundle> screen, Duration interval, LongSupplier nanoTime) {
        this.screen = screen;
        this.interval = interval.toNanos();
        this.nanoTime = nanoTime;
        last = nanoTime.getAsLong() - this.interval;
    }

    /** A display of the running kernel; without one, a plain line now and then. */
    static LiveDisplay open() {
        Optional<Kernel> kernel = Kernel.running();
        return kernel.isPresent()
                ? new LiveDisplay(new KernelScreen(kernel.get()), IN_A_NOTEBOOK, System::nanoTime)
                : new LiveDisplay(bundle -> System.out.println(bundle.plainText()), AS_LINES, System::nanoTime);
    }

    /** Shows the frame if the last one is long enough ago. */
    void frame(Supplier<MimeBundle> bundle) {
        if (nanoTime.getAsLong() - last >= interval) {
            show(bundle.get());
        }
    }

    /** Shows the frame in any case. */
    void show(MimeBundle bundle) {
        screen.accept(bundle);
        last = nanoTime.getAsLong();
    }

    private static final class KernelScreen implements Consumer<MimeBundle> {

        private final Kernel kernel;
        private String displayId;

        KernelScreen(Kernel kernel) {
            this.kernel = kernel;
        }

        @Override
        public void accept(MimeBundle bundle) {
            if (displayId == null) {
                displayId = kernel.display(bundle);
            } else {
                kernel.update(displayId, bundle);
            }
        }
    }
}
