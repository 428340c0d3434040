package gerbil.cli;

import gerbil.eval.CompletionsServer;
import gerbil.hub.LanguageModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;

@Command(name = "serve", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Serves a model to this machine through OpenAI's completions interface, with logprobs and echo, "
                + "as lm-evaluation-harness's local-completions asks for. Prints the address; ends with Ctrl-C.")
final class ServeCommand implements Computation {

    @Mixin
    private ModelOption option;

    @Option(names = "--port", defaultValue = "8000", paramLabel = "N",
            description = "Of the loopback address (default: ${DEFAULT-VALUE}); 0 takes any that is free.")
    private int port;

    @Override
    public Integer call() throws IOException, InterruptedException {
        try (LanguageModel model = option.open();
             CompletionsServer server = CompletionsServer.start(model.model(), model.tokenizer(), port)) {
            System.out.println(server.url());
            new CountDownLatch(1).await();
        }
        return 0;
    }
}
