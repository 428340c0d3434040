package gerbil.eval;

/**
 * A question to a model: how likely is this text after that one?
 *
 * @param context may be empty: then {@code <|endoftext|>} stands before the text
 * @param text to be scored
 */
public record Continuation(String context, String text) {
}
