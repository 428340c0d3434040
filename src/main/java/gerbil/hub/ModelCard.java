package gerbil.hub;

import gerbil.spec.GptJConfig;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.PublishedResult;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunRecord;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What to know of a model before using it: {@code README.md} of an exported folder.
 *
 * @param run what was trained, where and on what
 * @param step after which the weights were taken
 * @param result of the run, if it has finished
 */
public record ModelCard(RunRecord run, int step, Optional<RunResult> result) {

    /**
     * The card in Markdown, with the front matter that model hubs read. It names no licence: that is for who shares the
     * model to choose.
     */
    public String markdown() {
        return String.join("\n", frontMatter(), introduction(), loss(), use(), data(), training(), limits());
    }

    private static String frontMatter() {
        return """
                ---
                library_name: transformers
                pipeline_tag: text-generation
                tags:
                - gptj
                - gerbil
                - tiny-language-model
                ---
                """;
    }

    private String introduction() {
        RunSpec spec = run.spec();
        GptJConfig config = spec.config();
        String base = spec.base() == null ? "random weights" : text("the weights of %s (SHA-256 %s)%s",
                spec.base().model(), spec.base().sha256(), spec.base().trainedLayers() == null ? ""
                        : text(", of which the last %d layers were trained,", spec.base().trainedLayers()));
        return text("""
                # %s

                A GPT-J language model of %,d parameters, trained by Gerbil in Java, a research kit for very small
                language models. It began with %s and saw %,d tokens.

                | layers | width | heads | rotated dimensions of a head | context length | rows of the embedding |
                |---|---|---|---|---|---|
                | %d | %d | %d | %d | %d | %d%s |
                """, spec.model(), config.parameters(), base, (long) step * spec.batchTokens(), config.layers(),
                config.width(), config.heads(), config.rotaryDim(), config.contextLength(), config.vocabulary(),
                config.tied() ? ", also the head's" : "");
    }

    private String loss() {
        RunSpec spec = run.spec();
        Optional<RunResult> own = result.filter(r -> step == spec.steps());
        String row = own.map(r -> text("| %s | %,d | %s | %d | %,d | %,d | %.4f | %.4f | %.4f |", spec.model(),
                r.parameters(), spec.budgetClass(), spec.budgetClass().tokensPerParameter(),
                spec.tokensBefore() + r.tokens(), spec.batchTokens(), r.heldoutLoss(), r.bitsPerByte(),
                r.trainingLoss()))
                .orElse(text("| %s | %,d | %s | %d | %,d | %,d | not measured | not measured | not measured |",
                        spec.model(), spec.config().parameters(), spec.budgetClass(),
                        spec.budgetClass().tokensPerParameter(), spec.tokensBefore() + (long) step * spec.batchTokens(),
                        spec.batchTokens()));
        return "## Loss\n\n"
                + "| model | parameters | class | tokens a parameter | tokens | batch | held-out loss | bits a byte "
                + "| training loss |\n|---|---|---|---|---|---|---|---|---|\n" + row + "\n\n"
                + own.map(r -> text("Losses are in nats a token: held-out loss is on documents that training never "
                + "saw, training loss is the\nmean of the last %,d steps.\n", r.trainingLossSteps())).orElse(
                text("These weights are from step %,d of %,d: no loss was measured with them.\n", step, spec.steps()))
                + published();
    }

    private String published() {
        return PublishedResult.all().stream()
                .filter(p -> p.model().equals(run.spec().model()) && p.trainingLoss().isPresent())
                .map(p -> text("The published model of this name has a training loss of %s, on the deduplicated Pile "
                        + "and averaged in a way\nthat was not published.\n", p.trainingLoss().getAsDouble()))
                .collect(Collectors.joining());
    }

    private String use() {
        RunSpec spec = run.spec();
        String blender = spec.objective() == Objective.CAUSAL ? "" : """

                A Blender model takes a text to continue after `<causal>`, a text with a hole as
                `<fitm_start>before<multiple_tok_mask>after<fitm_result>`, and one with masks as
                `<mlm_start>a <single_tok_mask> text<mlm_end>`. White space before a tag is the tag's: the model does
                not see it, and what it fills in may begin with white space of its own.
                """;
        return text("""
                ## Use

                ```python
                from transformers import AutoModelForCausalLM, AutoTokenizer

                model = AutoModelForCausalLM.from_pretrained("path/to/this/folder")
                tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")
                inputs = tokenizer(%s"public class", return_tensors="pt")
                print(tokenizer.decode(model.generate(**inputs, max_new_tokens=50)[0]))
                ```

                In Java, `Import.open(Path.of("path/to/this/folder"))` of Gerbil in Java, or on its command line
                `environment/gerbil sample --model path/to/this/folder`.
                %s""", spec.objective() == Objective.CAUSAL ? "" : "\"<causal>\" + ", blender);
    }

    private String data() {
        RunSpec spec = run.spec();
        RunEnvironment environment = run.environment();
        return text("""
                ## Data

                - corpus: %s (SHA-256 of its provenance %s)
                - tokenizer: `%s`, %s
                - tokens trained on: set %s
                - tokens held out: set %s
                """, environment.corpus(), environment.corpusHash(), spec.vocabulary(),
                spec.vocabulary().startsWith("gpt2") ? "GPT-2's byte-pair encoding, whole or cut after its first merges"
                        : "in tokenizer.json", spec.data(),
                spec.heldoutData());
    }

    private String training() {
        RunSpec spec = run.spec();
        OptimizerSettings o = spec.optimizer();
        StepSettings how = run.environment().step();
        RunEnvironment environment = run.environment();
        return text("""
                ## Training

                - objective: %s
                - budget: class %s, %,d tokens in %,d steps of %,d, sequences of %d
                - AdamW: peak learning rate %s, betas %s and %s, epsilon %s, weight decay %s on %s, clipping at %s
                - schedule: linear warm-up over %s of the steps, cosine to %s of the peak
                - seed: %d
                - computed in %s on %s with %d threads, %s, Java %s%s; begun %s
                - code: Gerbil in Java %s%s
                """, objective(), spec.budgetClass(), spec.tokens(), spec.steps(), spec.batchTokens(),
                spec.sequenceLength(), o.learningRate(), o.beta1(), o.beta2(), o.epsilon(), o.weightDecay(),
                o.decayed().name().toLowerCase(Locale.ROOT), o.clipNorm(), o.warmupFraction(), o.finalFraction(),
                spec.seed(), how.precision().label(), environment.device(), environment.threads(), environment.engine(),
                environment.java(), result.map(r -> text(", %.0f seconds", r.wallSeconds())
                        + (r.deviceMemory() == null ? "" : text(", %d MiB of its memory", r.deviceMemory() >> 20)))
                        .orElse(""),
                environment.started(), environment.codeVersion(), environment.continuedWith(run.continued()));
    }

    private String objective() {
        RunSpec spec = run.spec();
        return spec.objective() == Objective.CAUSAL ? "next token"
                : text("Blender: fill-in-the-middle %s, causal %s, masked %s, shares of %s",
                        spec.blender().fillInTheMiddle(), spec.blender().causal(), spec.blender().masked(),
                        spec.blender().sharesOf().name().toLowerCase(Locale.ROOT));
    }

    private static String limits() {
        return """
                ## Limits

                A model of this size has learned what its text looks like and knows nothing: what it writes is not true,
                not safe, and of use only for studying how such models learn. On most benchmarks it can be expected to score
                as chance does. Its training text was not filtered for what it says, and what it writes can resemble that
                text. Losses on other text or with another tokenizer cannot be compared with these.
                """;
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
