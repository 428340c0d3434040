package gerbil.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import gerbil.model.GptJTensors;
import gerbil.model.TinyModel;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The kernels take the tensors by the names, and in the order, of {@link GptJTensors}. */
class TensorOrderTest {

    private static List<String> taken(String where) throws IOException {
        try (InputStream source = Kernels.class.getResourceAsStream("kernels.py")) {
            Matcher names = Pattern.compile("    ([\\w, ]+), = torch\\.slice\\(weights, " + Pattern.quote(where)
                    + "\\)")
                    .matcher(new String(source.readAllBytes(), StandardCharsets.UTF_8));
            names.find();
            return List.of(names.group(1).split(", "));
        }
    }

    private static List<String> named(List<String> tensors, String prefix) {
        return tensors.stream().map(name -> name.substring(prefix.length()).replace('.', '_')).toList();
    }

    @Test
    void kernelsNameTheTensorsInTheModelsOrder() throws IOException {
        List<String> all = List.copyOf(GptJTensors.of(TinyModel.CONFIG).keySet());
        assertEquals(GptJTensors.EMBEDDING, all.get(0));
        for (int layer = 0; layer < TinyModel.CONFIG.layers(); layer++) {
            int first = 1 + 10 * layer;
            assertEquals(named(all.subList(first, first + 10), GptJTensors.layer(layer)),
                    taken("1 + 10 * layer, 11 + 10 * layer"));
        }
        int end = all.size() - 4;
        assertEquals(named(all.subList(end, end + 2), "transformer."), taken("-4").subList(0, 2));
        assertEquals(named(all.subList(end + 2, end + 4), ""), taken("-4").subList(2, 4));
        assertEquals(1 + 10 * TinyModel.CONFIG.layers() + 4, all.size());
    }
}
