package gerbil.notebook;

import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * Blender examples with their tags in colour: one colour for what begins an example, for masks, for answers, for the
 * end.
 */
public final class TaggedText {

    private static final String STYLE = "font-family:monospace;white-space:pre-wrap;margin:0.4em 0";

    private TaggedText() {
    }

    /** Shows examples, a paragraph each; without a kernel they are printed as text with tags. */
    public static void show(Tokenizer tokenizer, int[]... examples) {
        Notebook.show(MimeBundle.html(
                Arrays.stream(examples).map(e -> "<div style=\"" + STYLE + "\">" + html(tokenizer, e) + "</div>")
                        .collect(Collectors.joining("\n")),
                Arrays.stream(examples).map(tokenizer::decodeTagged).collect(Collectors.joining("\n\n"))));
    }

    static String html(Tokenizer tokenizer, int[] example) {
        StringBuilder html = new StringBuilder();
        Vocabulary vocabulary = tokenizer.vocabulary();
        int from = 0;
        for (int i = 0; i <= example.length; i++) {
            if (i == example.length || !vocabulary.isText(example[i])) {
                html.append(Html.escape(tokenizer.decode(Arrays.copyOfRange(example, from, i))));
                from = i + 1;
            }
            if (i < example.length && !vocabulary.isText(example[i])) {
                html.append(i > 0 && vocabulary.lstrip(example[i]) ? " " : "")
                        .append(tag(tokenizer.decode(new int[] {example[i]})));
            }
        }
        return html.toString();
    }

    private static String tag(String text) {
        return "<span style=\"color:#fff;background:" + Palette.color(color(text))
                + ";border-radius:3px;padding:0 3px\">" + Html.escape(text) + "</span>";
    }

    private static int color(String text) {
        if (text.equals(Vocabulary.END_OF_TEXT)) {
            return 5;
        } else if (text.equals(SpecialToken.MULTIPLE_TOK_MASK.text())
                || text.equals(SpecialToken.SINGLE_TOK_MASK.text())) {
            return 1;
        }
        return text.equals(SpecialToken.FITM_RESULT.text()) || text.equals(SpecialToken.MLM_END.text()) ? 2 : 0;
    }
}
