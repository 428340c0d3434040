package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.base.GerbilException;
import gerbil.kernels.Generator;
import gerbil.kernels.Sampling;
import gerbil.kernels.TokenScorer;
import gerbil.kernels.TokenWindow;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/** What the endpoint answers. */
class CompletionsServerTest extends EndpointInUse {

    /** What lm-evaluation-harness sends, for prompts up to one token longer than the positions. */
    @ParameterizedTest
    @CsvSource({"1", "2", "30", "63", "64", "65"})
    void theHarnesssRequestIsAnsweredWithTheScorersNumbers(int length) throws Exception {
        int[] prompt = ids(length, length);
        JsonNode logprobs = choices("{\"prompt\": [" + Arrays.toString(prompt) + "]" + SCORE).get(0).get("logprobs");
        JsonNode own = logprobs.get("token_logprobs");
        assertEquals(length + 1, own.size());
        assertTrue(own.get(0).isNull() && logprobs.get("top_logprobs").get(0).isNull());
        double sum = 0;
        boolean greedy = true;
        for (int i = 1; i < length; i++) {
            sum += own.get(i).asDouble();
            greedy &= own.get(i).asDouble() == logprobs.get("top_logprobs").get(i).elements().next().asDouble();
        }
        if (length > 1) {
            var expected = new TokenScorer(model).score(List.of(new TokenWindow(
                    new int[] {prompt[0]}, Arrays.copyOfRange(prompt, 1, length))), 0).get(0);
            assertEquals(expected.sum(), sum, 1e-4);
            assertEquals(expected.greedy(), greedy);
        }
        assertEquals(own.get(length).asDouble(),
                logprobs.get("top_logprobs").get(length).elements().next().asDouble());
    }

    @Test
    void aTextPromptIsItsTokens() throws Exception {
        String text = "On day 7 <|endoftext|>the gerbil ran — né";
        int[] ids = SomeModel.TOKENIZER.encodeTagged(text);
        assertEquals(choices("{\"prompt\": " + Arrays.toString(ids) + SCORE),
                choices("{\"prompt\": " + JSON.writeValueAsString(text) + SCORE));
    }

    @Test
    void offsetsAndTokensSpellTheText() throws Exception {
        JsonNode choice = choices("{\"prompt\": \"né — 漢\"" + SCORE).get(0);
        String text = choice.get("text").asText();
        JsonNode tokens = choice.get("logprobs").get("tokens");
        JsonNode offsets = choice.get("logprobs").get("text_offset");
        assertTrue(text.startsWith("né — 漢"), text);
        for (int i = 0; i + 1 < tokens.size(); i++) {
            String token = tokens.get(i).asText();
            assertTrue(token.startsWith("bytes:\\x") || text.startsWith(token, offsets.get(i).asInt()),
                    choice.toString());
        }
    }

    @Test
    void completionsAreTheGenerators() throws Exception {
        int[] prompt = ids(5, 1);
        int[] expected = new Generator(model, 1_024).generate(prompt, 20, new Sampling(0.7, 0, 0.9), 3, id ->
                id == 1_023);
        String request = "{\"prompt\": " + Arrays.toString(prompt) + ", \"max_tokens\": 20, \"temperature\": 0.7, "
                + "\"top_p\": 0.9, \"seed\": 3";
        String text = SomeModel.TOKENIZER.decode(Arrays.stream(expected).skip(5).filter(id -> id != 1_023).toArray());
        JsonNode whole = choices(request + ", \"logprobs\": 5}").get(0);
        assertEquals(text, whole.get("text").asText());
        assertEquals(expected.length - 5, whole.get("logprobs").get("tokens").size());
        assertEquals(5, whole.get("logprobs").get("top_logprobs").get(0).size());

        String end = text.substring(text.length() / 2, text.length() / 2 + 2);
        JsonNode stopped = choices(request + ", \"stop\": [" + JSON.writeValueAsString(end) + "]}").get(0);
        assertEquals(text.substring(0, text.indexOf(end)), stopped.get("text").asText());
        assertEquals("stop", stopped.get("finish_reason").asText());
        assertTrue(stopped.get("logprobs").isNull());
    }

    @Test
    void promptsOfOneRequestAreContinuedAsEachAlone() throws Exception {
        List<String> prompts = IntStream.range(1, 20).mapToObj(i -> Arrays.toString(ids(3 * i, i))).toList();
        String options = ", \"max_tokens\": 40, \"temperature\": 0.9, \"seed\": 5, \"stop\": [\"e\", \"(\"]}";
        JsonNode together = choices("{\"prompt\": " + prompts + options);
        for (int i = 0; i < prompts.size(); i++) {
            JsonNode alone = choices("{\"prompt\": " + prompts.get(i) + options).get(0);
            assertEquals(alone.get("text"), together.get(i).get("text"));
            assertEquals(alone.get("finish_reason"), together.get(i).get("finish_reason"));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "                                               | empty",
        "{\"prompt\": \"a\"                             | not JSON",
        "[1, 2]                                         | no object",
        "{\"prompt\": \"a\"} {}                         | not JSON",
        "{}                                             | \"prompt\": null",
        "{\"prompt\": 7}                                | \"prompt\": 7",
        "{\"prompt\": []}                               | \"prompt\": []",
        "{\"prompt\": \"\"}                             | a prompt of 0 tokens",
        "{\"prompt\": [[1], []]}                        | a prompt of 0 tokens",
        "{\"prompt\": [1, \"a\"]}                       | \"prompt\": [1,\"a\"]",
        "{\"prompt\": [1, 2.5]}                         | \"prompt\": [1,2.5]",
        "{\"prompt\": [1, 99999999999]}                 | \"prompt\": [1,99999999999]",
        "{\"prompt\": [1, -1]}                          | token -1",
        "{\"prompt\": [1, 1024]}                        | token 1024",
        "{\"prompt\": [1], \"max_tokens\": 64}          | \"max_tokens\": 64",
        "{\"prompt\": [1], \"max_tokens\": -1}          | \"max_tokens\": -1",
        "{\"prompt\": [1], \"max_tokens\": \"9\"}       | \"max_tokens\": \"9\"",
        "{\"prompt\": [1], \"logprobs\": 6}             | \"logprobs\": 6",
        "{\"prompt\": [1], \"logprobs\": true}          | \"logprobs\": true",
        "{\"prompt\": [1], \"temperature\": -1}         | temperature -1",
        "{\"prompt\": [1], \"temperature\": 1e-320}     | temperature 1.0E-320",
        "{\"prompt\": [1], \"temperature\": 1e400}      | temperature Infinity",
        "{\"prompt\": [1], \"temperature\": \"hot\"}    | \"temperature\": \"hot\"",
        "{\"prompt\": [1], \"top_p\": 0}                | top-p 0",
        "{\"prompt\": [1], \"seed\": 1e400}             | \"seed\": ",
        "{\"prompt\": [1], \"echo\": 1}                 | \"echo\": 1",
        "{\"prompt\": [1], \"stop\": [\"\"]}            | \"stop\": [\"\"]",
        "{\"prompt\": [1], \"stop\": 1}                 | \"stop\": 1",
        "{\"prompt\": {\"a\": \"b\"}}                  | \"prompt\": {",
        "{\"prompt\": [null]}                           | \"prompt\": [null]",
        "{\"prompt\": [[1], [2.5]]}                     | \"prompt\": [[1],[2.5]]",
        "{\"prompt\": [1], \"max_tokens\": \"\"}        | \"max_tokens\": \"\"",
        "{\"prompt\": [1], \"max_tokens\": 1.5}         | \"max_tokens\": 1.5",
        "{\"prompt\": [1], \"temperature\": true}       | \"temperature\": true",
        "{\"prompt\": [1], \"top_p\": \"0.5\"}          | \"top_p\": \"0.5\"",
        "{\"prompt\": [1], \"seed\": 99999999999999999999} | \"seed\": 9",
        "{\"prompt\": [1], \"echo\": \"\"}              | \"echo\": \"\"",
        "{\"prompt\": [1], \"stop\": [\"a\", null]}     | \"stop\": [\"a\",null]",
        "{\"prompt\": [1], \"stop\": {}}                | \"stop\": {}",
        "{\"prompt\": [1], \"stop\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]} | \"stop\": [1,",
        "{\"prompt\": [1], \"stream\": true}            | \"stream\": true",
        "{\"prompt\": [1], \"n\": 2}                    | \"n\": 2",
        "{\"prompt\": [1], \"top_k\": 40}               | \"top_k\": 40"})
    void aMalformedRequestIsAnsweredWithTheReason(String body, String mentioned) throws Exception {
        HttpResponse<String> response = post((body == null ? "" : body).getBytes(StandardCharsets.UTF_8));
        assertEquals(400, response.statusCode(), response.body());
        String message = JSON.readTree(response.body()).get("error").get("message").asText();
        assertTrue(message.contains(mentioned) && message.contains("Expected: "), message);
    }

    @Test
    void sixtyFourClientsAtOnceGetTheirOwnAnswers() throws Exception {
        List<String> bodies = IntStream.range(0, 64).mapToObj(i -> "{\"prompt\": ["
                + Arrays.toString(ids(2 + i % 60, i))
                + ", " + Arrays.toString(ids(20, 100 + i)) + "]" + SCORE).toList();
        List<JsonNode> alone = new ArrayList<>();
        for (String body : bodies) {
            alone.add(choices(body));
        }
        List<HttpClient> clients = bodies.stream().map(b -> HttpClient.newHttpClient()).toList();
        List<CompletableFuture<HttpResponse<String>>> sent = IntStream.range(0, 64).mapToObj(i ->
                clients.get(i).sendAsync(request().POST(HttpRequest.BodyPublishers.ofString(bodies.get(i))).build(),
                        HttpResponse.BodyHandlers.ofString())).toList();
        for (int i = 0; i < 64; i++) {
            HttpResponse<String> response = sent.get(i).get();
            assertEquals(200, response.statusCode(), response.body());
            assertEquals(alone.get(i), JSON.readTree(response.body()).get("choices"));
        }
    }

    @Test
    void anAnswerSaysHowManyTokensItTook() throws Exception {
        HttpResponse<String> response = post("{\"prompt\": [[5, 6, 7], [8]], \"max_tokens\": 3, \"temperature\": 0}"
                .getBytes(StandardCharsets.UTF_8));
        JsonNode usage = JSON.readTree(response.body()).get("usage");
        int written = usage.get("completion_tokens").asInt();
        assertEquals(4, usage.get("prompt_tokens").asInt());
        assertTrue(written >= 2 && written <= 6, usage.toString());
        assertEquals(4 + written, usage.get("total_tokens").asInt());
    }

    @Test
    void otherPathsAndMethodsAreTold() throws Exception {
        URI url = server.url();
        assertEquals(404, CLIENT.send(HttpRequest.newBuilder(url.resolve("/v1/chat/completions")).build(),
                HttpResponse.BodyHandlers.ofString()).statusCode());
        assertEquals(405, CLIENT.send(request().GET().build(), HttpResponse.BodyHandlers.ofString()).statusCode());
        assertTrue(CLIENT.send(HttpRequest.newBuilder(url.resolve("/v1/models")).build(),
                HttpResponse.BodyHandlers.ofString()).body().contains("gerbil"));
    }

    @Test
    void aPortThatIsTakenIsTold() {
        int taken = server.url().getPort();
        GerbilException refused = assertThrows(GerbilException.class,
                () -> CompletionsServer.start(model, SomeModel.TOKENIZER, taken));
        assertTrue(refused.getMessage().contains("port " + taken), refused.getMessage());
    }
}
