package gerbil.hub;

import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Texts;

import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A Blender prompt with white space in many places.
 *
 * @param text what a model card says to write
 * @param ids what a model is given here
 */
record TaggedPrompt(String text, Function<LanguageModel, int[]> ids) {

    private static final String MASK = SpecialToken.SINGLE_TOK_MASK.text();

    static final List<TaggedPrompt> ALL = Stream.concat(
            holes(Texts.spaced(600, 1, List.of())),
            Texts.spaced(300, 2, List.of(MASK)).stream().map(text -> mask("a" + MASK + text))).toList();

    private static Stream<TaggedPrompt> holes(List<String> texts) {
        return IntStream.range(0, texts.size() / 2).map(i -> 2 * i)
                .filter(i -> !SpecialToken.textBefore(texts.get(i) + texts.get(i + 1)).isEmpty())
                .mapToObj(i -> hole(texts.get(i), texts.get(i + 1)));
    }

    private static TaggedPrompt hole(String before, String after) {
        return new TaggedPrompt("<fitm_start>" + before + "<multiple_tok_mask>" + after + "<fitm_result>",
                model -> model.infillPrompt(before, after));
    }

    private static TaggedPrompt mask(String text) {
        return new TaggedPrompt("<mlm_start>" + text + "<mlm_end>", model -> model.maskedPrompt(text));
    }

    static List<String> texts() {
        return ALL.stream().map(TaggedPrompt::text).toList();
    }
}
