"""Hub models: loaded from an HTTP server that speaks the Hub's protocol, started here; and a Hub that cannot be reached."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import threading
from pathlib import Path

import pytest

from tests.cli.command import bench_process

pytestmark = pytest.mark.slow
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tiny_base):
    """A server with one repository, org/tiny, at one revision."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            files = {path.name: path for path in tiny_base.iterdir()}
            prefix = f"/org/tiny/resolve/{REVISION}/"
            if self.path.startswith(f"/api/models/org/tiny/revision/{REVISION}"):
                document = {"id": "org/tiny", "sha": REVISION, "siblings": [{"rfilename": name} for name in files]}
                self.send(json.dumps(document).encode(), "application/json", body=body)
            elif self.path.startswith(f"/api/models/org/tiny/tree/{REVISION}"):
                tree = [{"type": "file", "path": name, "size": path.stat().st_size, "oid": name} for name, path in files.items()]
                self.send(json.dumps(tree).encode(), "application/json", body=body)
            elif self.path.startswith(prefix) and self.path.removeprefix(prefix) in files:
                self.send(files[self.path.removeprefix(prefix)].read_bytes(), "application/octet-stream", body=body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RevisionNotFound" if "/api/" in self.path else "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def send(self, content: bytes, kind: str, *, body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def use_hub(folder: Path, revision: str = REVISION) -> None:
    card = folder / "models" / "mini.toml"
    text = card.read_text(encoding="utf-8").replace('[bases.tiny]\npath = "tiny"', f'[bases.tiny]\nhub = "org/tiny"\nrevision = "{revision}"')
    card.write_text(text, encoding="utf-8")


def environment(endpoint: str, home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return {**kept, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "2", "HF_HUB_ETAG_TIMEOUT": "2"}


def test_a_base_is_fetched_from_the_hub_once_and_then_used_offline(workspace_folder, hub, tmp_path):
    use_hub(workspace_folder)
    online = bench_process("plan", "tiny", "--device", "cpu", "--json", cwd=workspace_folder, env=environment(hub, tmp_path / "hf"))
    assert json.loads(online.stdout)["cells"][0]["status"] == "cannot run", "planning must not touch the network"
    env = environment(hub, tmp_path / "hf")
    made = bench_process("make", "tiny-top2", "--device", "cpu", cwd=workspace_folder, env=env)
    assert made.returncode == 0, made.stderr
    assert (Path(made.stdout.strip()) / "model.safetensors").is_file()
    offline = bench_process("plan", "tiny-top2", "--device", "cpu", "--json", cwd=workspace_folder, env=environment("http://127.0.0.1:9", tmp_path / "hf"))
    assert json.loads(offline.stdout)["cells"][0]["status"] == "done"


def test_an_unreachable_hub_gives_one_clear_error_and_no_traceback(workspace_folder, tmp_path):
    use_hub(workspace_folder)
    found = bench_process("make", "tiny", "--device", "cpu", cwd=workspace_folder, env=environment("http://127.0.0.1:9", tmp_path / "hf"))
    assert found.returncode == 3
    assert f"hub:org/tiny@{REVISION} cannot be had" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_revision_that_does_not_exist_is_named(workspace_folder, hub, tmp_path):
    use_hub(workspace_folder, revision="f" * 40)
    found = bench_process("make", "tiny", "--device", "cpu", cwd=workspace_folder, env=environment(hub, tmp_path / "hf"))
    assert found.returncode == 3
    assert f"hub:org/tiny@{'f' * 40} cannot be had" in found.stderr


def test_a_hub_model_that_was_never_fetched_says_how_to_get_it_when_offline(workspace_folder, tmp_path):
    use_hub(workspace_folder)
    found = bench_process("make", "tiny", "--offline", "--device", "cpu", cwd=workspace_folder, env=environment("http://127.0.0.1:9", tmp_path / "hf"))
    assert found.returncode == 3
    assert "run once without --offline" in found.stderr
