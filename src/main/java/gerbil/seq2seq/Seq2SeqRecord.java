package gerbil.seq2seq;

import gerbil.base.Measurements;

import java.nio.file.Path;

/**
 * Runs that were measured, a line of JSON each.
 *
 * @param file {@code encoder-decoder.jsonl} in the folder of results
 */
public record Seq2SeqRecord(Path file) {

    /** The record in a folder of results. */
    public static Seq2SeqRecord in(Path results) {
        return new Seq2SeqRecord(results.resolve("encoder-decoder.jsonl"));
    }

    /** The result of a run on the same pairs, from a base of the same run: read, or else measured and added. */
    public Seq2SeqResult of(Seq2SeqTraining training) {
        String pairs = training.pairs().sha256();
        return new Measurements<>(file, Seq2SeqResult.class).of(known -> known.spec().equals(training.spec())
                && known.baseRun().equals(training.baseRun()) && known.pairsSha256().equals(pairs), training::run);
    }
}
