package gerbil.seq2seq;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Utf8;
import gerbil.base.WholeFile;
import gerbil.hub.Export;
import gerbil.hub.Import;
import gerbil.hub.LanguageModel;
import gerbil.model.CrossEntropy;
import gerbil.model.Devices;
import gerbil.model.EncoderDecoder;
import gerbil.model.GptJ;
import gerbil.model.GptJTensors;
import gerbil.safetensors.SafeTensors;
import gerbil.spec.GptJConfig;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * An encoder-decoder with its tokenizer: it reads a text and writes an answer, which begins after {@code <|endoftext|>}
 * and ends with it. Closing it closes the network.
 */
public final class Seq2SeqModel implements AutoCloseable {

    private static final String CROSS = "cross_attention.safetensors";
    private static final int EVALUATED = 64;

    private final EncoderDecoder network;
    private final Tokenizer tokenizer;

    private Seq2SeqModel(EncoderDecoder network, Vocabulary vocabulary) {
        this.network = network;
        tokenizer = new Tokenizer(vocabulary);
    }

    /**
     * A model of copies of two trained ones, or of one twice.
     *
     * @param seed of the cross-attention's initial weights
     * @throws GerbilException if the two have different vocabularies or widths
     */
    public static Seq2SeqModel of(LanguageModel encoder, LanguageModel decoder, long seed) {
        if (!encoder.vocabulary().sha256().equals(decoder.vocabulary().sha256())) {
            throw new GerbilException("an encoder with the vocabulary " + encoder.vocabulary()
                    + " and a decoder with " + decoder.vocabulary(), "halves of one vocabulary",
                    "begin both with the same model");
        }
        return new Seq2SeqModel(new EncoderDecoder(copy(encoder.model()), copy(decoder.model()), seed),
                decoder.vocabulary());
    }

    private static GptJ copy(GptJ model) {
        return GptJ.of(model.config(), manager(model.config()), model.weights());
    }

    /** A model with the initial weights of a seed. */
    public static Seq2SeqModel random(GptJConfig config, Vocabulary vocabulary, long seed) {
        // the halves' draws are others, though they have the same shapes
        return new Seq2SeqModel(new EncoderDecoder(GptJ.initialized(config, manager(config), -1 - seed),
                GptJ.initialized(config, manager(config), seed), seed), vocabulary);
    }

    private static NDManager manager(GptJConfig config) {
        return NDManager.newBaseManager(Devices.of(config));
    }

    /** The network itself. */
    public EncoderDecoder network() {
        return network;
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** All that is trained. */
    public long parameters() {
        return network.weights().values().stream().mapToLong(NDArray::size).sum();
    }

    /**
     * Mean cross-entropy of the answers' tokens and their ends, nats a token, to be differentiated.
     *
     * @param scratch what the arrays belong to
     */
    NDArray loss(List<Pair> pairs, NDManager scratch) {
        int end = tokenizer.vocabulary().endOfText();
        int length = pairs.stream().mapToInt(p -> p.target().length + 1).max().orElseThrow();
        long[] inputs = new long[pairs.size() * length];
        long[] targets = new long[inputs.length];
        Arrays.fill(inputs, end);
        Arrays.fill(targets, end);
        float[] weights = new float[inputs.length];
        float learned = pairs.stream().mapToInt(p -> p.target().length + 1).sum();
        for (int row = 0; row < pairs.size(); row++) {
            int[] target = pairs.get(row).target();
            for (int i = 0; i < target.length; i++) {
                inputs[row * length + i + 1] = target[i];
                targets[row * length + i] = target[i];
            }
            Arrays.fill(weights, row * length, row * length + target.length + 1, 1 / learned);
        }
        Shape shape = new Shape(pairs.size(), length);
        NDArray logits = network.logits(read(pairs.stream().map(Pair::source).toList(), scratch),
                scratch.create(inputs, shape));
        return CrossEntropy.each(logits, scratch.create(targets, shape)).mul(scratch.create(weights)).sum();
    }

    private EncoderDecoder.Memory read(List<int[]> sources, NDManager scratch) {
        int length = sources.stream().mapToInt(s -> s.length).max().orElseThrow();
        long[] ids = sources.stream().map(s -> Arrays.copyOf(s, length)).flatMapToInt(Arrays::stream).asLongStream()
                .toArray();
        return network.read(scratch.create(ids, new Shape(sources.size(), length)),
                scratch.create(sources.stream().mapToLong(s -> s.length).toArray()));
    }

    /** Mean cross-entropy of all the answers' tokens and their ends, nats a token. */
    public double meanLoss(List<Pair> pairs) {
        double nats = 0;
        long learned = 0;
        for (int first = 0; first < pairs.size(); first += EVALUATED) {
            List<Pair> some = pairs.subList(first, Math.min(first + EVALUATED, pairs.size()));
            long tokens = some.stream().mapToInt(p -> p.target().length + 1).sum();
            try (NDScope scope = new NDScope(); NDManager scratch = network.manager().newSubManager()) {
                scope.suppressNotUsedWarning();
                nats += loss(some, scratch).getFloat() * tokens;
            }
            learned += tokens;
        }
        return nats / learned;
    }

    /**
     * The likeliest answers, token by token.
     *
     * @param tokens of an answer at most
     * @throws GerbilException if a source is longer than the encoder's context, or the answers than the decoder's
     */
    public List<String> answers(List<String> sources, int tokens) {
        int end = tokenizer.vocabulary().endOfText();
        NDIndex last = new NDIndex(":, -1, :{}", tokenizer.vocabulary().size());
        try (NDScope scope = new NDScope(); NDManager scratch = network.manager().newSubManager()) {
            scope.suppressNotUsedWarning();
            EncoderDecoder.Memory memory = read(sources.stream().map(tokenizer::encode).toList(), scratch);
            NDArray ids = scratch.full(new Shape(sources.size(), 1), end, DataType.INT64);
            for (int i = 0; i < tokens; i++) {
                ids = ids.concat(network.logits(memory, ids).get(last).argMax(-1).reshape(-1, 1), 1);
            }
            List<String> answers = new ArrayList<>();
            for (int row = 0; row < sources.size(); row++) {
                answers.add(tokenizer.decode(Arrays.stream(ids.get(row).toLongArray()).skip(1)
                        .takeWhile(id -> id != end).mapToInt(Math::toIntExact).toArray()));
            }
            return answers;
        }
    }

    /**
     * Writes {@code encoder} and {@code decoder}, folders of transformers' {@code GPTJForCausalLM}; the weights between
     * them; {@code config.json}; and {@code README.md}, which joins them in Python. transformers' {@code
     * EncoderDecoderModel} refuses them: its GPT-J takes no hidden states of an encoder.
     *
     * @param folder new or empty
     * @throws GerbilException if the folder has content
     */
    public void write(Path folder) throws IOException {
        Folders.requireEmpty(folder);
        GptJTensors.requireFinite(network.crossWeights());
        Folders.create(folder);
        Vocabulary vocabulary = tokenizer.vocabulary();
        Export.write(network.encoder(), vocabulary, """
                An encoder: GPT-J **without its causal mask**. In transformers every token sees all others only if
                `attention_mask` is of zeros, (batch, 1, length, length). Its head is of no use. See the folder above.
                """, folder.resolve("encoder"));
        Export.write(network.decoder(), vocabulary, """
                A decoder that was trained with cross-attention to an encoder, which is not in here: alone it writes
                without having read anything. See the folder above.
                """, folder.resolve("decoder"));
        SafeTensors.write(folder.resolve(CROSS), network.crossWeights());
        WholeFile.write(folder.resolve("README.md"), Utf8.resource(Seq2SeqModel.class, "encoder-decoder.md"));
        Json.write(folder.resolve("config.json"), Map.of("model_type", "encoder-decoder", "is_encoder_decoder", true));
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws GerbilException if a file is missing or damaged, or the halves do not belong together
     */
    public static Seq2SeqModel open(Path folder) throws IOException {
        try (LanguageModel encoder = Import.open(folder.resolve("encoder"));
             LanguageModel decoder = Import.open(folder.resolve("decoder"));
             NDManager scratch = manager(decoder.model().config())) {
            Seq2SeqModel model = of(encoder, decoder, 0);
            model.network.loadCross(SafeTensors.read(folder.resolve(CROSS), scratch));
            return model;
        }
    }

    @Override
    public void close() {
        network.close();
    }
}
