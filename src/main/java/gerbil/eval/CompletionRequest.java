package gerbil.eval;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import gerbil.base.GerbilException;
import gerbil.kernels.Sampling;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.StreamSupport;

/**
 * A request of OpenAI's completions interface, checked.
 *
 * @param prompts token ids of each prompt
 * @param maxTokens to add to each prompt at most
 * @param sampling how to choose them
 * @param seed of the draws
 * @param logprobs how many likeliest tokens to name in each place; -1 for no log-probabilities at all
 * @param echo whether the answer begins with the prompt
 * @param stop texts that end a completion, of which they are not part
 */
record CompletionRequest(List<int[]> prompts, int maxTokens, Sampling sampling, long seed, int logprobs, boolean echo,
                         List<String> stop) {

    /** Tokens of all prompts of a request and of what is to be added to them. */
    static final int MOST_TOKENS = 1 << 16;

    /** Characters of a text for each position: more than any text has, and few enough to be encoded at once. */
    private static final int CHARACTERS_A_POSITION = 32;
    private static final int MOST_LOGPROBS = 5;
    private static final int MOST_STOPS = 32;
    private static final int LONGEST_STOP = 256;
    private static final int DEFAULT_TOKENS = 16;
    private static final String OFFERED = "prompt (a text, an array of token ids, or an array of these), max_tokens (0 "
            + "to %d), temperature, top_p, seed, logprobs (0 to " + MOST_LOGPROBS + "), echo (true or false), stop (a "
            + "text of 1 to " + LONGEST_STOP + " characters or at most " + MOST_STOPS + " of these), model and user";
    /** Parts of the interface that are not offered, with the values that ask for nothing, as null does. */
    private static final Map<String, Set<String>> WITHOUT_EFFECT = Map.of("n", Set.of("1"), "best_of", Set.of("1"),
            "stream", Set.of("false"), "suffix", Set.of(), "logit_bias", Set.of("{}"),
            "presence_penalty", Set.of("0", "0.0"), "frequency_penalty", Set.of("0", "0.0"));
    private static final JsonMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS).build();

    /** All but the prompt, which has several shapes; null is what is left out. */
    @JsonIgnoreProperties({"model", "prompt", "user"})
    private record Options(Long maxTokens, Double temperature, Double topP, Long seed, Long logprobs, Boolean echo,
                           @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY) List<JsonNode> stop) {
    }

    /**
     * @param encode from a text prompt to ids
     * @param entries ids below this are tokens
     * @param contextLength the model's
     * @throws GerbilException naming what is wrong with the request
     */
    static CompletionRequest parse(byte[] body, Function<String, int[]> encode, int entries, int contextLength) {
        JsonNode json = read(body);
        Options options = options(json, contextLength);
        long maxTokens = requireNonNullElse(options.maxTokens, Math.min(DEFAULT_TOKENS, contextLength - 1L));
        require(maxTokens >= 0 && maxTokens < contextLength, "max_tokens", json, contextLength);
        long logprobs = requireNonNullElse(options.logprobs, -1L);
        require(options.logprobs == null || logprobs >= 0 && logprobs <= MOST_LOGPROBS, "logprobs", json,
                contextLength);
        List<String> stop = requireNonNullElse(options.stop, List.<JsonNode>of()).stream()
                .map(text -> requireNonNullElse(text.textValue(), "")).toList();
        require(stop.size() <= MOST_STOPS && stop.stream().allMatch(text -> !text.isEmpty()
                && text.length() <= LONGEST_STOP), "stop", json, contextLength);
        List<int[]> prompts = prompts(json, encode, contextLength);
        long tokens = 0;
        for (int[] prompt : prompts) {
            check(prompt, entries, contextLength + 1);
            tokens += prompt.length + maxTokens;
        }
        if (tokens > MOST_TOKENS) {
            throw new GerbilException(tokens + " tokens in one request", "at most " + MOST_TOKENS
                    + ", those to be added included", "send the prompts in several requests");
        }
        Sampling sampling = new Sampling(requireNonNullElse(options.temperature, 1.0), 0,
                requireNonNullElse(options.topP, 1.0));
        return new CompletionRequest(prompts, (int) maxTokens, sampling, requireNonNullElse(options.seed, 0L),
                (int) logprobs, Boolean.TRUE.equals(options.echo), stop);
    }

    private static JsonNode read(byte[] body) {
        try {
            JsonNode json = JSON.readTree(body);
            if (!json.isObject()) {
                throw new GerbilException("a body that is " + (json.isMissingNode() ? "empty" : "no object"),
                        "a JSON object", "send {\"prompt\": \"…\"}");
            }
            return json;
        } catch (IOException e) {
            String why = e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage();
            throw new GerbilException("a body that is not JSON (" + why + ")", "a JSON object in UTF-8", "mend it");
        }
    }

    private static Options options(JsonNode json, int contextLength) {
        json.properties().removeIf(option -> WITHOUT_EFFECT.containsKey(option.getKey()) && (option.getValue().isNull()
                || WITHOUT_EFFECT.get(option.getKey()).contains(option.getValue().toString())));
        try {
            return JSON.treeToValue(json, Options.class);
        } catch (JsonProcessingException e) {
            throw refused(((JsonMappingException) e).getPath().get(0).getFieldName(), json, contextLength);
        }
    }

    private static void require(boolean right, String option, JsonNode json, int contextLength) {
        if (!right) {
            throw refused(option, json, contextLength);
        }
    }

    private static GerbilException refused(String option, JsonNode json, int contextLength) {
        return new GerbilException("\"" + excerpt(option) + "\": " + excerpt(String.valueOf(json.get(option))),
                "what this endpoint offers: " + String.format(Locale.ROOT, OFFERED, contextLength - 1),
                "change it or leave it out");
    }

    private static List<int[]> prompts(JsonNode json, Function<String, int[]> encode, int contextLength) {
        JsonNode prompt = json.path("prompt");
        boolean single = prompt.isTextual() || prompt.path(0).isNumber();
        require(single || prompt.isArray() && !prompt.isEmpty(), "prompt", json, contextLength);
        List<int[]> prompts = new ArrayList<>();
        for (JsonNode one : single ? List.of(prompt) : prompt) {
            require(one.isTextual() || one.isArray() && StreamSupport.stream(one.spliterator(), false)
                    .allMatch(JsonNode::isInt), "prompt", json, contextLength);
            int length = one.asText().length();
            if (length > CHARACTERS_A_POSITION * contextLength) {
                throw new GerbilException("a prompt of " + length + " characters", "at most " + CHARACTERS_A_POSITION
                        * contextLength + " and " + (contextLength + 1) + " tokens", "cut the prompt's beginning");
            }
            prompts.add(one.isTextual() ? encode.apply(one.textValue()) : JSON.convertValue(one, int[].class));
        }
        return prompts;
    }

    private static void check(int[] prompt, int entries, int longest) {
        if (prompt.length == 0 || prompt.length > longest) {
            throw new GerbilException("a prompt of " + prompt.length + " tokens", "1 to " + longest
                    + " tokens, one more than the model's context length",
                    "begin with <|endoftext|>, or cut the prompt's beginning");
        }
        for (int id : prompt) {
            if (id < 0 || id >= entries) {
                throw new GerbilException("token " + id, "ids from 0 to " + (entries - 1),
                        "use the model's own tokenizer");
            }
        }
    }

    private static String excerpt(String text) {
        return text.length() > 60 ? text.substring(0, 60) + "…" : text;
    }
}
