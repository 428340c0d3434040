"""What a visitor of Binder starts: JupyterLab, and in it notebooks from top to bottom, one after another."""

import json
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

SECONDS_TO_START = 60


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


def get(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=SECONDS_TO_START) as response:
        return response.read()


def kernels(address, token):
    """Names of the kernels that the server offers, once it answers."""
    end = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            return json.loads(get(f"{address}/api/kernelspecs", token))["kernelspecs"]
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def main():
    runner, output, *notebooks = map(Path, sys.argv[1:])
    port, token = free_port(), secrets.token_hex()
    lab = subprocess.Popen(["jupyter", "lab", "--no-browser", f"--port={port}", f"--IdentityProvider.token={token}",
                            "--log-level=ERROR"])
    try:
        address = f"http://127.0.0.1:{port}"
        found = kernels(address, token)
        if "java" not in found:
            print(f"JupyterLab offers no kernel 'java', only {sorted(found)}")
            return 1
        get(f"{address}/lab/tree/{notebooks[0]}", token)
        return subprocess.run([sys.executable, runner, "--output", output, *notebooks], check=False).returncode
    finally:
        lab.terminate()
        lab.wait()


if __name__ == "__main__":
    sys.exit(main())
