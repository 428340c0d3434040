package gerbil.notebook;

/** Line colours of middling lightness, told apart on white and on black. */
final class Palette {

    private static final String[] COLORS = {
        "#4285d6", "#e0772b", "#3a9d5d", "#d2504b", "#9466c7", "#a3715a", "#1f9aa8", "#cf6aa8"
    };

    private Palette() {
    }

    static String color(int index) {
        return COLORS[index % COLORS.length];
    }
}
