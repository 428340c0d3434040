package gerbil.tokenizer;

/**
 * The tags of a Blender model's examples, in the order of their published ids, which follow {@code <|endoftext|>}. In
 * text, a special token takes all the white space before it along, and none of what follows it; {@code <|endoftext|>},
 * which is GPT-2's, takes none.
 */
public enum SpecialToken {
    /** Begins an example of filling in the middle. */
    FITM_START("<fitm_start>"),
    /** Stands for the span that was taken out. */
    MULTIPLE_TOK_MASK("<multiple_tok_mask>"),
    /** Comes before that span. */
    FITM_RESULT("<fitm_result>"),
    /** Begins a causal example. */
    CAUSAL("<causal>"),
    /** Begins an example of masked language modelling. */
    MLM_START("<mlm_start>"),
    /** Stands for one hidden token. */
    SINGLE_TOK_MASK("<single_tok_mask>"),
    /** Comes before the hidden tokens. */
    MLM_END("<mlm_end>");

    private final String text;

    SpecialToken(String text) {
        this.text = text;
    }

    /** As the token is written. */
    public String text() {
        return text;
    }

    /** What a special token leaves of the text before it: all but the white space (Unicode's) at its end. */
    public static String textBefore(String text) {
        int end = text.length();
        while (end > 0 && Words.isSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(0, end);
    }
}
