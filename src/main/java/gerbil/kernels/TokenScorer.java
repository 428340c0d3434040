package gerbil.kernels;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

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
    private final NDList rotation;

    public TokenScorer(GptJ model) {
        this.model = model;
        kernels = Kernels.load(model.manager());
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
            List<TokenScores> scored = scoreBatch(batch, longest, top);
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

    /** One batch: shorter windows are padded at the end, where causal attention hides it from their tokens. */
    private List<TokenScores> scoreBatch(List<TokenWindow> batch, int length, int top) {
        int count = batch.stream().mapToInt(w -> w.continuation().length).sum();
        long[] ids = new long[batch.size() * length];
        long[] rows = new long[count];
        long[] targets = new long[count];
        int scored = 0;
        for (int sequence = 0; sequence < batch.size(); sequence++) {
            TokenWindow window = batch.get(sequence);
            for (int place = 0; place < window.length() - 1; place++) {
                ids[sequence * length + place] = window.token(place);
                if (place >= window.context().length - 1) {
                    rows[scored] = (long) sequence * length + place;
                    targets[scored++] = window.token(place + 1);
                }
            }
        }
        int chunk = Math.max(1, LOGITS / model.config().vocabulary());
        try (NDScope scope = new NDScope(); NDManager scratch = model.manager().newSubManager()) {
            scope.suppressNotUsedWarning();
            NDList results = kernels.call("score", false, new Kernels.Arguments()
                    .add(scratch.create(ids, new Shape(batch.size(), length))).add(scratch.create(rows))
                    .add(scratch.create(targets)).add(model.tensors())
                    .add(rotation.get(0)).add(rotation.get(1))
                    .add(kernels.numbers(chunk, top)));
            return split(batch, top, results.get(0).toFloatArray(), results.get(1).toFloatArray(),
                    top == 0 ? new long[0] : results.get(2).toLongArray(),
                    top == 0 ? new float[0] : results.get(3).toFloatArray());
        }
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
