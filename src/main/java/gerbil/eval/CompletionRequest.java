package gerbil.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.GerbilException;
import gerbil.kernels.Sampling;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;

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
    private static final int DEFAULT_TOKENS = 16;
    private static final Set<String> UNDERSTOOD = Set.of("model", "prompt", "max_tokens", "temperature", "top_p", "seed",
            "logprobs", "echo", "stop", "user");
    /** Parts of the interface that are not offered, with the values that ask for nothing. */
    private static final Map<String, Set<String>> WITHOUT_EFFECT = Map.of("n", Set.of("1"), "best_of", Set.of("1"),
            "stream", Set.of("false"), "suffix", Set.of(), "logit_bias", Set.of("{}"),
            "presence_penalty", Set.of("0", "0.0"), "frequency_penalty", Set.of("0", "0.0"));
    private static final ObjectMapper JSON =
            new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    /**
     * @param encode from a text prompt to ids
     * @param entries ids below this are tokens
     * @param positions of the model
     * @throws GerbilException naming what is wrong with the request
     */
    static CompletionRequest parse(byte[] body, Function<String, int[]> encode, int entries, int positions) {
        JsonNode json = read(body);
        json.fieldNames().forEachRemaining(name -> requireKnown(name, json.get(name)));
        List<int[]> prompts = prompts(json.path("prompt"), text -> {
            if (text.length() > CHARACTERS_A_POSITION * positions) {
                throw new GerbilException("a prompt of " + text.length() + " characters", "at most "
                        + CHARACTERS_A_POSITION * positions + " and " + (positions + 1) + " tokens",
                        "cut the prompt's beginning");
            }
            return encode.apply(text);
        });
        int maxTokens = (int) whole(json, "max_tokens", Math.min(DEFAULT_TOKENS, positions - 1), 0, positions - 1);
        long tokens = 0;
        for (int[] prompt : prompts) {
            check(prompt, entries, positions + 1);
            tokens += prompt.length + maxTokens;
        }
        if (tokens > MOST_TOKENS) {
            throw new GerbilException(tokens + " tokens in one request", "at most " + MOST_TOKENS + ", those to be added included",
                    "send the prompts in several requests");
        }
        return new CompletionRequest(prompts, maxTokens,
                new Sampling(number(json, "temperature"), 0, number(json, "top_p")),
                whole(json, "seed", 0, Long.MIN_VALUE, Long.MAX_VALUE),
                (int) whole(json, "logprobs", -1, 0, MOST_LOGPROBS), flag(json, "echo"), stop(json.path("stop")));
    }

    private static JsonNode read(byte[] body) {
        try {
            JsonNode json = JSON.readTree(body);
            if (!json.isObject()) {
                throw new GerbilException("a body that is " + (json.isMissingNode() ? "empty" : "no object"), "a JSON object",
                        "send {\"prompt\": \"…\"}");
            }
            return json;
        } catch (JsonProcessingException e) {
            throw new GerbilException("a body that is not JSON (" + e.getOriginalMessage() + ")", "a JSON object", "mend it");
        } catch (IOException e) {
            throw new GerbilException("a body that is not Unicode text (" + e.getMessage() + ")", "a JSON object in UTF-8", "mend it");
        }
    }

    private static void requireKnown(String name, JsonNode value) {
        Set<String> harmless = WITHOUT_EFFECT.get(name);
        if (!UNDERSTOOD.contains(name) && (harmless == null || !value.isNull() && !harmless.contains(value.toString()))) {
            throw new GerbilException("\"" + excerpt(name) + "\": " + excerpt(value.toString()), "what this endpoint offers: "
                    + UNDERSTOOD.stream().sorted().toList(), "leave it out");
        }
    }

    private static List<int[]> prompts(JsonNode prompt, Function<String, int[]> encode) {
        List<int[]> prompts = new ArrayList<>();
        if (prompt.isTextual()) {
            prompts.add(encode.apply(prompt.textValue()));
        } else if (prompt.isArray() && !prompt.isEmpty() && prompt.get(0).isNumber()) {
            prompts.add(ids(prompt));
        } else if (prompt.isArray()) {
            prompt.forEach(one -> prompts.add(one.isTextual() ? encode.apply(one.textValue()) : ids(one)));
        }
        if (prompts.isEmpty()) {
            throw new GerbilException("the prompt " + excerpt(prompt.toString()), "a text, an array of token ids, or an array of these",
                    "send one of them");
        }
        return prompts;
    }

    private static int[] ids(JsonNode prompt) {
        if (!prompt.isArray() || !IntStream.range(0, prompt.size()).allMatch(i -> prompt.get(i).isInt())) {
            throw new GerbilException("the prompt " + excerpt(prompt.toString()), "a text or an array of token ids", "send one of them");
        }
        return IntStream.range(0, prompt.size()).map(i -> prompt.get(i).intValue()).toArray();
    }

    private static void check(int[] prompt, int entries, int longest) {
        if (prompt.length == 0 || prompt.length > longest) {
            throw new GerbilException("a prompt of " + prompt.length + " tokens", "1 to " + longest
                    + " tokens, one more than the model's positions", "begin with <|endoftext|>, or cut the prompt's beginning");
        }
        for (int id : prompt) {
            if (id < 0 || id >= entries) {
                throw new GerbilException("token " + id, "ids from 0 to " + (entries - 1), "use the model's own tokenizer");
            }
        }
    }

    private static long whole(JsonNode json, String name, long missing, long least, long most) {
        if (!json.hasNonNull(name)) {
            return missing;
        }
        JsonNode value = json.get(name);
        if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < least
                || value.longValue() > most) {
            throw new GerbilException(name + " " + excerpt(value.toString()), "a whole number from " + least + " to "
                    + most, "change it");
        }
        return value.longValue();
    }

    /** A number that {@link Sampling} checks. */
    private static double number(JsonNode json, String name) {
        if (!json.hasNonNull(name)) {
            return 1;
        }
        if (!json.get(name).isNumber()) {
            throw new GerbilException(name + " " + excerpt(json.get(name).toString()), "a number", "change it");
        }
        return json.get(name).doubleValue();
    }

    private static boolean flag(JsonNode json, String name) {
        if (json.hasNonNull(name) && !json.get(name).isBoolean()) {
            throw new GerbilException(name + " " + excerpt(json.get(name).toString()), "true or false", "change it");
        }
        return json.path(name).asBoolean();
    }

    private static List<String> stop(JsonNode stop) {
        List<String> texts = new ArrayList<>();
        if (stop.isTextual()) {
            texts.add(stop.textValue());
        } else if (stop.isArray()) {
            stop.forEach(text -> texts.add(text.isTextual() ? text.textValue() : ""));
        }
        if (texts.contains("") || texts.isEmpty() && !(stop.isMissingNode() || stop.isNull() || stop.isArray())) {
            throw new GerbilException("stop " + excerpt(stop.toString()), "a text or an array of texts, none of them empty", "change it");
        }
        return texts;
    }

    private static String excerpt(String text) {
        return text.length() > 60 ? text.substring(0, 60) + "…" : text;
    }
}
