package gerbil.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.train.Child;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Commands one after another, as users give them. */
class SessionsTest extends CommandLineInAHome {

    @Test
    void aSessionWithABlenderModel() throws IOException {
        Path texts = texts();
        String tokens = home.resolve("data/tokens/mine").toString();
        done("prepare", "--corpus", texts.toString(), "--out", tokens, "--tokens", "20k");
        String run = home.resolve("runs/mine").toString();
        String trained = done("train", "--size", "40k", "--class", "A", "--objective", "blender", "--set",
                "mixture=0.5/0.25/0.25", "--tokens-folder", tokens, "--run-directory", run);
        assertTrue(trained.contains("mixture: fill-in-the-middle") && trained.contains("; padding 0.")
                && trained.contains("GerbilBlender-A-40k, seed 0: held-out loss "), trained);
        String filled = done("infill", "--model", run, "--prefix", "On day 5 the", "--suffix", " rounds.");
        assertTrue(filled.startsWith("On day 5 the") && filled.stripTrailing().endsWith(" rounds."), filled);
        assertEquals(filled, done("infill", "--model", run, "--prefix", "On day 5 the", "--suffix", " rounds."));
        assertTrue(done("fill-masks", "--model", run, "--text", "On day 5 the <single_tok_mask>erbil ran.")
                .startsWith("On day 5 the"));
        assertTrue(done("sample", "--model", run, "--prompt", "On day").startsWith("On day"));
        assertTrue(done("table").contains("GerbilBlender-A-40k"));
    }

    @Test
    void aFirstSessionWithACorpusOfOnesOwn() throws IOException {
        Path texts = texts();
        String tokens = home.resolve("data/tokens/mine").toString();
        String prepared = done("prepare", "--corpus", texts.toString(), "--out", tokens, "--tokens", "20k");
        assertTrue(prepared.contains("training: 20,") && prepared.contains("held out: "), prepared);
        String plan = done("plan", "--size", "40k", "--class", "A,D", "--tokens-folder", tokens);
        for (String part : List.of("Gerbil-D-40k: 40,192 parameters", "for 16; room on T4 for 16, RTX 2060 for 16",
                "beyond four times repeated text is worth less")) {
            assertTrue(plan.contains(part), plan);
        }
        Outcome kernels = gerbil("plan", "--size", "40k", "--class", "A", "--tokens-folder", tokens, "--path", "kernels",
                "--precision", "float16");
        assertTrue(kernels.err().contains("fused: the kernels need a GPU") && kernels.out().contains("on the fused path"),
                kernels.toString());

        String run = home.resolve("runs/mine").toString();
        String[] train = {"train", "--size", "40k", "--class", "A", "--tokens-folder", tokens, "--run-directory", run};
        assertTrue(done(train).contains("Gerbil-A-40k, seed 0: held-out loss "));
        String again = done(train);
        assertTrue(again.contains("training loss") && !again.contains("parameters"), "not planned again: " + again);
        String[] other = train.clone();
        other[4] = "B";
        String refused = gerbil(other).err();
        assertTrue(refused.contains("another run in " + run + ", which differs from the one asked for in "), refused);
        String fork = refused.replaceFirst("(?s).*weights of this one: gerbil ([^\n]+)\\.\\s*", "$1");
        String forked = done((fork + " --class B --budget 4k --tokens-folder " + tokens).split(" "));
        assertTrue(forked.contains("-finetuned, seed 0: held-out loss "), forked);

        String[] sample = {"sample", "--model", run, "--prompt", "On day 5", "--tokens", "20", "--seed", "1"};
        assertTrue(done(sample).startsWith("On day 5"));
        assertEquals(done(sample), done(sample));
        String two = done("sample", "--model", run, "--prompt", "On day 5", "--tokens", "20", "--count", "2");
        assertTrue(two.startsWith("--- seed 0\nOn day 5") && two.endsWith("--- seed 1\n" + done(sample)), two);
        Outcome causal = gerbil("infill", "--model", run, "--prefix", "On day");
        assertTrue(causal.status() == 1 && causal.err().contains("a causal model, Gerbil-A-40k"), causal.err());
        Outcome tooLong = gerbil("sample", "--model", run, "--tokens", "128");
        assertTrue(tooLong.status() == 1 && tooLong.err().contains("a sequence of 129 tokens"), tooLong.err());

        String shared = home.resolve("shared/My-40k").toString();
        assertTrue(done("export", "--model", run + "@393", "--out", shared).contains(shared));
        Outcome exists = gerbil("export", "--model", run, "--out", shared);
        assertTrue(exists.status() == 1 && exists.err().contains("has content"), exists.err());
        assertTrue(gerbil("export", "--model", run + "@3", "--out", shared + "2").err().contains("step 3"));
        sample[2] = shared;
        assertTrue(done(sample).startsWith("On day 5"));
        String imported = done("import", "--model", shared, "--tokens-folder", tokens);
        assertEquals(done("import", "--model", run, "--tokens-folder", tokens), imported);
        assertTrue(imported.contains("40,192 parameters") && imported.contains("held-out loss "), imported);
        assertTrue(done("train", "--from", run + "@393", "--class", "A", "--budget", "4k", "--tokens-folder", tokens)
                .contains("Gerbil-A-40k-finetuned, seed 0: held-out loss "));
        String[] finetune = {"train", "--from", shared, "--class", "A", "--budget", "8k", "--tokens-folder", tokens};
        assertTrue(done(finetune).contains("My-40k-finetuned, seed 0: held-out loss "));
        assertTrue(done("sample", "--model", "My-40k-finetuned", "--tokens", "5").length() > 0);
        String[] some = Stream.concat(Stream.of(finetune), Stream.of("--last-layers", "1")).toArray(String[]::new);
        assertTrue(done(some).contains("My-40k-finetuned, seed 0: held-out loss "));
        some[some.length - 1] = "0";
        assertTrue(gerbil(some).err().contains("0 trained layers of My-40k"));
        assertTrue(gerbil("train", "--from", shared, "--size", "92k", "--class", "A", "--tokens-folder", tokens).err()
                .contains("My-40k of size 40k in a run of size 92k"));
        finetune[4] = "A*";
        assertTrue(gerbil(finetune).err().contains("finetuning of My-40k by class A*"));
        String[] star = {"plan", "--size", "40k", "--class", "A*", "--tokens-folder", tokens};
        assertTrue(done(star).contains("Gerbil-Astar-40k: 40,192 parameters, 883,200 tokens after the 804,864 of "
                + "Gerbil-A-40k"));
        star[0] = "train";
        assertTrue(gerbil(star).err().contains("train Gerbil-A-40k first"));

        Files.writeString(texts.resolve("text.jsonl"), "{\"text\": \"On day 5 the gerbil ran 9 rounds.\"}\n");
        String answers = home.resolve("answers.jsonl").toString();
        assertTrue(done("score", "--model", run, "--files", texts.toString(), "--answers", answers)
                .contains("bits_per_byte"));
        assertTrue(Files.readString(Path.of(answers))
                .startsWith("{\"task\":\"text\",\"item\":0,\"answers\":[{\"nats\":-"));

        assertTrue(done("table").contains("Gerbil-A-40k"));
        List<String> table = Files.readAllLines(home.resolve("results/loss-table.csv"));
        assertFalse(table.toString().contains("finetuned"));
        assertTrue(table.stream().anyMatch(row -> row.startsWith("Gerbil-A-40k,nano,causal,40k,A,40192,")
                && row.contains(",texts,gpt2-1024,")), table.toString());
    }

    /** Of runs that differ in seed and rate none hides another, and what is taken of several is said. */
    @Test
    void everyRunIsListedAndCanBeNamed() throws IOException {
        Path texts = texts();
        String tokens = home.resolve("data/tokens/mine").toString();
        done("prepare", "--corpus", texts.toString(), "--out", tokens, "--tokens", "20k");
        String[] train = {"train", "--size", "40k", "--class", "A", "--budget", "4k", "--tokens-folder", tokens,
            "--seed", "0,1"};
        assertEquals(2, done(train).lines()
                .filter(line -> line.matches("Gerbil-A-40k, seed [01]: held-out loss .*")).count());
        Files.createDirectories(home.resolve("runs/broken"));
        Files.writeString(home.resolve("runs/broken/run.json"), "{\"spec\":");

        List<String> list = done("list").lines().toList();
        assertEquals(4, list.size(), list.toString());
        assertTrue(list.get(0).matches("run +model +corpus +seed +rate +held-out loss +begun +state"), list.get(0));
        assertTrue(list.get(1).matches("Gerbil-A-40k/seed0-[0-9a-f]{8}  Gerbil-A-40k  texts +0 +0\\.032 +\\d\\.\\d{4}  "
                + "\\d{4}-\\d\\d-\\d\\dT\\S+ +finished"), list.get(1));
        assertTrue(list.get(2).startsWith("Gerbil-A-40k/seed1-"), list.get(2));
        assertTrue(list.get(3).startsWith("broken ") && list.get(3).contains("not whole: Found: ")
                && list.get(3).contains("run.json is not readable"), list.get(3));

        String first = list.get(1).split(" ")[0];
        Outcome several = gerbil("sample", "--model", "Gerbil-A-40k", "--tokens", "5");
        String second = list.get(2).split(" ")[0];
        assertTrue(several.err().contains("Gerbil-A-40k is the name of 2 runs: taking " + second)
                && several.err().contains("gerbil list"), "the newest, none is on the default corpus: " + several.err());
        for (String name : List.of(first, first.substring(first.indexOf('/') + 1), first.split("-")[3],
                home.resolve("runs").resolve(first).toString())) {
            Outcome one = gerbil("sample", "--model", name, "--tokens", "5");
            assertEquals(List.of(0, ""), List.of(one.status(), one.err()), name);
        }
        assertTrue(gerbil("watch", "--model", "Gerbil-A-40k").err().contains("taking " + second));

        done("report", "--prompt", "On <day> 5");
        String page = Files.readString(home.resolve("results/report.html"));
        for (String part : List.of(first, second, "broken", "not whole: Found: ", "<svg ", "on texts",
                "<h3>" + second + "</h3>\n<pre>On &lt;day&gt; 5", "Runs of other settings")) {
            assertTrue(page.contains(part), part + " in " + page);
        }
        assertFalse(page.matches("(?s).*(\\ssrc=|\\shref=|@import|url\\(|<script).*"), "what needs another file");
    }

    @Test
    void aSessionWithATokenizerOfOnesOwn() throws IOException {
        Path file = Path.of("src/test/resources/tokenizers/bpe/tokenizer.json").toAbsolutePath();
        String texts = texts().toString();
        String tokens = home.resolve("tokens").toString();
        done("prepare", "--corpus", texts, "--out", tokens, "--tokens", "20k", "--tokenizer",
                file.toString());
        done("train", "--size", "40k", "--class", "A", "--budget", "4k", "--tokens-folder", tokens);
        String shared = home.resolve("shared").toString();
        done("export", "--model", "Gerbil-A-40k", "--out", shared);
        assertEquals(done("import", "--model", "Gerbil-A-40k", "--tokens-folder", tokens),
                done("import", "--model", shared, "--tokens-folder", tokens));
        assertTrue(done("sample", "--model", shared, "--prompt", "On day", "--tokens", "5").startsWith("On day"));

        Path other = home.resolve("other");
        Files.createDirectories(other);
        Path bad = Files.writeString(other.resolve("tokenizer.json"), Files.readString(file).replace("<|endoftext|>",
                "<nothing>"));
        Outcome endless = gerbil("prepare", "--corpus", texts, "--tokens", "20k", "--tokenizer",
                bad.toString());
        assertTrue(endless.status() == 1 && endless.err().contains("a tokenizer without an end of text"), endless.err());
    }

    /** A run that cannot learn does not keep the others back, and what has a row is not trained again. */
    @Test
    void aSweepGoesOnAndIsCompared() throws IOException {
        String tokens = home.resolve("it's tokens").toString();
        done("prepare", "--corpus", texts().toString(), "--out", tokens, "--tokens", "20k");
        String[] sweep = {"sweep", "--name", "rates", "--size", "40k", "--class", "A", "--set", "tokens=8k", "--seed",
            "0,1", "--set", "learning-rate=1e-2,1e30", "--tokens-folder", tokens};
        Outcome first = gerbil(sweep);
        List<String> lines = first.out().lines().toList();
        assertEquals(List.of(1, 4), List.of(first.status(), lines.size()), first.err());
        for (int i = 0; i < 4; i++) {
            assertTrue(lines.get(i).matches("Gerbil-A-40k, seed " + i % 2 + (i < 2
                    ? ", learning rate 0.01: held-out loss \\d\\.\\d{4}, \\d\\.\\d{4} bits a byte"
                    : ", learning rate 1.0E30: Found: a training loss of .* and a held-out loss of NaN after the last step.*")), lines.get(i));
        }
        String kept;
        try (var rows = Files.list(home.resolve("results/sweeps/rates"))) {
            List<String> names = rows.map(file -> file.getFileName().toString()).sorted().toList();
            assertEquals(2, names.size());
            kept = names.get(0);
        }
        done("table");
        assertFalse(Files.readString(home.resolve("results/loss-table.csv")).contains("Gerbil-A-40k,nano"));

        String compared = done("compare", "Gerbil-A-40k");
        assertTrue(compared.contains("Two runs that differ in the seed alone are at most ")
                && compared.contains(" (n = 2)") && !compared.contains("Specifications"), compared);
        done("train", "--size", "40k", "--class", "A", "--budget", "4k", "--tokens-folder", tokens);
        compared = done("compare", "Gerbil-A-40k", "--by", "time");
        assertTrue(compared.contains("optimizer.learningRate") && compared.contains("seconds of training up to")
                && compared.contains("Gerbil-A-40k, tokens 4000, learning rate 0.032"), compared);

        deleteRuns();
        sweep[12] = "learning-rate=1e-2";
        Path row = home.resolve("results/sweeps/rates").resolve(kept);
        String whole = Files.readString(row);
        Files.writeString(row, whole.substring(0, 99));
        Outcome damaged = gerbil(sweep);
        List<String> outcome = damaged.out().lines().toList();
        assertEquals(List.of(1, 2), List.of(damaged.status(), outcome.size()), damaged.err());
        assertTrue(outcome.get(0).startsWith("Gerbil-A-40k, seed 0: Found: " + row + " is not readable")
                && outcome.get(1).contains("seed 1: held-out loss"), damaged.out());
        Files.writeString(row, whole);
        assertEquals(lines.subList(0, 2).stream().map(line -> line.replace(", learning rate 0.01", "")).toList(),
                done(sweep).lines().toList());
        assertFalse(Files.exists(home.resolve("runs")));
        sweep[14] = "--list";
        sweep = Arrays.copyOf(sweep, sweep.length);
        sweep[13] = "--tokens-folder=" + tokens;
        assertEquals("train --size 40k --class A --objective causal --seed 1 --path fused --tokens-folder '"
                        + tokens.replace("'", "'\\''") + "' --set tokens=8k --set learning-rate=1e-2",
                done(sweep).lines().toList().get(1));
    }

    private void deleteRuns() throws IOException {
        try (var files = Files.walk(home.resolve("runs"))) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Test
    void aDetachedRunIsWatchedStoppedAndGoesOn() throws IOException {
        Path texts = texts();
        String tokens = home.resolve("tokens").toString();
        done("prepare", "--corpus", texts.toString(), "--out", tokens, "--tokens", "20k");
        String[] train = {"train", "--size", "40k", "--class", "D", "--tokens-folder", tokens, "--detach"};
        try {
            String started = done(train);
            assertTrue(started.contains("Gerbil-D-40k: process ")
                    && started.contains("watch --model Gerbil-D-40k"), started);
            String again = done(train);
            assertTrue(started.endsWith(again), again);
            String[] foreground = Arrays.copyOf(train, train.length - 1);
            assertTrue(gerbil(foreground).err().contains(" is training"));
            assertTrue(done("stop", "--model", "Gerbil-D-40k").contains("Gerbil-D-40k: stopped"));
            Outcome stopped = gerbil("watch", "--model", "Gerbil-D-40k");
            assertTrue(stopped.status() == 1 && stopped.err().contains("an interrupt at step"), stopped.err());
            // another run of the model, which is the one started last
            train = new String[] {"train", "--size", "40k", "--class", "D", "--budget", "50k", "--tokens-folder",
                tokens, "--detach"};
            done(train);
            assertTrue(done("watch", "--model", "Gerbil-D-40k").contains("Gerbil-D-40k, seed 0: held-out loss "));
            assertTrue(done(train).contains("Gerbil-D-40k, seed 0: held-out loss "));
            assertTrue(gerbil("stop", "--model", "Gerbil-D-40k").err().contains("nobody who trains"));
        } finally {
            gerbil("stop", "--model", "Gerbil-D-40k");
        }
        assertTrue(gerbil("train", "--size", "40k", "--class", "A,B", "--tokens-folder", tokens, "--detach").err()
                .contains("2 runs for one --detach"));
    }

    /** The hook that waits for the checkpoint must not wait for a thread that waits for the hook. */
    @Test
    void aTerminatedRunEndsWithACheckpoint() throws IOException, InterruptedException {
        Path texts = texts();
        String tokens = home.resolve("tokens").toString();
        done("prepare", "--corpus", texts.toString(), "--out", tokens, "--tokens", "20k");
        Path run = home.resolve("run");
        Process training = Child.start(List.of("-Dgerbil.home=" + home), Gerbil.class, "train", "--size", "40k",
                "--class", "D", "--tokens-folder", tokens, "--run-directory", run.toString());
        try {
            Path metrics = run.resolve("metrics.jsonl");
            while (training.isAlive() && !(Files.exists(metrics) && Files.size(metrics) > 0)) {
                Thread.sleep(20);
            }
            training.destroy();
            assertTrue(training.waitFor(5, TimeUnit.MINUTES), "still running");
            assertEquals(143, training.exitValue());
        } finally {
            training.destroyForcibly();
        }
        assertTrue(Files.exists(run.resolve("checkpoints")) && !Files.exists(run.resolve("result.json")));
    }
}
