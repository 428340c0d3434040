package gerbil.objective;

import gerbil.spec.BlendedObjective;

import java.util.ArrayList;
import java.util.List;

/**
 * What an epoch of Blender sequences consists of: the mixture, counted.
 *
 * @param sequences how many
 * @param parts one for each objective
 * @param padding tokens that belong to no example
 */
public record Composition(long sequences, List<Part> parts, long padding) {

    /**
     * One objective's part.
     *
     * @param objective its label
     * @param examples how many; texts too short for another objective count as causal, which they are trained as
     * @param tokens of these examples, with tags and {@code <|endoftext|>}
     */
    public record Part(String objective, long examples, long tokens) {
    }

    /** Padding, as a share of all tokens. */
    public double paddingShare() {
        return (double) padding / (padding + tokens());
    }

    /** Examples of all objectives. */
    public long examples() {
        return parts.stream().mapToLong(Part::examples).sum();
    }

    /** Tokens of all examples. */
    public long tokens() {
        return parts.stream().mapToLong(Part::tokens).sum();
    }

    /** Counts while an epoch is planned. */
    static final class Counter {

        private final int sequenceTokens;
        private final long[] examples = new long[BlendedObjective.values().length];
        private final long[] tokens = new long[BlendedObjective.values().length];
        private long sequences;

        Counter(int sequenceTokens) {
            this.sequenceTokens = sequenceTokens;
        }

        void add(BlendedObjective objective, int length) {
            examples[objective.ordinal()]++;
            tokens[objective.ordinal()] += length;
        }

        void endSequence() {
            sequences++;
        }

        Composition composition() {
            List<Part> parts = new ArrayList<>();
            long used = 0;
            for (BlendedObjective objective : BlendedObjective.values()) {
                parts.add(new Part(objective.label(), examples[objective.ordinal()], tokens[objective.ordinal()]));
                used += tokens[objective.ordinal()];
            }
            return new Composition(sequences, List.copyOf(parts), sequences * sequenceTokens - used);
        }
    }
}
