package gerbil.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Opens a vocabulary in DJL's binding of Hugging Face's tokenizers: the reference for {@link Tokenizer}. It reads
 * {@code <|endoftext|>} inside a text as the token.
 */
public final class DjlTokenizer {

    private DjlTokenizer() {
    }

    /** Nothing added, truncated or padded. The caller closes it. */
    public static HuggingFaceTokenizer open(Vocabulary vocabulary) {
        stayOffline();
        byte[] json = vocabulary.tokenizerJson().getBytes(StandardCharsets.UTF_8);
        try {
            return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json),
                    Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * DJL takes the library for CPUs from its jar, but where it sees a CUDA device it downloads another build; and it
     * asks the network whether it runs in a data centre. Neither is needed to tokenize, and DJL's own offline switch
     * would also keep it from fetching libtorch.
     */
    private static void stayOffline() {
        System.getProperties().putIfAbsent("RUST_FLAVOR", "cpu");
        System.getProperties().putIfAbsent("OPT_OUT_TRACKING", "true");
    }
}
