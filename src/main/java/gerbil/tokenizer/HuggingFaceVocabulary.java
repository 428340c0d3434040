package gerbil.tokenizer;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.base.Unchecked;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Any {@code tokenizer.json}, read by Hugging Face's own library through DJL. */
final class HuggingFaceVocabulary extends Vocabulary {

    private static final List<String> ENDS = List.of(END_OF_TEXT, "<|end_of_text|>", "</s>", "<eos>", "[EOS]");
    private static final Map<String, String> AS_IT_STANDS =
            Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");
    private static final String ADDED = "added_tokens";
    private static final String CONTENT = "content";
    /** How byte-level fallback spells a byte. */
    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");

    static {
        // where DJL sees a GPU it would fetch another build, which is no faster at this
        System.getProperties().putIfAbsent("RUST_FLAVOR", "cpu");
    }

    private final ObjectNode json;
    /** Of each id; null for one that stands for nothing. */
    private final String[] tokens;
    private final HuggingFaceTokenizer tagged;
    private final byte[][] bytes;

    private HuggingFaceVocabulary(String id, ObjectNode json, String[] tokens, int endOfText, boolean special) {
        super(id, tokens.length, endOfText, special);
        this.json = json;
        this.tokens = tokens;
        this.tagged = load(special ? withSpecialTokens(json, tokens.length) : json);
        this.bytes = new byte[tokens.length][];
    }

    /**
     * @param end what the end of text is called, if that is known
     * @param file to be named in messages
     */
    static HuggingFaceVocabulary of(JsonNode given, Optional<String> end, Path file) {
        ObjectNode json = given.deepCopy();
        boolean special = removeSpecialTokens(json);
        Map<String, Integer> ids = ids(json);
        if (ids.isEmpty() || Collections.min(ids.values()) < 0) {
            throw noTokenizer(file, "no tokens with ids", null);
        }
        modelIds(json).forEach((token, id) -> {
            if (!ids.get(token).equals(id)) {
                throw noTokenizer(file, token + " with the ids " + id + " and " + ids.get(token), null);
            }
        });
        int last = Collections.max(ids.values());
        if (last >= MOST_IDS) {
            throw new GerbilException(file + ", a tokenizer of " + (last + 1L) + " ids", "at most " + MOST_IDS
                    + ", which two bytes of a shard can tell apart", "choose a tokenizer with a smaller vocabulary");
        }
        String[] tokens = new String[last + 1];
        ids.forEach((token, id) -> tokens[id] = token);
        String ending = end.or(() -> ENDS.stream().filter(ids::containsKey).findFirst()).filter(ids::containsKey)
                .orElseThrow(() -> new GerbilException(file + ", a tokenizer without " + end.orElse("an end of text"),
                        "one of the tokens " + ENDS + ", or another that tokenizer_config.json beside it names as its "
                                + "eos_token", "add such a token, or name the one that ends texts there"));
        String id = "tokenizer-" + Sha256.hex((json + "\n" + ending).getBytes(StandardCharsets.UTF_8)).substring(0, 12);
        try {
            return new HuggingFaceVocabulary(id, json, tokens, ids.get(ending), special);
        } catch (EngineException | GerbilException e) {
            throw e;
        } catch (RuntimeException e) {
            throw noTokenizer(file, e.getMessage(), e);
        }
    }

    private static GerbilException noTokenizer(Path file, String why, Exception cause) {
        return new GerbilException(file + ", which is no tokenizer (" + why + ")",
                "a tokenizer.json of Hugging Face's library",
                "save it with save_pretrained of transformers' AutoTokenizer", cause);
    }

    private static Map<String, Integer> ids(JsonNode json) {
        Map<String, Integer> ids = modelIds(json);
        json.path(ADDED).forEach(token -> ids.put(token.path(CONTENT).asText(), token.path("id").asInt()));
        return ids;
    }

    /** Without added tokens. */
    private static Map<String, Integer> modelIds(JsonNode json) {
        Map<String, Integer> ids = new HashMap<>();
        JsonNode vocab = json.path("model").path("vocab");
        for (int id = 0; vocab.isArray() && id < vocab.size(); id++) {
            ids.put(vocab.path(id).path(0).asText(), id);
        }
        vocab.properties().forEach(token -> ids.put(token.getKey(), token.getValue().asInt()));
        return ids;
    }

    /** Whether there were all of Blender's, in their order behind all others. */
    private static boolean removeSpecialTokens(ObjectNode json) {
        List<String> texts = Stream.of(SpecialToken.values()).map(SpecialToken::text).toList();
        int first = ids(json).getOrDefault(texts.get(0), -1);
        ObjectNode text = json.deepCopy();
        if (!(text.path(ADDED) instanceof ArrayNode added)) {
            return false;
        }
        for (int i = added.size() - 1; i >= 0; i--) {
            int at = texts.indexOf(added.path(i).path(CONTENT).asText());
            if (at >= 0 && added.path(i).path("id").asInt() == first + at) {
                added.remove(i);
            }
        }
        boolean special = added.size() == json.path(ADDED).size() - texts.size()
                && ids(text).values().stream().allMatch(id -> id < first);
        if (special) {
            json.set(ADDED, added);
        }
        return special;
    }

    private static ObjectNode withSpecialTokens(ObjectNode json, int first) {
        ObjectNode more = json.deepCopy();
        for (SpecialToken token : SpecialToken.values()) {
            more.withArray(ADDED).addObject().put("id", first + token.ordinal()).put(CONTENT, token.text())
                    .put("single_word", false).put("lstrip", true).put("rstrip", false).put("normalized", false)
                    .put("special", true);
        }
        return more;
    }

    /** So that no text becomes a special token; the ids of all others stay the same. */
    private static ObjectNode withoutTags(ObjectNode json) {
        ObjectNode less = json.deepCopy();
        Map<String, Integer> modelIds = modelIds(json);
        JsonNode vocab = less.path("model").path("vocab");
        ArrayNode kept = less.withArray(ADDED).removeAll();
        for (JsonNode token : json.path(ADDED)) {
            int id = token.path("id").asInt();
            // holds the id's place; there are no such characters
            String noText = "\uFDD0" + id + "\uFDD1";
            if (!token.path("special").asBoolean()) {
                kept.add(token);
            } else if (!modelIds.containsKey(token.path(CONTENT).asText())) {
                kept.add(((ObjectNode) token.deepCopy()).put(CONTENT, noText));
            } else if (vocab.isArray()) {
                // a piece of Unigram's may be the whole of any text
                ((ArrayNode) vocab.path(id)).set(0, noText);
            }
        }
        return less;
    }

    private static HuggingFaceTokenizer load(ObjectNode json) {
        return Unchecked.io(() -> HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json.toString()
                .getBytes(StandardCharsets.UTF_8)), AS_IT_STANDS));
    }

    @Override
    public Vocabulary withSpecialTokens() {
        if (hasSpecialTokens()) {
            return this;
        }
        List<String> taken = Stream.of(SpecialToken.values()).map(SpecialToken::text)
                .filter(Arrays.asList(tokens)::contains).toList();
        if (!taken.isEmpty() || tokens.length + SpecialToken.values().length > MOST_IDS) {
            throw new GerbilException("the tokenizer " + this + " of " + tokens.length + " ids"
                    + (taken.isEmpty() ? "" : " with tokens " + taken + " of its own"),
                    "free ids up to " + MOST_IDS + " and free names for Blender's " + SpecialToken.values().length
                            + " special tokens", "choose another tokenizer, or train a causal model");
        }
        return new HuggingFaceVocabulary(id(), json, tokens, endOfText(), true);
    }

    @Override
    Vocabulary textOnly() {
        return hasSpecialTokens() ? new HuggingFaceVocabulary(id(), json, tokens, endOfText(), false) : this;
    }

    @Override
    public String endOfTextToken() {
        return tokens[endOfText()];
    }

    @Override
    public String tokenizerJson() {
        return (hasSpecialTokens() ? withSpecialTokens(json, tokens.length) : json).toString();
    }

    /** What does not spell bytes is known by what it adds to an end of text, white space between words included. */
    @Override
    byte[] textBytes(int token) {
        if (bytes[token] == null) {
            bytes[token] = tokens[token] == null ? new byte[0] : found(token);
        }
        return bytes[token].clone();
    }

    private byte[] found(int token) {
        if (json.path("decoder").path("type").asText().equals("ByteLevel")) {
            return ByteAlphabet.bytes(tokens[token]);
        }
        if (BYTE.matcher(tokens[token]).matches()) {
            return new byte[] {(byte) Integer.parseInt(tokens[token].substring(3, 5), 16)};
        }
        String before = decode(new int[] {endOfText()});
        String both = decode(new int[] {endOfText(), token});
        return (both.startsWith(before) ? both.substring(before.length()) : both).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    String decode(int[] ids) {
        for (int id : ids) {
            requireId(id);
        }
        return told(() -> tagged.decode(Arrays.stream(ids).asLongStream().toArray(), false));
    }

    /** The library's errors are Rust's, of a tokenizer that has no token for what a text holds, among others. */
    private <T> T told(Supplier<T> library) {
        try {
            return library.get();
        } catch (RuntimeException e) {
            throw new GerbilException("the tokenizer " + id() + " failing (" + e.getMessage() + ")",
                    "one that encodes every text", "give it an unk_token, or train it with byte_fallback", e);
        }
    }

    @Override
    Encoder encoder() {
        HuggingFaceTokenizer text = load(withoutTags(json));
        return new Encoder() {

            @Override
            public void encode(byte[] utf8, IdBuffer ids) {
                add(text, new String(utf8, StandardCharsets.UTF_8), ids);
            }

            @Override
            public void encodeTagged(String textWithTags, IdBuffer ids) {
                add(tagged, new String(Tokenizer.utf8(textWithTags), StandardCharsets.UTF_8), ids);
            }
        };
    }

    private void add(HuggingFaceTokenizer tokenizer, String text, IdBuffer ids) {
        for (long id : told(() -> tokenizer.encode(text)).getIds()) {
            requireId((int) id);
            ids.add((int) id);
        }
    }
}
