package gerbil.kernels;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Log-probabilities of given tokens in float32, for many windows at a time. Windows of like length share a batch; the
 * head is computed for the scored tokens alone, and never are all their logits in memory. Safe for use by many threads,
 * which take turns.
 */
public final class TokenScorer {

    /** Tokens of a batch, padding included. */
    private static final int BATCH_TOKENS = 4_096;
    /** Logits that are in memory at once: few enough for a processor's cache. */
    private static final int LOGITS = 1 << 22;

    private final GptJ model;
    private final Kernels kernels;
    private final PackedWeights weights;
    private final NDList rotation;

    public TokenScorer(GptJ model) {
        this.model = model;
        kernels = Kernels.load(model.manager());
        weights = PackedWeights.of(model, kernels, model.config().vocabulary(), false);
        rotation = model.rotary().at(model.manager(), 0, model.config().contextLength())
                .overHeads(2 * model.config().heads());
    }

    /** The most tokens that a window may have: one more than the model's context length. */
    public int longestWindow() {
        return model.config().contextLength() + 1;
    }

    /**
     * Scores every window's continuation.
     *
     * @param top how many of the likeliest tokens to name in each place; 0 for none
     * @return in the order of the windows
     * @throws GerbilException if a window is longer than {@link #longestWindow} or holds an id outside the model's rows
     */
    public List<TokenScores> score(List<TokenWindow> windows, int top) {
        return score(windows, top, () -> { });
    }

    /**
     * As {@link #score(List, int)}.
     *
     * @param beforeBatch run before each batch; what it throws ends the scoring
     */
    public synchronized List<TokenScores> score(List<TokenWindow> windows, int top, Runnable beforeBatch) {
        windows.forEach(this::check);
        int[] byLength = IntStream.range(0, windows.size()).boxed()
                .sorted(Comparator.comparingInt((Integer i) -> -windows.get(i).length()))
                .mapToInt(Integer::intValue).toArray();
        TokenScores[] scores = new TokenScores[windows.size()];
        for (int first = 0; first < byLength.length; ) {
            int longest = windows.get(byLength[first]).length() - 1;
            int last = Math.min(byLength.length, first + Math.max(1, BATCH_TOKENS / longest));
            List<TokenWindow> batch = IntStream.range(first, last).mapToObj(i -> windows.get(byLength[i])).toList();
            beforeBatch.run();
            List<TokenScores> scored = scoreBatch(batch, top);
            for (int i = first; i < last; i++) {
                scores[byLength[i]] = scored.get(i - first);
            }
            first = last;
        }
        return List.of(scores);
    }

    private void check(TokenWindow window) {
        model.config().requireContext(window.length() - 1);
        for (int place = 0; place < window.length(); place++) {
            int id = window.token(place);
            if (id < 0 || id >= model.config().vocabulary()) {
                throw new GerbilException("token " + id, "ids from 0 to " + (model.config().vocabulary() - 1),
                        "use the ids of the tokenizer that the model was trained with");
            }
        }
    }

    /**
     * One batch. With as many windows as threads each thread takes a part, whose operators it has to itself: so no
     * thread waits for another at each operator.
     */
    private List<TokenScores> scoreBatch(List<TokenWindow> batch, int top) {
        int threads = JniUtils.getNumThreads();
        boolean apart = threads > 1 && batch.size() >= threads && !model.manager().getDevice().isGpu();
        int parts = apart ? threads : 1;
        int chunk = Math.max(1, LOGITS / parts / model.config().vocabulary());
        long tokens = batch.stream().mapToInt(TokenWindow::length).sum();
        try (NDScope scope = new NDScope(); NDManager scratch = model.manager().newSubManager();
             IntraOpThreads shared = apart ? IntraOpThreads.one()
                     : IntraOpThreads.worth(tokens * weights.multiplications())) {
            scope.suppressNotUsedWarning();
            NDList ids = new NDList();
            NDList rows = new NDList();
            NDList targets = new NDList();
            for (int part = 0; part < parts; part++) {
                List<TokenWindow> windows =
                        batch.subList(part * batch.size() / parts, (part + 1) * batch.size() / parts);
                Inputs inputs = inputs(windows);
                ids.add(scratch.create(inputs.ids, new Shape(windows.size(), inputs.ids.length / windows.size())));
                rows.add(scratch.create(inputs.rows));
                targets.add(scratch.create(inputs.targets));
            }
            NDList results = kernels.call("score", false, new Kernels.Arguments().add(ids).add(rows).add(targets)
                    .add(weights.embedding()).add(weights.layers()).add(weights.head())
                    .add(rotation.get(0)).add(rotation.get(1))
                    .add(kernels.numbers(chunk, top)));
            return split(batch, top, results.get(0).toFloatArray(), results.get(1).toFloatArray(),
                    top == 0 ? new long[0] : results.get(2).toLongArray(),
                    top == 0 ? new float[0] : results.get(3).toFloatArray());
        }
    }

    /** As the kernel takes them: ids (windows, length), the rows that are scored, and the tokens that follow there. */
    private record Inputs(long[] ids, long[] rows, long[] targets) {
    }

    /** Of windows, the longest first; shorter ones are padded at the end, where causal attention hides it. */
    private static Inputs inputs(List<TokenWindow> windows) {
        int length = windows.get(0).length() - 1;
        long[] ids = new long[windows.size() * length];
        LongStream.Builder rows = LongStream.builder();
        LongStream.Builder targets = LongStream.builder();
        for (int sequence = 0; sequence < windows.size(); sequence++) {
            TokenWindow window = windows.get(sequence);
            for (int place = 0; place < window.length() - 1; place++) {
                ids[sequence * length + place] = window.token(place);
                if (place >= window.context().length - 1) {
                    rows.add((long) sequence * length + place);
                    targets.add(window.token(place + 1));
                }
            }
        }
        return new Inputs(ids, rows.build().toArray(), targets.build().toArray());
    }

    private static List<TokenScores> split(List<TokenWindow> batch, int top, float[] own, float[] best, long[] topIds,
                                           float[] topValues) {
        List<TokenScores> scores = new ArrayList<>();
        int first = 0;
        for (TokenWindow window : batch) {
            int from = first;
            int tokens = window.continuation().length;
            long[][] ids = new long[tokens][top];
            float[][] values = new float[tokens][top];
            for (int i = 0; i < tokens; i++) {
                System.arraycopy(topIds, (from + i) * top, ids[i], 0, top);
                System.arraycopy(topValues, (from + i) * top, values[i], 0, top);
            }
            scores.add(new TokenScores(Arrays.copyOfRange(own, from, from + tokens),
                    Arrays.copyOfRange(best, from, from + tokens), ids, values));
            first += tokens;
        }
        return scores;
    }
}
