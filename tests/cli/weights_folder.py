"""A folder of weights as a download leaves it."""

import hashlib
import json

from lipar_cli.weights.sources import sources

SELF_FORCING = "gdhe17/Self-Forcing/checkpoints/self_forcing_dmd.pt"
TARGET = "wan-1.3b/self_forcing_dmd.pt"


def put_all(hub, folder):
    """Files and manifest as a download leaves them."""
    manifest = {}
    for source in sources():
        data = hub.files[source.origin] if source.repo else hub.files["raw/taew2_1.pth"]
        path = folder / source.target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        facts = {"origin": source.origin, "revision": "a", "licence": source.licence}
        manifest[source.target] = facts | {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
