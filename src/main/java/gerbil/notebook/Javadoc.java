package gerbil.notebook;

import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A documentation comment as one sees it in a notebook. */
final class Javadoc {

    private static final Pattern CODE = Pattern.compile("\\{@(?:code|literal)\\s+([^}]*)}");
    private static final Pattern LINK =
            Pattern.compile("\\{@link(?:plain)?\\s+([^}\\s(]+(?:\\([^)]*\\))?)(?:\\s+([^}]*))?}");
    private static final Pattern BLOCK = Pattern.compile("(?m)^\\s*@(\\w+)\\s+");

    private Javadoc() {
    }

    /** The comment, which is HTML but for its tags. */
    static String html(String comment) {
        String html = CODE.matcher(comment).replaceAll(code -> quoted(Html.escape(code.group(1))));
        html = LINK.matcher(html).replaceAll(link -> quoted(label(link)));
        return BLOCK.matcher(html).replaceAll("<br><b>$1</b> ");
    }

    static String text(String comment) {
        return Html.unescape(html(comment).replace("<br>", "\n").replaceAll("<[^>]+>", "")).strip();
    }

    private static String label(MatchResult link) {
        return link.group(2) != null ? link.group(2) : link.group(1).replaceFirst("^#", "").replace('#', '.');
    }

    private static String quoted(String html) {
        return Matcher.quoteReplacement("<code>" + html + "</code>");
    }
}
