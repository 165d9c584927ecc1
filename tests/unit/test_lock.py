"""Two services on one data directory would both write it: the second is told so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.errors import ConfigError
from runtime.lock import exclusive

TRY = """
import sys
from pathlib import Path
from runtime.lock import exclusive
with exclusive(Path(sys.argv[1])):
    pass
"""


def test_second_process_is_refused_with_the_folder_named(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        other = subprocess.run(
            [sys.executable, "-c", TRY, str(tmp_path)], capture_output=True, text=True, check=False
        )
    assert other.returncode != 0
    assert "is in use by another Amberwatt" in other.stderr
    with exclusive(tmp_path):
        pass


def test_unusable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="data_dir"), exclusive(tmp_path / "file" / "below"):
        pass
