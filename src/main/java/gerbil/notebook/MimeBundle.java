package gerbil.notebook;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One thing in the forms that a notebook may choose from, by MIME type; JSON forms are maps and lists. Unlike the
 * kernel's own {@code DisplayData} it needs no kernel to compile.
 */
record MimeBundle(Map<String, Object> forms) {

    static MimeBundle html(String html, String plainText) {
        return of("text/html", html, plainText);
    }

    static MimeBundle of(String type, Object form, String plainText) {
        Map<String, Object> forms = new LinkedHashMap<>();
        forms.put(type, form);
        forms.put("text/plain", plainText);
        return new MimeBundle(forms);
    }

    String plainText() {
        return (String) forms.get("text/plain");
    }

    /** What is printed where no kernel is. */
    @Override
    public String toString() {
        return plainText();
    }
}
