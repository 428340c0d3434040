// Runs in every notebook's kernel before its first cell.
import java.nio.file.*;
import java.util.*;
import java.util.stream.*;
import tech.tablesaw.api.*;
import tech.tablesaw.plotly.components.Figure;
import gerbil.spec.*;
import gerbil.notebook.*;

System.setProperty("gerbil.home", System.getenv("GERBIL_HOME"));
Notebook.start();
