package gerbil.notebook;

import jdk.jshell.JShell;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;
import jdk.jshell.SourceCodeAnalysis.Documentation;
import jdk.jshell.SourceCodeAnalysis.Suggestion;

import java.lang.reflect.InaccessibleObjectException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What JShell knows about the code of a cell: documentation, and what may stand where the cursor is. */
final class CodeHelp {

    /** Up to the end of the name that begins before, and a bracket behind it: only then a method is called. */
    private static final Pattern END_OF_NAME = Pattern.compile("\\w*(?:\\s*\\()?");
    private static final Pattern PARAMETERS = Pattern.compile("\\((.*)\\)");
    private static final Pattern NAME = Pattern.compile("(\\w+)(?=,|$)");
    private static final Pattern TYPE_ARGUMENTS = Pattern.compile("<[^<>]*>");

    /**
     * @param texts what may stand from there to the cursor, the likely first
     * @param from an index into the code
     */
    record Completions(List<String> texts, int from) {
    }

    private final SourceCodeAnalysis analysis;
    private final Path sources;
    private boolean sourcesKnown;

    /** @param sources a folder of source files, for the documentation in them */
    CodeHelp(JShell shell, Path sources) {
        analysis = shell.sourceCodeAnalysis();
        this.sources = sources;
    }

    /**
     * Signature and documentation of the call that the cursor is in, else of the name at it.
     *
     * @param cursor an index into the code
     */
    Optional<MimeBundle> documentation(String code, int cursor) {
        tellSources();
        int start = cursor;
        while (start > 0 && Character.isJavaIdentifierPart(code.charAt(start - 1))) {
            start--;
        }
        Matcher end = END_OF_NAME.matcher(code).region(cursor, code.length());
        List<Documentation> found = documented(code.substring(0, start < cursor && end.lookingAt() ? end.end() : start),
                true);
        if (found.isEmpty()) {
            found = documented(code.substring(0, start), true);
        }
        if (found.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(MimeBundle.html(text(found, d -> "<pre>" + Html.escape(d) + "</pre>\n", Javadoc::html),
                text(found, UnaryOperator.identity(), Javadoc::text)));
    }

    private static String text(List<Documentation> found, UnaryOperator<String> signature,
                               UnaryOperator<String> comment) {
        return found.stream().map(d -> signature.apply(d.signature())
                + (d.javadoc() == null ? "" : "\n" + comment.apply(d.javadoc()))).collect(Collectors.joining("\n\n"));
    }

    /** JShell knows a call behind an import, say, only without it; what is declared before, only with it. */
    private List<Documentation> documented(String code, boolean comments) {
        List<Documentation> found = analysis.documentation(code, code.length(), comments);
        String last = lastSnippet(code);
        return found.isEmpty() ? analysis.documentation(last, last.length(), comments) : found;
    }

    private String lastSnippet(String code) {
        CompletionInfo info = analysis.analyzeCompletion(code);
        return info.completeness().isComplete() && !info.remaining().isBlank() ? lastSnippet(info.remaining()) : code;
    }

    /** @param cursor an index into the code */
    Completions completions(String code, int cursor) {
        String before = code.substring(0, cursor);
        int[] from = new int[1];
        List<Suggestion> found = analysis.completionSuggestions(before, cursor, from);
        int skipped = 0;
        if (found.isEmpty()) {
            String last = lastSnippet(before);
            skipped = cursor - last.length();
            found = analysis.completionSuggestions(last, last.length(), from);
        }
        boolean anything = skipped + from[0] == cursor;
        Stream<String> likely = anything && before.stripTrailing().endsWith("(") ? parameters(before) : Stream.empty();
        return new Completions(Stream.concat(likely, found.stream()
                .sorted(Comparator.comparing(suggestion -> rank(suggestion, anything))).map(Suggestion::continuation))
                .distinct().toList(), skipped + from[0]);
    }

    /** Where anything may stand, types are last, of which there are hundreds, and values that nobody named ($3). */
    private static int rank(Suggestion suggestion, boolean anything) {
        char first = suggestion.continuation().charAt(0);
        return anything && (Character.isUpperCase(first) || first == '$') ? 2 : suggestion.matchesType() ? 0 : 1;
    }

    /** The names of the call's parameters, as they may be passed on; of several methods each one's. */
    private Stream<String> parameters(String code) {
        return documented(code, false).stream().map(d -> PARAMETERS.matcher(erased(d.signature())))
                .filter(Matcher::find)
                .map(parameters -> NAME.matcher(parameters.group(1)).results().map(name -> name.group(1))
                        .collect(Collectors.joining(", "))).filter(names -> !names.isEmpty());
    }

    private static String erased(String signature) {
        String erased = TYPE_ARGUMENTS.matcher(signature).replaceAll("");
        return erased.equals(signature) ? signature : erased(erased);
    }

    /** JShell itself looks for sources of the JDK alone, when it is asked first, and has no entrance for others. */
    @SuppressWarnings("unchecked")
    private void tellSources() {
        if (sourcesKnown) {
            return;
        }
        sourcesKnown = true;
        try {
            analysis.documentation("Object", "Object".length(), true);
            List<Path> known = new ArrayList<>();
            known.add(sources);
            Object ofTheJdk = Reflection.get(analysis, "availableSources");
            known.addAll((List<Path>) Objects.requireNonNullElse(ofTheJdk, List.of()));
            Reflection.set(analysis, "availableSources", known);
        } catch (NoSuchFieldException | InaccessibleObjectException e) {
            // a JDK that keeps them elsewhere or does not open them: signatures alone
        }
    }
}
