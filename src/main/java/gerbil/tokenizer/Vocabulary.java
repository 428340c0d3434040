package gerbil.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.JsonFile;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The tokens of a {@link Tokenizer}: GPT-2's, whole or cut after its first merges, or those of any
 * {@code tokenizer.json}. A Blender vocabulary has the {@linkplain SpecialToken special tokens} after all of them; the
 * ids of text stay the same. Immutable, and safe for use by many threads.
 */
public abstract class Vocabulary {

    /** What ends each document, in GPT-2's vocabulary and many others. */
    public static final String END_OF_TEXT = "<|endoftext|>";

    /** What a shard, which has two bytes for an id, can tell apart. */
    static final int MOST_IDS = 1 << 16;

    private static final String WHOLE = "tokenizer.json";
    private static final String CONFIG = "tokenizer_config.json";
    private static final String END = "eos_token";

    private final String id;
    private final int textSize;
    private final int endOfText;
    private final boolean special;
    private volatile String sha256;

    Vocabulary(String id, int textSize, int endOfText, boolean special) {
        this.id = id;
        this.textSize = textSize;
        this.endOfText = endOfText;
        this.special = special;
    }

    /** GPT-2's 50,257 entries; {@code <|endoftext|>} is 50256. */
    public static Vocabulary gpt2() {
        return Gpt2Vocabulary.whole();
    }

    /**
     * GPT-2's vocabulary cut to {@code size} entries: 256 bytes, {@code size - 257} merges, {@code <|endoftext|>}. Cut
     * to 50,257 it is GPT-2's own.
     *
     * @throws GerbilException if {@code size} is below 257 or above 50,257
     */
    public static Vocabulary cut(int size) {
        return Gpt2Vocabulary.ofSize(size);
    }

    /**
     * GPT-2's vocabulary or the cut that has these tokens, if one has; GPT-J's padding counts for nothing.
     *
     * @param tokens in the byte alphabet, with their ids
     * @param merges each two tokens with a space between
     * @param added with their ids
     */
    public static Optional<Vocabulary> gpt2(JsonNode tokens, List<String> merges, Map<String, Integer> added) {
        return Gpt2Vocabulary.known(tokens, merges, added);
    }

    /**
     * The vocabulary of a tokenizer of Hugging Face's library. GPT-2's own and its cuts are known as such. What ends a
     * text is the {@code eos_token} that a {@code tokenizer_config.json} beside the file names, and without that the
     * token {@code <|endoftext|>}, {@code <|end_of_text|>}, {@code </s>}, {@code <eos>} or {@code [EOS]}.
     *
     * @param file a {@code tokenizer.json}
     * @throws GerbilException if it is no tokenizer, has more than 65,536 ids or none of an end of text
     * @throws IOException if it cannot be read
     */
    public static Vocabulary open(Path file) throws IOException {
        JsonNode json = JsonFile.object(file);
        Path config = file.resolveSibling(CONFIG);
        JsonNode end = Files.exists(config) ? JsonFile.object(config).path(END) : JsonFile.own("{}");
        return Gpt2Vocabulary.known(json).orElseGet(() -> HuggingFaceVocabulary.of(json,
                Optional.ofNullable(end.path("content").asText(end.textValue())), file));
    }

    /**
     * The vocabulary that was {@linkplain #save saved} in a folder, without special tokens.
     *
     * @param id its {@link #id}
     * @throws GerbilException if there is none, or another
     */
    public static Vocabulary saved(String id, Path folder) throws IOException {
        Optional<Vocabulary> known = Gpt2Vocabulary.known(id);
        if (known.isPresent()) {
            return known.get();
        }
        Path file = folder.resolve(WHOLE);
        if (!Files.exists(file)) {
            throw new GerbilException("no " + WHOLE + " in " + folder, "the tokenizer " + id,
                    "take a whole copy of the folder");
        }
        Vocabulary found = open(file);
        if (!found.id.equals(id)) {
            throw new GerbilException("the tokenizer " + found + " in " + file, id, "take a whole copy of the folder");
        }
        return found;
    }

    /** Writes into a folder what {@link #saved} needs: nothing for GPT-2's and its cuts. */
    public void save(Path folder) throws IOException {
        if (Gpt2Vocabulary.known(id).isEmpty()) {
            WholeFile.write(folder.resolve(WHOLE), textOnly().tokenizerJson());
            Json.write(folder.resolve(CONFIG), Map.of(END, endOfTextToken()));
        }
    }

    abstract Vocabulary textOnly();

    /**
     * This vocabulary with Blender's special tokens after all others.
     *
     * @throws GerbilException if there is no room for them, or one of them means something else
     */
    public abstract Vocabulary withSpecialTokens();

    /** Whether this is a Blender vocabulary. */
    public boolean hasSpecialTokens() {
        return special;
    }

    /**
     * The id of a special token: in GPT-2's whole vocabulary the published one, 50257 to 50263.
     *
     * @throws GerbilException if this is not a Blender vocabulary
     */
    public int id(SpecialToken token) {
        if (!special) {
            throw new GerbilException("the vocabulary " + id + " without " + token.text(),
                    "a vocabulary with Blender's special tokens", "take its withSpecialTokens()");
        }
        return textSize + token.ordinal();
    }

    /**
     * {@code gpt2}, {@code gpt2-1024} for a cut, {@code tokenizer-} and a hash for another; special tokens do not
     * change it.
     */
    public String id() {
        return id;
    }

    /** Ids, special tokens included; in a {@code tokenizer.json} some may stand for nothing. */
    public int size() {
        return special ? textSize + SpecialToken.values().length : textSize;
    }

    /** Ids without Blender's special tokens, which all follow: what a model may write. */
    public int textSize() {
        return textSize;
    }

    /** The id of what ends each document. */
    public int endOfText() {
        return endOfText;
    }

    /** That token as it is written: {@code <|endoftext|>} in GPT-2's vocabulary. */
    public abstract String endOfTextToken();

    /** Whether a token is neither a special one nor the end of text. */
    public boolean isText(int token) {
        return token >= 0 && token < textSize && token != endOfText;
    }

    /** Whether a token takes the white space before it along, as a {@link SpecialToken} does. */
    public boolean lstrip(int token) {
        return token >= textSize;
    }

    /**
     * The bytes that a token adds to a text before it; often not whole characters.
     *
     * @throws GerbilException if there is no such id
     */
    public byte[] bytes(int token) {
        requireId(token);
        return lstrip(token) ? SpecialToken.values()[token - textSize].text().getBytes(StandardCharsets.US_ASCII)
                : textBytes(token);
    }

    void requireId(int token) {
        if (token < 0 || token >= size()) {
            throw new GerbilException("token " + token, "an id from 0 to " + (size() - 1) + " of " + id,
                    "use the vocabulary that the ids were made with");
        }
    }

    abstract byte[] textBytes(int token);

    /** The bytes of many tokens, one after another. */
    byte[] bytes(int[] tokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(4 * tokens.length);
        for (int token : tokens) {
            bytes.writeBytes(bytes(token));
        }
        return bytes.toByteArray();
    }

    /** The text of ids from its beginning. */
    String decode(int[] tokens) {
        return new String(bytes(tokens), StandardCharsets.UTF_8);
    }

    /** What encodes; made anew by each call. */
    abstract Encoder encoder();

    /**
     * SHA-256 of {@link #tokenizerJson()} in UTF-8, hexadecimal, without special tokens: what token sets carry, since
     * the ids of text are the same with and without them.
     */
    public String sha256() {
        if (sha256 == null) {
            sha256 = Sha256.hex(textOnly().tokenizerJson().getBytes(StandardCharsets.UTF_8));
        }
        return sha256;
    }

    /**
     * {@code tokenizer.json} of Hugging Face's tokenizers. A special token takes the white space before it along
     * ({@link #lstrip}, as RoBERTa's mask does), so that prompts as they were published, with a space on either side of
     * a tag, become the ids that models are trained on.
     */
    public abstract String tokenizerJson();

    /** The tokenizer's files in a folder of transformers that say which tokens there are: names with contents. */
    public Map<String, String> files() {
        return Map.of(WHOLE, tokenizerJson());
    }

    @Override
    public String toString() {
        return id;
    }
}
