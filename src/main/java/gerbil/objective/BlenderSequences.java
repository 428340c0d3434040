package gerbil.objective;

import gerbil.base.GerbilException;
import gerbil.spec.BlendedObjective;
import gerbil.spec.BlenderSettings;
import gerbil.spec.RunSpec;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.TokenSet;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

/**
 * Examples of filling in the middle, causal and masked language modelling, packed into sequences. An epoch walks
 * through the documents: each example takes as much of its document as still fits into the sequence, the next one
 * begins where it ended. Where that is too little text for the example's objective it is causal, and only where less
 * than {@link #SHORTEST_PIECE} tokens would fit is the rest of a sequence padded.
 * The plan of an epoch is made at its beginning, from the lengths of the documents alone; the sequences are then
 * visited in a shuffled order.
 *
 * <p>As in causal training, attention goes through the whole sequence. A sequence's last token is only a target, and so
 * an example may have one token more than a sequence has inputs. An example's first tag is given and never learned,
 * and neither is padding.
 */
public final class BlenderSequences implements Sequences {

    /** Below this a piece of a document is not worth its tags. */
    static final int SHORTEST_PIECE = 3;

    private static final int SCANNED = 1 << 16;

    private final TokenSet tokens;
    private final Vocabulary vocabulary;
    private final int length;
    private final long seed;
    private final BlenderSettings settings;
    /** The position of each document's {@code <|endoftext|>}. */
    private final long[] ends;
    /** The number of each epoch's first sequence, as far as is known, and of the next epoch's. */
    private final List<Long> firsts = new ArrayList<>(List.of(0L));
    private Epoch current;

    /**
     * An example's place: tokens {@code position} to {@code position + text - 1} of the set.
     *
     * @param number of the example in its epoch
     */
    record Piece(long number, BlendedObjective objective, long position, int text) {
    }

    /**
     * One epoch's plan.
     *
     * @param starts where in the set each sequence's first example begins
     * @param numbers of these examples
     * @param order in which the sequences are visited
     */
    private record Epoch(long number, BlenderExamples examples, long[] starts, long[] numbers, int[] order,
                         Composition composition) {
    }

    /**
     * @param vocabulary of the token set, with special tokens
     * @param length inputs of a sequence
     * @throws GerbilException if the set is shorter than one sequence or has no text, a sequence is too short for the
     *     examples, or the vocabulary has no special tokens or is another
     */
    public BlenderSequences(TokenSet tokens, Vocabulary vocabulary, int length, long seed, BlenderSettings settings) {
        this.tokens = tokens.requireVocabulary(vocabulary);
        this.vocabulary = vocabulary;
        this.length = length;
        this.seed = seed;
        this.settings = settings;
        new BlenderExamples(vocabulary, settings, seed, 0).requireRoom(length + 1);
        Windows.requireOne(tokens, length);
        ends = documentEnds();
        if (skipEmpty(0) == tokens.tokens()) {
            throw new GerbilException("empty documents only in " + tokens.folder(), "documents with text",
                    "prepare the tokens from a corpus with text");
        }
    }

    /**
     * The sequences of a Blender run.
     *
     * @throws GerbilException as the constructor
     */
    public static BlenderSequences of(RunSpec spec, TokenSet tokens) {
        return new BlenderSequences(tokens, tokens.vocabulary().withSpecialTokens(),
                spec.sequenceLength(), spec.seed(), spec.blender());
    }

    private long[] documentEnds() {
        LongStream.Builder found = LongStream.builder();
        int[] ids = new int[SCANNED];
        for (long from = 0; from < tokens.tokens(); from += ids.length) {
            if (tokens.tokens() - from < ids.length) {
                ids = new int[(int) (tokens.tokens() - from)];
            }
            tokens.read(from, ids);
            for (int i = 0; i < ids.length; i++) {
                if (ids[i] == vocabulary.endOfText()) {
                    found.add(from + i);
                }
            }
        }
        return found.build().toArray();
    }

    @Override
    public int perEpoch() {
        return epoch(0).order.length;
    }

    /** What the examples of an epoch are. */
    public Composition composition(long epoch) {
        return epoch(epoch).composition;
    }

    @Override
    public int groups() {
        return BlendedObjective.values().length;
    }

    @Override
    public long position(long sequence) {
        Epoch epoch = epochOf(sequence);
        return epoch.starts[number(epoch, sequence)];
    }

    @Override
    public Batch batch(long first, int count) {
        Batch batch = new Batch(count, length, new long[count * length], new long[count * length],
                new long[count * length]);
        int[] ids = new int[length + 1];
        long[] objectives = new long[length + 1];
        for (int row = 0; row < count; row++) {
            Epoch epoch = epochOf(first + row);
            fill(epoch, number(epoch, first + row), ids, objectives);
            for (int i = 0; i < length; i++) {
                batch.inputs()[row * length + i] = ids[i];
                batch.targets()[row * length + i] = ids[i + 1];
                batch.groups()[row * length + i] = objectives[i + 1];
            }
        }
        return batch;
    }

    /** The examples of a sequence of an epoch, in the order of the text. */
    List<int[]> examples(long epoch, int sequence) {
        Epoch e = epoch(epoch);
        return pieces(e.examples, sequence, e.starts[sequence], e.numbers[sequence]).stream()
                .map(piece -> example(e.examples, piece)).toList();
    }

    private void fill(Epoch epoch, int sequence, int[] ids, long[] objectives) {
        Arrays.fill(ids, vocabulary.endOfText());
        Arrays.fill(objectives, Batch.MASKED);
        int at = 0;
        for (Piece piece : pieces(epoch.examples, sequence, epoch.starts[sequence], epoch.numbers[sequence])) {
            int[] example = example(epoch.examples, piece);
            System.arraycopy(example, 0, ids, at, example.length);
            Arrays.fill(objectives, at + epoch.examples.firstLearned(example), at + example.length,
                    piece.objective.ordinal());
            at += example.length;
        }
    }

    private int[] example(BlenderExamples examples, Piece piece) {
        int[] text = new int[piece.text];
        tokens.read(piece.position, text);
        return examples.example(piece.objective, piece.number, text);
    }

    private Epoch epochOf(long sequence) {
        while (firsts.get(firsts.size() - 1) <= sequence) {
            epoch(firsts.size() - 1);
        }
        int epoch = firsts.size() - 2;
        while (firsts.get(epoch) > sequence) {
            epoch--;
        }
        return epoch(epoch);
    }

    /** The number in its epoch's text of a sequence of the series. */
    private int number(Epoch epoch, long sequence) {
        return epoch.order[(int) (sequence - firsts.get((int) epoch.number))];
    }

    private Epoch epoch(long number) {
        if (current == null || current.number != number) {
            current = plan(number);
            if (firsts.size() == number + 1) {
                firsts.add(firsts.get((int) number) + current.order.length);
            }
        }
        return current;
    }

    private Epoch plan(long number) {
        BlenderExamples examples = new BlenderExamples(vocabulary, settings, seed, number);
        LongStream.Builder starts = LongStream.builder();
        LongStream.Builder numbers = LongStream.builder();
        long[] made = new long[BlendedObjective.values().length];
        long[] used = new long[made.length];
        int count = 0;
        long example = 0;
        for (long position = skipEmpty(0); position < tokens.tokens(); count++) {
            starts.add(position);
            numbers.add(example);
            List<Piece> pieces = pieces(examples, count, position, example);
            for (Piece piece : pieces) {
                made[piece.objective.ordinal()]++;
                used[piece.objective.ordinal()] += examples.length(piece.objective, piece.text);
            }
            Piece last = pieces.get(pieces.size() - 1);
            example = last.number + 1;
            position = skipEmpty(last.position + last.text);
        }
        return new Epoch(number, examples, starts.build().toArray(), numbers.build().toArray(),
                ShuffledOrder.of(count, seed, number), Composition.of(count, length + 1, made, used));
    }

    /** The examples that fill one sequence from a position on. */
    private List<Piece> pieces(BlenderExamples examples, long sequence, long start, long firstNumber) {
        List<Piece> pieces = new ArrayList<>();
        int room = length + 1;
        long position = start;
        for (long number = firstNumber; position < tokens.tokens(); number++) {
            BlendedObjective drawn =
                    examples.objective(settings.sharesOf() == BlenderSettings.SharesOf.TOKENS ? sequence : number);
            long left = end(position) - position;
            BlendedObjective objective = drawn;
            int text = (int) Math.min(left, examples.longestText(drawn, room));
            if (text < examples.shortestText(drawn)) {
                objective = BlendedObjective.CAUSAL;
                text = (int) Math.min(left, examples.longestText(objective, room));
            }
            if (text < left && text < SHORTEST_PIECE && !pieces.isEmpty()) {
                break;
            }
            pieces.add(new Piece(number, objective, position, text));
            room -= examples.length(objective, text);
            position = skipEmpty(position + text);
        }
        return pieces;
    }

    /** The end of the document that a position lies in. */
    private long end(long position) {
        int found = Arrays.binarySearch(ends, position);
        int document = found >= 0 ? found : -found - 1;
        return document < ends.length ? ends[document] : tokens.tokens();
    }

    /** The next position that holds text. */
    private long skipEmpty(long position) {
        long text = position;
        while (text < tokens.tokens() && end(text) == text) {
            text++;
        }
        return text;
    }
}
