package gerbil.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the command line says of itself and of bad input. */
class GerbilTest extends CommandLineInAHome {

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "prepare | --scale --corpus --tokens --seed --out",
        "plan | --size --class --objective --seed --learning-rate --path --tokens-folder --set mixture shares-of "
                + "longest-span mask-rate loss-on 183k 104m",
        "export | --model @STEP --out",
        "import | --model --tokens-folder",
        "train | --from --last-layers 'A*' --budget --size --class --learning-rate --tokens-folder --run-directory "
            + "--checkpoint-every --keep-last --keep-every --detach",
        "list | runs/ seed held-out",
        "watch | --model",
        "stop | --model",
        "sample | --model --prompt --tokens --count --temperature --top-k --top-p --seed",
        "infill | --model --prefix --suffix --tokens --temperature --top-k --top-p --seed",
        "fill-masks | --model --text --temperature --top-k --top-p --seed",
        "score | --model --files --tasks --limit --answers lambada_openai.jsonl",
        "serve | --model --port",
        "sweep | --size --class --set --name --list learning-rates.csv results/sweeps",
        "compare | RUN --by tokens time compute",
        "report | --prompt --tokens results/report.html",
        "table | results/loss-table.csv"})
    void helpNamesEveryOption(String command, String mentioned) {
        String help = done(command, "--help");
        for (String text : mentioned.split(" ")) {
            assertTrue(help.contains(text), help);
        }
        assertTrue(done().contains(command));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "train --size 33m --class A                   | size '33m'",
        "train --size 40k --class E                   | class 'E'",
        "plan --size 40k,3.3m --class A               | sizes of both scales",
        "train --size 40k --class A --path quick      | path 'quick'",
        "train --size 40k --class A --objective other | objective 'other'",
        "train --size 40k --class A --objective blender --set mixture=0.5/0.5/0.5 | which is 1.5 in all",
        "train --size 40k --class A --objective blender --set mixture=0.5/0.5 | a mixture of '0.5/0.5'",
        "train --size 40k --class A --objective blender --set shortest-span=65 | spans of 65 to 64 tokens",
        "train --size 40k --class A --objective blender --set mask-rate=1 | a mask rate of 1.0",
        "train --size 40k --class A --objective blender --set loss-on=some | one of [all, targets]",
        "train --size 40k --class A --set mask-rate=0.3 | a setting of a mixture for a causal run",
        "train --size 40k --class A --set warmup=often | optimizer.warmupFraction of 'often'",
        "sweep --name x --size 40k --class A --set speed=1,2 | setting 'speed'. Expected: one of [tokens, batch",
        "sweep --name x --size 40k --class A --set sequence-length=64,48 | sequences of 48",
        "sweep --name x --size 40k --class A --set width=16,15 | width 15 with 2 heads",
        "sweep --name x --size 40k --class A --set tied-head=maybe | a tied head of 'maybe'",
        "sweep --name x --size 40k --class A --learning-rate 1 --set Learning-Rate=2 | --learning-rate beside --set",
        "sweep --name x --size 40k --class A --budget 1k --set tokens=2k | --budget beside --set tokens",
        "compare Gerbil-A-92k                         | no finished Gerbil-A-92k",
        "compare .                                    | no run.json",
        "train --size 40k --class A                   | no tokens.json in",
        "train --size 40k --class A --tokens-folder nowhere | nowhere",
        "prepare                                      | data/corpus",
        "prepare --scale micro                        | scale 'micro'",
        "prepare --corpus nowhere                     | no folder nowhere",
        "prepare --corpus hf:pile                     | hf:OWNER/NAME",
        "prepare --corpus . --out x --tokens lots     | count 'lots'",
        "prepare --corpus . --out x --tokens -5       | count '-5'",
        "export --model Gerbil-A-92k --out x          | no trained Gerbil-A-92k",
        "export --model . --out x                     | no run.json",
        "score --model x --files nowhere              | no item to score in nowhere",
        "score --model x --files . --tasks squad      | task 'squad'",
        "serve --model Gerbil-A-92k                   | no trained Gerbil-A-92k",
        "watch --model Gerbil-A-92k                   | no run of Gerbil-A-92k",
        "stop --model Gerbil-A-92k                    | no run of Gerbil-A-92k",
        "watch --model .                              | no request.json",
        "train --from nowhere --class A               | no trained nowhere",
        "train --size 40k --class A --last-layers 1   | --last-layers without --from",
        "sample --model Gerbil-A-92k                  | no trained Gerbil-A-92k",
        "sample --model x --count 0                   | --count 0",
        "sample --model x --count 100001              | a number from 1 to 100000",
        "sweep --name x --size 40k --class A --set layers=1,1001 | 1001 layers",
        "sweep --name x --size 40k --class A --set batch-tokens=128,16777344 | in batches of 16777344",
        "sweep --name x --size 40k --class A --budget 9000000000000G | 9223372036854775807 tokens",
        "sample --model x --count 2 --temperature 0   | all texts would be the same"})
    void badInputIsOneSentenceEach(String arguments, String mentioned) {
        Outcome outcome = gerbil(arguments.trim().split(" "));
        assertEquals(1, outcome.status(), outcome.err());
        assertTrue(outcome.err().contains(mentioned) && outcome.err().startsWith("Found: "), outcome.err());
        assertEquals(1, outcome.err().lines().count(), outcome.err());
        assertEquals("", outcome.out());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "trane                                  | trane",
        "train --class A                        | --size",
        "plan --class A                         | --size",
        "train --size 40k --class A --speed 9   | --speed",
        "sample --model x --tokens many         | many",
        "serve --model x --port high            | high",
        "score --model x                        | --files",
        "train --size 40k --class A --seed one  | one"})
    void wrongArgumentsAreToldWithTheUsage(String arguments, String mentioned) {
        Outcome outcome = gerbil(arguments.trim().split(" "));
        assertEquals(2, outcome.status());
        assertTrue(outcome.err().contains(mentioned) && !outcome.err().contains("\tat "), outcome.err());
    }

    @Test
    void aCorpusWithNoDocumentsIsRefusedAndLeavesNothing() throws IOException {
        Path empty = Files.createDirectory(home.resolve("empty"));
        Outcome outcome = gerbil("prepare", "--corpus", empty.toString(), "--out", home.resolve("tokens").toString());
        assertEquals(1, outcome.status());
        assertTrue(outcome.err().contains("no documents in " + empty), outcome.err());
        assertFalse(Files.exists(home.resolve("tokens")));
    }
}
