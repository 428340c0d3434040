// Runs in every notebook's kernel before its first cell.
import java.nio.file.*;
import java.util.*;
import java.util.stream.*;
import ai.djl.ndarray.*;
import ai.djl.ndarray.types.*;
import tech.tablesaw.api.*;
import tech.tablesaw.plotly.components.Figure;
import gerbil.base.*;
import gerbil.corpus.*;
import gerbil.eval.*;
import gerbil.hub.*;
import gerbil.kernels.*;
import gerbil.law.*;
import gerbil.model.*;
import gerbil.notebook.*;
import gerbil.objective.*;
import gerbil.results.*;
import gerbil.runs.*;
import gerbil.seq2seq.*;
import gerbil.spec.*;
import gerbil.tokenizer.*;
import gerbil.tokens.*;
import gerbil.train.*;

System.setProperty("gerbil.home", System.getenv("GERBIL_HOME"));
// where the engine unpacks, not where temporary files are, which may forbid execution
System.setProperty("ZstdTempFolder", System.getenv("DJL_CACHE_DIR"));
System.setProperty("org.xerial.snappy.tempdir", System.getenv("DJL_CACHE_DIR"));
Notebook.start();
