package gerbil.train;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * While open, a signal that ends the process first interrupts the thread that opened it, and waits until that has
 * closed it: a training ends its step and saves a checkpoint.
 */
final class Termination implements AutoCloseable {

    private static final long MILLISECONDS_TO_PRINT = 300;

    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread hook;

    Termination() {
        Thread training = Thread.currentThread();
        hook = new Thread(() -> {
            try {
                // insists: a library that swallows an interrupt must not keep the process alive for days
                do {
                    training.interrupt();
                } while (!closed.await(1, TimeUnit.SECONDS));
                // time to say why: the thread itself never ends, because its System.exit waits for this hook
                training.join(MILLISECONDS_TO_PRINT);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(hook);
    }

    @Override
    public void close() {
        closed.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the process is ending: the hook is what waits for this thread
        }
    }
}
