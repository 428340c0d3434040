package gerbil.notebook;

/** Text made safe for HTML, SVG and XML, and back. */
final class Html {

    private Html() {
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;")
                .replace("'", "&#39;");
    }

    /**
     * A table that scrolls where it is wider than the page, whose right edge is in the shade as long as there is more.
     * At the table's end the shade lies in the transparent border, where the frame cuts it off. Of a notebook that is
     * not trusted JupyterLab removes styles: with the place of the shade its inline-size goes, and nothing is seen.
     */
    static String scrolling(String table) {
        return "<div style=\"display:flex;overflow-x:auto\">\n"
                + "<div style=\"display:flex;flex:none;overflow:clip;border-right:16px solid transparent\">\n" + table
                + "<div style=\"flex:none;inline-size:16px;margin-right:-16px;position:sticky;right:0;"
                + "pointer-events:none;background:linear-gradient(to left,rgba(128,128,128,0.6),transparent)\"></div>\n"
                + "</div>\n</div>\n";
    }

    static String unescape(String html) {
        return html.replace("&#39;", "'").replace("&quot;", "\"").replace("&gt;", ">").replace("&lt;", "<")
                .replace("&amp;", "&");
    }
}
