"""Makes the archive from which the kernel "java" maps its classes and its compiler's: of what one loads to answer."""

import subprocess
import sys

from jupyter_client.manager import KernelManager

manager = KernelManager(kernel_name="java")
manager.kernel_spec.argv = [option.replace("-XX:SharedArchiveFile=", "-XX:ArchiveClassesAtExit=")
                            for option in manager.kernel_spec.argv]
manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=120)
    client.execute_interactive("Workspace.here().toString()", timeout=120, output_hook=lambda message: None)
except (RuntimeError, TimeoutError) as failure:  # the kernel starts without it too
    print(f"no {sys.argv[1]}: {failure}", file=sys.stderr)
client.stop_channels()
manager.shutdown_kernel()
