package gerbil.cli;

import gerbil.base.Units;
import gerbil.model.Devices;
import gerbil.objective.BlenderSequences;
import gerbil.objective.Composition;
import gerbil.runs.Workspace;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import gerbil.tokens.PreparedTokens;
import gerbil.tokens.TokenSet;
import gerbil.train.BudgetPlan;
import gerbil.train.Gpu;
import gerbil.train.Hardware;
import gerbil.train.StepTuning;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

@Command(name = "plan", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Shows what runs would take: steps, tokens, micro-batches, memory and time, from a step measured "
                + "on this device; and for three GPUs, estimated from their public figures, the time and how many "
                + "sequences at once there is memory for.")
final class PlanCommand implements Computation {

    @Mixin
    private RunOptions options;

    @Override
    public Integer call() {
        Workspace workspace = Workspace.here();
        PreparedTokens tokens = options.tokens(workspace);
        List<RunSpec> specs = options.specs(tokens);
        System.out.printf(Locale.ROOT, "On %s, %d threads:%n", Hardware.device(specs.get(0).config()),
                Devices.threads());
        for (RunSpec spec : specs) {
            print(BudgetPlan.measure(spec, tokens.train(), options.settings(spec)), tokens.train());
        }
        return 0;
    }

    static void print(BudgetPlan plan, TokenSet tokens) {
        RunSpec spec = plan.spec();
        System.out.printf(Locale.ROOT, "%s: %,d parameters, %,d tokens%s (%.2f epochs) in %,d steps of %,d tokens, "
                        + "%d x %d sequences of %d; %,.0f tokens/s on the %s path in %s, about %s, %s of memory%n",
                spec.model(), spec.config().parameters(), spec.tokens(),
                spec.before().map(run -> String.format(Locale.ROOT, " after the %,d of %s", spec.tokensBefore(),
                        run.model())).orElse(""), plan.epochs(), spec.steps(),
                spec.batchTokens(), plan.accumulation(), plan.settings().microBatch(), spec.sequenceLength(),
                plan.tokensPerSecond(), plan.settings().path().label(), plan.settings().precision().label(),
                Units.seconds(plan.seconds()),
                plan.peakMemory().isPresent() ? plan.peakMemory().getAsLong() / (1 << 20) + " MiB" : "unknown");
        System.out.println(Arrays.stream(Gpu.values())
                .map(gpu -> gpu.label() + " " + Units.seconds(gpu.seconds(spec))).collect(Collectors.joining(", ",
                        String.format(Locale.ROOT, "  estimated, not measured, at %.0f%% of the peak: ",
                                100 * Gpu.ASSUMED_SHARE), "")));
        int most = StepTuning.gpuMicroBatch(spec);
        System.out.println(Arrays.stream(Gpu.values())
                .map(gpu -> gpu.label() + " for " + gpu.microBatch(spec)).collect(Collectors.joining(", ",
                        String.format(Locale.ROOT, "  memory of a card, counted: %.1f GB for 1 sequence at once, "
                                        + "%.1f GB for %d; room on ", Gpu.memory(spec, 1) / 1e9,
                                Gpu.memory(spec, most) / 1e9, most), "")));
        plan.warning().ifPresent(warning -> System.out.println("  " + warning));
        if (spec.objective() == Objective.BLENDER) {
            print(BlenderSequences.of(spec, tokens).composition(0));
        }
    }

    private static void print(Composition composition) {
        System.out.println(composition.parts().stream().map(part -> String.format(Locale.ROOT,
                "%s %.1f%% of the examples, %.1f%% of their tokens", part.objective(),
                100.0 * part.examples() / composition.examples(), 100.0 * part.tokens() / composition.tokens()))
                .collect(Collectors.joining("; ", "  mixture: ",
                        String.format(Locale.ROOT, "; padding %.3f%%", 100 * composition.paddingShare()))));
    }
}
