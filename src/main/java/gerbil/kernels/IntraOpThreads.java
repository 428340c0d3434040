package gerbil.kernels;

import ai.djl.pytorch.jni.JniUtils;

/** How many threads share an operator of PyTorch's that the calling thread runs, until it is closed. */
final class IntraOpThreads implements AutoCloseable {

    /**
     * Multiplications between two tokens of a text below which threads wait for each other longer than they work:
     * measured with two threads, at every size, for 1 to 16 texts.
     */
    private static final long WORTH_SHARING = 10_000_000;

    private final int before = JniUtils.getNumThreads();

    private IntraOpThreads(int threads) {
        if (threads != before) {
            JniUtils.setNumThreads(threads);
        }
    }

    /** One thread: others are as busy. */
    static IntraOpThreads one() {
        return new IntraOpThreads(1);
    }

    /**
     * One thread where sharing would cost more than it saves, else all.
     *
     * @param multiplications of all products that follow one from another
     */
    static IntraOpThreads worth(long multiplications) {
        return new IntraOpThreads(multiplications < WORTH_SHARING ? 1 : JniUtils.getNumThreads());
    }

    @Override
    public void close() {
        if (JniUtils.getNumThreads() != before) {
            JniUtils.setNumThreads(before);
        }
    }
}
