"""Decodes the files named on the command line as the limited child does, and prints one JSON line for each.

RLIMIT_AS is set after the imports, to 1 GiB, as for the hub's child.
"""

import json
import resource
import sys
import time
from pathlib import Path

from transcription.contract import DecodeError
from transcription.scan import ofd, pages, pdf, raster, word

LOADED = (ofd, pdf, raster, word)


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    for name in sys.argv[1:]:
        started = time.process_time()
        told: dict[str, object] = {"name": Path(name).name, "pages": []}
        try:
            rendered = pages.render(Path(name).read_bytes(), name)
            told["pages"] = [[page.width, page.height, len(page.text_lines)] for page in rendered]
            told["warnings"] = rendered.warnings
        except DecodeError as error:
            told["error"] = str(error)
            told["permanent"] = error.permanent
        told["cpu"] = round(time.process_time() - started, 3)
        print(json.dumps(told, ensure_ascii=False), flush=True)
    print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
