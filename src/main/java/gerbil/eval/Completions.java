package gerbil.eval;

import com.fasterxml.jackson.annotation.JsonProperty;
import gerbil.base.GerbilException;
import gerbil.kernels.Generator;
import gerbil.kernels.TokenScorer;
import gerbil.kernels.TokenScores;
import gerbil.kernels.TokenWindow;
import gerbil.model.GptJ;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Answers completion requests, one after another. */
final class Completions {

    private static final int BYTES_A_CHARACTER = 3;

    private final TokenScorer scorer;
    private final Tokenizer tokenizer;
    private final Vocabulary vocabulary;
    private final Generator generator;
    private final int contextLength;

    Completions(GptJ model, Tokenizer tokenizer) {
        this.scorer = new TokenScorer(model);
        this.tokenizer = tokenizer;
        this.vocabulary = tokenizer.vocabulary();
        this.generator = new Generator(model, vocabulary.size(), vocabulary.textSize());
        this.contextLength = model.config().contextLength();
    }

    /**
     * @param text of the completion, behind the prompt if that was to be echoed
     * @param logprobs null if none were asked for
     * @param finishReason {@code stop} or {@code length}
     */
    record Choice(int index, String text, @JsonProperty("logprobs") Logprobs logprobs,
                  @JsonProperty("finish_reason") String finishReason) {
    }

    /**
     * An entry a token. An echoed prompt's first token has no numbers (null).
     *
     * @param tokens their texts; {@code bytes:\xe2\x80} where the bytes are no characters by themselves
     * @param tokenLogprobs natural logarithms
     * @param topLogprobs of the likeliest tokens in each place
     * @param textOffset characters of the choice's text before each token
     */
    record Logprobs(List<String> tokens, @JsonProperty("token_logprobs") List<Float> tokenLogprobs,
                    @JsonProperty("top_logprobs") List<Map<String, Float>> topLogprobs,
                    @JsonProperty("text_offset") List<Integer> textOffset) {
    }

    /** What the model says of one token. */
    private record Place(float logProbability, long[] topIds, float[] topLogProbability) {

        Place ofLikeliest() {
            return new Place(topLogProbability[0], topIds, topLogProbability);
        }
    }

    /**
     * Checks a request's body.
     *
     * @throws GerbilException naming what is wrong with it
     */
    CompletionRequest parse(byte[] body) {
        return CompletionRequest.parse(body, tokenizer::encodeTagged, vocabulary.size(), contextLength);
    }

    /** A choice for each prompt, and how many tokens were read and written. */
    record Answer(List<Choice> choices, Usage usage) {
    }

    /** Tokens of all prompts, of what was added to them, and of both. */
    record Usage(@JsonProperty("prompt_tokens") int promptTokens,
                 @JsonProperty("completion_tokens") int completionTokens,
                 @JsonProperty("total_tokens") int totalTokens) {
    }

    /**
     * @param requireClient run after each token and before each batch that is scored; what it throws ends the work
     */
    Answer answer(CompletionRequest request, Runnable requireClient) {
        boolean scored = request.logprobs() >= 0;
        // as lm-evaluation-harness asks: the pass that scores the prompt then also finds the one token after it
        boolean nextIsScored = scored && request.maxTokens() == 1 && request.sampling().temperature() == 0;
        List<int[]> added = nextIsScored
                ? Collections.nCopies(request.prompts().size(), new int[] {vocabulary.endOfText()})
                : generate(request, requireClient);
        List<List<Place>> places = scored ? score(request, added, requireClient) : List.of();
        List<Choice> choices = new ArrayList<>();
        for (int i = 0; i < added.size(); i++) {
            int[] ids = added.get(i);
            if (nextIsScored) {
                Place last = places.get(i).get(places.get(i).size() - 1);
                places.get(i).set(places.get(i).size() - 1, last.ofLikeliest());
                ids = new int[] {(int) last.topIds[0]};
            }
            choices.add(choice(i, request, ids, scored ? places.get(i) : null));
        }
        int read = request.prompts().stream().mapToInt(prompt -> prompt.length).sum();
        int written = added.stream().mapToInt(ids -> ids.length).sum();
        return new Answer(choices, new Usage(read, written, read + written));
    }

    /** The tokens after each prompt, up to {@code <|endoftext|>} or the one that completes a stop text. */
    private List<int[]> generate(CompletionRequest request, Runnable requireClient) {
        if (request.maxTokens() == 0) {
            return Collections.nCopies(request.prompts().size(), new int[0]);
        }
        List<Generator.Prompt> prompts = request.prompts().stream()
                .map(prompt -> new Generator.Prompt(end(prompt, contextLength - request.maxTokens()), request.seed(),
                        end(request, requireClient))).toList();
        List<int[]> ids = generator.generate(prompts, request.maxTokens(), request.sampling());
        return IntStream.range(0, ids.size()).mapToObj(i -> Arrays.copyOfRange(ids.get(i), prompts.get(i).ids().length,
                ids.get(i).length)).toList();
    }

    /** Sees the tokens that are added to one prompt. */
    private IntPredicate end(CompletionRequest request, Runnable requireClient) {
        // a stop text that a token completes is in the last bytes, and a token is one byte at least
        int reach = BYTES_A_CHARACTER * request.stop().stream().mapToInt(String::length).max().orElse(0);
        List<Integer> added = new ArrayList<>();
        return id -> {
            requireClient.run();
            added.add(id);
            List<Integer> end = added.subList(Math.max(0, added.size() - reach), added.size());
            return id == vocabulary.endOfText()
                    || stop(request, continuation(end.stream().mapToInt(a -> a).toArray())).isPresent();
        };
    }

    private static int[] end(int[] prompt, int length) {
        return Arrays.copyOfRange(prompt, Math.max(0, prompt.length - length), prompt.length);
    }

    private static OptionalInt stop(CompletionRequest request, String text) {
        return request.stop().stream().mapToInt(text::indexOf).filter(at -> at >= 0).min();
    }

    /** Of the tokens that each choice shows, but for the first token of an echoed prompt. */
    private List<List<Place>> score(CompletionRequest request, List<int[]> added, Runnable requireClient) {
        List<List<TokenWindow>> windows = IntStream.range(0, added.size())
                .mapToObj(i -> windows(request, request.prompts().get(i), added.get(i))).toList();
        Iterator<TokenScores> scores = scorer.score(windows.stream().flatMap(List::stream).toList(),
                Math.max(1, request.logprobs()), requireClient).iterator();
        List<List<Place>> places = new ArrayList<>();
        for (List<TokenWindow> ofPrompt : windows) {
            List<Place> shown = new ArrayList<>();
            for (int i = 0; i < ofPrompt.size(); i++) {
                TokenScores one = scores.next();
                for (int t = 0; t < one.logProbability().length; t++) {
                    shown.add(new Place(one.logProbability()[t], one.topIds()[t], one.topLogProbability()[t]));
                }
            }
            places.add(shown);
        }
        return places;
    }

    private List<TokenWindow> windows(CompletionRequest request, int[] prompt, int[] added) {
        int[] first = {prompt[0]};
        int[] rest = Arrays.copyOfRange(prompt, 1, prompt.length);
        if (request.echo() && prompt.length + added.length <= scorer.longestWindow()) {
            int[] shown = Scorer.concat(rest, added);
            return shown.length == 0 ? List.of() : List.of(new TokenWindow(first, shown));
        }
        List<TokenWindow> windows = new ArrayList<>();
        if (request.echo() && rest.length > 0) {
            windows.add(new TokenWindow(first, rest));
        }
        if (added.length > 0) {
            windows.add(new TokenWindow(end(prompt, scorer.longestWindow() - added.length), added));
        }
        return windows;
    }

    private Choice choice(int index, CompletionRequest request, int[] added, List<Place> places) {
        boolean ended = added.length > 0 && added[added.length - 1] == vocabulary.endOfText();
        String completion = continuation(ended ? Arrays.copyOf(added, added.length - 1) : added);
        OptionalInt stop = stop(request, completion);
        int[] before = request.echo() ? request.prompts().get(index) : new int[0];
        String text = tokenizer.decode(known(before)) + completion.substring(0, stop.orElse(completion.length()));
        return new Choice(index, text, places == null ? null
                : logprobs(Scorer.concat(before, added), places, request.logprobs(), text.codePointCount(0,
                text.length())), ended || stop.isPresent() ? "stop" : "length");
    }

    private String continuation(int[] ids) {
        return tokenizer.continuation(known(ids));
    }

    /** Rows of the model beyond the vocabulary stand for no text. */
    private int[] known(int[] ids) {
        return IntStream.of(ids).filter(id -> id < vocabulary.size()).toArray();
    }

    private Logprobs logprobs(int[] ids, List<Place> places, int top, int characters) {
        Logprobs logprobs = new Logprobs(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        int offset = 0;
        for (int i = 0; i < ids.length; i++) {
            Place place = places.size() < ids.length && i == 0 ? null : places.get(i - (ids.length - places.size()));
            logprobs.tokens.add(label(ids[i]));
            logprobs.tokenLogprobs.add(place == null ? null : place.logProbability);
            logprobs.topLogprobs.add(place == null ? null : top(place, top));
            logprobs.textOffset.add(Math.min(offset, characters));
            offset += characters(ids[i]);
        }
        return logprobs;
    }

    private Map<String, Float> top(Place place, int top) {
        Map<String, Float> likeliest = new LinkedHashMap<>();
        for (int i = 0; i < top; i++) {
            likeliest.put(label((int) place.topIds[i]), place.topLogProbability[i]);
        }
        return likeliest;
    }

    /** Different for different tokens: lm-evaluation-harness looks for the largest number under these names. */
    private String label(int id) {
        if (id >= vocabulary.size()) {
            return "token_id:" + id;
        }
        byte[] bytes = vocabulary.bytes(id);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            StringBuilder label = new StringBuilder("bytes:");
            for (byte b : bytes) {
                label.append(String.format(Locale.ROOT, "\\x%02x", b));
            }
            return label.toString();
        }
    }

    /** How many characters begin in a token. */
    private int characters(int id) {
        int begun = 0;
        for (byte b : id < vocabulary.size() ? vocabulary.bytes(id) : new byte[0]) {
            begun += (b & 0xC0) == 0x80 ? 0 : 1;
        }
        return begun;
    }
}
