package gerbil.eval;

import gerbil.base.GerbilException;
import gerbil.kernels.TokenScorer;
import gerbil.kernels.TokenScores;
import gerbil.kernels.TokenWindow;
import gerbil.model.GptJ;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Log-likelihoods of text by the rules of lm-evaluation-harness 0.4.13 ({@code TemplateLM}, {@code HFLM}): where
 * context and continuation part, what is cut from a context that is too long, and how a long text is read through
 * windows. Special tokens in text are tokens, as they are to the harness. Safe for use by many threads, which take
 * turns.
 */
public final class Scorer {

    private final TokenScorer scorer;
    private final Tokenizer tokenizer;

    public Scorer(GptJ model, Tokenizer tokenizer) {
        this.scorer = new TokenScorer(model);
        this.tokenizer = tokenizer;
    }

    /**
     * The likelihood of each continuation.
     *
     * @return in the order of the continuations
     * @throws GerbilException if a continuation adds no token, or more tokens than fit its context
     */
    public List<LogLikelihood> logLikelihoods(List<Continuation> continuations) {
        return scorer.score(continuations.stream().map(this::window).toList(), 0).stream()
                .map(s -> new LogLikelihood(s.sum(), s.greedy())).toList();
    }

    /**
     * The likelihood of whole texts, each read from {@code <|endoftext|>} through windows as long as the model's
     * context length, of which the last reaches back as far as it can. An empty text adds nothing.
     *
     * @return in the order of the texts
     */
    public List<Perplexity> rolling(List<String> texts) {
        List<List<TokenWindow>> windows =
                texts.stream().map(tokenizer::encodeTagged).map(this::rollingWindows).toList();
        List<TokenScores> scores = scorer.score(windows.stream().flatMap(List::stream).toList(), 0);
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

    /** The most tokens that can be scored at once, context included. */
    int longestWindow() {
        return scorer.longestWindow();
    }

    Vocabulary vocabulary() {
        return tokenizer.vocabulary();
    }

    /**
     * Whitespace at the end of the context belongs to the continuation, where a token may begin with it. Then context
     * and continuation are encoded as one text, and the continuation's ids are those after as many as the context has
     * alone.
     */
    TokenWindow window(Continuation request) {
        int end = PythonText.endOfText(request.context());
        String context = request.context().substring(0, end);
        String text = request.context().substring(end) + request.text();
        int[] contextIds;
        int[] whole;
        if (context.isEmpty()) {
            int[] ids = tokenizer.encodeTagged(text);
            contextIds = endOfText();
            whole = ids.length > 0 && ids[0] == contextIds[0] ? ids : concat(contextIds, ids);
        } else {
            contextIds = tokenizer.encodeTagged(context);
            whole = tokenizer.encodeTagged(context + text);
        }
        int tokens = whole.length - contextIds.length;
        if (tokens < 1 || tokens >= longestWindow()) {
            throw new GerbilException("a continuation of " + Math.max(0, tokens) + " tokens", "1 to "
                    + (longestWindow() - 1) + ", the model's context length", "lengthen or shorten: " + excerpt(text));
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
        int contextLength = longestWindow() - 1;
        int[] preceded = concat(endOfText(), ids);
        List<TokenWindow> windows = new ArrayList<>();
        for (int done = 0; done < ids.length; done += contextLength) {
            int end = Math.min(done + contextLength, ids.length) + 1;
            windows.add(new TokenWindow(Arrays.copyOfRange(preceded, Math.max(0, end - contextLength - 1), done + 1),
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
