package gerbil.kernels;

import gerbil.base.GerbilException;

import java.util.Arrays;

/**
 * Tokens to be scored and the tokens that they are to be predicted from. A model with P positions takes windows of up
 * to P + 1 tokens, because it does not read the last.
 *
 * @param context at least one token
 * @param continuation at least one token
 */
public record TokenWindow(int[] context, int[] continuation) {

    public TokenWindow {
        if (context.length == 0 || continuation.length == 0) {
            throw new GerbilException("a context of " + context.length + " tokens and a continuation of "
                    + continuation.length, "at least one token in each",
                    "begin with <|endoftext|> and score some text");
        }
    }

    /** The tokens of both. */
    public int length() {
        return context.length + continuation.length;
    }

    /** What the model reads: all tokens but the last. */
    int[] read() {
        int[] read = Arrays.copyOf(context, length() - 1);
        System.arraycopy(continuation, 0, read, context.length, continuation.length - 1);
        return read;
    }
}
