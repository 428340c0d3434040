"""Writes the kernelspec "java" of the virtual environment that runs this: JJava with Gerbil on its class path, and the
setting of JupyterLab that it needs.

With --ijava JARS FOLDER a kernelspec in FOLDER for the kernel in JARS, started and told everything as IJava is.
"""

import json
import os
import sys
from pathlib import Path

home = Path(os.environ["GERBIL_HOME"])
target = home / "target"
java_bin = Path(os.environ["JAVA_HOME"], "bin")
class_path = os.pathsep.join([str(target / "gerbil-0.1.0.jar"), str(target / "lib" / "*")])
startup = str(home / "environment" / "kernel" / "startup.jsh")
# repeated here for editors that start the kernel without our scripts
inherited = {name: os.environ[name]
             for name in ("GERBIL_HOME", "GERBIL_DEVICE", "GERBIL_FETCH_CORPUS", "DJL_CACHE_DIR", "DJL_OFFLINE",
                          "LC_ALL", "OPT_OUT_TRACKING", "PYTORCH_LIBRARY_PATH", "PYTORCH_FLAVOR", "PYTORCH_CUDA_ALLOC_CONF",
                          "LD_LIBRARY_PATH", "GOMP_SPINCOUNT", "CUDA_DEVICE_ORDER", "CUBLAS_WORKSPACE_CONFIG")
             if name in os.environ}


def write(folder, argv, env, display_name):
    folder.mkdir(parents=True, exist_ok=True)
    spec = {"display_name": display_name, "language": "java", "interrupt_mode": "message",
            "argv": [*argv, "{connection_file}"], "env": {**env, **inherited}}
    file, text = folder / "kernel.json", json.dumps(spec, indent=2) + "\n"
    if not file.exists() or file.read_text(encoding="utf-8") != text:  # another user's is only read
        file.write_text(text, encoding="utf-8")


def command(jar, *more):  # JJava's own launcher would start a second JVM, with the last option
    return [str(java_bin / "java"), *os.environ["JVM_OPTIONS"].split(), *more,
            "--add-opens", "jdk.jshell/jdk.jshell=ALL-UNNAMED", "-jar", str(jar)]


if sys.argv[1:2] == ["--ijava"]:
    jars, folder = map(Path, sys.argv[2:])
    write(folder, command(jars / "jjava.jar"),
          {
              "IJAVA_CLASSPATH": class_path,
              "IJAVA_STARTUP_SCRIPTS_PATH": startup,
              # IJava has no extensions; what JJava's own imports, IJava imports in the same way
              "JJAVA_LOAD_EXTENSIONS": "false",
              "IJAVA_STARTUP_SCRIPT": "".join(f"import {package}.*; " for package in (
                  "java.util", "java.io", "java.math", "java.net", "java.time", "java.util.concurrent",
                  "java.util.prefs", "java.util.regex", "static org.dflib.jjava.runtime.Display",
                  "static org.dflib.jjava.runtime.Kernel", "static org.dflib.jjava.runtime.Magics")),
          },
          "Java (Gerbil, as IJava)")
else:
    folder = Path(sys.prefix, "share", "jupyter", "kernels", "java")
    write(folder, command(folder / "jjava.jar", f"-XX:SharedArchiveFile={folder / 'kernel.jsa'}"),
          {
              "JJAVA_CLASSPATH": class_path,
              "JJAVA_STARTUP_SCRIPTS_PATH": startup,
          },
          "Java (Gerbil)")
    # JupyterLab drops what a kernel answers to Tab after a second, and JShell's first answer may take two
    settings = Path(sys.prefix, "share", "jupyter", "lab", "settings")
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "overrides.json").write_text(
        json.dumps({"@jupyterlab/completer-extension:manager": {"providerTimeout": 10000}}) + "\n", encoding="utf-8")
