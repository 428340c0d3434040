"""Draws the Plotly figures of a notebook as PNGs beside them, for readers where no Plotly is, as on a code host."""

import base64
import json
from pathlib import Path

import plotly

PLOTLY = "application/vnd.plotly.v1+json"
WIDTH, HEIGHT = 700, 400

DRAW = """
async figure => {
    const layout = {...figure.layout, width: %d, height: %d};
    const drawn = await Plotly.newPlot(document.createElement("div"), figure.data, layout);
    return Plotly.toImage(drawn, {format: "png", width: %d, height: %d});
}
""" % (WIDTH, HEIGHT, WIDTH, HEIGHT)


def figures(notebook):
    """The forms of each output that has a Plotly figure."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if PLOTLY in output.get("data", {}):
                yield output["data"]


def key(data):
    """What stands for the figure among an output's forms."""
    return json.dumps(data[PLOTLY], sort_keys=True)


def drawn(notebook):
    """The pictures of its figures that have one, by key."""
    return {key(data): data["image/png"] for data in figures(notebook) if "image/png" in data}


def add(notebook, before):
    """Draws what notebook shows; of figures that it showed before, the picture stays, to the byte."""
    known = drawn(before)
    missing = [data for data in figures(notebook) if key(data) not in known]
    if missing:
        from browser import chromium  # which those who only run notebooks may lack
        with chromium() as browser:
            page = browser.new_page()
            page.add_script_tag(path=Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
            for data in missing:
                url = page.evaluate(DRAW, data[PLOTLY])
                known[key(data)] = base64.b64encode(base64.b64decode(url.split(",")[1])).decode()
    for data in figures(notebook):
        data["image/png"] = known[key(data)]
