package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.TokenSet;
import gerbil.train.TestTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

class HeldOutLossTest {

    private static final Vocabulary VOCABULARY = Vocabulary.cut(1_024);
    private static final int LENGTH = 32;

    @TempDir
    private Path folder;

    @Test
    void anUntrainedModelGuessesAmongAllTokens() {
        TokenSet set = TestTokens.prepare(folder, 5_000).heldout();
        try (NDManager manager = NDManager.newBaseManager()) {
            GptJ model = GptJ.initialized(ModelSize.of("40k").config(Objective.CAUSAL), manager, 0);
            HeldOutLoss loss = HeldOutLoss.of(model, set, VOCABULARY, LENGTH, Long.MAX_VALUE);

            long windows = (set.tokens() - 1) / LENGTH;
            assertEquals(windows * LENGTH, loss.tokens());
            assertEquals(Math.log(1_024), loss.loss(), 0.05);
            int[] predicted = new int[(int) loss.tokens()];
            set.read(1, predicted);
            int[] spelled = Arrays.stream(predicted).filter(id -> id != VOCABULARY.endOfText()).toArray();
            assertTrue(spelled.length < predicted.length);
            String text = new Tokenizer(VOCABULARY).decode(spelled);
            assertEquals(text.getBytes(StandardCharsets.UTF_8).length, loss.bytes());
            assertEquals(loss.loss() * loss.tokens() / loss.bytes() / Math.log(2), loss.bitsPerByte(), 1e-12);

            HeldOutLoss part = HeldOutLoss.of(model, set, VOCABULARY, LENGTH, 10 * LENGTH + 5);
            assertEquals(10 * LENGTH, part.tokens());
            assertTrue(part.nats() < loss.nats());
            String message = assertThrows(GerbilException.class,
                    () -> HeldOutLoss.of(model, set, Vocabulary.gpt2(), LENGTH, 1_000)).getMessage();
            assertTrue(message.contains("gpt2-1024"), message);
        }
    }
}
