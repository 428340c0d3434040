"""Writes the kernelspec "java" of the virtual environment that runs this: JJava with Gerbil on its class path."""

import json
import os
import sys
from pathlib import Path

home = Path(os.environ["GERBIL_HOME"])
target = home / "target"
java_bin = Path(os.environ["JAVA_HOME"], "bin")
folder = Path(sys.prefix, "share", "jupyter", "kernels", "java")

spec = {
    "display_name": "Java (Gerbil)",
    "language": "java",
    "interrupt_mode": "message",
    "argv": [
        str(java_bin / "java"),
        "-jar",
        str(folder / "jjava-launcher.jar"),
        str(folder / "jjava.jar"),
        "{connection_file}",
    ],
    "env": {
        # the launcher starts a second JVM, the kernel, as plain "java"
        "PATH": f"{java_bin}{os.pathsep}${{PATH}}",
        "JJAVA_CLASSPATH": os.pathsep.join([str(target / "gerbil-0.1.0.jar"), str(target / "lib" / "*")]),
        "JJAVA_JVM_OPTS": os.environ["JVM_OPTIONS"],
        "JJAVA_STARTUP_SCRIPTS_PATH": str(home / "environment" / "kernel" / "startup.jsh"),
        # repeated here for editors that start the kernel without our scripts
        **{name: os.environ[name] for name in ("GERBIL_HOME", "DJL_CACHE_DIR", "DJL_OFFLINE", "OPT_OUT_TRACKING")
           if name in os.environ},
    },
}
(folder / "kernel.json").write_text(json.dumps(spec, indent=2) + "\n", encoding="utf-8")
