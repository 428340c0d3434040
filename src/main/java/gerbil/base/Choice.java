package gerbil.base;

import java.util.Arrays;
import java.util.Locale;

/** An enum whose constants are chosen by name, on the command line and in records. */
public interface Choice {

    /** An enum's own. */
    String name();

    /** The name in small letters: {@code fill-in-the-middle}. */
    default String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * The one of that label, in small letters or large.
     *
     * @param what of which there is a choice, for the message
     * @throws GerbilException if there is none of that name
     */
    static <E extends Choice> E of(E[] choices, String what, String name) {
        return Arrays.stream(choices).filter(choice -> choice.label().equalsIgnoreCase(name)).findFirst()
                .orElseThrow(() -> new GerbilException(what + " '" + name + "'",
                        "one of " + Arrays.stream(choices).map(Choice::label).toList(), "choose one of these"));
    }
}
