package gerbil.eval;

import gerbil.base.GerbilException;
import gerbil.kernels.TokenScorer;
import gerbil.kernels.TokenScores;
import gerbil.kernels.TokenWindow;
import gerbil.model.GptJ;
import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Log-likelihoods of text by the rules of lm-evaluation-harness 0.4.13 ({@code TemplateLM}, {@code HFLM}): where context
 * and continuation part, what is cut from a context that is too long, and how a long text is read through windows. Safe for
 * use by many threads, which take turns.
 */
public final class Scorer {

    private static final Pattern END_OF_TEXT = Pattern.compile(Pattern.quote(Vocabulary.END_OF_TEXT));
    private static final Pattern BLENDER = Pattern.compile(END_OF_TEXT + "|"
            + Stream.of(SpecialToken.values()).map(SpecialToken::text).map(Pattern::quote)
                    .collect(Collectors.joining("|", "\\s*+(?:", ")")), Pattern.UNICODE_CHARACTER_CLASS);

    private final TokenScorer scorer;
    private final Tokenizer tokenizer;
    private final Pattern specialTokens;

    public Scorer(GptJ model, Tokenizer tokenizer) {
        this.scorer = new TokenScorer(model);
        this.tokenizer = tokenizer;
        specialTokens = tokenizer.vocabulary().hasSpecialTokens() ? BLENDER : END_OF_TEXT;
    }

    /**
     * The likelihood of each continuation.
     *
     * @return in the order of the continuations
     * @throws GerbilException if a continuation adds no token, or more tokens than the model has positions
     */
    public List<LogLikelihood> logLikelihoods(List<Continuation> continuations) {
        return score(continuations.stream().map(this::window).toList(), 0).stream()
                .map(s -> new LogLikelihood(s.sum(), s.greedy())).toList();
    }

    /**
     * The likelihood of whole texts, each read from {@code <|endoftext|>} through windows as long as the model's
     * positions, of which the last reaches back as far as it can. An empty text adds nothing.
     *
     * @return in the order of the texts
     */
    public List<Perplexity> rolling(List<String> texts) {
        List<List<TokenWindow>> windows = texts.stream().map(text -> rollingWindows(encode(text))).toList();
        List<TokenScores> scores = score(windows.stream().flatMap(List::stream).toList(), 0);
        List<Perplexity> perplexities = new ArrayList<>();
        int first = 0;
        for (int i = 0; i < texts.size(); i++) {
            int last = first + windows.get(i).size();
            perplexities.add(Perplexity.of(texts.get(i),
                    scores.subList(first, last).stream().mapToDouble(TokenScores::sum).sum()));
            first = last;
        }
        return perplexities;
    }

    /** The perplexity of texts taken together. */
    public Perplexity perplexity(List<String> texts) {
        return rolling(texts).stream().reduce(new Perplexity(0, 0, 0), Perplexity::plus);
    }

    /**
     * The ids of a text as Hugging Face's tokenizers read an export: special tokens are tokens in it, not their letters,
     * and Blender's take the whitespace before them along.
     */
    int[] encode(String text) {
        IntStream.Builder ids = IntStream.builder();
        Matcher special = specialTokens.matcher(text);
        int begin = 0;
        while (special.find()) {
            IntStream.of(tokenizer.encode(text.substring(begin, special.start()))).forEach(ids);
            String token = special.group().substring(special.group().indexOf('<'));
            ids.add(token.equals(Vocabulary.END_OF_TEXT) ? vocabulary().endOfText() : vocabulary().id(specialToken(token)));
            begin = special.end();
        }
        IntStream.of(tokenizer.encode(text.substring(begin))).forEach(ids);
        return ids.build().toArray();
    }

    private static SpecialToken specialToken(String text) {
        return Stream.of(SpecialToken.values()).filter(t -> t.text().equals(text)).findFirst().orElseThrow();
    }

    List<TokenScores> score(List<TokenWindow> windows, int top) {
        return scorer.score(windows, top);
    }

    /** The most tokens that can be scored at once, context included. */
    int longestWindow() {
        return scorer.longestWindow();
    }

    Vocabulary vocabulary() {
        return tokenizer.vocabulary();
    }

    /**
     * Whitespace at the end of the context belongs to the continuation, where a token may begin with it. Then context and
     * continuation are encoded as one text, and the continuation's ids are those after as many as the context has alone.
     */
    TokenWindow window(Continuation request) {
        int end = PythonText.endOfText(request.context());
        String context = request.context().substring(0, end);
        String text = request.context().substring(end) + request.text();
        int[] contextIds;
        int[] whole;
        if (context.isEmpty()) {
            int[] ids = encode(text);
            contextIds = endOfText();
            whole = ids.length > 0 && ids[0] == contextIds[0] ? ids : concat(contextIds, ids);
        } else {
            contextIds = encode(context);
            whole = encode(context + text);
        }
        int tokens = whole.length - contextIds.length;
        if (tokens < 1 || tokens >= longestWindow()) {
            throw new GerbilException("a continuation of " + Math.max(0, tokens) + " tokens", "1 to "
                    + (longestWindow() - 1) + ", the model's positions", "lengthen or shorten: " + excerpt(text));
        }
        int cut = Math.max(0, whole.length - longestWindow());
        // the context's ids, not the whole's: a merge across the border may change the last
        return new TokenWindow(Arrays.copyOfRange(contextIds, cut, contextIds.length),
                Arrays.copyOfRange(whole, contextIds.length, whole.length));
    }

    private static String excerpt(String text) {
        return '"' + (text.length() > 40 ? text.substring(0, 40) + "…" : text) + '"';
    }

    /** Every token once, in windows that do not share any. */
    List<TokenWindow> rollingWindows(int[] ids) {
        int positions = longestWindow() - 1;
        int[] preceded = concat(endOfText(), ids);
        List<TokenWindow> windows = new ArrayList<>();
        for (int done = 0; done < ids.length; done += positions) {
            int end = Math.min(done + positions, ids.length) + 1;
            windows.add(new TokenWindow(Arrays.copyOfRange(preceded, Math.max(0, end - positions - 1), done + 1),
                    Arrays.copyOfRange(preceded, done + 1, end)));
        }
        return windows;
    }

    private int[] endOfText() {
        return new int[] {vocabulary().endOfText()};
    }

    static int[] concat(int[] first, int[] second) {
        return IntStream.concat(IntStream.of(first), IntStream.of(second)).toArray();
    }
}
