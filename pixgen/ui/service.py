"""What all windows of a page share: the folder of the pictures, the models, and the windows by their keys."""

from __future__ import annotations

import threading
from pathlib import Path

from pixgen.loop.build import Models
from pixgen.models import zoo
from pixgen.networks import pair
from pixgen.networks.pair import Pair
from pixgen.recognition import clip_models
from pixgen.recognition.clip_models import ClipModel
from pixgen.ui.texts import Translate
from pixgen.ui.window import Window


class Service:
    """The page without its layout. folder: of the pictures. translate: the library's lines into Portuguese."""

    def __init__(self, folder: Path, translate: Translate = lambda line: line) -> None:
        self.folder, self.translate = folder, translate
        self._models = Models(keep_text_towers=True)
        self._windows: dict[str, Window] = {}
        self._lock = threading.Lock()
        self._pair: Pair | None = None
        self._clip: ClipModel | None = None

    def window(self, key: str) -> Window:
        """The window of this key, a new one where it is not known."""
        with self._lock:
            if key not in self._windows:
                self._windows[key] = Window(self.folder, self._models)
            return self._windows[key]

    def pair(self) -> Pair:
        """The model pair of variations and edits, loaded once. Raises PixgenError where a file is missing."""
        with self._lock:
            self._pair = self._pair or pair.load("")
            return self._pair

    def clip(self, name: str = zoo.EMBEDDED) -> ClipModel:
        """The CLIP of this name; the one used last stays loaded. Raises as `clip_models.load` does."""
        with self._lock:
            if self._clip is None or self._clip.name != name:
                self._clip = clip_models.load(name)
            return self._clip

    def close(self, key: str) -> None:
        """Close a window: its run stops, and its memory is freed."""
        with self._lock:
            window = self._windows.pop(key, None)
        if window is not None:
            window.close()

    def close_all(self) -> None:
        """Close every window."""
        for key in list(self._windows):
            self.close(key)
