"""Opens committed notebooks with their figures alive. JupyterLab's Plotly extension shows the picture beside a figure
until the pointer touches it; pictures are for other readers, so JupyterLab is not given them. What it saves has them
again where the figure is the same.
"""

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

import pictures


class LiveFigures(AsyncLargeFileManager):

    async def get(self, path, content=True, **options):
        model = await super().get(path, content, **options)
        if model.get("type") == "notebook" and model["content"]:
            for data in pictures.figures(model["content"]):
                data.pop("image/png", None)
        return model

    async def save(self, model, path=""):
        if model.get("type") == "notebook" and await self.file_exists(path):
            before = (await super().get(path))["content"]
            drawn = pictures.drawn(before)
            for data in pictures.figures(model["content"]):
                if pictures.key(data) in drawn:
                    data["image/png"] = drawn[pictures.key(data)]
        return await super().save(model, path)
