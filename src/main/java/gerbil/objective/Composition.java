package gerbil.objective;

import gerbil.spec.BlendedObjective;

import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;

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

    /**
     * What was counted of each objective, by its ordinal.
     *
     * @param sequenceTokens of each sequence, with its last target
     */
    static Composition of(long sequences, int sequenceTokens, long[] examples, long[] tokens) {
        List<Part> parts = Arrays.stream(BlendedObjective.values())
                .map(o -> new Part(o.label(), examples[o.ordinal()], tokens[o.ordinal()])).toList();
        return new Composition(sequences, parts, sequences * sequenceTokens - LongStream.of(tokens).sum());
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
}
