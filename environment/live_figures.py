"""Opens committed notebooks with their figures alive. JupyterLab's Plotly extension shows the picture beside a figure
until the pointer touches it; pictures are for other readers, so JupyterLab is not given them.
"""

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

import pictures


class LiveFigures(AsyncLargeFileManager):

    async def get(self, path, content=True, **options):
        model = await super().get(path, content, **options)
        if model["type"] == "notebook" and model["content"]:
            for data in pictures.figures(model["content"]):
                data.pop("image/png", None)
        return model
