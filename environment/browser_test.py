"""Drives JupyterLab in Chromium as a reader would: opens notebooks, runs, interrupts, reads what appears.

Works on copies in a folder of its own, with a JupyterLab that sees no settings of yours. Screenshots stay there.
"""

import argparse
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import expect

from browser import chromium
from pictures import PLOTLY

HOME = Path(__file__).resolve().parent.parent
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"

# Tall enough that a whole notebook is laid out at once: nothing to scroll, nothing cut.
WINDOW = {"width": 1180, "height": 6000}

# How JupyterLab marks an error, and what a kernel says on its standard error.
ERROR = '[data-mime-type="application/vnd.jupyter.stderr"]'

SENTENCE = r"\S+GerbilException: Found: [^\n]+ Expected: [^\n]+ To do: [^\n]+"

# For safety only: nothing is expected to take nearly as long.
START, SHOWN, RUN = 60_000, 60_000, 900_000

WEAKEST_CONTRAST = """
root => {
    const parse = color => (color.match(/[\\d.]+/g) || []).map(Number);
    const luminance = rgb => {
        const [r, g, b] = rgb.slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const background = node => {
        for (; node; node = node.parentElement) {
            const color = parse(getComputedStyle(node).backgroundColor);
            if (color.length === 3 || color[3] > 0) return color;
        }
        return [255, 255, 255];
    };
    let weakest = {contrast: 21, text: ""};
    for (const node of root.querySelectorAll("td, th, p, pre, text")) {
        if (!node.textContent.trim()) continue;
        const style = getComputedStyle(node);
        const a = luminance(parse(node.tagName === "text" ? style.fill : style.color));
        const b = luminance(background(node));
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < weakest.contrast) weakest = {contrast, text: node.textContent.trim().slice(0, 40)};
    }
    return weakest;
}
"""

# Whether the shade lies over the table: as it is, and scrolled to the end.
SHADED = """
scroller => {
    const [table, shade] = [scroller.querySelector("table"), scroller.querySelector("div > table ~ div")];
    const shaded = () => shade.getBoundingClientRect().left < table.getBoundingClientRect().right - 1;
    const before = shaded();
    scroller.scrollLeft = scroller.scrollWidth;
    return [before, shaded()];
}
"""


class Notebook:
    """A notebook that is open in a window of its own."""

    def __init__(self, lab, name, theme):
        self.lab, self.name = lab, name
        lab.set("apputils-extension/themes", {"theme": theme})
        self.page = lab.browser.new_page(viewport=WINDOW)
        self.page.goto(f"{lab.url}/doc/tree/{name}?token={lab.token}")
        self.page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=START)

    def cell(self, number):
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number - 1)

    def with_text(self, text):
        """The number of the cell whose code has the text."""
        return next(number for number, cell in enumerate(self.lab.source(self.name).cells, 1) if text in cell.source)

    def with_output(self, text):
        """The numbers of the cells whose committed outputs have the text."""
        return [number for number, cell in enumerate(committed(self.name).cells, 1)
                if text in json.dumps(cell.get("outputs", []))]

    def await_kernel(self):
        until = time.monotonic() + START / 1000
        while not any(session["kernel"]["connections"] for session in self.sessions()):
            if time.monotonic() > until:
                raise AssertionError(f"{self.name}: its kernel does not start")
            self.page.wait_for_timeout(200)

    def run_all(self):
        """As soon as the notebook has its kernel: before, JupyterLab asks which one to take."""
        self.await_kernel()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()

    def run_cell(self, number):
        self.cell(number).locator(".jp-InputPrompt").first.click()
        self.page.keyboard.press("Control+Enter")

    def interrupt(self):
        self.page.locator('.jp-NotebookPanel-toolbar [data-jp-item-name="interrupt"]').click()

    def figure(self, number):
        """The figure below a cell, once it is drawn."""
        figure = self.cell(number).locator(".jp-RenderedPlotly .main-svg").first
        figure.wait_for(timeout=SHOWN)
        return self.cell(number).locator(".jp-RenderedPlotly")

    def check_figure(self, number, points):
        """Lines, or bars, with points in them, and both axes with a title."""
        figure = self.figure(number)
        drawn = figure.locator(".scatterlayer .js-line, .barlayer .point path").all()
        paths = [path.get_attribute("d") for path in drawn]
        found = sum(len(re.findall("[MLCQHVS]", path)) for path in paths)
        check(found >= points, f"{self.name}, cell {number}: {len(paths)} lines or bars are drawn, {found} points")
        titles = [figure.locator(f".{axis}").text_content() for axis in ("xtitle", "ytitle")]
        check(all(titles), f"{self.name}, cell {number}: the axes are {' and '.join(titles)}")

    def check_table(self, number, rows):
        found = self.cell(number).locator(".jp-OutputArea-output tbody tr").count()
        check(found >= rows, f"{self.name}, cell {number}: the table has {found} rows")

    def check_scrolls(self, number):
        """At a small window's width a table that is wider shows it, and no longer at its end."""
        scroller = self.cell(number).locator('div[style*="overflow-x"]').first
        self.page.set_viewport_size({**WINDOW, "width": 700})
        narrow = scroller.evaluate(SHADED)
        self.page.set_viewport_size({**WINDOW, "width": 3000})
        check((narrow, scroller.evaluate(SHADED)) == ([True, False], [False, False]),
              f"{self.name}, cell {number}: a table that is cut off has a shade at its edge, until its end")
        self.page.set_viewport_size(WINDOW)

    def check_no_errors(self):
        errors = self.page.locator(ERROR)
        check(errors.count() == 0, f"{self.name}: no cell shows an error")

    def check_readable(self, theme):
        weakest = min((output.evaluate(WEAKEST_CONTRAST) for output in self.page.locator(".jp-Cell-outputArea").all()),
                      key=lambda found: found["contrast"])
        check(weakest["contrast"] >= 3.5,
              f"{self.name}: in {theme} the weakest contrast is {weakest['contrast']:.1f}:1, of '{weakest['text']}'")

    def check_not_run(self, number):
        expect(self.cell(number).locator(".jp-InputPrompt").first).to_have_text("[ ]:", timeout=SHOWN)
        check(not self.cell(number).locator(".jp-OutputArea-output").count(),
              f"{self.name}, cell {number}: a cell behind one that failed is not run")

    def check_ran(self, number):
        """Waits until the cell has been executed."""
        expect(self.cell(number).locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[\d+\]:"), timeout=RUN)

    def screenshot(self, name, first, last):
        """What stands from the first cell to the last, whole cells."""
        self.page.mouse.move(0, 0)
        top, bottom = self.cell(first).bounding_box(), self.cell(last).bounding_box()
        target = self.lab.folder / f"{name}.png"
        self.page.screenshot(path=target, clip={"x": top["x"], "y": top["y"], "width": top["width"],
                                                "height": bottom["y"] + bottom["height"] - top["y"]})
        return target

    def sessions(self):
        return [session for session in json.load(self.lab.ask("GET", "sessions")) if session["path"] == self.name]

    def save(self):
        self.page.locator(".jp-Notebook").first.click(position={"x": 2, "y": 2})
        self.page.keyboard.press("Control+s")

    def close(self):
        """Ends its kernel too."""
        self.page.close()
        for session in self.sessions():
            self.lab.ask("DELETE", f"sessions/{session['id']}").close()


class Lab:
    """A running JupyterLab whose files, settings and state are all below one folder."""

    def __init__(self, folder, browser):
        self.folder, self.browser, self.token = folder, browser, secrets.token_hex(16)
        self.notebooks = folder / "notebooks"
        self.settings = folder / "settings"
        self.set("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False})
        self.set("notebook-extension/tracker", {"windowingMode": "none"})

    def set(self, plugin, values):
        file = self.settings / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    def copy(self, name, outputs):
        self.notebooks.mkdir(exist_ok=True)
        notebook = committed(name)
        if not outputs:
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.outputs = []
        nbformat.write(notebook, self.notebooks / name)

    def write(self, name, *code):
        """A notebook of the kit's kernel with these cells."""
        nbformat.write(nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, code)),
                                                metadata=committed("00-quickstart.ipynb").metadata),
                       self.notebooks / name)

    def source(self, name):
        return nbformat.read(self.notebooks / name, as_version=4)

    def open(self, name, theme):
        return Notebook(self, name, theme)

    @contextmanager
    def running(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        own = {variable: str(self.folder / name) for variable, name in [
            ("JUPYTER_CONFIG_DIR", "config"), ("JUPYTER_DATA_DIR", "data"), ("JUPYTER_RUNTIME_DIR", "runtime"),
            ("JUPYTERLAB_SETTINGS_DIR", "settings"), ("JUPYTERLAB_WORKSPACES_DIR", "workspaces"),
            ("GERBIL_RUNS", "runs"), ("GERBIL_RESULTS", "results")]}
        with open(self.folder / "jupyterlab.log", "w", encoding="utf-8") as log:
            server = subprocess.Popen(
                [HOME / "environment" / "lab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
                 f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}",
                 f"--ServerApp.root_dir={self.notebooks}"],
                env={**os.environ, **own, "GERBIL_SCALE": "nano"}, stdout=log, stderr=log)
            try:
                self.wait(server)
                yield
            finally:
                server.terminate()
                server.wait()

    def ask(self, method, what):
        return urllib.request.urlopen(urllib.request.Request(
            f"{self.url}/api/{what}", method=method, headers={"Authorization": f"token {self.token}"}))

    def wait(self, server):
        until = time.monotonic() + START / 1000
        while time.monotonic() < until and server.poll() is None:
            try:
                self.ask("GET", "status").close()
                return
            except OSError:
                time.sleep(0.2)
        sys.exit(f"JupyterLab did not start; what it said is in {self.folder / 'jupyterlab.log'}")


def committed(name):
    return nbformat.read(HOME / "notebooks" / name, as_version=4)


def check(holds, what):
    if not holds:
        raise AssertionError(f"not so: {what}")
    print(f"  {what}", flush=True)


@contextmanager
def last_seen(browser, folder):
    """If something is not as expected, a screenshot of what was there instead."""
    try:
        yield
    except Exception:
        for context in browser.contexts:
            for page in context.pages:
                page.screenshot(path=folder / "failed.png")
        print(f"what was seen instead: {folder / 'failed.png'}", flush=True)
        raise


def quickstart(lab):
    """Runs the first notebook, stops its training, and runs it again to the end."""
    lab.copy("00-quickstart.ipynb", outputs=False)
    notebook = lab.open("00-quickstart.ipynb", LIGHT)
    train = notebook.with_text("LiveTraining")
    outcome, text = notebook.with_text("record Outcome"), notebook.with_text("double temperature")
    notebook.run_all()
    notebook.cell(train).locator("progress").wait_for(timeout=RUN)
    notebook.screenshot("training", train, train)
    notebook.interrupt()
    error = notebook.cell(train).locator(ERROR)
    error.wait_for(timeout=SHOWN)
    notebook.screenshot("interrupted", train, train)
    stopped = notebook.cell(train).locator(".jp-Cell-outputArea").inner_text()
    check("stopped after step" in stopped, "an interrupted run says after which step it stopped")
    check(notebook.cell(train).locator("svg polyline").count() == 2, "its curve stays, smoothed and as it was")
    check(re.fullmatch(SENTENCE, error.inner_text().strip()), f"and what to do: {error.inner_text().strip()}")
    notebook.check_not_run(text)

    notebook.run_all()
    expect(notebook.cell(text).locator(".jp-Cell-outputArea")).to_contain_text("temperature 1.0", timeout=RUN)
    notebook.check_no_errors()
    notebook.check_figure(train, points=100)
    notebook.check_table(outcome, rows=1)
    notebook.check_readable(LIGHT)
    picture = notebook.screenshot("quickstart", train - 1, text)
    notebook.close()
    return picture


def loss_table(lab):
    lab.copy("07-loss-table.ipynb", outputs=False)
    notebook = lab.open("07-loss-table.ipynb", DARK)
    figures, tables = notebook.with_output(PLOTLY), notebook.with_output("<table>")
    notebook.run_all()
    expect(notebook.cell(tables[-1]).locator("table").first).to_be_visible(timeout=RUN)
    notebook.check_no_errors()
    for figure in figures:
        notebook.check_figure(figure, points=8)
    for table in tables:
        notebook.check_table(table, rows=1)  # of this machine's runs there is the quickstart's
    notebook.check_scrolls(tables[0])
    notebook.check_readable(DARK)
    notebook.screenshot("loss-table", 1, max(figures))
    notebook.close()


def reopened(lab, theme):
    """A committed notebook, opened and not run: its figure is alive, its table there."""
    lab.copy("00-quickstart.ipynb", outputs=True)
    notebook = lab.open("00-quickstart.ipynb", theme)
    train = notebook.with_text("LiveTraining")
    notebook.check_figure(train, points=100)
    notebook.check_table(notebook.with_text("record Outcome"), rows=1)
    notebook.check_readable(theme)
    notebook.screenshot(f"reopened-{theme.split()[-1].lower()}", 1, len(committed(notebook.name).cells))
    notebook.close()


def saved(lab):
    """What is opened and saved stays as it is committed, to the byte."""
    names = sorted(path.name for path in (HOME / "notebooks").glob("*.ipynb"))
    for name in names:
        shutil.copyfile(HOME / "notebooks" / name, lab.notebooks / name)
        os.utime(lab.notebooks / name, (0, 0))
        notebook = lab.open(name, LIGHT)
        notebook.await_kernel()
        notebook.save()
        file, before = lab.notebooks / name, (HOME / "notebooks" / name).read_bytes()
        until = time.monotonic() + SHOWN / 1000
        while (file.stat().st_mtime == 0 or file.read_bytes() != before) and time.monotonic() < until:
            notebook.page.wait_for_timeout(100)
        check(file.stat().st_mtime > 0 and file.read_bytes() == before, f"{name}: saving it changes nothing")
        notebook.close()


def mended_error(lab):
    """What a reader can mend is a sentence, with the stack trace folded."""
    lab.write("error.ipynb", 'BudgetClass.of("E")', 'System.out.println("went on");')
    notebook = lab.open("error.ipynb", LIGHT)
    notebook.run_all()
    error = notebook.cell(1).locator(ERROR)
    error.wait_for(timeout=SHOWN)
    check(re.fullmatch(SENTENCE, error.inner_text().strip()),
          f"an error of the kit is a sentence: {error.inner_text().strip()}")
    notebook.check_not_run(2)
    trace = notebook.cell(1).locator("details pre")
    check(not trace.is_visible(), "its stack trace is folded")
    notebook.screenshot("error", 1, 1)
    notebook.cell(1).locator("summary").click()
    check(trace.is_visible() and "gerbil.spec.BudgetClass.of" in trace.inner_text(), "and unfolds")
    notebook.screenshot("error-unfolded", 1, 1)
    notebook.close()


def printed(lab):
    """All lines that cells print arrive, and a loop that prints for ever can be stopped."""
    lines = 50_000
    lab.write("printed.ipynb", f'for (int i = 0; i < {lines}; i++) System.out.println("line " + i);')
    notebook = lab.open("printed.ipynb", LIGHT)
    notebook.run_all()
    notebook.check_ran(1)
    found = notebook.cell(1).locator(".jp-OutputArea-output").first.text_content().split()[1::2]
    check(found == list(map(str, range(lines))), f"{len(found)} of {lines} printed lines arrive, in order")
    notebook.close()

    lab.write("endless.ipynb", 'while (true) System.out.println("and on");', 'System.out.println("went on");',
              'Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().startsWith("jjava-exec")'
              ' && t.getState() == Thread.State.RUNNABLE).count()')
    notebook = lab.open("endless.ipynb", LIGHT)
    notebook.run_all()
    expect(notebook.cell(1).locator(".jp-OutputArea-output").first).to_contain_text("the rest is left out", timeout=RUN)
    notebook.interrupt()
    notebook.cell(1).locator(ERROR).wait_for(timeout=SHOWN)
    check("the rest is left out" in notebook.cell(1).locator(".jp-OutputArea-output").first.text_content(),
          "a loop that prints for ever is stopped, and what was too much to show is told")
    notebook.check_not_run(2)
    notebook.run_cell(3)
    notebook.check_ran(3)
    check(notebook.cell(3).locator(".jp-OutputArea-output").inner_text().strip() == "1",
          "and only the thread of the cell that asks computes then")
    notebook.close()


def help_with_code(lab):
    """Shift+Tab shows signature and documentation of the kit's methods, Tab a call's parameters first."""
    lab.write("help.ipynb", "Workspace workspace = Workspace.here();", "workspace.prepare(")
    notebook = lab.open("help.ipynb", LIGHT)
    notebook.run_all()
    notebook.check_ran(2)
    notebook.cell(2).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+End")
    notebook.page.keyboard.press("Tab")
    expect(notebook.page.locator(".jp-Completer")).to_contain_text(re.compile("^scale, progress"), timeout=SHOWN)
    check(True, "Tab in a call offers its parameters first")
    notebook.page.keyboard.press("Escape")
    notebook.cell(2).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+End")
    notebook.page.keyboard.press("Shift+Tab")
    tooltip = notebook.page.locator(".jp-Tooltip")
    expect(tooltip).to_contain_text("prepare(Scale scale, Progress progress)", timeout=SHOWN)
    expect(tooltip).to_contain_text("The default corpus's token sets at a scale", timeout=SHOWN)
    check(True, "Shift+Tab shows a method's signature and documentation")
    notebook.page.screenshot(path=lab.folder / "help.png", clip={"x": 0, "y": 0, "width": 1180, "height": 500})
    notebook.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--folder", type=Path, default=HOME / "target" / "browser", help="made anew (target/browser)")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="where to put the quickstart's screenshot")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(HOME / "results", folder / "results")
    print(f"JupyterLab in a browser; screenshots are in {folder}")
    with chromium() as browser:
        lab = Lab(folder, browser)
        lab.copy("00-quickstart.ipynb", outputs=True)
        with lab.running(), last_seen(browser, folder):
            reopened(lab, LIGHT)
            reopened(lab, DARK)
            saved(lab)
            mended_error(lab)
            printed(lab)
            help_with_code(lab)
            picture = quickstart(lab)
            loss_table(lab)
    if arguments.picture:
        shutil.copyfile(picture, arguments.picture)
    print("JupyterLab in a browser: passed")


if __name__ == "__main__":
    main()
