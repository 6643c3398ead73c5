"""Type-check the package in the shape in which it is installed: `python .ci/types.py`.

In the repository `kernels/` stands beside `microgrest/`; installed, it is `microgrest.kernels`. No
setting tells mypy so, hence it reads a copy laid out like the installation. Messages name the
files of the repository.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run mypy over the copy; returns its exit status."""
    with tempfile.TemporaryDirectory() as directory:
        package = Path(directory, "microgrest")
        shutil.copytree(ROOT / "microgrest", package)
        shutil.copytree(ROOT / "kernels", package / "kernels")
        options = ["--config-file", ROOT / "pyproject.toml", "--cache-dir", ROOT / ".mypy_cache"]
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", *options],
            cwd=directory,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    print(checked.stdout.replace(str(Path("microgrest", "kernels")), "kernels"), end="")
    return checked.returncode


if __name__ == "__main__":
    sys.exit(main())
