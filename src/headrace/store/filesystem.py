"""Which file system a path lies on, and whether SQLite's locks and shared memory work there."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path

from headrace.errors import StoreRefusedError

NETWORK_TYPES = frozenset(
    {
        *(
            "nfs",
            "nfs3",
            "nfs4",
            "cifs",
            "smb",
            "smb2",
            "smb3",
            "smbfs",
            "ncpfs",
            "afs",
            "coda",
            "9p",
            "webdav",
        ),
        *(
            "afpfs",
            "ceph",
            "glusterfs",
            "lustre",
            "gpfs",
            "beegfs",
            "orangefs",
            "pvfs2",
            "ocfs2",
            "gfs2",
        ),
        *(
            "davfs",
            "davfs2",
            "s3fs",
            "sshfs",
            "rclone",
            "gcsfuse",
            "goofys",
            "blobfuse",
            "blobfuse2",
            "mount-s3",
        ),
        *("juicefs", "curlftpfs", "cephfs", "ftpfs", "acd_cli", "macfuse"),
    }
)
"""File system types over a network, and the fuse file systems of that kind: ``fuse.sshfs`` is ``sshfs`` here."""

MOUNT_TABLE = Path("/proc/self/mountinfo")


def refuse_network(path: Path, *, mount_table: Path = MOUNT_TABLE) -> None:
    """Raise `StoreRefusedError` if *path* lies on a network file system."""
    kind = type_of(path, mount_table=mount_table)
    if is_network(kind):
        raise StoreRefusedError(
            f"{path} lies on a network file system ({kind}), where SQLite's locks and shared memory do not work: "
            "put the store on a local disk"
        )


def is_network(kind: str) -> bool:
    """Whether a file system type is one on which a store is refused."""
    return kind.lower().removeprefix("fuse.") in NETWORK_TYPES


def type_of(path: Path, *, mount_table: Path = MOUNT_TABLE) -> str:
    """The file system type of the nearest existing directory at or above *path*; empty if it can't be told."""
    real = path.resolve()
    if sys.platform == "darwin":
        return _type_by_statfs(real)
    try:
        table = mount_table.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
    return _type_by_mounts(str(real), table)


def _type_by_mounts(path: str, table: str) -> str:
    best, kind = "", ""
    for line in table.splitlines():
        left, _, right = line.partition(" - ")
        after = right.split(" ")
        try:
            mount = _unescaped(left.split(" ")[4])
        except IndexError:
            continue
        # A later line covers an earlier one at the same place.
        if len(mount) >= len(best) and (path + "/").startswith(mount.rstrip("/") + "/"):
            best, kind = mount, _precise_type(after)
    return kind


def _precise_type(after: list[str]) -> str:
    # gVisor shows its own local root as 9p; only there the options name two descriptors like this.
    if after[0] == "9p" and "rfdno=" in after[-1]:
        return "gvisor"
    return after[0]


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _type_by_statfs(path: Path) -> str:
    # struct statfs with 64-bit inodes: f_fstypename is 16 bytes at offset 72.
    library = ctypes.CDLL(None, use_errno=True)
    function = getattr(library, "statfs$INODE64", None) or library.statfs
    buffer = ctypes.create_string_buffer(4096)
    while function(os.fsencode(path), buffer) != 0:
        if path == path.parent:
            return ""
        path = path.parent
    return buffer.raw[72:88].split(b"\0", 1)[0].decode("ascii", "replace")
