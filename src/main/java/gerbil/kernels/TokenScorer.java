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
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Log-probabilities of given tokens in float32, for many windows at a time. What windows share at their beginning is
 * read once; sequences of like length share a batch; the head is computed for the scored tokens alone, and never are
 * all their logits in memory. Safe for use by many threads, which take turns.
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
     * @throws GerbilException if a window is longer than {@link #longestWindow} or holds an id outside the model's
     *     rows, or if the model's logits are not numbers, from weights too large to compute with
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
        List<int[]> read = windows.stream().map(TokenWindow::read).toList();
        List<WindowGroup> groups = WindowGroup.of(read, model.config().width()).stream()
                .sorted(Comparator.comparing(WindowGroup::isAlone).thenComparing(group -> -group.length())).toList();
        TokenScores[] scores = new TokenScores[windows.size()];
        for (int first = 0; first < groups.size(); ) {
            WindowGroup longest = groups.get(first);
            List<WindowGroup> batch = groups.stream().skip(first).limit(Math.max(1, BATCH_TOKENS / longest.length()))
                    .takeWhile(group -> group.isAlone() == longest.isAlone()).toList();
            beforeBatch.run();
            Iterator<TokenScores> scored = scoreBatch(batch, windows, read, top).iterator();
            batch.stream().flatMap(group -> group.members().stream()).forEach(i -> scores[i] = scored.next());
            first += batch.size();
        }
        return List.of(scores);
    }

    private void check(TokenWindow window) {
        model.config().requireContext(window.length() - 1);
        for (int[] part : List.of(window.context(), window.continuation())) {
            for (int id : part) {
                if (id < 0 || id >= model.config().vocabulary()) {
                    throw new GerbilException("token " + id, "ids from 0 to " + (model.config().vocabulary() - 1),
                            "use the ids of the tokenizer that the model was trained with");
                }
            }
        }
    }

    /**
     * One batch of groups, which are alone, all or none. With as many as threads each thread takes a part, whose
     * operators it has to itself: so no thread waits for another at each operator.
     */
    private List<TokenScores> scoreBatch(List<WindowGroup> batch, List<TokenWindow> windows, List<int[]> read,
                                         int top) {
        int threads = JniUtils.getNumThreads();
        boolean apart = threads > 1 && batch.size() >= threads && !model.manager().getDevice().isGpu();
        int parts = apart ? threads : 1;
        int chunk = Math.max(1, LOGITS / parts / model.config().vocabulary());
        long tokens = batch.stream().mapToInt(WindowGroup::length).sum();
        try (NDScope scope = new NDScope(); NDManager scratch = model.manager().newSubManager();
             IntraOpThreads shared = apart ? IntraOpThreads.one()
                     : IntraOpThreads.worth(tokens * weights.multiplications())) {
            scope.suppressNotUsedWarning();
            NDList ids = new NDList();
            NDList places = new NDList();
            NDList asked = new NDList();
            NDList rows = new NDList();
            NDList targets = new NDList();
            for (int part = 0; part < parts; part++) {
                List<WindowGroup> groups =
                        batch.subList(part * batch.size() / parts, (part + 1) * batch.size() / parts);
                Inputs inputs = new Inputs(groups, windows, read);
                ids.add(scratch.create(inputs.ids, inputs.shape));
                places.add(batch.get(0).isAlone() ? scratch.create(new long[0])
                        : scratch.create(inputs.places, new Shape(2).addAll(inputs.shape)));
                asked.add(scratch.create(inputs.asked, new Shape(groups.size(), inputs.asked.length / groups.size())));
                rows.add(scratch.create(inputs.rows));
                targets.add(scratch.create(inputs.targets));
            }
            NDList results = kernels.call("score", false, new Kernels.Arguments().add(ids).add(places).add(asked)
                    .add(rows).add(targets).add(weights.embedding()).add(weights.layers()).add(weights.head())
                    .add(rotation.get(0)).add(rotation.get(1))
                    .add(kernels.numbers(chunk, top)));
            return split(batch.stream().flatMap(group -> group.members().stream()).map(windows::get).toList(), top,
                    results.get(0).toFloatArray(), results.get(1).toFloatArray(),
                    top == 0 ? new long[0] : results.get(2).toLongArray(),
                    top == 0 ? new float[0] : results.get(3).toFloatArray());
        }
    }

    /**
     * What the kernel takes of groups, the longest first: ids (groups, length), places (2, groups, length), which of
     * the ids are asked for what follows (groups, some), or none where these are many, the rows that are scored and the
     * tokens that follow there. Shorter groups are padded at the end, where causal attention hides it.
     */
    private static final class Inputs {

        private final Shape shape;
        private final long[] ids;
        private final long[] places;
        private final long[] asked;
        private final long[] rows;
        private final long[] targets;

        Inputs(List<WindowGroup> groups, List<TokenWindow> windows, List<int[]> read) {
            int length = groups.get(0).length();
            shape = new Shape(groups.size(), length);
            ids = new long[(int) shape.size()];
            places = new long[2 * ids.length];
            List<long[]> scored = new ArrayList<>();
            for (WindowGroup group : groups) {
                scored.add(add(group, scored.size() * length, windows, read));
            }
            int most = scored.stream().mapToInt(some -> some.length).max().orElseThrow();
            asked = new long[2 * most <= length ? groups.size() * most : 0];
            if (asked.length > 0) {
                for (int i = 0; i < groups.size(); i++) { // from here on rows are of what is asked
                    int first = i * most;
                    System.arraycopy(scored.get(i), 0, asked, first, scored.get(i).length);
                    Arrays.setAll(scored.get(i), j -> first + j);
                }
            }
            rows = scored.stream().flatMapToLong(LongStream::of).toArray();
            targets = groups.stream().flatMap(group -> group.members().stream())
                    .flatMapToInt(i -> IntStream.of(windows.get(i).continuation())).asLongStream().toArray();
        }

        /** The rows of the flattened ids that are scored. */
        private long[] add(WindowGroup group, int row, List<TokenWindow> windows, List<int[]> read) {
            LongStream.Builder scored = LongStream.builder();
            int shared = group.shared();
            put(read.get(group.members().get(0)), 0, shared, row, 0);
            int rest = row + shared;
            for (int member = 0; member < group.members().size(); member++) {
                TokenWindow window = windows.get(group.members().get(member));
                int[] tokens = read.get(group.members().get(member));
                put(tokens, shared, tokens.length, rest, member + 1);
                for (int position = window.context().length - 1; position < tokens.length; position++) {
                    scored.add(position < shared ? row + position : rest + position - shared);
                }
                rest += tokens.length - shared;
            }
            return scored.build().toArray();
        }

        /** Tokens from a position to another. */
        private void put(int[] tokens, int from, int to, int row, int owner) {
            for (int position = from; position < to; position++) {
                int at = row + position - from;
                ids[at] = tokens[position];
                places[at] = position;
                places[ids.length + at] = owner;
            }
        }
    }

    private static List<TokenScores> split(List<TokenWindow> batch, int top, float[] own, float[] best, long[] topIds,
                                           float[] topValues) {
        List<TokenScores> scores = new ArrayList<>();
        int first = 0;
        for (TokenWindow window : batch) {
            int from = first;
            int tokens = window.continuation().length;
            for (int i = from; i < from + tokens; i++) {
                if (Float.isNaN(own[i])) {
                    throw new GerbilException("logits that are not numbers", "numbers to score with",
                            "take an earlier checkpoint of the model, or train it at a lower learning rate");
                }
            }
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
