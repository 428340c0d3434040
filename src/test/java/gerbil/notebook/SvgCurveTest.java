package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

import java.io.StringReader;
import java.util.List;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;

class SvgCurveTest {

    @Test
    void namesLabelsAndLinesAreThereAndInsideTheChart() throws Exception {
        Document svg = parse(new SvgCurve("tokens", "loss <nats>")
                .add("ours & others", new double[] {0, 1e6, 2e6}, new double[] {7, 6, 5.2})
                .add("published", new double[] {0, 2e6}, new double[] {6.9, 5}));
        List<String> texts = texts(svg, "text");
        List<String> expected = List.of("tokens", "loss <nats>", "ours & others", "published", "0", "2M", "5", "7");
        assertTrue(texts.containsAll(expected), texts.toString());
        NodeList lines = svg.getElementsByTagName("polyline");
        assertEquals(2, lines.getLength());
        for (String point : ((Element) lines.item(0)).getAttribute("points").trim().split(" ")) {
            double x = Double.parseDouble(point.split(",")[0]);
            double y = Double.parseDouble(point.split(",")[1]);
            assertTrue(x >= 0 && x <= 640 && y >= 0 && y <= 260, point);
        }
    }

    @Test
    void whatStandsBehindALineHasItsColourAndNoName() throws Exception {
        double[] x = IntStream.range(0, 100).asDoubleStream().toArray();
        LossCurve falling = new LossCurve(x, IntStream.range(0, 100).mapToDouble(i -> 7 - i / 50.0 + i % 2).toArray());
        LossCurve higher = new LossCurve(x, IntStream.range(0, 100).mapToDouble(i -> 9 - i / 50.0 + i % 2).toArray());
        Document svg = parse(new SvgCurve("x", "y").add("one", List.of(falling)).add("two", List.of(falling, higher))
                .dots("seen", new double[] {1, 2}, new double[] {6, 6}));
        NodeList lines = svg.getElementsByTagName("polyline");
        assertEquals(4, lines.getLength());
        List<String> colors = IntStream.range(0, 4).mapToObj(i -> ((Element) lines.item(i)).getAttribute("color"))
                .toList();
        assertEquals(List.of(Palette.color(0), Palette.color(0), Palette.color(1), Palette.color(1)), colors);
        assertEquals(List.of("one", "two", "seen"), texts(svg, "text").subList(texts(svg, "text").size() - 3,
                texts(svg, "text").size()));
        assertEquals(Palette.color(2), ((Element) svg.getElementsByTagName("circle").item(1)).getAttribute("fill"));
        assertEquals(200, ((Element) lines.item(2)).getAttribute("points").trim().split(" ").length, "there and back");
    }

    @Test
    void aSingleLineHasNoLegend() throws Exception {
        Document svg = parse(new SvgCurve("x", "y").add("only", new double[] {1, 2}, new double[] {1, 2}));
        assertFalse(texts(svg, "text").contains("only"));
    }

    @Test
    void nothingOnePointAndNoSpreadCanBeDrawn() throws Exception {
        parse(new SvgCurve("x", "y"));
        parse(new SvgCurve("x", "y").add("one", new double[] {8192}, new double[] {6.9}));
        parse(new SvgCurve("x", "y").add("flat", new double[] {1, 2}, new double[] {0, 0}));
    }

    @Test
    void whatIsNotFiniteIsLeftOut() throws Exception {
        Document svg = parse(new SvgCurve("x", "y").add("gap", new double[] {1, 2, 3},
                new double[] {1, Double.NaN, Double.POSITIVE_INFINITY}));
        String points = ((Element) svg.getElementsByTagName("polyline").item(0)).getAttribute("points");
        assertEquals(1, points.trim().split(" ").length);
    }

    private static Document parse(SvgCurve curve) throws Exception {
        String svg = curve.svg();
        assertFalse(svg.contains("NaN") || svg.contains("Infinity"), svg);
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
    }

    private static List<String> texts(Document svg, String tag) {
        NodeList nodes = svg.getElementsByTagName(tag);
        return IntStream.range(0, nodes.getLength()).mapToObj(i -> nodes.item(i).getTextContent()).toList();
    }
}
