"""The Chromium that this machine has, without a window, driven by Playwright."""

import os
import shutil
import sys
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# What a browser does beside showing pages, most of it over the network.
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


def executable():
    named = os.environ.get("GERBIL_CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if not found:
        sys.exit(f"Needed: a Chromium. Found: none as {named or ', '.join(NAMES)}.\n"
                 "Debian: sudo apt install chromium     Ubuntu, macOS: Google Chrome\n"
                 "GERBIL_CHROMIUM may name its executable.")
    return found


@contextmanager
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=QUIET)
        try:
            yield browser
        finally:
            browser.close()
